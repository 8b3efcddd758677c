"""nbhostctl backup and restore, over real sockets, between two boxes with real databases and mirrors."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from nbhostd import cli
from nbhostd.adapters import archive
from nbhostd.adapters.git import Mirrors
from nbhostd.adapters.snapshots import DatabaseSnapshots
from nbhostd.adapters.stage import RestoreStage
from nbhostd.adapters.statistics import SqliteStatistics
from nbhostd.adapters.store import SqliteStore
from nbhostd.core.errors import WorldError
from nbhostd.core.lifecycle import State
from nbhostd.core.model import Intent, Mode, Phase, Run
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.services.backup import Backup
from nbhostd.services.entries import Entries
from nbhostd.services.restore import Restore
from nbhostd.services.tasks import Tasks
from nbhostd.web.control_backup import BackupControl
from nbhostd.web.control_wire import json_errors
from tests.ctl.test_nbhostctl import Ctl
from tests.fakes.desk import FakeHandingDesk
from tests.fakes.host import FakeClock, FakeHost, some_facts
from tests.fakes.images import FakeImages
from tests.web.proxy_trial import until

PYTHON, ALGO = CourseName("python"), CourseName("algo")
IMAGE = "localhost/nbhosting/minimal-notebook"
KEY = "k" * 40


class Box:
    """A computer with a site, whose daemon starts anew when it is told to."""

    def __init__(self, top: Path) -> None:
        self.state, self.etc, self.socket = top / "state", top / "etc", top / "control.sock"
        self.state.mkdir(parents=True)
        self.etc.mkdir()
        (self.etc / "nbhostd.toml").write_text("[server]\n")
        self.clock, self.host, self.images = (
            FakeClock(),
            FakeHost(),
            FakeImages({f"{IMAGE}:latest": ("sha256:1", 1)}),
        )
        self.desk = FakeHandingDesk(self.state)
        self.starts = 0
        self._leaving = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        self._leaving.clear()
        stage = RestoreStage(self.state)
        if stage.swap():
            stage.settled()
        self.store = await SqliteStore.open(self.state / "nbhostd.db")
        self.statistics = await SqliteStatistics.open(self.state / "statistics.db")
        self.git, self.staged = Mirrors(self.state / "courses"), Mirrors(self.state / "restore/courses")
        self.entries, self.tasks = Entries(), Tasks()
        snapshots = DatabaseSnapshots(self.state, self.store.database, self.statistics.database)
        backup = Backup(self.store, snapshots, self.git, self.desk, self.images, "1.0")
        restore = Restore(
            self.store, self.entries, stage, self.desk, self.staged, snapshots, self.images, self.host, self.clock,
            self._leaving.set,
        )  # fmt: skip
        app = web.Application(middlewares=[json_errors])
        app.add_routes(BackupControl(backup, restore, self.tasks).routes())
        self.runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=5)
        await self.runner.setup()
        await web.UnixSite(self.runner, str(self.socket)).start()

    async def stop(self) -> None:
        await self.runner.cleanup()
        await self.tasks.close()
        for closing in (self.git, self.staged, self.statistics, self.store):
            await closing.close()

    async def live(self) -> None:
        """Start anew whenever the daemon leaves, as systemd does."""
        while True:
            await self._leaving.wait()
            await self.stop()
            await self.start()

    async def add_workspace(self, course: CourseName, student: str) -> Path:
        id = WorkspaceId(course, StudentName(student))
        workspace = await self.store.ensure_workspace(
            id, Mode.MOOC, f"label-{id}".replace("/", "-"), self.clock.now()
        )
        space = self.state / "workspaces" / str(workspace.number)
        (space / "w1").mkdir(parents=True)
        (space / "w1" / "intro é.ipynb").write_text(f"{id}'s work")
        (space / os.fsdecode(b"odd\xff")).write_bytes(os.urandom(1000))
        (space / "data").symlink_to("/home/jovyan/static/data")
        return space


def repository(path: Path) -> str:
    """A repository with one commit; its id."""
    path.mkdir()
    (path / "intro.md").write_text("# the course")
    git = ("git", "-C", str(path), "-c", "user.name=T", "-c", "user.email=t@localhost")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *command], check=True)
    return subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


async def furnish(box: Box, source: Path) -> str:
    commit = repository(source)
    for name in (PYTHON, ALGO):
        await box.store.create_course(name, str(source), None, IMAGE, box.clock.now())
        await box.git.fetch(name, str(source), None, lambda _: None)
        await box.git.export(name, commit, lambda _: None)
        course = await box.store.course(name)
        assert course is not None
        await box.store.update_course(replace(course, commit=commit))
    for student in ("alice", "bob"):
        await box.add_workspace(PYTHON, student)
    await box.store.set_intent(1, Intent.ARMED, "spec")
    await box.store.put_run(Run(1, "secret", "token", "image", box.clock.now()))
    for path in (
        "local/python/nbhosting.yaml",
        "droparea/python/exam/q.txt",
        "shares/token.html",
        "jobs/1.log",
    ):
        file = box.state / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    box.statistics.record(box.clock.now(), WorkspaceId(PYTHON, StudentName("alice")), "open", "intro.md")
    (box.etc / "launch.key").write_text(f"{KEY}\n")
    (box.etc / "launch.key").chmod(0o600)
    return commit


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Box]:
    box = Box(tmp_path / "old")
    await box.start()
    yield box
    await box.stop()


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[Box]:
    box, systemd = Box(tmp_path / "new"), Tasks()
    await box.start()
    systemd.spawn("systemd", box.live())
    yield box
    await systemd.close()
    with suppress(RuntimeError):
        await box.stop()


On = Callable[[Box], Ctl]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> On:
    def ctl(box: Box) -> Ctl:
        monkeypatch.setattr(cli, "_CONFIG", str(box.etc / "nbhostd.toml"))
        return Ctl(box.socket)

    return ctl


def files(top: Path, *names: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in names:
        for path in sorted((top / name).rglob("*")):
            key = repr(path.relative_to(top))
            found[key] = (
                os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
            )
    return found


KEPT = ("workspaces", "local", "droparea", "shares", "jobs")


async def test_a_site_moves_from_one_box_to_another(on: On, old: Box, new: Box, tmp_path: Path) -> None:
    commit = await furnish(old, tmp_path / "source")
    new.images.images.clear()
    said = await on(old)("backup", str(tmp_path), "--students")
    assert (said.code, said.err) == (0, "")
    (file,) = tmp_path.glob("nbhostd-*.tar.gz")
    assert said.out.splitlines()[0].startswith(f"{file}: ")
    assert "The files of 2 workspaces are in it." in said.out
    assert not (old.state / "backup").exists()

    said = await on(new)("restore", str(file), "--dry-run")
    assert said.code == 0, said
    assert f"course python at {commit[:10]}" in said.out
    assert "missing image minimal: nbhostctl image build minimal" in said.out
    assert await new.store.courses() == []

    said = await on(new)("restore", str(file))
    assert said.code == 0, said
    assert "is in its place: 2 courses, 2 workspaces." in said.out
    assert f"{new.etc}/launch.key: restored" in said.out
    assert "missing image minimal: nbhostctl image build minimal" in said.out
    assert new.starts == 2
    assert files(new.state, *KEPT) == files(old.state, *KEPT)
    assert (new.state / "courses/python/public/current/intro.md").read_text() == "# the course"
    assert [(c.name, c.commit) for c in await new.store.courses()] == [(ALGO, commit), (PYTHON, commit)]
    assert await new.store.runs() == []
    assert (new.etc / "launch.key").read_text() == f"{KEY}\n"
    assert (new.etc / "launch.key").stat().st_mode & 0o777 == 0o600
    visits = await new.statistics.last_visits()
    assert list(visits) == [WorkspaceId(PYTHON, StudentName("alice"))]
    assert await new.git.fetch(PYTHON, str(tmp_path / "source"), None, lambda _: None) == commit


async def test_without_students_their_work_begins_anew(on: On, old: Box, new: Box, tmp_path: Path) -> None:
    await furnish(old, tmp_path / "source")
    said = await on(old)("backup", str(tmp_path / "b.tar"), "--json")
    assert json.loads(said.out)["workspaces"] == 0
    said = await on(new)("restore", str(tmp_path / "b.tar"))
    assert "Students' files are not restored" in said.out
    assert len(await new.store.workspaces()) == 2
    assert list((new.state / "workspaces").iterdir()) == []


async def test_a_site_with_content_is_put_aside_only_when_told(
    on: On, old: Box, new: Box, tmp_path: Path
) -> None:
    await furnish(old, tmp_path / "source")
    await on(old)("backup", str(tmp_path / "b.tar"), "--students")
    await new.store.create_course(CourseName("mine"), "u", None, IMAGE, new.clock.now())
    before = files(new.state, *KEPT)
    said = await on(new)("restore", str(tmp_path / "b.tar"))
    assert said.code == 1
    assert "This site has 1 courses and 0 workspaces: --replace" in said.err
    ctl = on(new)
    assert (await ctl("restore", str(tmp_path / "b.tar"), "--replace")).code == 2
    ctl.agrees = False
    assert (await ctl("restore", str(tmp_path / "b.tar"), "--replace")).code == 1
    assert files(new.state, *KEPT) == before
    assert not (new.state / "restore.json").exists()
    said = await ctl("restore", str(tmp_path / "b.tar"), "--replace", "--yes")
    assert said.code == 0, said
    (aside,) = new.state.glob("before-restore-*")
    assert f"What was here before is in {aside}" in said.out
    store = await SqliteStore.open(aside / "nbhostd.db")
    assert [course.name for course in await store.courses()] == ["mine"]
    await store.close()
    again = await ctl("restore", str(tmp_path / "b.tar"), "--replace", "--yes")
    assert again.code == 0, again


async def test_nobody_is_working_while_it_is_restored(on: On, old: Box, new: Box, tmp_path: Path) -> None:
    await furnish(old, tmp_path / "source")
    await on(old)("backup", str(tmp_path / "b.tar"))
    await new.store.create_course(PYTHON, "u", None, IMAGE, new.clock.now())
    await new.add_workspace(PYTHON, "alice")
    (workspace,) = await new.store.workspaces()
    new.entries.set_state(new.entries.add(workspace, new.clock.now()), State(Phase.READY))
    said = await on(new)("restore", str(tmp_path / "b.tar"), "--replace", "--yes")
    assert said.code == 1
    assert "1 workspaces run here: stop them first" in said.err


async def test_an_interrupted_restore_is_gone_on_with_or_forgotten(
    on: On, old: Box, new: Box, tmp_path: Path
) -> None:
    await furnish(old, tmp_path / "source")
    await on(old)("backup", str(tmp_path / "b.tar"), "--students")
    new.desk.fail = None
    unpack = new.desk.unpack

    async def broken(*args: object, **more: object) -> object:
        raise WorldError("The disk is broken.")

    new.desk.unpack = broken  # type: ignore[assignment]
    said = await on(new)("restore", str(tmp_path / "b.tar"))
    assert said.code == 1
    assert "the site here is as it was" in said.err
    assert "The disk is broken." in said.err
    assert await new.store.courses() == []
    await new.stop()
    await new.start()
    assert await new.store.courses() == []
    # Forgotten
    ctl = on(new)
    said = await ctl("restore", "--abandon")
    assert said.code == 0, said
    assert (await ctl("restore", "--abandon")).code == 3
    assert list((new.state / "restore").iterdir()) == []
    # Begun anew, interrupted, and gone on with
    assert (await ctl("restore", str(tmp_path / "b.tar"))).code == 1
    new.desk.unpack = unpack  # type: ignore[method-assign]
    new.desk.calls.clear()
    said = await ctl("restore", str(tmp_path / "b.tar"))
    assert said.code == 0, said
    assert [call for call, _ in new.desk.calls] == ["unpack", "unpack"]
    assert files(new.state, *KEPT) == files(old.state, *KEPT)


async def test_a_damaged_archive_changes_nothing(on: On, old: Box, new: Box, tmp_path: Path) -> None:
    await furnish(old, tmp_path / "source")
    file = tmp_path / "b.tar"
    await on(old)("backup", str(file), "--students")
    file.write_bytes(file.read_bytes().replace(b"python/alice's work", b"python/mallo's work"))
    before = files(new.state, "")
    said = await on(new)("restore", str(file))
    assert said.code == 1
    assert "is damaged: workspaces/1." in said.err
    assert {name for name in files(new.state, "") if "wal" not in name} == {
        n for n in before if "wal" not in n
    }


async def test_a_backup_of_a_newer_one_is_refused(
    on: On, old: Box, new: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(_: DatabaseSnapshots) -> dict[str, int]:
        return {"nbhostd.db": 999, "statistics.db": 1}

    with monkeypatch.context() as patched:
        patched.setattr(DatabaseSnapshots, "steps", steps)
        await on(old)("backup", str(tmp_path / "b.tar"))
    said = await on(new)("restore", str(tmp_path / "b.tar"), "--dry-run")
    assert said.code == 1
    assert "which is newer: upgrade this one first" in said.err


async def test_a_configuration_that_does_not_fit_is_refused_or_left(
    on: On, old: Box, new: Box, tmp_path: Path
) -> None:
    (old.etc / "nbhostd.toml").write_text('[paths]\nstate = "/srv/nbhostd"\n')
    await on(old)("backup", str(tmp_path / "b.tar"))
    said = await on(new)("restore", str(tmp_path / "b.tar"))
    assert said.code == 1
    assert "the state is in /srv/nbhostd there" in said.err
    said = await on(new)("restore", str(tmp_path / "b.tar"), "--keep-configuration")
    assert said.code == 0, said
    assert (new.etc / "nbhostd.toml").read_text() == "[server]\n"


async def test_no_room_is_said_before_anything_is_written(
    on: On, old: Box, new: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on(old)("backup", str(tmp_path / "b.tar"))
    new.host.now_facts = replace(some_facts(), disk_free=1000)
    said = await on(new)("restore", str(tmp_path / "b.tar"))
    assert "the disk has 0 MB left" in said.err
    monkeypatch.setattr(archive.TarArchives, "free", lambda *_: 1000)
    said = await on(old)("backup", str(tmp_path / "c.tar"))
    assert said.code == 1
    assert "are to be written" in said.err
    assert not (tmp_path / "c.tar").exists()


async def test_a_backup_that_fails_leaves_no_file(on: On, old: Box, tmp_path: Path) -> None:
    await furnish(old, tmp_path / "source")

    async def pack(workspace: int, uid: int) -> AsyncIterator[bytes]:
        yield b'{"kind": "file", "path": "a", "size": 10}\n'
        raise WorldError("Files cannot be reached.")

    old.desk.pack = pack  # type: ignore[assignment]
    place = tmp_path / "place"
    place.mkdir()
    said = await on(old)("backup", str(place / "b.tar.gz"), "--students")
    assert said.code != 0
    assert list(place.iterdir()) == []
    # The daemon ends its part when it sees that nobody listens any more.
    await until(lambda: not (old.state / "backup").exists())


async def test_what_was_left_out_is_told(on: On, old: Box, tmp_path: Path) -> None:
    await furnish(old, tmp_path / "source")
    os.mkfifo(old.state / "workspaces/1/pipe")
    for gone in ("courses/algo", "workspaces/2"):
        shutil.rmtree(old.state / gone)
    said = await on(old)("backup", str(tmp_path / "b.tar"), "--students")
    assert said.code == 0
    assert "warning: workspaces/1: pipe: is no plain file: left out" in said.err
    assert "warning: courses/algo: has no repository here" in said.err
    assert "The files of 1 workspaces are in it." in said.out


async def test_two_backups_at_once_are_one_too_many(on: On, old: Box, tmp_path: Path) -> None:
    await furnish(old, tmp_path / "source")
    reading, enough = asyncio.Event(), asyncio.Event()
    pack = old.desk.pack

    async def slow(workspace: int, uid: int) -> AsyncIterator[bytes]:
        reading.set()
        await enough.wait()
        async for piece in pack(workspace, uid):
            yield piece

    old.desk.pack = slow  # type: ignore[assignment]
    ctl = on(old)
    first = asyncio.ensure_future(ctl("backup", str(tmp_path / "a.tar"), "--students"))
    await reading.wait()
    said = await ctl("backup", str(tmp_path / "b.tar"), "--students")
    assert "Another backup is being made" in said.err
    enough.set()
    assert (await first).code == 0
