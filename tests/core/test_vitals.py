"""What an administrator is warned of, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nbhostd.core.checks import Finding
from nbhostd.core.model import Job, JobState, Phase
from nbhostd.core.vitals import Alarm, Disk, Health, alarms, recent_failures
from tests.fakes.host import some_facts, some_vitals

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WELL = Health(
    "1", some_facts(), some_vitals(), (Finding("warning", "x", "y"),), {Phase.READY: 3}, (), True, (), (), NOW - timedelta(days=7)
)  # fmt: skip


def _with_disk(disk: Disk) -> Health:
    return replace(WELL, vitals=replace(WELL.vitals, disks=(disk,)))


@pytest.mark.parametrize(
    ("health", "wanted"),
    [
        (WELL, ()),
        (replace(WELL, last_backup=None), (Alarm.BACKUP,)),
        (replace(WELL, last_backup=NOW - timedelta(days=9)), (Alarm.BACKUP,)),
        (replace(WELL, podman=False), (Alarm.PODMAN,)),
        (replace(WELL, missing=(("python", "minimal"),)), (Alarm.IMAGES,)),
        (replace(WELL, findings=(Finding("fault", "x", "y"),)), (Alarm.LIMITS,)),
        (replace(WELL, facts=replace(WELL.facts, memory_available=1)), (Alarm.MEMORY,)),
        (_with_disk(Disk("/", 100, 9)), (Alarm.DISK,)),
        (_with_disk(Disk("/", 100, 90, 1000, 50)), (Alarm.DISK,)),
        (_with_disk(Disk("/", 100, 10, 1000, 100)), ()),
    ],
)
def test_what_is_wrong(health: Health, wanted: tuple[Alarm, ...]) -> None:
    assert alarms(health, NOW) == wanted


def test_only_what_failed_within_a_week_is_told() -> None:
    def job(number: int, state: JobState, days: int) -> Job:
        return Job(number, "pull", "python", state, NOW - timedelta(days=days))

    jobs = [
        job(5, JobState.LOST, 0),
        job(4, JobState.SUCCEEDED, 1),
        job(3, JobState.FAILED, 6),
        job(2, JobState.FAILED, 8),
    ]
    assert [one.number for one in recent_failures(jobs, NOW)] == [5, 3]
    assert [one.number for one in recent_failures(jobs, NOW, most=1)] == [5]
