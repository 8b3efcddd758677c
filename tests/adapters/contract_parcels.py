"""What every desk keeps of drop areas (core.handouts.HandingDesk) and parcels (core.takeover.UnpackingDesk)."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nbhostd.adapters.desk import SocketDesk
from nbhostd.core.errors import Refused
from nbhostd.core.handouts import Dropped
from nbhostd.core.names import AreaName, FilePath
from nbhostd.core.parcel import FILE, FOLDER, HARD, LINK, THE_END, Entry
from nbhostd.core.takeover import Stock, Unpacked
from tests.adapters.contract_desk import COURSE, UID, Office
from tests.fakes.desk import FakeHandingDesk

AREA = AreaName("données")
THEN = 1_500_000_000_123_456_789


def file(path: str, content: str = "from the parcel", *, mtime: int = THEN, mode: int = 0o640) -> bytes:
    data = content.encode()
    return bytes(Entry(FILE, path, mode, mtime, len(data))) + data


async def parcel(*pieces: bytes, end: bytes = THE_END) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    yield end


def handing(office: Office) -> SocketDesk | FakeHandingDesk:
    assert isinstance(office.desk, SocketDesk | FakeHandingDesk)
    return office.desk


async def unpack(office: Office, *pieces: bytes, end: bytes = THE_END) -> Unpacked:
    return await handing(office).unpack(office.workspace, UID, parcel(*pieces, end=end))


async def drop(office: Office, *files: str) -> list[Dropped]:
    wanted = [FilePath(name) for name in files]
    return await handing(office).drop(office.workspace, UID, COURSE, AREA, wanted)


async def stock(office: Office, *pieces: bytes, replace: bool = False) -> Unpacked:
    return await handing(office).stock(Stock.DROPAREA, COURSE, parcel(*pieces), replace=replace)


class ParcelContract:
    """Needs a fixture `office`."""

    # drop areas

    async def test_a_file_is_handed_out_once_and_never_again(self, office: Office) -> None:
        await stock(office, file(f"{AREA}/w1/énoncé 1.csv", "1,2"), file(f"{AREA}/b.txt"))
        assert await drop(office, "w1/énoncé 1.csv", "b.txt") == [Dropped.NEW, Dropped.NEW]
        copy = office.space / f"DROPPED/{AREA}/w1/énoncé 1.csv"
        assert copy.read_text() == "1,2"
        assert office.owner is None or copy.stat().st_uid == office.owner
        copy.write_text("mine")
        assert await drop(office, "w1/énoncé 1.csv") == [Dropped.THERE]
        assert copy.read_text() == "mine"

    async def test_what_a_student_put_in_the_way_stays_and_is_told(self, office: Office) -> None:
        await stock(office, file(f"{AREA}/a.txt"), file(f"{AREA}/w1/b.txt"))
        office.plant(f"DROPPED/{AREA}/a.txt/x")
        victim = office.state / "victim"
        victim.mkdir()
        (office.space / f"DROPPED/{AREA}/w1").symlink_to(victim)
        office.own()
        assert await drop(office, "a.txt", "w1/b.txt") == [Dropped.IN_THE_WAY, Dropped.IN_THE_WAY]
        assert list(victim.iterdir()) == []

    async def test_only_plain_files_of_the_area_are_handed_out(self, office: Office) -> None:
        await stock(office, file(f"{AREA}/a.txt"))
        area = office.state / "droparea" / COURSE / AREA
        (office.state / "secret").write_text("secret")
        (area / "out").symlink_to(office.state / "secret")
        os.mkfifo(area / "pipe")
        for name in ("out", "pipe", "absent", "a.txt/x"):
            with pytest.raises(Refused) as caught:
                await drop(office, name)
            assert (caught.value.status, caught.value.reason) == (404, "no-such-file")

    async def test_a_file_put_again_replaces_the_one_in_the_area(self, office: Office) -> None:
        await stock(office, file(f"{AREA}/a.txt", "one"))
        done = await stock(office, file(f"{AREA}/a.txt", "two"), replace=True)
        assert (done.written, done.kept_count) == (1, 0)
        assert (office.state / "droparea" / COURSE / AREA / "a.txt").read_text() == "two"

    # parcels

    async def test_a_parcel_is_unpacked_with_times_and_modes(self, office: Office) -> None:
        done = await unpack(
            office,
            file("w1/a b é.ipynb", "work"),
            bytes(Entry(FOLDER, "w1", 0o750, THEN)),
            file("run.sh", mode=0o6755),
            bytes(Entry(FOLDER, "empty", 0o700, THEN)),
            bytes(Entry(LINK, "data", to="/home/jovyan/static/data", mtime=THEN)),
            bytes(Entry(HARD, "twice", size=4, mtime=THEN, to="w1/a b é.ipynb")),
        )
        assert (done.written, done.size, done.troubles) == (4, 4 + 15, ())
        copy = office.space / "w1/a b é.ipynb"
        assert (copy.read_text(), copy.stat().st_mtime_ns, copy.stat().st_mode & 0o7777) == (
            "work",
            THEN,
            0o640,
        )
        assert office.owner is None or copy.stat().st_uid == office.owner
        assert ((office.space / "w1").stat().st_mtime_ns, (office.space / "w1").stat().st_mode & 0o777) == (
            THEN,
            0o750,
        )
        assert (office.space / "run.sh").stat().st_mode & 0o7777 == 0o755
        assert (office.space / "empty").is_dir()
        assert (office.space / "data").readlink() == Path("/home/jovyan/static/data")
        assert (office.space / "twice").samefile(copy)

    async def test_the_same_parcel_again_writes_nothing(self, office: Office) -> None:
        pieces = (file("a"), file("w/b"), bytes(Entry(LINK, "l", to="a", mtime=THEN)))
        await unpack(office, *pieces)
        again = await unpack(office, *pieces)
        assert (again.written, again.same, again.kept_count) == (0, 3, 0)

    async def test_work_that_is_there_stays(self, office: Office) -> None:
        office.plant("a", "work")
        done = await unpack(office, file("a"), file("b"))
        assert (done.written, done.kept, done.kept_count) == (1, ("a",), 1)
        assert (office.space / "a").read_text() == "work"

    async def test_what_an_earlier_parcel_brought_is_brought_up_to_date_unless_it_was_changed(
        self, office: Office
    ) -> None:
        await unpack(office, file("a", "one"), file("b", "one"))
        (office.space / "b").write_text("changed here")
        later = THEN + 5
        done = await unpack(office, file("a", "two", mtime=later), file("b", "two", mtime=later))
        assert (done.written, done.kept) == (1, ("b",))
        assert (office.space / "a").read_text() == "two"
        assert (office.space / "b").read_text() == "changed here"

    async def test_a_parcel_that_breaks_off_leaves_whole_files_only_and_can_be_gone_on_with(
        self, office: Office
    ) -> None:
        half = bytes(Entry(FILE, "b", 0o600, THEN, 1000)) + b"x" * 10
        for end in (half, b"", b'{"kind": "file", "pa'):
            with pytest.raises(Refused):
                await unpack(office, file("a"), end=end)
            names = {path.name for path in office.space.iterdir()}
            assert names - {".nbhosting"} == {"a"}
        done = await unpack(office, file("a"), file("b"))
        assert (done.written, done.same) == (1, 1)

    async def test_a_parcel_never_leads_out_of_the_workspace(self, office: Office) -> None:
        outside = office.state / "outside"
        outside.mkdir()
        outside.chmod(0o777)
        done = await unpack(
            office,
            file("../../outside/a"),
            file("/tmp/a"),
            bytes(Entry(LINK, "out", to=str(outside), mtime=THEN)),
            file("out/b"),
            file("fine"),
        )
        assert (done.written, len(done.troubles)) == (2, 3)
        assert list(outside.iterdir()) == []
        assert (office.space / "fine").exists()

    async def test_what_is_no_parcel_is_refused(self, office: Office) -> None:
        for line in (b"x\n", b'{"kind": "device"}\n', b'{"kind": "file", "path": 3}\n', b"[]\n"):
            with pytest.raises(Refused):
                await unpack(office, line)
