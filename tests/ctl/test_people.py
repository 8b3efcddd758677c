"""nbhostctl user …, group … and course people, against the control API on a real socket and a real database file."""

from __future__ import annotations

import asyncio
import io
import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd import cli
from nbhostd.adapters.audit import SqliteAuditLog
from nbhostd.adapters.joblogs import JobLogs
from nbhostd.adapters.people import SqlitePeople
from nbhostd.adapters.sessions import SqliteSessions
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import WorldError
from nbhostd.core.names import CourseName
from nbhostd.ctl.client import Client
from nbhostd.ctl.command import Call
from nbhostd.ctl.console import Console
from nbhostd.services.entrance import Entrance
from nbhostd.services.jobbook import JobBook
from nbhostd.services.letters import Letters
from nbhostd.services.links import Links
from nbhostd.services.people import People
from nbhostd.services.registration import Registration
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_audit import ControlAudit
from nbhostd.web.control_people import PeopleControl
from nbhostd.web.control_register import RegisterControl
from nbhostd.web.control_wire import json_errors
from tests.fakes.host import FakeClock
from tests.fakes.mail import FakeMailer, FakeMailTexts
from tests.fakes.passwords import FakePasswords

SITE = "https://nb.example.org"


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Scene:
    """A site's people, and nbhostctl in front of them."""

    store: SqliteStore
    socket: Path
    agrees: bool | None = None
    secret: str = ""
    mailer: FakeMailer = field(default_factory=FakeMailer)
    clock: FakeClock = field(default_factory=FakeClock)
    tasks: Tasks = field(default_factory=Tasks)

    def __post_init__(self) -> None:
        people, sessions = SqlitePeople(self.store.database), SqliteSessions(self.store.database)
        passwords = FakePasswords()
        self.audit = SqliteAuditLog(self.store.database)
        self.people = People(people, sessions, self.clock)
        self.entrance = Entrance(people, sessions, passwords, self.clock, secrets.token_bytes)
        self.links = Links(
            self.entrance, self.people, Letters(self.mailer, FakeMailTexts(), lambda: SITE), passwords, self.clock,
            self.tasks, lambda: SITE,
        )  # fmt: skip

        book = JobBook(self.store, JobLogs(self.socket.parent / "jobs"), self.clock)
        self.registration = Registration(self.people, self.links, passwords, book)

    def rooms(self) -> list[web.RouteDef]:
        people = PeopleControl(self.people, self.entrance, self.links).routes()
        people += [web.get("/v1/courses", self._courses), web.post("/v1/courses", self._create)]
        return [*people, *RegisterControl(self.registration, self.tasks).routes()]

    async def _courses(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"courses": [{"name": course.name} for course in await self.store.courses()]}
        )

    async def _create(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        await self.store.create_course(CourseName(name), "u", None, "minimal", self.clock.now())
        return web.json_response({"result": {"course": {"name": name, "commit": "c", "image": "minimal"}}})

    def call(self, *arguments: str) -> Said:
        args = cli.parser().parse_args(["--socket", str(self.socket), *arguments])
        out, err = io.StringIO(), io.StringIO()
        call = Call(
            args, Client(args.socket), Console(out, err, as_json=args.json), self.clock.now() + timedelta(minutes=5),
            confirm=lambda _: self.agrees, execute=lambda _: None, config_faults=tuple, ask_secret=lambda _: self.secret,
        )  # fmt: skip
        return Said(cli.run(call), out.getvalue(), err.getvalue())

    async def __call__(self, *arguments: str, code: int = 0) -> Said:
        said = await asyncio.to_thread(self.call, *arguments)
        assert said.code == code, said
        return said

    async def json(self, *arguments: str) -> object:
        return json.loads((await self(*arguments, "--json")).out)

    async def done(self) -> list[str]:
        """What is in the audit log, the first first; with why not, where it was refused."""
        entries = await self.audit.entries()
        assert all((entry.who, entry.via) == ("root", "nbhostctl") for entry in entries)
        return [
            f"{entry.action} {entry.subject}" + ("" if entry.outcome == "done" else f" {entry.outcome}")
            for entry in reversed(entries)
        ]


@pytest.fixture
async def ctl(tmp_path: Path) -> AsyncIterator[Scene]:
    store = await SqliteStore.open(tmp_path / "nbhostd.db")
    scene = Scene(store, tmp_path / "control.sock")
    await store.create_course(
        CourseName("python"), "https://git.test/x.git", None, "minimal", scene.clock.now()
    )
    note = ControlAudit(scene.audit, scene.clock).middleware()
    app = web.Application(middlewares=[json_errors, note])
    app.add_routes(scene.rooms())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(scene.socket)).start()
    yield scene
    await runner.cleanup()
    await scene.tasks.close()
    await store.close()


async def test_the_first_administrator_gets_a_link(ctl: Scene) -> None:
    said = await ctl(
        "user", "create", "alice", "--admin", "--email", "alice@example.org", "--first-name", "Alice"
    )
    link = re.search(rf"^{SITE}/link/(\S+)$", said.out, re.M)
    assert link
    assert "works until" in said.out
    _, user = await ctl.links.look(link[1])
    assert (user.name, user.admin, user.password) == ("alice", True, "")
    assert await ctl.done() == ["user.create alice"]
    assert ctl.mailer.sent == []


async def test_a_letter_goes_out_when_it_is_wanted(ctl: Scene) -> None:
    said = await ctl("user", "create", "bob", "--email", "bob@example.org", "--language", "fr", "--mail")
    assert "went to bob@example.org" in said.out
    assert [(letter.to, letter.subject) for letter in ctl.mailer.sent] == [
        ("bob@example.org", "invitation fr")
    ]
    ctl.mailer.there = False
    said = await ctl("user", "link", "bob", "--mail", code=1)
    assert f"{SITE}/link/" in said.out
    assert "No letter: This site has no mail server." in said.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("a/b",), "not a student name"),
        (("alice", "--email", "nowhere"), "not an e-mail address"),
        (("alice", "--language", "de"), "language"),
        (("alice", "--group", "a/b"), "not a group name"),
        (("taken",), "already an account"),
    ],
)
async def test_an_account_that_cannot_be(ctl: Scene, arguments: tuple[str, ...], word: str) -> None:
    await ctl("user", "create", "taken")
    said = await ctl("user", "create", *arguments, code=1)
    assert word in said.err
    assert [user["name"] for user in await ctl.json("user", "list")] == ["taken"]  # type: ignore[attr-defined]


async def test_accounts_are_listed_by_name_pattern_and_group(ctl: Scene) -> None:
    for name in ("alice", "albert", "bob"):
        await ctl("user", "create", name, "--group", "class 1" if name != "bob" else "others")
    said = await ctl("user", "list", "al*")
    assert "alice" in said.out
    assert "bob" not in said.out
    rows = await ctl.json("user", "list", "--group", "others")
    assert [row["name"] for row in rows] == ["bob"]  # type: ignore[attr-defined]
    assert (await ctl("user", "list", "nobody", code=3)).err.startswith("nbhostctl: There is no account")


async def test_an_account_is_shown_and_changed(ctl: Scene) -> None:
    await ctl("user", "create", "alice")
    await ctl("user", "set", "alice", "--email", "a@b.org", "--staff", "on", "--last-name", "Martin")
    said = await ctl("user", "show", "alice")
    assert re.search(r"rights: +staff$", said.out, re.M)
    assert re.search(r"password: +none yet$", said.out, re.M)
    assert "a@b.org" in said.out
    await ctl("user", "set", "alice", "--active", "off", "--staff", "off")
    assert re.search(r"rights: +shut$", (await ctl("user", "show", "alice")).out, re.M)
    await ctl("user", "set", "alice", code=2)
    await ctl("user", "show", "nobody", code=3)
    assert "$fake" not in json.dumps(await ctl.json("user", "show", "alice"))


async def test_a_password_is_set_and_sessions_end(ctl: Scene) -> None:
    await ctl("user", "create", "alice")
    ctl.secret = "too short"
    assert "at least 10" in (await ctl("user", "password", "alice", code=1)).err
    ctl.secret = "quatre mots sans rapport"
    await ctl("user", "password", "alice")
    await ctl.entrance.log_in("alice", ctl.secret, address="192.0.2.1", agent="x")
    assert (await ctl("user", "logout", "alice")).out == "1 sessions ended.\n"
    entries = await ctl.audit.entries(action="user.password")
    assert [(entry.detail, entry.outcome) for entry in entries] == [
        ("password=…", "done"),
        ("password=…", "password-too-short"),
    ]


async def test_deleting_is_asked_about_and_the_last_administrator_stays(ctl: Scene) -> None:
    await ctl("user", "create", "alice", "--admin")
    await ctl("user", "create", "bob")
    await ctl("user", "delete", "bob", code=2)
    ctl.agrees = True
    await ctl("user", "delete", "bob")
    said = await ctl("user", "delete", "alice", "--yes", code=1)
    assert "last administrator" in said.err
    assert "last administrator" in (await ctl("user", "set", "alice", "--admin", "off", code=1)).err
    assert (await ctl.done())[-3:] == [
        "user.delete bob",
        "user.delete alice last-administrator",
        "user.change alice last-administrator",
    ]


async def test_groups_from_their_making_to_their_end(ctl: Scene) -> None:
    for name in ("alice", "albert", "bob"):
        await ctl("user", "create", name)
    await ctl("group", "create", "class 1", "class 2")
    assert "2 accounts new in “class 1”" in (await ctl("group", "add", "class 1", "al*")).out
    assert "0 accounts new" in (await ctl("group", "add", "class 1", "alice")).out
    assert "There is no account" in (await ctl("group", "add", "class 1", "nobody", code=3)).err
    await ctl("group", "remove", "class 1", "albert")
    await ctl("group", "rename", "class 1", "class 3")
    assert "alice" in (await ctl("group", "list")).out
    assert "already a group" in (await ctl("group", "rename", "class 3", "class 2", code=1)).err
    await ctl("group", "delete", "class 3", "--yes")
    groups = await ctl.json("group", "list")
    assert [group["name"] for group in groups] == ["class 2"]  # type: ignore[attr-defined]
    await ctl("group", "delete", "class 3", "--yes", code=3)


async def test_whose_course_it_is(ctl: Scene) -> None:
    await ctl("group", "create", "class 1", "assistants")
    said = await ctl("course", "people", "python")
    assert "groups: none" in said.out
    await ctl(
        "course", "people", "python", "--group", "class 1", "--staff", "carol", "--staff", "@assistants"
    )
    said = await ctl("course", "people", "python")
    assert "class 1" in said.out
    assert "carol, @assistants" in said.out
    await ctl("course", "people", "python", "--no-group", "class 1", "--no-staff", "carol")
    assert await ctl.json("course", "people", "python") == {
        "course": "python",
        "groups": [],
        "staff": ["@assistants"],
    }
    assert "no group" in (await ctl("course", "people", "python", "--group", "clas 1", code=3)).err
    await ctl("course", "people", "algo", code=3)
    assert (await ctl.done())[-2:] == ["course.access python", "course.access python no-such-group"]


# register

CLASS = "email;first_name\nzoé@example.org;Zoé\nbob@example.org;\n"


@pytest.fixture
def table(tmp_path: Path) -> str:
    """The path of a table, as a spreadsheet writes it."""
    file = tmp_path / "class.csv"
    file.write_text("\ufeff" + CLASS, encoding="utf-8")
    return str(file)


async def test_a_class_is_registered_and_its_links_are_printed(ctl: Scene, table: str) -> None:
    said = await ctl("register", table, "--group", "class 1", "--dry-run")
    assert "2 new, 0 have an account already, 0 left out" in said.out
    assert "dry run" in said.out
    assert await ctl.people.users() == []
    said = await ctl("register", table, "--group", "class 1", "--language", "fr")
    assert len(re.findall(rf"^(?:zoe|bob): {SITE}/link/\S+$", said.out, re.M)) == 2
    assert [(user.name, user.first_name, user.language) for user in await ctl.people.users()] == [
        ("bob", "", "fr"), ("zoe", "Zoé", "fr"),
    ]  # fmt: skip
    assert [group.members for group in await ctl.people.groups()] == [("bob", "zoe")]
    said = await ctl("register", table, "--group", "class 1")
    assert "0 new, 2 have an account already" in said.out
    assert "/link/" not in said.out
    said = await ctl("register", table, "--remind", "--links")
    assert [line.split("\t")[:2] for line in said.out.splitlines()] == [
        ["zoe", "zoé@example.org"], ["bob", "bob@example.org"],
    ]  # fmt: skip


async def test_letters_are_sent_and_those_that_fail_are_printed(ctl: Scene, table: str) -> None:
    ctl.mailer.troubles["bob@example.org"] = WorldError("No such box.")
    said = await ctl("register", table, "--mail", code=1)
    assert "1 letters sent." in said.out
    assert re.search(rf"^bob: {SITE}/link/\S+  \(no letter: No such box\.\)$", said.out, re.M)
    assert "zoe:" not in said.out
    assert [letter.to for letter in ctl.mailer.sent] == ["zoé@example.org"]


async def test_a_table_with_faults_does_nothing(ctl: Scene, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("email\nzoe\nbob@example.org\n@\n")
    said = await ctl("register", str(file), code=1)
    assert f"{file}: line 2: " in said.err
    assert f"{file}: line 4: " in said.err
    assert await ctl.people.users() == []
    assert "cannot be read" in (await ctl("register", str(tmp_path / "none.csv"), code=1)).err


async def test_those_in_conflict_are_asked_about(ctl: Scene, table: str) -> None:
    await ctl("user", "create", "bob", "--email", "robert@example.org")
    said = await ctl("register", table, code=2)
    assert "line 3: bob@example.org is left out: the account “bob” has another address" in said.err
    assert len(await ctl.people.users()) == 1
    await ctl("register", table, "--yes")
    assert [user.name for user in await ctl.people.users()] == ["bob", "zoe"]


async def test_registering_for_programs(ctl: Scene, table: str) -> None:
    shape = await ctl.json("register", table)
    assert isinstance(shape, dict)
    assert (shape["created"], len(shape["links"]), shape["conflicts"]) == (["zoe", "bob"], 2, [])
    assert (await ctl.done())[-1] == "people.register "


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), "algo math python"),
        (("--group", "class 1"), "math python"),
        (("--group", "class 1", "--group", "class 2"), "algo math python"),
        (("--group", "*2"), "algo"),
        (("--user", "alice"), "math python"),
        (("--user", "bob"), "algo math python"),
        (("--user", "nobody"), ""),
        (("--staff", "carol"), "algo python"),
        (("--staff", "@class 2"), "math"),
        (("--staff", "@*", "--staff", "carol"), "algo math python"),
        (("--group", "class 1", "--staff", "carol"), "python"),
        (("m*", "--group", "class 1"), "math"),
    ],
)
async def test_courses_are_listed_by_group_student_and_staff(
    ctl: Scene, filters: tuple[str, ...], found: str
) -> None:
    for course in ("math", "algo"):
        await ctl.store.create_course(CourseName(course), "u", None, "minimal", ctl.clock.now())
    for name, groups in (("alice", ["class 1"]), ("bob", ["class 1", "class 2"]), ("nobody", [])):
        await ctl("user", "create", name, *(word for group in groups for word in ("--group", group)))
    await ctl("course", "people", "python", "--group", "class 1", "--staff", "carol")
    await ctl("course", "people", "math", "--group", "class 1", "--staff", "@class 2")
    await ctl("course", "people", "algo", "--group", "class 2", "--staff", "carol")
    said = await ctl("course", "list", "--names", *filters)
    assert sorted(said.out.split()) == found.split()


async def test_a_filter_that_means_nothing_is_an_error(ctl: Scene) -> None:
    for option, what in (("--group", "group"), ("--user", "account"), ("--staff", "staff")):
        said = await ctl("course", "list", "--names", option, "nothing", code=3)
        assert f"There is no {what} “nothing”." in said.err


async def test_a_new_course_has_its_groups_and_staff_at_once_or_is_not_made(ctl: Scene) -> None:
    await ctl("group", "create", "class 1")
    said = await ctl("course", "create", "algo", "/srv/algo.git", "--group", "class 2", code=3)
    assert "There is no group “class 2”." in said.err
    assert [course.name for course in await ctl.store.courses()] == ["python"]
    await ctl(
        "course", "create", "algo", "/srv/algo.git", "--group", "class 1", "--staff", "carol", "--staff", "@x"
    )
    access = await ctl.json("course", "people", "algo")
    assert access == {"course": "algo", "groups": ["class 1"], "staff": ["carol", "@x"]}
