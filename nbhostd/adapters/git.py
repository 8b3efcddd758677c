"""The Git port: mirrors of courses' repositories, and what is published of them. The only room with pygit2.

A mirror keeps branches and tags, follows a force-push, and holds no address: that (perhaps with a token in it) is
in the store only. Nothing is spawned, no hook runs, no configuration of the host's git is read.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, CredentialType, FetchPrune, FileMode

from nbhostd.adapters import gitbundle
from nbhostd.adapters.blocking import BlockingWork, Say, silent
from nbhostd.adapters.gitcomplaints import complaint
from nbhostd.adapters.published import Leaf, Published, disk_errors, plain_name, sync
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.giturl import GitUrl, Transport, redacted
from nbhostd.core.names import CourseName

_REFSPECS = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
_MIRRORED = ("refs/heads/", "refs/tags/")
_CONNECT_MILLISECONDS = 20_000
_ANSWER_MILLISECONDS = 60_000
_AT_ONCE = 4
_WORTH_TELLING = 2000  # objects: fewer arrive before anybody has read a line
_DEEPEST = 64
_MOST_FILES = 200_000
_MOST_BYTES = 20 << 30
_MOST_WARNINGS = 50
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_SSH_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@contextmanager
def git_errors(address: str) -> Iterator[None]:
    """Translate libgit2's complaints about a remote."""
    try:
        yield
    except (pygit2.GitError, KeyError, ValueError) as error:
        raise complaint(address, str(error)) from error


class Mirrors:
    """The Git of `core/ports.py`, in the directory `root` (one directory per course, made when needed).

    `home` is where `.ssh` with the service's own key and known hosts is.
    """

    def __init__(self, root: Path, *, home: Path | None = None) -> None:
        self._root = root
        self._home = home
        self._locks: dict[CourseName, asyncio.Lock] = {}
        self._files: dict[CourseName, tuple[str, frozenset[str]]] = {}
        self._listing: dict[CourseName, asyncio.Lock] = {}
        self._work = BlockingWork("git", _AT_ONCE)
        _set_up_libgit2(home)

    async def close(self) -> None:
        """Wait for the threads; callers were cancelled before."""
        await self._work.close()

    async def fetch(self, course: CourseName, url: str, branch: str | None, on_line: Say) -> str:
        """Clone or fetch the mirror; the commit (hex) that the branch, or the repository's own choice, is at.

        Raises Refused (bad address, no such branch, nothing in it), WorldError or NotNow.
        """
        parsed = GitUrl.parse(url)
        if parsed.warning:
            on_line(f"warning: {parsed.warning}")
        async with self._turn(course):
            mirror = self._mirror(course)
            return await self._work.run(lambda say: _fetch(mirror, parsed, branch, say, self._home), on_line)

    async def export(self, course: CourseName, commit: str, on_line: Say) -> None:
        """Publish the tree of a commit and make it `current`, atomically; what is left out is said as `warning: …`."""
        mirror, published = self._mirror(course), self._published(course)
        async with self._turn(course):
            await self._work.run(lambda say: _export(mirror, published, commit, say), on_line)

    async def changes(self, course: CourseName, old: str, new: str) -> int | None:
        """How many files differ between two commits, or None when one of them is gone."""
        return await self._work.run(lambda _: _changes(self._mirror(course), old, new), silent)

    async def files(self, course: CourseName) -> frozenset[str]:
        """Paths of all regular files of the current tree (empty when none)."""
        published = self._published(course)
        # A whole class may ask at once; not the lock of fetch and export, for which nobody shall wait.
        async with self._listing.setdefault(course, asyncio.Lock()):
            commit = published.commit or ""
            known = self._files.get(course)
            if known is None or known[0] != commit:
                known = (commit, await self._work.run(lambda _: published.files(), silent))
                self._files[course] = known
            return known[1]

    async def read(self, course: CourseName, path: str, *, limit: int = 1 << 20) -> bytes | None:
        """The first `limit` bytes of a file of the current tree, or None."""
        return await self._work.run(lambda _: self._published(course).read(path, limit), silent)

    async def prune(self, course: CourseName, keep: Iterable[str]) -> None:
        """Remove exported trees of other commits than `keep` and the current one."""
        async with self._turn(course):
            await self._work.run(lambda _: self._published(course).prune(tuple(keep)), silent)

    async def delete(self, course: CourseName) -> None:
        """Remove mirror and trees; not being there is success."""
        async with self._turn(course):
            self._files.pop(course, None)
            await self._work.run(lambda _: _remove(self._root / course), silent)

    def still(self, course: CourseName) -> AbstractAsyncContextManager[None]:
        """Nobody fetches into a course's mirror, exports from it or deletes it meanwhile."""
        return self._turn(course)

    def _mirror(self, course: CourseName) -> Path:
        return self._root / course / "git"

    def _published(self, course: CourseName) -> Published:
        return Published(self._root / course / "public")

    @asynccontextmanager
    async def _turn(self, course: CourseName) -> AsyncIterator[None]:
        async with self._locks.setdefault(course, asyncio.Lock()):
            yield


def _set_up_libgit2(home: Path | None) -> None:
    settings = pygit2.Settings()
    settings.server_connect_timeout = _CONNECT_MILLISECONDS
    settings.server_timeout = _ANSWER_MILLISECONDS
    # Our mirrors are ours by construction; a repository that an administrator names may be anybody's.
    settings.owner_validation = False
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL, ConfigLevel.PROGRAMDATA):
        settings.search_path[level] = ""
    settings.template_path = ""
    if home is not None:
        settings.homedir = str(home)


class _Callbacks(pygit2.RemoteCallbacks):
    """Tells how a transfer goes, and offers the service's own ssh key, each key once."""

    def __init__(self, say: Say, home: Path | None) -> None:
        super().__init__()
        self._say = say
        self._tenth = -1
        ssh = (home or Path("/nonexistent")) / ".ssh"
        self._keys = [ssh / name for name in _SSH_KEYS if (ssh / name).is_file()]

    def sideband_progress(self, string: str) -> None:
        for line in re.split(r"[\r\n]+", string):
            if line.strip() and line.rstrip().endswith(("done.", ".")):
                self._say(f"remote: {redacted(line.strip())[:200]}")

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        tenth = stats.received_objects * 10 // max(stats.total_objects, 1)
        if tenth != self._tenth and (tenth == 10 or stats.total_objects >= _WORTH_TELLING):
            self._tenth = tenth
            megabytes = stats.received_bytes / 1e6
            self._say(
                f"received {stats.received_objects} of {stats.total_objects} objects, {megabytes:.1f} MB"
            )

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.credentials.Keypair | pygit2.credentials.Username:
        if allowed_types & CredentialType.USERNAME:
            return pygit2.Username(username_from_url or "git")
        if allowed_types & CredentialType.SSH_KEY and self._keys:
            key = self._keys.pop(0)
            return pygit2.Keypair(username_from_url or "git", f"{key}.pub", str(key), "")
        raise pygit2.GitError("authentication failed: no credentials for this server")


def _fetch(mirror: Path, url: GitUrl, branch: str | None, say: Say, home: Path | None) -> str:
    with disk_errors("course's repository"):
        repository = _open_or_create(mirror)
        if url.transport is Transport.FILE and not os.path.isdir(url.path):
            own_choice = _take_bundle(repository, Path(url.path), say)
        else:
            own_choice = _take_remote(repository, url, say, home)
        commit = _choose(repository, branch, own_choice)
        _open_to_readers(mirror)
        _sync_mirror(mirror)
        return commit


def _open_or_create(mirror: Path) -> pygit2.Repository:
    if (mirror / "HEAD").is_file():
        try:
            return pygit2.Repository(mirror)
        except pygit2.GitError:
            shutil.rmtree(mirror)  # an earlier life of the daemon did not finish it; it is only a mirror
    mirror.parent.mkdir(parents=True, exist_ok=True)
    return pygit2.init_repository(mirror, bare=True)


def _open_to_readers(mirror: Path) -> None:
    """Let students' containers, where the mirror is mounted read-only, read all of it: nobody else gets this far."""
    for directory, _, names in os.walk(mirror):
        os.chmod(directory, 0o755)
        for name in names:
            os.chmod(os.path.join(directory, name), 0o444 if name.endswith((".pack", ".idx")) else 0o644)


def _sync_mirror(mirror: Path) -> None:
    """Put on the disk what a transfer brought, packs and references: cheaper here than at each object."""
    for part in ("objects/pack", "refs"):
        for directory, _, names in os.walk(mirror / part):
            for name in names:
                sync(Path(directory, name))
            sync(Path(directory))
    sync(mirror / "HEAD")
    sync(mirror)


def _take_remote(repository: pygit2.Repository, url: GitUrl, say: Say, home: Path | None) -> str | None:
    """Fetch all branches and tags; the branch that the remote's HEAD names."""
    address = url.path if url.transport is Transport.FILE else url.address
    with git_errors(url.address):
        say(f"asking {url.shown}")
        remote = repository.remotes.create_anonymous(address)
        heads = remote.list_heads(callbacks=_Callbacks(say, home), proxy=True)
        if not any((head.name or "").startswith("refs/heads/") for head in heads):
            raise Refused(f"The repository {url.shown} is empty.", reason="empty-repository")
        remote.fetch(_REFSPECS, callbacks=_Callbacks(say, home), prune=FetchPrune.PRUNE, proxy=True)
    return next((head.symref_target for head in heads if head.name == "HEAD"), None)


def _take_bundle(repository: pygit2.Repository, path: Path, say: Say) -> str | None:
    """Take over all branches and tags of a bundle; the branch that its HEAD is at, if that is known."""
    try:
        header = gitbundle.read_header(path)
    except OSError as error:
        raise Refused(
            f"The service cannot read {path}: {error.strerror}. A path must be readable for the user nbhostd.",
            reason="bad-git-url",
        ) from error
    references = {name: id for name, id in header.references.items() if name.startswith(_MIRRORED)}
    if not references:
        raise Refused(f"The bundle {path} has no branch.", reason="empty-repository")
    if any(id not in repository for id in header.references.values()):
        missing = [id for id in header.prerequisites if id not in repository]
        if missing:
            raise Refused(f"The bundle {path} continues a history that is not here ({missing[0][:10]}).")
        _unpack_bundle(repository, path, header, say)
    _set_references(repository, references)
    head = header.references.get("HEAD")
    return next((name for name, id in references.items() if id == head), None)


def _unpack_bundle(repository: pygit2.Repository, path: Path, header: gitbundle.Header, say: Say) -> None:
    """Objects go to a throw-away repository one by one, and from there into the mirror as one pack."""
    mirror = Path(repository.path)
    workshop_path = mirror / "unpacking"
    shutil.rmtree(workshop_path, ignore_errors=True)
    try:
        workshop = pygit2.init_repository(workshop_path, bare=True)
        workshop.odb.add_disk_alternate(str(mirror / "objects"))
        builder = pygit2.PackBuilder(workshop)

        def write(kind: int, content: bytes) -> str:
            id = workshop.write(kind, content)
            builder.add(id)
            return str(id)

        def read(id: str) -> gitbundle.Object:
            kind, content = workshop.read(id)
            return int(kind), content

        for done, count in gitbundle.unpack(path, header, read=read, write=write):
            if done == count or done % 1000 == 0:
                say(f"unpacked {done} of {count} objects")
        builder.write(mirror / "objects" / "pack")
    finally:
        shutil.rmtree(workshop_path, ignore_errors=True)


def _set_references(repository: pygit2.Repository, references: dict[str, str]) -> None:
    for name in list(repository.references):
        if name.startswith(_MIRRORED) and name not in references:
            repository.references.delete(name)
    for name, id in references.items():
        try:
            repository.references.create(name, id, force=True)
        except (pygit2.GitError, ValueError) as error:
            raise Refused(
                f"The bundle has a branch that is not whole: {name[:80]}.", detail=str(error)
            ) from error


def _choose(repository: pygit2.Repository, branch: str | None, own_choice: str | None) -> str:
    """The commit to publish; the mirror's HEAD follows, for those who clone from it."""
    branches = sorted(repository.branches.local)
    if branch is None:
        preferred = [(own_choice or "").removeprefix("refs/heads/"), "main", "master", *branches]
        branch = next(name for name in preferred if name in branches)
    elif branch not in branches:
        there_are = ", ".join(branches[:10]) or "none"
        raise Refused(
            f"The repository has no branch “{branch[:80]}”; it has: {there_are}.", reason="no-such-branch"
        )
    try:
        commit = repository.branches.local[branch].peel(pygit2.Commit)
    except (pygit2.GitError, ValueError) as error:
        raise WorldError("The repository's newest commit cannot be read.", detail=str(error)) from error
    repository.set_head(f"refs/heads/{branch}")
    return str(commit.id)


def _export(mirror: Path, published: Published, commit: str, say: Say) -> None:
    warnings = 0

    def warn(text: str) -> None:
        nonlocal warnings
        warnings += 1
        if warnings <= _MOST_WARNINGS:
            say(f"warning: {text}")

    if not published.has(commit):
        try:
            repository = pygit2.Repository(mirror)
            tree = repository[commit].peel(pygit2.Tree)
            published.write(commit, _leaves(repository, tree, warn), warn)
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise WorldError("The course's newest commit cannot be read.", detail=str(error)) from error
    if warnings > _MOST_WARNINGS:
        say(f"warning: and {warnings - _MOST_WARNINGS} more")
    published.switch(commit)


def _leaves(repository: pygit2.Repository, tree: pygit2.Tree, warn: Say) -> Iterator[Leaf]:
    """Every file and link of a tree; refuses what is too much for any disk (in git, repeating a tree is free)."""
    size = 0
    for count, (path, mode, id) in enumerate(_walk(tree, "", 0, warn), 1):
        blob = repository[id]
        if not isinstance(blob, pygit2.Blob):
            raise ValueError(f"{path} is no blob")
        size += blob.size
        if count > _MOST_FILES or size > _MOST_BYTES:
            raise Refused(f"This course is more than {_MOST_FILES} files or {_MOST_BYTES >> 30} GB.")
        content = _Content(blob, path, warn)
        yield Leaf(path, mode == FileMode.LINK, mode == FileMode.BLOB_EXECUTABLE, content)


class _Content:
    """Reads a blob when its turn comes; says so when it is only a pointer to a file that is elsewhere."""

    def __init__(self, blob: pygit2.Blob, path: str, warn: Say) -> None:
        self._blob, self._path, self._warn = blob, path, warn

    def __call__(self) -> bytes:
        data = self._blob.data
        if data.startswith(_LFS_POINTER):
            self._warn(f"{self._path}: is kept in git LFS, which is not fetched")
        return data


def _walk(tree: pygit2.Tree, prefix: str, depth: int, warn: Say) -> Iterator[tuple[str, int, pygit2.Oid]]:
    for entry in tree:
        raw_name = entry.raw_name or b""
        name = plain_name(raw_name)
        if name is None:
            warn(f"{prefix}{raw_name.decode(errors='backslashreplace')[:60]!r}: left out, not a usable name")
        elif isinstance(entry, pygit2.Tree):
            if depth < _DEEPEST:
                yield from _walk(entry, f"{prefix}{name}/", depth + 1, warn)
            else:
                warn(f"{prefix[:60]}…: left out below, it is too deep")
        elif entry.filemode == FileMode.COMMIT:
            warn(f"{prefix}{name}: is a submodule, which is not fetched")
        else:
            yield f"{prefix}{name}", int(entry.filemode or 0), entry.id


def _changes(mirror: Path, old: str, new: str) -> int | None:
    try:
        return len(pygit2.Repository(mirror).diff(old, new))
    except (pygit2.GitError, KeyError, ValueError):
        return None


def _remove(path: Path) -> None:
    with disk_errors("course's content"):
        if path.exists():
            shutil.rmtree(path)
