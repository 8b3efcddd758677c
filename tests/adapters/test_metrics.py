"""What Prometheus reads: its own parser finds every fact, and labels never grow without end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from nbhostd.adapters.metrics import CONTENT_TYPE, PrometheusMetrics, count_jobs
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.health import Gauges, Metrics, Traffic
from nbhostd.core.model import JobState, Phase
from tests.fakes.host import some_facts
from tests.fakes.metrics import FakeMetrics

GAUGES = Gauges(
    phases={Phase.READY: 3, Phase.QUEUED: 0},
    queue=2,
    requests=5,
    host=some_facts(),
    traffic=Traffic(7, 1, 100, 2000),
    databases={"nbhostd": 1},
    jobs=[("pull", "succeeded", 4)],
)


def read(metrics: PrometheusMetrics, gauges: Gauges = GAUGES) -> dict[str, float]:
    text = metrics.text(gauges).decode()
    return {
        f"{sample.name}{sorted(sample.labels.items()) or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_both_implementations_are_one() -> None:
    pair: tuple[Metrics, Metrics] = (PrometheusMetrics("1"), FakeMetrics())
    assert len(pair) == 2


def test_prometheus_reads_all_of_it() -> None:
    metrics = PrometheusMetrics("1.2")
    metrics.happened("open")
    metrics.served(1.5)
    metrics.stopped("idle")
    metrics.failed("memory", starting=False)
    metrics.refused("expired")
    metrics.lagged(0.002)
    found = read(metrics)
    assert found["nbhostd_workspaces[('phase', 'ready')]"] == 3
    assert found["nbhostd_workspaces[('phase', 'queued')]"] == 0
    assert found["nbhostd_queue_length"] == 2
    assert found["nbhostd_events_total[('event', 'open')]"] == 1
    assert found["nbhostd_start_seconds_bucket[('le', '2.0')]"] == 1
    assert found["nbhostd_start_seconds_bucket[('le', '1.0')]"] == 0
    assert found["nbhostd_stops_total[('reason', 'idle')]"] == 1
    assert found["nbhostd_failures_total[('during', 'run'), ('reason', 'memory')]"] == 1
    assert found["nbhostd_refusals_total[('reason', 'expired')]"] == 1
    assert found["nbhostd_loop_lag_seconds_count"] == 1
    assert found["nbhostd_proxy_requests_total"] == 7
    assert found["nbhostd_proxy_bytes_total[('direction', 'to_browsers')]"] == 2000
    assert found["nbhostd_database_queue[('database', 'nbhostd')]"] == 1
    assert found["nbhostd_jobs[('kind', 'pull'), ('state', 'succeeded')]"] == 4
    assert found["nbhostd_state_disk_free_bytes"] == some_facts().disk_free
    assert found["process_open_fds"] > 0
    assert any(name.startswith("nbhostd_info") and "1.2" in name for name in found)
    assert "version=0.0.4" in CONTENT_TYPE


def test_words_without_end_are_counted_together() -> None:
    metrics = PrometheusMetrics("1")
    for number in range(1000):
        metrics.refused(f"made-up-{number}")
    found = {
        name: value for name, value in read(metrics).items() if name.startswith("nbhostd_refusals_total")
    }
    assert len(found) == 201
    assert found["nbhostd_refusals_total[('reason', 'other')]"] == 800


async def test_jobs_are_counted_where_they_are_kept(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    for _ in range(2):
        job = await store.create_job("pull", "python", now)
        await store.end_job(job.number, JobState.SUCCEEDED, "", now)
    await store.create_job("build", "python", now)
    assert await count_jobs(store.database) == [("build", "running", 1), ("pull", "succeeded", 2)]
    assert store.database.waiting == 0
    await store.close()
