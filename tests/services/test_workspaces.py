from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from nbhostd.core.config import Admission, Config
from nbhostd.core.errors import NotNow, Refused, WorldError
from nbhostd.core.model import JupyterStatus, Phase
from nbhostd.core.names import WorkspaceId
from tests.services.cast import NOON, Cast, visit_of

ALICE = WorkspaceId.parse("python/alice")


@pytest.fixture
async def cast() -> AsyncIterator[Cast]:
    cast = Cast()
    await cast.add_course("python")
    yield cast
    await cast.tasks.close()


async def test_a_visit_ends_at_a_server_with_a_capability(cast: Cast) -> None:
    opening = await cast.workspaces.open(visit_of("python/alice"))
    assert (opening.notebook, opening.prepared.copied, opening.notebook_url) == (
        "w1/a.md",
        True,
        "notebooks/w1/a.md",
    )
    place = await cast.workspaces.wait(ALICE, 5)
    assert place.phase is Phase.READY
    assert place.run is not None
    route = cast.workspaces.route(place.run.secret)
    assert route is not None
    assert route.workspace.id == ALICE
    assert cast.env_files.written[1]["NBH_BASE_URL"] == place.run.base_url
    assert cast.env_files.written[1]["NBH_TOKEN"] == place.run.token
    assert cast.events.seen == [("python/alice", "open"), ("python/alice", "start")]


async def test_ten_visits_at_once_start_one_server(cast: Cast) -> None:
    cast.systemd.start_delay = 0.02
    await asyncio.gather(*(cast.open("python/alice") for _ in range(10)))
    await cast.workspaces.wait(ALICE, 5)
    assert cast.systemd.calls.count(("start", "nbh-1.service")) == 1
    assert cast.desk.files == {(1, "w1/a.md"): 1}


async def test_an_unknown_course_or_notebook_leaves_no_trace(cast: Cast) -> None:
    for workspace, notebook in (("nowhere/alice", "w1/a.md"), ("python/alice", "w9/none")):
        with pytest.raises(Refused) as refused:
            await cast.open(workspace, notebook)
        assert refused.value.status == 404
    assert await cast.store.workspaces() == []
    assert cast.systemd.units == {}


async def test_a_reset_copies_again_and_is_counted_as_one(cast: Cast) -> None:
    await cast.opened("python/alice")
    await cast.open("python/alice", forcecopy=True)
    assert cast.desk.files == {(1, "w1/a.md"): 2}
    assert cast.events.seen[-1] == ("python/alice", "reset")


async def test_the_queue_admits_a_few_and_shows_the_others_their_place(cast: Cast) -> None:
    cast.systemd.start_delay = 0.02
    for student in "abcdef":
        await cast.open(f"python/{student}")
    phases = [cast.workspaces.place(WorkspaceId.parse(f"python/{student}")) for student in "abcdef"]
    assert [(place.phase, place.position) for place in phases] == [(Phase.STARTING, 0)] * 4 + [
        (Phase.QUEUED, 1), (Phase.QUEUED, 2),
    ]  # fmt: skip
    assert phases[-1].reason == "busy"
    for student in "abcdef":
        assert (await cast.workspaces.wait(WorkspaceId.parse(f"python/{student}"), 5)).phase is Phase.READY


async def test_who_was_held_back_by_memory_starts_when_there_is_some(cast: Cast) -> None:
    cast.set_memory(100 << 20)
    await cast.open("python/alice")
    assert cast.workspaces.place(ALICE).reason == "memory"
    cast.set_memory(6 << 30)
    await cast.reconciler.reconcile()
    assert (await cast.workspaces.wait(ALICE, 5)).phase is Phase.READY


async def test_a_full_queue_says_come_back(cast: Cast) -> None:
    cast.starter = replace(cast.starter, config=Config(admission=replace(Admission(), queue_length=1)))
    cast.workspaces.starter = cast.starter
    cast.set_memory(0)
    await cast.open("python/alice")
    with pytest.raises(NotNow):
        await cast.open("python/bob")
    assert cast.workspaces.place(WorkspaceId.parse("python/bob")).phase is Phase.ASLEEP


async def test_a_failing_start_is_said_and_tried_again_at_the_next_visit(cast: Cast) -> None:
    cast.systemd.fail_next["nbh-1.service"] = 2
    await cast.open("python/alice")
    place = await cast.workspaces.wait(ALICE, 5)
    assert (place.phase, place.reason) == (Phase.FAILED, "start")
    await cast.opened("python/alice")


async def test_a_start_that_fails_at_once_is_tried_again(cast: Cast) -> None:
    cast.systemd.fail_next["nbh-1.service"] = 1
    await cast.opened("python/alice")


async def test_nobody_is_sent_to_a_server_that_has_just_died(cast: Cast) -> None:
    first = await cast.opened("python/alice")
    cast.systemd.units.clear()  # and nobody has told
    second = await cast.opened("python/alice")
    assert first.secret != second.secret


async def test_without_its_image_a_course_cannot_start_and_says_so(cast: Cast) -> None:
    cast.images.digests.clear()
    await cast.open("python/alice")
    assert (await cast.workspaces.wait(ALICE, 5)).reason == "image"
    assert cast.systemd.units == {}


async def test_a_new_image_is_taken_at_the_next_start(cast: Cast) -> None:
    first = await cast.opened("python/alice")
    cast.images.digests["minimal"] = "sha256:2"
    await cast.workspaces.stop(ALICE, "test")
    second = await cast.opened("python/alice")
    assert (first.image, second.image) == ("sha256:1", "sha256:2")
    assert dict(cast.systemd.units["nbh-1.service"].spec.properties)["ExecStart"][-1] == "sha256:2"  # type: ignore[index]


async def test_each_start_has_its_own_secret_and_the_old_one_is_dead(cast: Cast) -> None:
    first = await cast.opened("python/alice")
    assert await cast.workspaces.stop(ALICE, "test")
    sleeping = cast.workspaces.route(first.secret)
    assert sleeping is not None
    assert sleeping.place.phase is Phase.ASLEEP
    await cast.workspaces.wake(sleeping.workspace.id)
    second = (await cast.workspaces.wait(ALICE, 5)).run
    assert second is not None
    assert second.secret != first.secret
    assert cast.workspaces.route(first.secret) is None
    assert cast.systemd.units["nbh-1.socket"].status.state == "active"


async def test_a_server_that_dies_says_why_and_its_pages_are_let_go(cast: Cast) -> None:
    ended: list[int] = []
    cast.workspaces.on_end(ended.append)
    await cast.opened("python/alice")
    cast.systemd.kill("nbh-1.service", "oom-kill")
    await cast.settle()
    assert (cast.workspaces.place(ALICE).phase, cast.workspaces.place(ALICE).reason) == (
        Phase.FAILED,
        "memory",
    )
    assert ended == [1]


async def test_a_new_daemon_adopts_what_runs_and_starts_nothing_twice(cast: Cast) -> None:
    run = await cast.opened("python/alice")
    await cast.restart_daemon()
    route = cast.workspaces.route(run.secret)
    assert route is not None
    assert route.place.phase is Phase.READY
    assert cast.systemd.calls.count(("start", "nbh-1.service")) == 1
    again = await cast.opened("python/alice")
    assert again == run


async def test_after_a_reboot_sockets_are_armed_again_and_servers_sleep(cast: Cast) -> None:
    await cast.opened("python/alice")
    cast.systemd.units.clear()
    await cast.restart_daemon()
    assert cast.systemd.units["nbh-1.socket"].status.state == "active"
    assert cast.workspaces.place(ALICE).phase is Phase.ASLEEP


async def test_units_that_nobody_knows_are_ended(cast: Cast) -> None:
    await cast.opened("python/alice")
    await cast.store.delete_workspace(1)
    await cast.restart_daemon()
    assert not [name for name in cast.systemd.units if name.startswith("nbh-1.")]


async def test_when_the_user_manager_died_a_visit_starts_anew(cast: Cast) -> None:
    await cast.opened("python/alice")
    cast.systemd.restart_manager()
    await cast.reconciler.reconcile()
    assert cast.workspaces.place(ALICE).phase is Phase.ASLEEP
    await cast.opened("python/alice")


async def test_idle_servers_are_stopped_busy_ones_kept(cast: Cast) -> None:
    await cast.opened("python/alice")
    await cast.opened("python/bob")
    idle = JupyterStatus(kernels=1, busy_kernels=0, connections=0, last_activity=NOON)
    cast.jupyter.status_of = {1: idle, 2: replace(idle, busy_kernels=1)}
    cast.clock.later(hours=3)
    await cast.idle_round()
    await cast.settle()
    assert cast.workspaces.place(ALICE).phase is Phase.ASLEEP
    assert cast.workspaces.place(WorkspaceId.parse("python/bob")).phase is Phase.READY
    assert cast.systemd.units["nbh-1.socket"].status.state == "active"


async def test_a_visit_while_it_stops_gets_a_server_again(cast: Cast) -> None:
    await cast.opened("python/alice")
    stopping = cast.tasks.spawn("stop", cast.workspaces.stop(ALICE, "test"))
    await asyncio.sleep(0)
    await cast.open("python/alice")
    await stopping
    assert (await cast.workspaces.wait(ALICE, 5)).phase is Phase.READY


async def test_a_visit_after_a_stop_during_a_start_ends_with_one_secret(cast: Cast) -> None:
    await cast.open("python/alice")
    stopped = cast.tasks.spawn("stop", cast.workspaces.stop(ALICE, "test"))
    await cast.open("python/alice")
    await stopped
    await cast.open("python/alice")
    run = (await cast.workspaces.wait(ALICE, 5)).run
    await cast.settle()
    assert run is not None
    assert cast.env_files.written[1]["NBH_TOKEN"] == run.token == cast.store_run().token


async def test_a_start_that_is_stopped_is_not_tried_again(cast: Cast) -> None:
    cast.systemd.start_delay = 0.05
    cast.systemd.fail_next["nbh-1.service"] = 1  # as systemd says of a start that a stop has ended
    await cast.open("python/alice")
    for _ in range(100):
        if ("start", "nbh-1.service") not in cast.systemd.calls:
            await asyncio.sleep(0)
    assert await cast.workspaces.stop(ALICE, "test", timeout=5)
    await asyncio.sleep(0.1)
    assert cast.systemd.calls.count(("start", "nbh-1.service")) == 1
    assert cast.workspaces.place(ALICE).phase is Phase.ASLEEP


async def test_what_could_not_be_stopped_runs_on_and_lets_its_student_in(cast: Cast) -> None:
    await cast.opened("python/alice")
    cast.systemd.away = True
    with pytest.raises(WorldError):
        await cast.workspaces.stop(ALICE, "test", timeout=5)
    cast.systemd.away = False
    assert cast.workspaces.place(ALICE).phase is Phase.READY
    await cast.opened("python/alice")


async def test_the_cookie_is_required_once_kept_and_never_after_a_browser_refused_it(cast: Cast) -> None:
    run = await cast.opened("python/alice")
    route = cast.workspaces.route(run.secret)
    assert route is not None
    assert (await cast.workspaces.note_cookie(route, True)).cookie_required
    route = cast.workspaces.route(run.secret)
    assert route is not None
    assert not (await cast.workspaces.note_cookie(route, False)).cookie_required
    assert cast.store_run().cookie_refused


async def test_deleting_takes_units_files_and_memory_away(cast: Cast) -> None:
    run = await cast.opened("python/alice")
    await cast.removal.delete(ALICE)
    assert cast.workspaces.route(run.secret) is None
    assert cast.desk.files == {}
    assert await cast.store.workspace(ALICE) is None
    assert not [name for name in cast.systemd.units if name.startswith("nbh-1.")]


async def test_who_sleeps_costs_nothing_to_reconcile(cast: Cast) -> None:
    await cast.opened("python/alice")
    await cast.workspaces.stop(ALICE, "test")
    await cast.settle()
    cast.systemd.calls.clear()
    await cast.reconciler.reconcile()
    assert [what for what, _ in cast.systemd.calls] == ["list_units"]


async def test_after_a_day_asleep_the_socket_is_disarmed_and_a_visit_arms_it(cast: Cast) -> None:
    await cast.opened("python/alice")
    await cast.workspaces.stop(ALICE, "test")
    cast.clock.later(hours=23)
    await cast.reconciler.tend_sockets()
    assert "nbh-1.socket" in cast.systemd.units
    cast.clock.later(hours=2)
    await cast.reconciler.tend_sockets()
    assert not [name for name in cast.systemd.units if name.startswith("nbh-1.")]
    await cast.opened("python/alice")
    assert cast.systemd.units["nbh-1.socket"].status.state == "active"


async def test_what_runs_keeps_its_socket_however_long(cast: Cast) -> None:
    await cast.opened("python/alice")
    cast.clock.later(days=3)
    await cast.reconciler.tend_sockets()
    assert cast.workspaces.place(ALICE).phase is Phase.READY
    assert "nbh-1.socket" in cast.systemd.units
