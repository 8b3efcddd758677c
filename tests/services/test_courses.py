"""Stories of courses: created, pulled, looked into, deleted; told with fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.model import Course, JobState, Mode
from nbhostd.core.names import CourseName, NotebookPath, WorkspaceId
from nbhostd.services.courses import Changes, Courses
from nbhostd.services.jobbook import JobBook
from nbhostd.services.tasks import KeyedLocks
from tests.fakes.git import FakeGit
from tests.fakes.localfiles import FakeLocalFiles
from tests.fakes.store import FakeStore
from tests.services.cast import NOON, Clock

NAME = CourseName("python")
URL = "https://user:t0ken@git.test/python.git"
FILES = {
    "w1/a.md": b"# a",
    "w1/1.2-intro.md": b"",
    "w1/both.py": b"",
    "w1/both.ipynb": b"{}",
    "data/x.csv": b"",
}


@dataclass
class Log:
    lines: dict[int, list[str]] = field(default_factory=dict)
    results: dict[int, str] = field(default_factory=dict)
    full: bool = False

    def append(self, number: int, line: str) -> None:
        if self.full:
            raise WorldError("The job's log cannot be written.")
        self.lines.setdefault(number, []).append(line)

    def keep(self, number: int, result: str) -> None:
        if self.full:
            raise WorldError("The job's result cannot be written.")
        self.results[number] = result

    @contextmanager
    def live(self, number: int) -> Iterator[None]:
        yield


@dataclass
class Scene:
    git: FakeGit = field(default_factory=FakeGit)
    store: FakeStore = field(default_factory=FakeStore)
    clock: Clock = field(default_factory=Clock)
    log: Log = field(default_factory=Log)
    lines: list[str] = field(default_factory=list)
    local: FakeLocalFiles = field(default_factory=FakeLocalFiles)

    def __post_init__(self) -> None:
        self.book = JobBook(self.store, self.log, self.clock)
        self.courses = Courses(
            self.store,
            self.git,
            self.local,
            self.book,
            KeyedLocks(),
            self.clock,
            default_image=lambda: "minimal",
        )

    async def created(self, files: dict[str, bytes] | None = None) -> Course:
        self.git.upstream(URL, "main", FILES if files is None else files)
        course, _ = await self.courses.create(NAME, URL, self.lines.append)
        return course

    async def locate(self, requested: str, *own: str) -> str | None:
        async def exists(path: NotebookPath) -> bool:
            return path in own

        course = await self.courses.get(NAME)
        return await self.courses.locate(course, NotebookPath.parse(requested), exists)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_course_is_created_with_its_content(scene: Scene) -> None:
    course = await scene.created()
    assert (course.git_url, course.image, course.pulled_at) == (
        URL,
        "localhost/nbhosting/minimal-notebook",
        NOON,
    )
    assert await scene.store.course(NAME) == course
    assert await scene.git.files(NAME) == FILES.keys()
    (job,) = await scene.store.jobs()
    assert (job.kind, job.subject, job.state) == ("create", "python", JobState.SUCCEEDED)
    assert job.message == f"new → {course.commit[:10] if course.commit else ''}"


@pytest.mark.parametrize(
    ("image", "files", "wanted"),
    [
        (None, {}, "minimal-notebook"),
        (None, {"nbhosting/Dockerfile": b"FROM x"}, "course-python"),
        (None, {".nbhosting/Containerfile": b"FROM x"}, "course-python"),
        ("scipy", {"nbhosting/Dockerfile": b"FROM x"}, "scipy-notebook"),
        ("own", {}, "course-python"),
    ],
)
async def test_the_image_of_a_new_course(
    scene: Scene, image: str | None, files: dict[str, bytes], wanted: str
) -> None:
    scene.git.upstream(URL, "main", {**FILES, **files})
    course, _ = await scene.courses.create(NAME, URL, lambda _: None, image=image)
    assert course.image == f"localhost/nbhosting/{wanted}"


@pytest.mark.parametrize(
    ("url", "image", "branch"),
    [
        ("nonsense", None, None),
        ("https://git.test/absent.git", None, None),
        (URL, "Not An Image", None),
        (URL, None, "absent"),
        (URL, None, "-x"),
        (URL, None, "a\nb"),
    ],
)
async def test_a_creation_that_fails_leaves_nothing(
    scene: Scene, url: str, image: str | None, branch: str | None
) -> None:
    scene.git.upstream(URL, "main", FILES)
    with pytest.raises(NbhostdError):
        await scene.courses.create(NAME, url, lambda _: None, image=image, branch=branch)
    assert await scene.store.courses() == []
    assert await scene.git.files(NAME) == frozenset()
    await scene.courses.create(NAME, URL, lambda _: None)


async def test_a_creation_that_the_disk_refuses_at_the_end_leaves_nothing(scene: Scene) -> None:
    class FullStore(FakeStore):
        async def update_course(self, course: Course) -> None:
            raise NotNow("The server's disk is full.")

    full = Scene(store=FullStore())
    full.git.upstream(URL, "main", FILES)
    with pytest.raises(NotNow):
        await full.courses.create(NAME, URL, lambda _: None)
    assert await full.store.courses() == []
    assert await full.git.files(NAME) == frozenset()
    (job,) = await full.store.jobs()
    assert (job.state, job.message) == (JobState.FAILED, "The server's disk is full.")


async def test_a_name_is_taken_once(scene: Scene) -> None:
    await scene.created()
    with pytest.raises(Refused) as refusal:
        await scene.created({})
    assert refusal.value.status == 409
    assert await scene.git.files(NAME) == FILES.keys()


async def test_a_pull_brings_what_changed_and_says_so(scene: Scene) -> None:
    course = await scene.created()
    scene.clock.later(hours=1)
    scene.git.upstream(URL, "main", {**FILES, "w1/a.md": b"# A", "nbhosting/nbhosting.yaml": b"x: 1"})
    report = await scene.courses.pull(NAME, scene.lines.append)
    assert (report.old, report.files_changed, report.job) == (course.commit, 2, 2)
    assert report.warnings[0].startswith("nbhosting/nbhosting.yaml:1: unknown “x”")
    pulled = await scene.courses.get(NAME)
    assert (pulled.commit, pulled.pulled_at) == (report.new, scene.clock.now())
    assert await scene.git.read(NAME, "w1/a.md") == b"# A"
    assert f"warning: {report.warnings[0]}" in scene.log.lines[2]
    again = await scene.courses.pull(NAME, scene.lines.append)
    assert not again.changed
    assert again.summary.startswith("nothing new")


async def test_a_pull_that_fails_changes_nothing(scene: Scene) -> None:
    course = await scene.created()
    scene.git.broken[URL] = WorldError("The server does not answer.")
    with pytest.raises(WorldError):
        await scene.courses.pull(NAME, lambda _: None)
    assert await scene.courses.get(NAME) == course
    assert await scene.git.files(NAME) == FILES.keys()
    job = (await scene.store.jobs())[0]
    assert (job.state, job.message) == (JobState.FAILED, "The server does not answer.")
    assert scene.log.lines[job.number][-1] == "error: The server does not answer."


async def test_a_full_disk_loses_the_log_but_not_the_pull(scene: Scene) -> None:
    await scene.created()
    scene.log.full = True
    await scene.courses.pull(NAME, lambda _: None)


class SlowGit(FakeGit):
    """Fetches wait to be released."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    async def fetch(
        self, course: CourseName, url: str, branch: str | None, on_line: Callable[[str], None]
    ) -> str:
        self.entered.set()
        await self.release.wait()
        return await super().fetch(course, url, branch, on_line)


async def test_one_pull_at_a_time_and_nobody_waits_to_read() -> None:
    git = SlowGit()
    scene = Scene(git=git)
    git.release.set()
    await scene.created()
    git.release.clear()
    git.entered.clear()
    first = asyncio.ensure_future(scene.courses.pull(NAME, lambda _: None))
    await git.entered.wait()
    for second in (scene.courses.pull(NAME, lambda _: None), scene.courses.delete(NAME, None)):
        with pytest.raises(Refused) as refusal:
            await second
        assert refusal.value.status == 409
    assert await scene.locate("w1/a") == "w1/a.md"
    await scene.courses.change(NAME, Changes(autopull=True))
    await scene.courses.autopull_once()
    git.release.set()
    await first
    course = await scene.courses.get(NAME)
    assert course.autopull
    await scene.courses.pull(NAME, lambda _: None)


async def test_a_pull_that_is_cancelled_is_recorded_and_another_may_follow() -> None:
    git = SlowGit()
    scene = Scene(git=git)
    git.release.set()
    await scene.created()
    git.release.clear()
    git.entered.clear()
    pull = asyncio.ensure_future(scene.courses.pull(NAME, lambda _: None))
    await git.entered.wait()
    pull.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pull
    assert (await scene.store.jobs())[0].state is JobState.CANCELLED
    git.release.set()
    await scene.courses.pull(NAME, lambda _: None)


async def test_autopull_pulls_who_asks_and_keeps_a_job_only_of_news(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.created()
    await scene.courses.autopull_once()
    scene.git.upstream(URL, "main", {"new.md": b""})
    await scene.courses.autopull_once()
    assert await scene.git.files(NAME) == FILES.keys()
    await scene.courses.change(NAME, Changes(autopull=True))
    await scene.courses.autopull_once()
    await scene.courses.autopull_once()
    assert await scene.git.files(NAME) == {"new.md"}
    jobs = await scene.store.jobs()
    assert [(job.kind, job.state) for job in jobs] == [
        ("pull", JobState.SUCCEEDED),
        ("create", JobState.SUCCEEDED),
    ]
    scene.git.broken[URL] = WorldError("The server does not answer.")
    await scene.courses.autopull_once()
    await scene.courses.autopull_once()
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "autopull: The server does not answer."
    ]
    scene.git.upstream(URL, "main", {"newer.md": b""})
    del scene.git.broken[URL]
    await scene.courses.change(NAME, Changes(archived=True))
    await scene.courses.autopull_once()
    assert await scene.git.files(NAME) == {"new.md"}


async def test_what_an_administrator_changes(scene: Scene) -> None:
    await scene.created()
    course = await scene.courses.change(
        NAME, Changes(git_url="/srv/x", branch="dev", image="scipy", autopull=True, archived=True)
    )
    assert (course.git_url, course.branch, course.image) == (
        "/srv/x",
        "dev",
        "localhost/nbhosting/scipy-notebook",
    )
    assert (course.autopull, course.archived) == (True, True)
    assert (await scene.courses.change(NAME, Changes(branch=""))).branch is None
    for changes in (Changes(git_url="x"), Changes(image="A B"), Changes(branch="-x")):
        with pytest.raises(Refused):
            await scene.courses.change(NAME, changes)
    with pytest.raises(Refused) as refusal:
        await scene.courses.change(CourseName("absent"), Changes(autopull=True))
    assert refusal.value.status == 404


async def test_a_course_with_students_is_not_deleted_by_accident(scene: Scene) -> None:
    await scene.created()
    alice = await scene.store.ensure_workspace(WorkspaceId.parse("python/alice"), Mode.MOOC, "l", NOON)
    with pytest.raises(Refused) as refusal:
        await scene.courses.delete(NAME, None)
    assert refusal.value.status == 409
    assert await scene.git.files(NAME) == FILES.keys()

    async def delete_workspaces(course: CourseName) -> int:
        await scene.store.delete_workspace(alice.number)
        return 1

    assert await scene.courses.delete(NAME, delete_workspaces) == 1
    assert await scene.store.courses() == []
    assert await scene.git.files(NAME) == frozenset()
    with pytest.raises(Refused):
        await scene.courses.delete(NAME, None)


@pytest.mark.parametrize(
    ("requested", "found"),
    [
        ("w1/a", "w1/a.md"),
        ("w1/a.md", "w1/a.md"),
        ("w1/a.py", None),
        ("w1/both", "w1/both.py"),
        ("w1/both.ipynb", "w1/both.ipynb"),
        ("w1/both.md", None),
        ("w1/1.2-intro", "w1/1.2-intro.md"),
        ("w1/own", "w1/own.ipynb"),
        ("w1/absent", None),
        ("w1", None),
        ("data/x.csv", None),
    ],
)
async def test_a_launch_finds_the_courses_file_then_the_students(
    scene: Scene, requested: str, found: str | None
) -> None:
    await scene.created()
    assert await scene.locate(requested, "w1/own.ipynb", "w1/a.py") == (
        found if requested != "w1/a.py" else "w1/a.py"
    )


async def test_the_courses_own_file_comes_before_a_better_suffix_of_the_students(scene: Scene) -> None:
    await scene.created()
    assert await scene.locate("w1/a", "w1/a.py", "w1/a.ipynb") == "w1/a.md"


async def test_an_accent_is_found_however_it_is_written(scene: Scene) -> None:
    decomposed, composed = "e\u0301te\u0301/n.md", "été/n"
    await scene.created({decomposed: b""})
    assert await scene.locate(composed) == decomposed
    course = await scene.courses.get(NAME)
    assert await scene.courses.has(course, NotebookPath(decomposed))


async def test_a_class_that_asks_at_once_has_the_settings_read_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = await scene.created({"nbhosting/nbhosting.yaml": b"", "w1/a.md": b""})
    again = Scene(scene.git, scene.store)
    asked = []
    read = scene.git.read

    async def counted(course: CourseName, path: str, *, limit: int = 1 << 20) -> bytes | None:
        asked.append(path)
        await asyncio.sleep(0)
        return await read(course, path, limit=limit)

    monkeypatch.setattr(scene.git, "read", counted)
    await asyncio.gather(*(again.courses.settings(course) for _ in range(20)))
    assert asked == ["nbhosting/nbhosting.yaml"]


async def test_settings_are_read_once_per_commit(scene: Scene) -> None:
    course = await scene.created(
        {"nbhosting/nbhosting.yaml": b"static-mappings: [{source: a, destination: a}]"}
    )
    settings = await scene.courses.settings(course)
    assert [mapping.source for mapping in settings.static_mappings] == ["a"]
    assert await scene.courses.settings(course) is settings
    scene.git.upstream(
        URL, "main", {"nbhosting/nbhosting.yaml": b"static-mappings: [{source: b, destination: b}]"}
    )
    await scene.courses.pull(NAME, lambda _: None)
    newer = await scene.courses.settings(await scene.courses.get(NAME))
    assert [mapping.source for mapping in newer.static_mappings] == ["b"]


async def test_the_administrators_layer_counts_at_once(scene: Scene) -> None:
    text = b"builds: [{name: a}, {name: b}]\ngeneral: {notebook-url-format: 'tree/{notebook}'}"
    course = await scene.created({"nbhosting/nbhosting.yaml": text})
    assert len((await scene.courses.settings(course)).builds) == 2
    scene.local.files[NAME, "nbhosting.yaml"] = b"builds-filter: [b]\nx: 1"
    over = await scene.courses.settings(course)
    assert [build.id for build in over.builds] == ["b"]
    assert over.notebook_url_format == "tree/{notebook}"
    assert [warning.partition("; ")[0] for warning in over.warnings] == [
        "local/python/nbhosting.yaml:2: unknown “x” in the file"
    ]
    assert await scene.courses.settings(course) is over
    del scene.local.files[NAME, "nbhosting.yaml"]
    assert len((await scene.courses.settings(course)).builds) == 2


async def test_a_layer_that_the_service_may_not_read_closes_no_course(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, limit: int) -> bytes:
        raise WorldError("The service cannot read it.")

    course = await scene.created()
    scene.local.files[NAME, "nbhosting.yaml"] = b""
    monkeypatch.setattr(scene.local, "read", refuse)
    settings = await scene.courses.settings(course)
    assert settings.warnings == ("local/python/nbhosting.yaml: The service cannot read it.",)


async def test_a_book_without_tracks_has_its_contents_as_a_track(scene: Scene) -> None:
    files = {"myst.yml": b"extends: toc.yml", "toc.yml": b"project: {toc: [{file: w1/a.md}]}", "w1/a.md": b""}
    settings = await scene.courses.settings(await scene.created(files))
    assert [track.id for track in settings.tracks] == ["toc"]


async def test_jobs_of_an_earlier_life_are_closed(scene: Scene) -> None:
    pull = await scene.store.create_job("pull", "python", NOON)
    build = await scene.store.create_job("build", "minimal", NOON)
    assert await scene.book.left_open("build") == [build]
    closed = await scene.store.job(pull.number)
    assert closed is not None
    assert closed.state is JobState.LOST
