"""nbhostctl import, from a predecessor's tree to the services, over a real socket: all of it, twice, and in pieces."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd.adapters.counts import SqliteCounts
from nbhostd.adapters.imports import SqliteImports, SqlitePastEvents
from nbhostd.adapters.people import SqlitePeople
from nbhostd.adapters.peoplefile import PeopleFile
from nbhostd.adapters.predecessor import DataRoot
from nbhostd.adapters.sessions import SqliteSessions
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.counts import CountPoint, HostCount, Running
from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.names import CourseName, WorkspaceId
from nbhostd.core.people import GroupName
from nbhostd.services.people import People, UserChanges
from nbhostd.services.settling import Settling
from nbhostd.services.takeover import Takeover
from nbhostd.services.tasks import KeyedLocks, Tasks
from nbhostd.web.control_import import ImportControl
from nbhostd.web.control_settling import SettlingControl
from nbhostd.web.control_wire import json_errors
from tests.ctl.test_nbhostctl import Ctl
from tests.fakes.desk import FakeHandingDesk
from tests.predecessor import EVENTS, HASH, NOTEBOOK, THEN, Predecessor, snapshot
from tests.told import told
from tests.web.test_control import ControlScene

URL = "https://git.invalid/python.git"


class ImportScene(ControlScene):
    def __init__(self, state: Path) -> None:
        super().__init__()
        self.state = state
        self.desk = FakeHandingDesk(state)

    async def begin(self) -> None:
        self.file = await SqliteStore.open(self.state / "nbhostd.db")
        self.statistics = await SqliteStatistics.open(self.state / "statistics.db")
        locks = KeyedLocks()
        book = self.statistics.database
        self.counts = SqliteCounts(book)
        self.takeover = Takeover(
            self.store, self.courses, SqliteImports(self.file.database), SqlitePastEvents(book), self.counts,
            self.desk, lambda id: locks(str(id)), self.clock, bytes, lambda: f"{self.state}/import",
        )  # fmt: skip

    async def end(self) -> None:
        await self.file.close()
        await self.statistics.close()

    def application(self, tasks: Tasks) -> web.Application:
        app = web.Application(middlewares=[json_errors], client_max_size=1000)
        app.add_routes(ImportControl(self.takeover, tasks).routes())
        book = SqlitePeople(self.file.database)
        self.people = People(book, SqliteSessions(self.file.database), self.clock)
        settling = Settling(self.people, PeopleFile(self.state / "import/people.json").read)
        app.add_routes(SettlingControl(settling, tasks).routes())
        app.add_routes([web.get("/v1/courses", self.list_courses)])
        return app

    async def list_courses(self, _: web.Request) -> web.Response:
        return web.json_response({"courses": [{"name": course.name} for course in await self.courses.list()]})

    async def space(self, workspace: str) -> Path:
        found = await self.store.workspace(WorkspaceId.parse(workspace))
        assert found is not None, workspace
        return self.state / "workspaces" / str(found.number)

    def events(self) -> list[tuple[str, ...]]:
        return [
            (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}", student, event, notebook)
            for at, _, student, event, notebook in told(self.state / "statistics.db")
        ]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[ImportScene]:
    (tmp_path / "state").mkdir()
    scene = ImportScene(tmp_path / "state")
    await scene.begin()
    scene.git.upstream(URL, "main", {"w1/intro.md": b"# first"})
    scene.git.upstream(f"{scene.state}/import/algo/git", "main", {"w1/intro.md": b"# first"})
    scene.git.upstream(f"{scene.state}/import/python/git", "main", {"w1/intro.md": b"# first"})
    yield scene
    await scene.end()


@pytest.fixture
async def ctl(scene: ImportScene, tmp_path: Path) -> AsyncIterator[Ctl]:
    tasks = Tasks()
    runner = web.AppRunner(scene.application(tasks), handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "control.sock")).start()
    yield Ctl(tmp_path / "control.sock")
    await runner.cleanup()
    await tasks.close()


@pytest.fixture
def old(tmp_path: Path) -> Predecessor:
    old = Predecessor(tmp_path / "nbhosting")
    old.site()
    return old


async def test_a_dry_run_tells_everything_and_does_nothing(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    old.accidents()
    old.write(os.fsdecode(b"students/\xe9ve/python/a"))
    before = snapshot(old.root)
    said = await ctl("import", str(old.root), "--dry-run")
    assert said.code == 0, said
    (await ctl("import", str(old.root), "--dry-run", "--json")).out.encode()  # whatever names there are
    lines = said.out.splitlines()
    for sentence in (
        "problem: student '-odd': “-odd” is not a student name. Left out.",
        "problem: students/*/gone: 1 trees of a course that is not known: left out",
        "problem: students/alice/python/pipe: is a pipe: left out",
        "note: students/alice/python: out: is a link that leads out of the tree; it comes along as it is",
        "course python: new",
        "Nothing was changed: this was a dry run.",
    ):
        assert sentence in lines
    assert any("is “rené” as well" in line for line in lines)
    assert [line.split()[:3] for line in lines if line.startswith("students' ")] == [
        ["students'", "spaces", "4"]
    ]
    assert await scene.courses.list() == []
    assert not (scene.state / "workspaces").exists()
    assert snapshot(old.root) == before


async def test_a_whole_site_comes_over(ctl: Ctl, scene: ImportScene, old: Predecessor) -> None:
    before = snapshot(old.root)
    said = await ctl("import", str(old.root))
    assert said.code == 0, said
    python, algo = [await scene.courses.get(CourseName(name)) for name in ("python", "algo")]
    assert (python.git_url, python.image, python.autopull, python.autobuild, python.archived) == (
        URL, "localhost/nbhosting/scipy-notebook", True, True, False,
    )  # fmt: skip
    assert (algo.git_url, algo.image, algo.archived) == (
        f"{scene.state}/import/algo/git",
        "localhost/nbhosting/course-python",
        True,
    )
    alice = await scene.space("python/alice")
    assert (alice / "w1/intro.ipynb").read_text() == NOTEBOOK
    assert (alice / "w1/intro.ipynb").stat().st_mtime == THEN
    assert (alice / ".nbautoeval").exists()
    assert (alice / "DROPPED/exam/sujet d'été.txt").read_text() == "with her notes"
    assert not (alice / ".port").exists()
    assert (await scene.space(f"python/{HASH}") / "w1/intro.md").exists()
    bob = await scene.space("algo/bob")
    assert (bob / ".git/HEAD").exists()
    assert (bob / "w1/intro.md").read_text() == "# changed by bob\n"
    assert (scene.state / "local/python/Dockerfile").exists()
    assert (scene.state / "droparea/python/exam/sujet d'été.txt").read_text() == "subject"
    assert (scene.state / "import/python/counts.raw").exists()
    people = scene.state / "import/people.json"
    assert json.loads(people.read_text())["users"][0]["email"] == "alice@example.org"
    assert people.stat().st_mode & 0o777 == 0o600
    assert [(event[0][:4], *event[1:]) for event in scene.events()] == [
        ("2016", HASH, "open", "w1/intro"),
        ("2017", "alice", "open", "w1/intro"),
        ("2018", "alice", "open", "w1/intro"),
        ("2018", "alice", "stop", ""),
        ("2018", "alice", "stop", ""),
        ("2019", "alice", "open", "w1/un nom à espaces"),
        ("2019", "alice", "open", "w1/chapter 12"),
        ("2024", "bob", "open", "w1/intro"),
    ]
    assert scene.events()[0][0] == "2016-09-01T08:00:00"
    assert "problem: raw/python/events.raw: 'garbage' is no event (not enough values" in said.out
    assert "problem: raw/python/counts.raw: 'nothing' is no count (0 numbers)" in said.out
    assert await scene.counts.all_of(CourseName("python"), 0, 9) == [
        CountPoint(1577836800, Running(1, 3, None), Running(None, None), HostCount()),
        CountPoint(1704067200, Running(2, 5, 40), Running(7, 8), HostCount(*range(110, 122))),
    ]
    assert snapshot(old.root) == before


async def test_counts_that_grew_are_added_and_those_of_a_deleted_course_come_again(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    await ctl("import", str(old.root))
    with (old.root / "raw/python/counts.raw").open("a") as file:
        file.write("2025-01-01T00:00:00 4 0 4\n")
    again = json.loads((await ctl("import", str(old.root), "--json")).out)
    assert [item["result"]["added"] for item in again["items"] if item["kind"] == "counted"] == [1]
    found = await scene.counts.all_of(CourseName("python"), 0, 9)
    assert [point.course.workspaces for point in found] == [1, 2, 4]
    await scene.statistics.forget_course(CourseName("python"))
    again = json.loads((await ctl("import", str(old.root), "--json")).out)
    assert [item["result"]["added"] for item in again["items"] if item["kind"] == "counted"] == [3]
    assert await scene.counts.all_of(CourseName("python"), 0, 9) == found


async def test_a_second_run_does_only_what_is_missing_or_has_changed(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    await ctl("import", str(old.root))
    scene.desk.calls.clear()
    again = json.loads((await ctl("import", str(old.root), "--json")).out)
    lines = ("events", "counted")
    assert {item["state"] for item in again["items"] if item["kind"] not in lines} == {"done"}
    assert [item["result"]["added"] for item in again["items"] if item["kind"] in lines] == [0, 0]
    assert scene.desk.calls == []
    old.write("students/alice/python/w1/intro.ipynb", "later", mtime=THEN + 9)
    old.write("students/alice/python/w1/new.ipynb", "new", mtime=THEN + 9)
    here = await scene.space("python/alice") / "w1/un nom à espaces.ipynb"
    here.write_text("changed here")
    old.write("students/alice/python/w1/un nom à espaces.ipynb", "changed there", mtime=THEN + 9)
    with (old.root / "raw/python/events.raw").open("a") as file:
        file.write("2025-09-01T08:00:00 python bob w1/intro existing 7003\n")
    said = await ctl("import", str(old.root))
    assert "student/python/alice: 1 files are others here, and stay (w1/un nom à espaces.ipynb)" in said.out
    assert (here.parent / "intro.ipynb").read_text() == "later"
    assert (here.parent / "new.ipynb").read_text() == "new"
    assert here.read_text() == "changed here"
    assert [op for op, _ in scene.desk.calls] == ["unpack"]
    assert len(scene.events()) == 9


async def test_a_course_whose_address_is_out_of_reach_comes_from_the_source(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    scene.git.broken[URL] = WorldError("git.invalid cannot be reached.")
    said = await ctl("import", str(old.root))
    assert said.code == 0, said
    assert "git.invalid cannot be reached. The repository in the source is taken." in said.err
    assert (await scene.courses.get(CourseName("python"))).git_url == URL
    assert (scene.state / "import/python/git/HEAD").exists()


async def test_a_course_that_cannot_come_holds_up_no_other(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    scene.git.broken[URL] = WorldError("git.invalid cannot be reached.")
    (old.root / "courses-git/python").rename(old.root / "elsewhere")
    said = await ctl("import", str(old.root))
    assert said.code == 1
    assert "course/python: git.invalid cannot be reached." in said.err
    assert "student/python/alice: the course “python” is not here" in said.err
    assert (await scene.space("algo/bob") / "w1/intro.md").exists()
    scene.git.broken.clear()
    assert (await ctl("import", str(old.root))).code == 0
    assert (await scene.space("python/alice") / "w1/intro.ipynb").exists()


async def test_only_one_course_comes_when_only_one_is_wanted(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    assert (await ctl("import", str(old.root), "--only", "algo")).code == 0
    assert [course.name for course in await scene.courses.list()] == ["algo"]
    assert [str(workspace.id) for workspace in await scene.store.workspaces()] == ["algo/bob"]
    assert not (scene.state / "import/people.json").exists()
    absent = await ctl("import", str(old.root), "--only", "alg")
    assert (absent.code, "The source has no course “alg”." in absent.err) == (3, True)


async def test_a_full_disk_ends_it_and_the_next_run_goes_on(
    ctl: Ctl, scene: ImportScene, old: Predecessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack = scene.desk.unpack

    async def full(workspace: int, *rest: object) -> object:
        if workspace > 1:
            raise NotNow("There is no space left on the server's disk.")
        return await unpack(workspace, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(scene.desk, "unpack", full)
    said = await ctl("import", str(old.root))
    assert said.code == 1
    assert "no space left" in said.err
    assert "what is done stays done" in said.err
    monkeypatch.undo()
    plan = json.loads((await ctl("import", str(old.root), "--json")).out)
    states = [item["state"] for item in plan["items"] if item["kind"] == "student"]
    assert sorted(states) == ["done", "imported", "imported"]


async def test_what_was_deleted_here_can_be_imported_again(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    await ctl("import", str(old.root))
    found = await scene.store.workspace(WorkspaceId.parse("python/alice"))
    assert found is not None
    await scene.store.delete_workspace(found.number)
    await ctl("import", str(old.root))
    assert (await scene.space("python/alice") / "w1/intro.ipynb").exists()


@pytest.mark.parametrize("stop_after", [0, 1, 2, 5])
async def test_events_that_broke_off_are_never_there_twice(
    scene: ImportScene, ctl: Ctl, old: Predecessor, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    monkeypatch.setattr("nbhostd.ctl.rawreading._AT_ONCE", 2)
    lines = DataRoot.events

    class Breaking:
        def __init__(self, course: str) -> None:
            found = lines(DataRoot(str(old.root)), course)
            assert found is not None
            self.file, self.size = found, 1

        def lines(self, progress: str) -> Iterator[object]:
            for number, line in enumerate(self.file.lines(progress)):
                if number == stop_after:
                    raise WorldError("The disk is gone.")
                yield line

    monkeypatch.setattr(
        DataRoot, "events", lambda _, course: Breaking(course) if course == "python" else None
    )
    assert (await ctl("import", str(old.root))).code == 1
    monkeypatch.setattr(DataRoot, "events", lines)
    assert (await ctl("import", str(old.root))).code == 0
    assert len(scene.events()) == 8
    assert EVENTS.count("\n") == 10


async def test_on_a_terminal_a_bar_grows_to_its_end(
    ctl: Ctl, scene: ImportScene, old: Predecessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int, str]] = []
    monkeypatch.setattr("nbhostd.ctl.console.Console.bar", lambda _, *at: seen.append(at))
    old.write("students/alice/python/large.bin", bytes(5 << 20))
    await ctl("import", str(old.root))
    sending = [(done, total) for done, total, what in seen if what.startswith("kB ")]
    assert len({total for _, total in sending}) == 1
    assert [done for done, _ in sending] == sorted(done for done, _ in sending)
    assert len([1 for _, _, what in seen if what == "kB  student/python/alice"]) >= 5
    assert sending[-1][0] <= sending[-1][1]


# people


async def test_people_are_accounts_with_the_passwords_that_they_know(
    ctl: Ctl, scene: ImportScene, old: Predecessor
) -> None:
    said = await ctl("import", str(old.root))
    assert "1 accounts made, 0 were here already, 1 groups made." in said.out
    (alice,) = await scene.people.users()
    assert (alice.name, alice.email, alice.full_name) == ("alice", "alice@example.org", "Alice É")
    assert alice.password == "pbkdf2_sha256$600000$salt$hash"
    assert [(group.name, group.members) for group in await scene.people.groups()] == [
        ("année 2020", ("alice",))
    ]
    # What was changed here since stays, and what was taken away does not come back.
    await scene.people.change(alice.name, UserChanges(email="a@b.org"))
    await scene.people.remove_members(GroupName("année 2020"), [alice.name])
    said = await ctl("import", str(old.root))
    assert "0 accounts made, 1 were here already, 0 groups made." in said.out
    assert [user.email for user in await scene.people.users()] == ["a@b.org"]
    assert [group.members for group in await scene.people.groups()] == [()]
