"""The contract of the Store: the same stories on SQLite and on the fake."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from nbhostd.adapters.store import WORKSPACES, SqliteStore
from nbhostd.core.errors import Refused
from nbhostd.core.model import Intent, JobState, Mode, Run
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.ports import Store
from tests.fakes.store import FakeStore

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
COURSE = CourseName("python")
ALICE = WorkspaceId(COURSE, StudentName("alice"))
BOB = WorkspaceId(COURSE, StudentName("bob"))


@pytest.fixture(params=["sqlite", "fake"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    real = await SqliteStore.open(tmp_path / "nbhostd.db")
    yield real
    await real.close()


async def a_course(store: Store, name: str = "python") -> None:
    await store.create_course(CourseName(name), "https://git.test/c.git", None, "minimal", NOW)


async def test_a_course_is_kept_as_it_was_described(store: Store) -> None:
    made = await store.create_course(COURSE, "https://git.test/c.git", "main", "scipy", NOW)
    assert await store.course(COURSE) == made
    changed = replace(
        made, autopull=True, archived=True, commit="ab" * 20, pulled_at=NOW, branch=None, image="x"
    )
    await store.update_course(changed)
    assert await store.course(COURSE) == changed
    assert await store.courses() == [changed]


async def test_a_course_name_is_taken_once(store: Store) -> None:
    await a_course(store)
    with pytest.raises(Refused) as refusal:
        await a_course(store)
    assert refusal.value.status == 409


async def test_course_numbers_are_never_used_again(store: Store) -> None:
    await a_course(store)
    first = await store.course(COURSE)
    await store.delete_course(COURSE)
    await store.delete_course(COURSE)
    assert await store.course(COURSE) is None
    again = await store.create_course(COURSE, "u", None, "i", NOW)
    assert first is not None
    assert again.number > first.number


async def test_a_course_with_workspaces_is_not_forgotten(store: Store) -> None:
    await a_course(store)
    await store.ensure_workspace(ALICE, Mode.MOOC, "label", NOW)
    with pytest.raises(Refused) as refusal:
        await store.delete_course(COURSE)
    assert refusal.value.status == 409
    assert await store.course(COURSE) is not None


async def test_a_workspace_is_made_once_with_an_identity(store: Store) -> None:
    await a_course(store)
    assert await store.workspace(ALICE) is None
    made = await store.ensure_workspace(ALICE, Mode.CLASSROOM, "labela", NOW)
    assert (made.uid, made.intent, made.armed_spec, made.created_at) == (100_000, Intent.COLD, "", NOW)
    assert await store.ensure_workspace(ALICE, Mode.MOOC, "other", NOW) == made
    assert await store.workspace(ALICE) == made
    assert await store.workspace_by_number(made.number) == made
    student = await store.student(ALICE.student)
    assert student is not None
    assert student.uid == made.uid


async def test_one_student_has_one_uid_in_every_course(store: Store) -> None:
    await a_course(store)
    await a_course(store, "algo")
    bob = await store.ensure_workspace(BOB, Mode.MOOC, "l1", NOW)
    alice = await store.ensure_workspace(ALICE, Mode.MOOC, "l2", NOW)
    elsewhere = await store.ensure_workspace(
        WorkspaceId(CourseName("algo"), ALICE.student), Mode.MOOC, "l3", NOW
    )
    assert alice.uid == elsewhere.uid != bob.uid
    assert len({alice.number, elsewhere.number, bob.number}) == 3


async def test_a_workspace_of_an_unknown_course_is_refused(store: Store) -> None:
    with pytest.raises(Refused) as refusal:
        await store.ensure_workspace(ALICE, Mode.MOOC, "l", NOW)
    assert refusal.value.status == 404


async def test_numbers_and_uids_of_the_deleted_are_never_used_again(store: Store) -> None:
    await a_course(store)
    alice = await store.ensure_workspace(ALICE, Mode.MOOC, "l1", NOW)
    await store.delete_workspace(alice.number)
    await store.delete_workspace(alice.number)
    assert await store.workspace(ALICE) is None
    bob = await store.ensure_workspace(BOB, Mode.MOOC, "l2", NOW)
    back = await store.ensure_workspace(ALICE, Mode.MOOC, "l3", NOW)
    assert alice.number < bob.number < back.number
    assert back.uid == alice.uid != bob.uid


async def test_workspaces_are_found_by_course_and_intent(store: Store) -> None:
    await a_course(store)
    await a_course(store, "algo")
    alice = await store.ensure_workspace(ALICE, Mode.MOOC, "l1", NOW)
    bob = await store.ensure_workspace(BOB, Mode.MOOC, "l2", NOW)
    other = await store.ensure_workspace(WorkspaceId(CourseName("algo"), BOB.student), Mode.MOOC, "l3", NOW)
    await store.set_intent(bob.number, Intent.ARMED, "digest")
    armed = replace(bob, intent=Intent.ARMED, armed_spec="digest")
    assert await store.workspaces() == [alice, armed, other]
    assert await store.workspaces(COURSE) == [alice, armed]
    assert await store.workspaces(intent=Intent.ARMED) == [armed]
    assert await store.workspaces(CourseName("algo"), intent=Intent.ARMED) == []


async def test_a_secret_opens_only_the_present_run(store: Store) -> None:
    await a_course(store)
    alice = await store.ensure_workspace(ALICE, Mode.MOOC, "l1", NOW)
    assert await store.run_of(alice.number) is None
    old = Run(alice.number, "old", "token", "sha256:1", NOW)
    new = Run(alice.number, "new", "token2", "sha256:2", NOW + timedelta(hours=1), cookie_seen=True)
    await store.put_run(old)
    await store.put_run(new)
    assert await store.run_by_secret("old") is None
    assert await store.run_by_secret("new") == (alice, new)
    assert await store.run_of(alice.number) == new
    assert await store.runs() == [new]
    await store.delete_workspace(alice.number)
    assert await store.run_by_secret("new") is None


async def test_a_nonce_is_good_once_and_forgotten_when_expired(store: Store) -> None:
    expires = NOW + timedelta(minutes=5)
    assert await store.use_nonce("n", expires, NOW)
    assert not await store.use_nonce("n", expires, NOW)
    assert not await store.use_nonce("n", expires + timedelta(hours=1), expires)
    assert await store.use_nonce("n", expires + timedelta(hours=1), expires + timedelta(seconds=1))


async def test_times_are_compared_as_times_whatever_their_zone(store: Store) -> None:
    paris = timezone(timedelta(hours=2))
    assert await store.use_nonce("n", NOW.astimezone(paris), NOW - timedelta(minutes=1))
    assert not await store.use_nonce("n", NOW, NOW - timedelta(seconds=1))


async def test_jobs_are_listed_newest_first(store: Store) -> None:
    pull = await store.create_job("pull", "python", NOW)
    build = await store.create_job("build", "minimal", NOW)
    await store.end_job(pull.number, JobState.FAILED, "no such host", NOW + timedelta(seconds=3))
    ended = replace(pull, state=JobState.FAILED, message="no such host", ended_at=NOW + timedelta(seconds=3))
    assert await store.jobs() == [build, ended]
    assert await store.jobs(limit=1) == [build]
    assert await store.job(pull.number) == ended
    assert await store.job(99) is None


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "nbhostd.db"
    first = await SqliteStore.open(path)
    await a_course(first)
    alice = await first.ensure_workspace(ALICE, Mode.MOOC, "l1", NOW)
    await first.close()
    again = await SqliteStore.open(path)
    assert await again.workspace(ALICE) == alice
    await again.close()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_opening_a_workspace_reads_no_table_whole(tmp_path: Path) -> None:
    """At 10 000 workspaces a launch must cost what it costs at ten: every lookup goes through an index."""
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    await store.close()
    db = sqlite3.connect(tmp_path / "nbhostd.db")
    lookups = [
        WORKSPACES + "WHERE c.name = ? AND s.name = ?",
        WORKSPACES + "WHERE w.number = ?",
        "SELECT * FROM runs WHERE secret = ?",
        "SELECT * FROM students WHERE name = ?",
        "DELETE FROM nonces WHERE expires < ?",
    ]
    for lookup in lookups:
        plan = db.execute(f"EXPLAIN QUERY PLAN {lookup}", ("x",) * lookup.count("?")).fetchall()
        assert not [step for *_, step in plan if step.startswith("SCAN")], plan
    db.close()
