"""What every desk keeps of a backup's way out (core.backup.PackingDesk) and a restore's way in (StagingDesk)."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from nbhostd.adapters.desk import SocketDesk
from nbhostd.core.errors import Refused
from nbhostd.core.parcel import END, FILE, FOLDER, NOTE, THE_END, Entry
from tests.adapters.contract_desk import UID, Office
from tests.fakes.desk import FakeHandingDesk

LATER = 1_700_000_000_987_654_321


def packing(office: Office) -> SocketDesk | FakeHandingDesk:
    assert isinstance(office.desk, SocketDesk | FakeHandingDesk)
    return office.desk


async def packed(office: Office) -> bytes:
    return b"".join([piece async for piece in packing(office).pack(office.workspace, UID)])


async def packed_stock(office: Office, path: str, *under: str) -> bytes:
    return b"".join([piece async for piece in packing(office).pack_stock(path, under=under)])


def entries(parcel: bytes) -> dict[str, tuple[Entry, bytes]]:
    found: dict[str, tuple[Entry, bytes]] = {}
    while True:
        line, _, parcel = parcel.partition(b"\n")
        entry = Entry.parse(line)
        if entry.kind == END:
            assert parcel == b""
            return found
        size = entry.size if entry.kind == FILE else 0
        found[entry.path] = (entry, parcel[:size])
        parcel = parcel[size:]


async def once(parcel: bytes) -> AsyncIterator[bytes]:
    yield parcel


def tree(top: Path) -> dict[str, tuple[object, ...]]:
    """Everything that a backup keeps of a tree: modes, times, owners, contents, where links lead."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            seen = os.lstat(path)
            kept: tuple[object, ...] = (seen.st_uid, stat.S_IFMT(seen.st_mode), seen.st_mtime_ns)
            if stat.S_ISLNK(seen.st_mode):
                kept += (os.readlink(path),)
            else:
                kept += (stat.S_IMODE(seen.st_mode),)
                kept += (
                    (Path(os.fsdecode(path)).read_bytes(), seen.st_nlink)
                    if stat.S_ISREG(seen.st_mode)
                    else ()
                )
            found[repr(os.path.relpath(path, os.fsencode(top)))] = kept
    return found


def furnish(office: Office) -> None:
    """A space with all that is allowed in one."""
    office.plant("w1/un nom à espaces \\ “odd”\n.ipynb", "work é")
    office.plant("w1/empty", "")
    office.plant("bin/run.sh", "#!/bin/sh\n").chmod(0o750)
    office.plant(os.fsdecode(b"not-utf8-\xff/x"), "1")
    office.plant(f"{'long-' * 30}/{'name-' * 30}", "2")
    office.plant(".nbhosting/imported", "a list of its own\n")
    (office.space / "data").symlink_to("/home/jovyan/static/data")
    (office.space / "w1" / "dangling").symlink_to(os.fsdecode(b"../\xfe"))
    os.link(office.space / "w1/empty", office.space / "bin/twin")
    (office.space / "w2").mkdir(mode=0o700)
    os.utime(office.space / "w1/empty", ns=(LATER, LATER))
    os.utime(office.space / "w2", ns=(-1_500_000_000, -1_500_000_000))
    os.utime(office.space / "data", ns=(LATER, LATER), follow_symlinks=False)
    office.own()


class PackingContract:
    """Needs a fixture `office`."""

    async def test_a_space_that_is_packed_and_unpacked_is_the_same(self, office: Office) -> None:
        furnish(office)
        (office.state / "restore").mkdir()
        if office.owner is not None:
            os.chown(office.state / "restore", *os.stat(office.state)[4:6])
        parcel = await packed(office)
        done = await packing(office).unpack(office.workspace, UID, once(parcel), staged=True)
        assert (done.troubles, done.kept) == ((), ())
        there = office.state / "restore/workspaces" / str(office.workspace)
        assert tree(there) == tree(office.space)
        again = await packing(office).unpack(office.workspace, UID, once(parcel), staged=True)
        assert (again.written, again.same) == (0, done.written)
        await packing(office).delete(office.workspace, UID, staged=True)
        assert not there.exists()
        assert office.space.exists()

    async def test_a_space_that_is_not_there_is_404(self, office: Office) -> None:
        with pytest.raises(Refused) as caught:
            await packed(office)
        assert (caught.value.status, caught.value.reason) == (404, "no-workspace")

    async def test_what_is_no_plain_file_is_told_and_left_out(self, office: Office) -> None:
        office.plant("a")
        os.mkfifo(office.space / "pipe")
        with socket.socket(socket.AF_UNIX) as odd:
            odd.bind(str(office.space / "s"))
            office.own()
            found = entries(await packed(office))
        assert {path for path, (entry, _) in found.items() if entry.kind == NOTE} == {"pipe", "s"}
        assert found["a"][1] == b"work"

    async def test_links_are_never_followed(self, office: Office) -> None:
        (office.state / "secret").mkdir()
        (office.state / "secret/key").write_text("secret")
        office.plant("a")
        (office.space / "out").symlink_to(office.state / "secret")
        (office.space / "key").symlink_to(office.state / "secret/key")
        office.own()
        parcel = await packed(office)
        assert set(entries(parcel)) == {"a", "out", "key"}
        assert b"secret\n" not in parcel.replace(b'"', b"\n").replace(b"/secret", b"")

    async def test_a_directory_of_the_services_is_packed_under_its_path(self, office: Office) -> None:
        for path in (
            "courses/python/git/HEAD",
            "courses/python/public/x",
            "local/python/a",
            "backup/databases/d",
        ):
            file = office.state / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(path)
        found = entries(await packed_stock(office, "courses/python/git"))
        assert [found[path][0].kind for path in found] == [FILE, FOLDER]
        assert found["courses/python/git/HEAD"][1] == b"courses/python/git/HEAD"
        assert set(entries(await packed_stock(office, "databases", "backup"))) == {"databases/d", "databases"}
        for absent in ("sites", "courses/gone/git", "local/python/a/x"):
            with pytest.raises(Refused) as caught:
                await packed_stock(office, absent)
            assert (caught.value.status, caught.value.reason) == (404, "no-such-place")

    async def test_nothing_else_of_the_state_is_packed(self, office: Office) -> None:
        (office.state / "workspaces").mkdir(exist_ok=True)
        for path in ("workspaces", "restore", "../state", "nbhostd.db", "local/../workspaces"):
            with pytest.raises(Refused) as caught:
                await packed_stock(office, path)
            assert caught.value.status != 404 or caught.value.reason != "no-such-place"

    async def test_what_is_staged_is_beside_what_is_here(self, office: Office) -> None:
        (office.state / "restore").mkdir()
        if office.owner is not None:
            os.chown(office.state / "restore", *os.stat(office.state)[4:6])
        file = bytes(Entry(FILE, "local/python/a", 0o644, LATER, 1)) + b"a"
        folder = bytes(Entry(FOLDER, "local", 0o755, LATER))
        done = await packing(office).stage(once(file + folder + THE_END))
        assert done.written == 1
        assert (office.state / "restore/local/python/a").read_text() == "a"
        assert stat.S_IMODE((office.state / "restore/local").stat().st_mode) == 0o755
        assert not (office.state / "local").exists()

    async def test_whoever_does_not_want_the_rest_may_go(self, office: Office) -> None:
        for number in range(5):
            office.plant(f"large{number}", "x" * 3_000_000)
        async with asyncio.timeout(20), aclosing(packing(office).pack(office.workspace, UID)) as parcel:
            await anext(parcel)
        async with asyncio.timeout(20):
            assert len(entries(await packed(office))) == 5
