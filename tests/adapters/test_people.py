"""People, sessions and the audit log on a real database file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbhostd.adapters.audit import SqliteAuditLog
from nbhostd.adapters.people import SqlitePeople
from nbhostd.adapters.sessions import SqliteSessions
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import Actor, GroupName, Role, Scope, User, role
from nbhostd.core.ports_accounts import AuditLog, People, Sessions
from nbhostd.core.sessions import AuditEntry, Link, Purpose, Session

NOW = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALICE, BOB = StudentName("alice"), StudentName("bob")
CLASS, OTHER = GroupName("class 1"), GroupName("other")
PYTHON = CourseName("python")


@dataclass
class Books:
    store: SqliteStore
    people: People
    sessions: Sessions
    audit: AuditLog


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    database = store.database
    yield Books(store, SqlitePeople(database), SqliteSessions(database), SqliteAuditLog(database))
    await store.close()


async def alice(books: Books) -> User:
    return await books.people.create_user(User(0, ALICE, "Alice@Example.org", "Alice", "Liddell"), NOW)


async def test_an_account_is_kept_as_it_was_described(books: Books) -> None:
    made = await alice(books)
    assert await books.people.user(ALICE) == made == await books.people.user_by_number(made.number)
    changed = replace(
        made, email="a@b.fr", admin=True, staff=True, active=False, language="fr", password="$x"
    )
    await books.people.update_user(changed)
    await books.people.note_login(made.number, LATER)
    assert await books.people.users() == [replace(changed, last_login=LATER)]
    assert await books.people.users_by_email("A@B.FR") == await books.people.users()
    assert await books.people.users_by_email("") == []


async def test_a_name_is_taken_once_and_its_number_never_again(books: Books) -> None:
    first = await alice(books)
    with pytest.raises(Refused) as refusal:
        await alice(books)
    assert refusal.value.status == 409
    await books.people.delete_user(first.number)
    await books.people.delete_user(first.number)
    assert (await alice(books)).number > first.number


async def test_groups_and_their_members(books: Books) -> None:
    user = await alice(books)
    assert await books.people.add_members(CLASS, [ALICE, BOB]) == 1
    assert await books.people.add_members(CLASS, [ALICE]) == 0
    assert await books.people.groups_of(user.number) == {CLASS}
    await books.people.create_group(OTHER)
    assert [(group.name, group.members) for group in await books.people.groups()] == [
        (CLASS, (ALICE,)),
        (OTHER, ()),
    ]
    with pytest.raises(Refused):
        await books.people.rename_group(CLASS, OTHER)
    assert await books.people.remove_members(CLASS, [ALICE, BOB]) == 1
    await books.people.delete_group(CLASS)
    assert await books.people.group(CLASS) is None


async def test_a_courses_people(books: Books) -> None:
    await books.store.create_course(PYTHON, "https://git.test/c", None, "minimal", NOW)
    await books.people.set_groups(PYTHON, [CLASS, CLASS, OTHER])
    await books.people.set_staff(PYTHON, ["zoe", "@class 1", "zoe"])
    access = await books.people.access(PYTHON)
    assert access is not None
    assert (set(access.groups), *access.staff) == ({CLASS, OTHER}, "zoe", "@class 1")
    assert await books.people.accesses() == [access]
    await books.people.rename_group(CLASS, GroupName("new"))
    renamed = await books.people.access(PYTHON)
    assert renamed is not None
    assert (set(renamed.groups), *renamed.staff) == ({"new", OTHER}, "zoe", "@new")
    group = await books.people.group(GroupName("new"))
    assert group is not None
    assert group.courses == (PYTHON,)
    await books.people.delete_group(GroupName("new"))
    emptied = await books.people.access(PYTHON)
    assert emptied is not None
    assert (set(emptied.groups), *emptied.staff) == ({OTHER}, "zoe")
    with pytest.raises(Refused):
        await books.people.set_groups(CourseName("nowhere"), [])
    assert await books.people.access(CourseName("nowhere")) is None


async def test_a_course_that_is_deleted_leaves_no_right_behind(books: Books) -> None:
    for _ in range(2):
        await books.store.create_course(PYTHON, "https://git.test/c", None, "minimal", NOW)
        access = await books.people.access(PYTHON)
        assert access is not None
        assert not access.groups
        assert not access.staff
        await books.people.set_groups(PYTHON, [CLASS])
        await books.people.set_staff(PYTHON, ["zoe"])
        await books.store.delete_course(PYTHON)


async def test_a_session_stands_for_its_account_and_groups(books: Books) -> None:
    user = await alice(books)
    await books.people.add_members(CLASS, [ALICE])
    session = Session("id", user.number, NOW, NOW, "192.0.2.1", "Firefox")
    await books.sessions.put_session(session)
    found = await books.sessions.find("id")
    assert found is not None
    assert found == (session, Actor(user, frozenset({CLASS})))
    await books.sessions.seen("id", LATER)
    await books.sessions.put_session(replace(session, id="other"))
    assert [one.id for one in await books.sessions.sessions_of(user.number)] == ["id", "other"]
    assert await books.sessions.end_sessions_of(user.number, but="id") == 1
    await books.sessions.end_session("id")
    assert await books.sessions.find("id") is None


async def test_all_that_hangs_on_an_account_goes_with_it(books: Books) -> None:
    user = await alice(books)
    await books.people.add_members(CLASS, [ALICE])
    await books.people.add_identity(user.number, "https://id.test", "1")
    await books.sessions.put_session(Session("s", user.number, NOW, NOW))
    await books.sessions.put_link(Link("l", user.number, Purpose.RESET, NOW, LATER))
    await books.sessions.create_token(user.number, "t", "ci", frozenset({Scope.READ}), None, NOW)
    assert await books.people.user_of_identity("https://id.test", "1") == user
    await books.people.delete_user(user.number)
    assert await books.sessions.find("s") is None
    assert await books.sessions.link("l") is None
    assert await books.sessions.find_token("t") is None
    assert await books.people.user_of_identity("https://id.test", "1") is None


async def test_a_link_is_used_once_and_in_time(books: Books) -> None:
    user = await alice(books)
    link = Link("l", user.number, Purpose.INVITATION, NOW, LATER, "tess")
    await books.sessions.put_link(link)
    assert await books.sessions.use_link("l", LATER) is None
    assert await books.sessions.link("l") == link
    await books.sessions.put_link(replace(link, id="newer"))
    assert await books.sessions.link("l") is None
    assert await books.sessions.use_link("newer", NOW) == replace(link, id="newer")
    assert await books.sessions.use_link("newer", NOW) is None


async def test_tokens(books: Books) -> None:
    user = await alice(books)
    scopes = frozenset({Scope.READ, Scope.TEACH})
    token = await books.sessions.create_token(user.number, "t", "ci", scopes, LATER, NOW)
    found = await books.sessions.find_token("t")
    assert found is not None
    assert (found[0], found[1].scopes) == (token, scopes)
    await books.sessions.token_used(token.number, LATER)
    assert [one.last_used for one in await books.sessions.tokens_of(user.number)] == [LATER]
    assert not await books.sessions.revoke_token(user.number + 1, token.number)
    assert await books.sessions.revoke_token(user.number, token.number)
    assert await books.sessions.tokens_of(user.number) == []


async def test_what_opens_nothing_any_more_is_swept(books: Books) -> None:
    user = await alice(books)
    await books.sessions.put_session(Session("old", user.number, NOW, NOW))
    await books.sessions.put_session(Session("new", user.number, NOW, LATER))
    await books.sessions.put_link(Link("l", user.number, Purpose.RESET, NOW, LATER))
    await books.sessions.create_token(user.number, "t", "ci", frozenset({Scope.READ}), LATER, NOW)
    await books.sessions.create_token(user.number, "forever", "ci", frozenset({Scope.READ}), None, NOW)
    await books.sessions.sweep(LATER, LATER)
    assert [one.id for one in await books.sessions.sessions_of(user.number)] == ["new"]
    assert await books.sessions.link("l") is None
    assert [one.id for one in await books.sessions.tokens_of(user.number)] == ["forever"]


async def test_the_audit_log_is_read_backwards_and_by_what_one_looks_for(books: Books) -> None:
    for number, (who, action, subject) in enumerate(
        [("a", "course.pull", "python"), ("b", "course.pull", "other"), ("a", "user.create", "bob")], 1
    ):
        await books.audit.add(
            AuditEntry(0, NOW + timedelta(seconds=number), who, action, subject, "::1", "done", "d", "token")
        )
    numbers = [entry.number for entry in await books.audit.entries()]
    assert numbers == [3, 2, 1]
    assert [e.number for e in await books.audit.entries(limit=1, before=3)] == [2]
    assert [e.number for e in await books.audit.entries(who="a")] == [3, 1]
    assert [e.number for e in await books.audit.entries(subject="python")] == [1]
    assert [e.number for e in await books.audit.entries(action="course.")] == [2, 1]


async def test_a_copy_of_the_file_opens_nothing(books: Books, tmp_path: Path) -> None:
    """Whoever calls keeps digests; here is seen that no column would hold more than what was given."""
    await alice(books)
    with sqlite3.connect(tmp_path / "nbhostd.db") as db:
        columns = {
            row[1]
            for table in ("sessions", "links", "tokens")
            for row in db.execute(f"PRAGMA table_info({table})")
        }
    assert "secret" not in columns


async def test_roles_come_out_of_what_is_kept(books: Books) -> None:
    user = await alice(books)
    await books.store.create_course(PYTHON, "https://git.test/c", None, "minimal", NOW)
    await books.people.set_groups(PYTHON, [CLASS])
    await books.people.add_members(CLASS, [ALICE])
    await books.sessions.put_session(Session("id", user.number, NOW, NOW))
    found, access = await books.sessions.find("id"), await books.people.access(PYTHON)
    assert found is not None
    assert access is not None
    assert role(found[1], access) is Role.STUDENT
