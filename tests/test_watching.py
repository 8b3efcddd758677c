"""/readyz and /metrics of the whole house: who is told what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from nbhostd.core.names import StudentName
from nbhostd.core.people import Scope
from tests.house_trial import HouseTrial, house_trial

HOST = {"Host": "nb.localhost:8000"}


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        yield trial


async def get(trial: HouseTrial, path: str, **headers: str) -> tuple[int, str]:
    async with ClientSession() as session:
        answer = await session.get(f"{trial.url}{path}", headers={**HOST, **headers}, allow_redirects=False)
        return answer.status, await answer.text()


async def test_a_site_without_its_worlds_is_alive_and_not_ready(trial: HouseTrial) -> None:
    assert await get(trial, "/healthz") == (200, "alive\n")
    status, text = await get(trial, "/readyz")
    assert status == 503
    assert text == (
        '{"ready": false, "checks": {"bus": "not ok", "podman": "not ok", "disk": "ok", "database": "ok"}}'
    )


@pytest.mark.parametrize(
    ("role", "status"), [("nobody", 401), ("student", 403), ("teacher", 403), ("admin", 200)]
)
async def test_metrics_are_for_administrators(trial: HouseTrial, role: str, status: int) -> None:
    headers = {} if role == "nobody" else {"Authorization": f"Bearer {await trial.token(role)}"}
    found, text = await get(trial, "/metrics", **headers)
    assert found == status
    assert ("nbhostd_queue_length" in text) == (status == 200)


async def test_a_token_that_only_reads_is_enough_and_a_wrong_one_is_not(trial: HouseTrial) -> None:
    user = await trial.house.dashboard.people.get(StudentName("admin"))
    reading, _ = await trial.house.dashboard.entrance.make_token(
        user, "prometheus", frozenset({Scope.READ}), None
    )
    working, _ = await trial.house.dashboard.entrance.make_token(user, "other", frozenset({Scope.WORK}), None)
    assert (await get(trial, "/metrics", Authorization=f"Bearer {reading}"))[0] == 200
    assert (await get(trial, "/metrics", Authorization=f"Bearer {working}"))[0] == 403
    assert (await get(trial, "/metrics", Authorization="Bearer wrong"))[0] == 401


async def test_refusals_are_counted_without_names(trial: HouseTrial) -> None:
    await get(trial, "/ipythonExercice/python/w1/a/alice")
    _, text = await get(trial, "/metrics", Authorization=f"Bearer {await trial.token('admin')}")
    refusals = [line for line in text.splitlines() if line.startswith("nbhostd_refusals_total")]
    assert refusals
    assert "alice" not in text
    assert "python" not in "".join(refusals)


async def test_the_control_socket_tells_them_too(trial: HouseTrial, tmp_path: Path) -> None:
    runner = web.AppRunner(trial.house.control())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    async with ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{port}/metrics")
        assert "nbhostd_workspaces" in await answer.text()
    await runner.cleanup()
