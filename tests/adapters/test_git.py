"""The contract of Git, on the fake and on real repositories, and what only the real one can get wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pygit2
import pytest
from pygit2.enums import FileMode, ObjectType

from nbhostd.adapters.git import Mirrors
from nbhostd.adapters.gitcommits import MirrorCommits
from nbhostd.adapters.published import Published
from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.names import CourseName
from nbhostd.core.ports import Git
from nbhostd.core.ports_teaching import Commits
from tests.fakes.git import FakeGit
from tests.fakes.teaching import FakeCommits

COURSE = CourseName("python")
AUTHOR = pygit2.Signature("A. Teacher", "teacher@example.org", 1_700_000_000)
BUNDLES = Path(__file__).parents[3] / "shared" / "courses"


class World(Protocol):
    """A place where repositories are."""

    git: Git

    def url(self) -> str: ...
    def push(self, branch: str, files: dict[str, bytes]) -> str: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeGit()
        self.git: Git = self.fake

    def url(self) -> str:
        return "/srv/upstream"

    def push(self, branch: str, files: dict[str, bytes]) -> str:
        self.fake.upstream(self.url(), branch, files)
        return ""


class RealWorld:
    def __init__(self, top: Path) -> None:
        self.top = top
        self.git: Git = Mirrors(top / "courses")
        self.upstream = pygit2.init_repository(top / "upstream", bare=True, initial_head="main")

    def url(self) -> str:
        return str(self.top / "upstream")

    def push(self, branch: str, files: dict[str, bytes], *, force: bool = False) -> str:
        return self.commit(branch, tree_of(self.upstream, files), force=force)

    def commit(self, branch: str, tree: pygit2.Oid, *, force: bool = False) -> str:
        reference = f"refs/heads/{branch}"
        known = reference in self.upstream.references
        parents = [self.upstream.references[reference].target] if known and not force else []
        if known and force:
            self.upstream.references.delete(reference)
        return str(self.upstream.create_commit(reference, AUTHOR, AUTHOR, "content", tree, parents))

    def bundle(self, *what: str) -> Path:
        path = self.top / "course.bundle"
        command = ["git", "-C", self.url(), "bundle", "create", "-q", str(path), *(what or ("--all",))]
        subprocess.run(command, check=True)
        return path


def tree_of(repository: pygit2.Repository, files: dict[str, bytes]) -> pygit2.Oid:
    index = pygit2.Index()
    for path, content in files.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(content), FileMode.BLOB))
    return index.write_tree(repository)


def assert_sound(repository: Path) -> None:
    command = ["git", "-C", str(repository), "fsck", "--full", "--strict"]
    subprocess.run(command, check=True, capture_output=True)


def raw_tree(repository: pygit2.Repository, *entries: tuple[bytes, bytes, pygit2.Oid]) -> pygit2.Oid:
    """A tree as no well-behaved git would write it."""
    return repository.write(ObjectType.TREE, b"".join(m + b" " + n + b"\0" + i.raw for m, n, i in entries))


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[RealWorld]:
    settings = pygit2.Settings()
    settings.enable_strict_object_creation(False)
    world = RealWorld(tmp_path)
    yield world
    assert isinstance(world.git, Mirrors)
    await world.git.close()
    settings.enable_strict_object_creation(True)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return made


async def publish(world: World, branch: str | None = None) -> tuple[str, list[str]]:
    lines: list[str] = []
    commit = await world.git.fetch(COURSE, world.url(), branch, lines.append)
    await world.git.export(COURSE, commit, lines.append)
    await asyncio.sleep(0)
    return commit, lines


# The contract


async def test_what_is_fetched_and_exported_can_be_read(world: World) -> None:
    world.push("main", {"w1/n.md": b"# one", "README.md": b"hello"})
    assert await world.git.files(COURSE) == frozenset()
    assert await world.git.read(COURSE, "README.md") is None
    commit, _ = await publish(world)
    assert len(commit) == 40
    assert await world.git.files(COURSE) == {"w1/n.md", "README.md"}
    assert await world.git.read(COURSE, "w1/n.md") == b"# one"
    assert await world.git.read(COURSE, "w1/n.md", limit=3) == b"# o"
    assert await world.git.read(COURSE, "w1/absent.md") is None


async def test_a_push_is_seen_at_the_next_pull(world: World) -> None:
    world.push("main", {"a.md": b"1", "b.md": b"1"})
    old, _ = await publish(world)
    assert (await publish(world))[0] == old
    world.push("main", {"a.md": b"2", "c.md": b"1"})
    new, _ = await publish(world)
    assert await world.git.files(COURSE) == {"a.md", "c.md"}
    assert await world.git.changes(COURSE, old, new) == 3
    assert await world.git.changes(COURSE, "0" * 40, new) is None
    await world.git.prune(COURSE, [])
    assert await world.git.read(COURSE, "a.md") == b"2"


async def test_branches_are_chosen_by_name_and_main_by_itself(world: World) -> None:
    world.push("dev", {"dev.md": b""})
    world.push("main", {"main.md": b""})
    await publish(world)
    assert await world.git.files(COURSE) == {"main.md"}
    await publish(world, "dev")
    assert await world.git.files(COURSE) == {"dev.md"}
    with pytest.raises(Refused):
        await publish(world, "absent")
    assert await world.git.files(COURSE) == {"dev.md"}


async def test_what_is_not_there_is_refused(world: World) -> None:
    for url in ("/srv/absent", "ftp://host.test/x", "", "-x"):
        with pytest.raises(NbhostdError):
            await world.git.fetch(COURSE, url, None, lambda _: None)
    assert await world.git.files(COURSE) == frozenset()


async def test_a_course_is_removed_whole(world: World) -> None:
    world.push("main", {"a.md": b""})
    await publish(world)
    await world.git.delete(COURSE)
    await world.git.delete(COURSE)
    assert await world.git.files(COURSE) == frozenset()
    await publish(world)
    assert await world.git.files(COURSE) == {"a.md"}


# Only the real one


async def test_an_empty_repository_is_called_so(real: RealWorld) -> None:
    with pytest.raises(Refused, match="is empty"):
        await publish(real)


async def test_a_force_push_is_followed(real: RealWorld) -> None:
    real.push("main", {"a.md": b"1"})
    await publish(real)
    real.push("main", {"other.md": b"2"}, force=True)
    await publish(real)
    assert await real.git.files(COURSE) == {"other.md"}


async def test_a_branch_that_is_gone_upstream_is_gone_here(real: RealWorld) -> None:
    real.push("main", {"a.md": b"1"})
    real.push("dev", {"a.md": b"1"})
    await publish(real, "dev")
    real.upstream.references.delete("refs/heads/dev")
    with pytest.raises(Refused, match="no branch “dev”; it has: main"):
        await publish(real, "dev")


async def test_exported_files_have_plain_modes_whatever_the_umask(real: RealWorld) -> None:
    repository = real.upstream
    blob = repository.create_blob(b"#!/bin/sh\n")
    tree = raw_tree(
        repository, (b"100666", b"odd", blob), (b"100644", b"plain", blob), (b"100755", b"program", blob)
    )
    real.commit("main", raw_tree(repository, (b"40000", b"dir", tree)))
    before = os.umask(0o077)
    try:
        await publish(real)
    finally:
        os.umask(before)
    public = real.top / "courses" / COURSE / "public"
    modes = {
        name: (public / "current" / name).stat().st_mode & 0o7777 for name in ("dir", "dir/odd", "dir/plain")
    }
    assert modes == {"dir": 0o755, "dir/odd": 0o644, "dir/plain": 0o644}
    assert (public / "current/dir/program").stat().st_mode & 0o7777 == 0o755
    assert public.stat().st_mode & 0o777 == 0o755
    assert os.readlink(public / "current") == str(real.upstream.head.target)


async def test_the_mirror_can_be_cloned_by_anybody_who_gets_to_it(real: RealWorld) -> None:
    real.push("main", {"w1/a.md": b"one"})
    before = os.umask(0o077)
    try:
        await publish(real)
        real.push("main", {"w1/a.md": b"two"})
        await publish(real)
    finally:
        os.umask(before)
    mirror = real.top / "courses" / COURSE / "git"
    closed = [
        path
        for path in (mirror, *mirror.rglob("*"))
        if path.stat().st_mode & 0o044 != 0o044 or (path.is_dir() and not path.stat().st_mode & 0o001)
    ]
    assert closed == []
    assert not [path for path in (mirror, *mirror.rglob("*")) if path.stat().st_mode & 0o022]


async def test_names_that_lead_astray_are_left_out_and_said(real: RealWorld) -> None:
    repository = real.upstream
    blob = repository.create_blob(b"x")
    inner = raw_tree(repository, (b"100644", b"escaped", blob))
    names = [b"..", b".", b".git", b".GIT", b"a/b", b"\xff", b"new\nline", b"n" * 300]
    bad = [(b"100644", name, blob) for name in names]
    real.commit("main", raw_tree(repository, (b"40000", b"..", inner), *bad, (b"100644", b"good.md", blob)))
    _, lines = await publish(real)
    assert await real.git.files(COURSE) == {"good.md"}
    assert len([line for line in lines if line.startswith("warning: ")]) == len(names) + 1
    assert not (real.top / "courses" / COURSE / "public" / "escaped").exists()
    assert not (real.top / "courses" / COURSE / "escaped").exists()


async def test_links_stay_inside_or_are_left_out(real: RealWorld, tmp_path: Path) -> None:
    repository = real.upstream
    (tmp_path / "secret").write_text("secret")

    def link(target: str) -> pygit2.Oid:
        return repository.create_blob(target.encode())

    inside = {"file": "w1/n.md", "dir": "w1", "chain": "file"}
    outside = {
        "absolute": "/etc/passwd",
        "up": "../../../../secret",
        "through": "dir/../../../../../secret",
        "dangling": "nowhere",
        "after-dangling": "dangling",
        "loop": "loop",
        "self": ".",
    }
    n = tree_of(repository, {"n.md": b"# n"})
    links = [(b"120000", name.encode(), link(target)) for name, target in {**inside, **outside}.items()]
    real.commit("main", raw_tree(repository, *sorted(links, key=lambda e: e[1]), (b"40000", b"w1", n)))
    _, lines = await publish(real)
    current = real.top / "courses" / COURSE / "public" / "current"
    assert {path.name for path in current.iterdir()} == {"w1", *inside}
    assert await real.git.files(COURSE) == {"w1/n.md", "file", "chain"}
    assert await real.git.read(COURSE, "chain") == b"# n"
    assert await real.git.read(COURSE, "dir/n.md") == b"# n"
    for name in outside:
        assert any(line.startswith(f"warning: {name}: left out") for line in lines), name


async def test_submodules_and_lfs_are_said(real: RealWorld) -> None:
    repository = real.upstream
    pointer = repository.create_blob(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    head = real.push("other", {"a": b""})
    module = pygit2.Oid(hex=head)
    real.commit("main", raw_tree(repository, (b"100644", b"big.bin", pointer), (b"160000", b"sub", module)))
    _, lines = await publish(real, "main")
    assert "warning: big.bin: is kept in git LFS, which is not fetched" in lines
    assert "warning: sub: is a submodule, which is not fetched" in lines


async def test_a_tree_that_repeats_itself_for_ever_is_refused(real: RealWorld) -> None:
    repository = real.upstream
    tree = tree_of(repository, {str(n): b"" for n in range(10)})
    for _ in range(9):
        tree = raw_tree(repository, *((b"40000", str(n).encode(), tree) for n in range(10)))
    real.commit("main", tree)
    assert isinstance(real.git, Mirrors)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Refused, match="is more than 500 files"):
        patch.setattr("nbhostd.adapters.git._MOST_FILES", 500)
        await publish(real)
    public = real.top / "courses" / COURSE / "public"
    assert list(public.iterdir()) == []


async def test_a_reader_never_sees_half_of_a_pull(real: RealWorld) -> None:
    """A reader loops over the current tree while it is swapped again and again: one version's files, always."""
    versions = [{f"{n}.md": str(version).encode() * 100 for n in range(30)} for version in range(2)]
    commits = []
    for version in versions:
        real.push("main", version)
        commits.append((await publish(real))[0])
    current = real.top / "courses" / COURSE / "public" / "current"
    stop, seen, torn = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            tree = os.path.realpath(current)
            contents = {Path(tree, name).read_bytes()[:1] for name in os.listdir(tree)}
            seen.update(contents)
            if len(contents) != 1 or len(os.listdir(tree)) != 30:
                torn.append(contents)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(60):
        await real.git.export(COURSE, commits[turn % 2], lambda _: None)
    stop.set()
    reader.join()
    assert not torn
    assert seen == {b"0", b"1"}


async def test_what_a_killed_pull_left_is_cleared_away(real: RealWorld) -> None:
    real.push("main", {"a.md": b"1"})
    public = real.top / "courses" / COURSE / "public"
    (public / ".new-left").mkdir(parents=True)
    (public / ".new-left" / "half").write_text("")
    (public / ".new-link").symlink_to("nowhere")
    commit, _ = await publish(real)
    assert sorted(path.name for path in public.iterdir()) == sorted([commit, "current"])


async def test_a_half_made_mirror_is_made_again(real: RealWorld) -> None:
    real.push("main", {"a.md": b"1"})
    mirror = real.top / "courses" / COURSE / "git"
    mirror.mkdir(parents=True)
    (mirror / "HEAD").write_text("")
    await publish(real)
    assert await real.git.files(COURSE) == {"a.md"}


async def test_the_tree_before_stays_for_its_readers(real: RealWorld) -> None:
    commits = []
    for version in range(3):
        real.push("main", {"a.md": str(version).encode()})
        commits.append((await publish(real))[0])
    await real.git.prune(COURSE, commits[1:])
    public = real.top / "courses" / COURSE / "public"
    assert {path.name for path in public.iterdir()} == {commits[1], commits[2], "current"}


async def test_an_address_with_a_token_is_never_written_down_or_shown(real: RealWorld) -> None:
    lines: list[str] = []
    with pytest.raises(NbhostdError) as error:
        await real.git.fetch(COURSE, "https://user:t0ken@127.0.0.1:1/c.git", None, lines.append)
    assert "t0ken" not in f"{error.value}{lines}"
    real.push("main", {"a.md": b"1"})
    await publish(real)
    config = (real.top / "courses" / COURSE / "git" / "config").read_text()
    assert "remote" not in config


@pytest.mark.parametrize(
    ("url", "kind", "sentence"),
    [
        ("https://nosuch.invalid/c.git", Refused, "there is no such host"),
        ("ssh://nosuch.invalid/c.git", Refused, "there is no such host"),
        ("http://127.0.0.1:1/c.git", WorldError, "does not answer"),
        ("/nosuch/path", Refused, "No such file"),
        ("/etc/passwd", Refused, "not a git bundle"),
        ("/etc", Refused, "it is not there"),
    ],
)
async def test_every_bad_address_gets_a_plain_sentence(
    real: RealWorld, url: str, kind: type[NbhostdError], sentence: str
) -> None:
    with pytest.raises(kind) as error:
        await real.git.fetch(COURSE, url, None, lambda _: None)
    assert sentence in error.value.message


async def test_a_cancelled_fetch_ends(real: RealWorld) -> None:
    real.push("main", {f"{n}.md": os.urandom(2000) for n in range(200)})
    entered = asyncio.Event()
    fetching = asyncio.ensure_future(real.git.fetch(COURSE, real.url(), None, lambda _: entered.set()))
    await entered.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await publish(real)
    assert len(await real.git.files(COURSE)) == 200


# Bundles


async def test_a_bundle_is_as_good_as_a_repository(real: RealWorld) -> None:
    text = b"".join(b"line %d of a text that changes little\n" % n for n in range(500))
    real.push("main", {"a.md": text, "w1/b.md": text[::-1]})
    real.push("main", {"a.md": text.replace(b"line 77 ", b"LINE 77 "), "w1/b.md": text[::-1]})
    last = real.push("main", {"a.md": text.replace(b"line 99 ", b"LINE 99 "), "c.md": b"", "w1/b.md": b"x"})
    bundle = str(real.bundle())
    assert await real.git.fetch(COURSE, bundle, None, lambda _: None) == last
    assert await real.git.fetch(COURSE, f"file://{bundle}", None, lambda _: None) == last
    await real.git.export(COURSE, last, lambda _: None)
    assert await real.git.read(COURSE, "a.md") == text.replace(b"line 99 ", b"LINE 99 ")
    mirror = real.top / "courses" / COURSE / "git"
    assert_sound(mirror)
    assert not (mirror / "unpacking").exists()


async def test_a_bundle_that_continues_another_needs_it(real: RealWorld) -> None:
    text = b"".join(b"line %d\n" % n for n in range(500))
    first = real.push("main", {"a.md": text})
    whole = real.bundle().read_bytes()
    second = real.push("main", {"a.md": text + b"more\n"})
    more = real.bundle("main", f"^{first}")
    with pytest.raises(Refused, match="continues a history"):
        await real.git.fetch(COURSE, str(more), None, lambda _: None)
    (real.top / "whole.bundle").write_bytes(whole)
    assert await real.git.fetch(COURSE, str(real.top / "whole.bundle"), None, lambda _: None) == first
    assert await real.git.fetch(COURSE, str(more), None, lambda _: None) == second


@pytest.mark.parametrize("place", [8, 60, 120, 400, -10])
async def test_a_damaged_bundle_is_refused(real: RealWorld, place: int) -> None:
    real.push("main", {"a.md": os.urandom(1000)})
    path = real.bundle()
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(NbhostdError):
        await real.git.fetch(COURSE, str(path), None, lambda _: None)


async def test_a_bundle_that_is_cut_short_is_refused(real: RealWorld) -> None:
    real.push("main", {"a.md": os.urandom(1000)})
    path = real.bundle()
    content = path.read_bytes()
    for length in (10, 40, 90, 300, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(Refused):
            await real.git.fetch(COURSE, str(path), None, lambda _: None)


@pytest.mark.courses
@pytest.mark.skipif(not BUNDLES.is_dir(), reason="the real courses' bundles are not here")
@pytest.mark.parametrize(("name", "files"), [("flotbioinfo", 68), ("python-mooc", 395)])
async def test_real_courses_are_published(real: RealWorld, name: str, files: int) -> None:
    commit = await real.git.fetch(COURSE, str(BUNDLES / f"{name}.bundle"), None, lambda _: None)
    await real.git.export(COURSE, commit, lambda _: None)
    assert len(await real.git.files(COURSE)) == files


async def test_a_class_that_asks_at_once_has_the_tree_listed_once(
    real: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []

    def list_it(self: Published) -> frozenset[str]:
        listed.append(self)
        return frozenset()

    monkeypatch.setattr(Published, "files", list_it)
    await asyncio.gather(*(real.git.files(COURSE) for _ in range(20)))
    assert len(listed) == 1


async def test_a_commit_has_a_date_and_a_title(world: World) -> None:
    commits: Commits
    if isinstance(world, RealWorld):
        commits = MirrorCommits(world.top / "courses")
    else:
        assert isinstance(world, FakeWorld)
        commits = FakeCommits(world.fake)
    world.push("main", {"a.md": b"1"})
    commit = await world.git.fetch(COURSE, world.url(), None, lambda line: None)
    found = await commits.commit(COURSE, commit)
    assert found is not None
    assert found.title
    assert found.made_at.tzinfo is not None
    assert await commits.commit(COURSE, "f" * 40) is None
    assert await commits.commit(COURSE, "no commit") is None
    assert await commits.commit(CourseName("nowhere"), commit) is None
