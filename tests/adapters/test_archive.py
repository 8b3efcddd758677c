"""The archive of a backup: byte for byte the same on the way back, whole or not there at all."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbhostd.adapters import archive as module
from nbhostd.adapters.archive import TarArchives
from nbhostd.adapters.archive_reading import TarReader
from nbhostd.adapters.tarentries import decimal, nanoseconds
from nbhostd.core.archive import END, MANIFEST, Manifest
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.parcel import FILE, FOLDER, HARD, LINK, NOTE, THE_END, Entry

MANIFESTO = Manifest("id", "box", "2026-11-23T09:00:00+00:00", "1.0", {"nbhostd.db": 2}, True, [], [], [])
NS = 1_600_000_000_123_456_789


def quiet(done: int, total: int, what: str) -> None:
    assert done >= 0


def parcel(*pieces: bytes) -> bytes:
    return b"".join((*pieces, THE_END))


SPACE = parcel(
    bytes(Entry(FILE, "w1/é à.ipynb", 0o640, NS, 4)) + b"work",
    bytes(Entry(FILE, os.fsdecode(b"\xff\n"), 0o600, -NS, 0)),
    bytes(Entry(FILE, "x" * 300, 0o755, 0, 3)) + b"abc",
    bytes(Entry(HARD, "twin", 0o640, NS, 4, "w1/é à.ipynb")),
    bytes(Entry(LINK, "out", 0o777, NS, to=os.fsdecode(b"/home/\xfe"))),
    bytes(Entry(FOLDER, "w1", 0o750, -1)),
)
DATABASES = parcel(bytes(Entry(FILE, "databases/nbhostd.db", 0o600, NS, 5)) + b"12345")


def write(path: Path, parts: dict[str, bytes], *, end: bool = True) -> Path:
    with TarArchives().create(str(path)) as archive:
        archive.document(MANIFEST, MANIFESTO.shape())
        sums = {name: archive.part(name, 100_007, io.BytesIO(data))[0] for name, data in parts.items()}
        if end:
            shapes = {name: {"sha256": sum.sha256} for name, sum in sums.items()}
            archive.document(END, {"parts": shapes, "notes": []})
    return path


def read(path: Path) -> dict[str, bytes]:
    return {name: b"".join(pieces) for name, pieces in TarReader(str(path)).parts()}


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "b.tgz"])
def test_parcels_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    parts = {"etc": THE_END, "databases": DATABASES, "workspaces/12": SPACE, "workspaces/13": THE_END}
    path = write(tmp_path / name, parts)
    archive = TarReader(str(path))
    assert archive.manifest == MANIFESTO
    assert read(path) == {"databases": DATABASES, "workspaces/12": SPACE}
    sums = archive.verify(quiet)
    assert (sums["workspaces/12"].files, sums["workspaces/12"].size) == (5, 7)


@given(st.integers(min_value=-(1 << 62) + 1, max_value=(1 << 62) - 1))
def test_every_time_comes_back(mtime: int) -> None:
    text = decimal(mtime)
    assert nanoseconds(text) == mtime


_NAMES = st.binary(min_size=1, max_size=120).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)


@given(st.lists(_NAMES, unique=True, max_size=6), st.sampled_from(["b.tar", "b.tar.gz"]))
@settings(max_examples=60, deadline=None)
def test_every_name_comes_back(names: list[bytes], archive: str) -> None:
    pieces = []
    for number, name in enumerate(map(os.fsdecode, names)):
        pieces.append(bytes(Entry(FILE, name, 0o600, number + NS, number)) + b"x" * number)
        pieces.append(bytes(Entry(LINK, f"links/{name}", 0o777, NS, to=name)))
        pieces.append(bytes(Entry(HARD, f"twins/{name}", 0o600, number + NS, number, name)))
        pieces.append(bytes(Entry(FOLDER, f"folders/{name}", 0o700, NS)))
    space = parcel(*pieces, bytes(Entry(FOLDER, "w", 0o700, NS)))
    with TemporaryDirectory() as place:
        path = write(Path(place) / archive, {"workspaces/12": space})
        assert read(path) == {"workspaces/12": space}
        TarReader(str(path)).verify(quiet)


def test_it_is_for_root_only_and_other_programs_can_read_it(tmp_path: Path) -> None:
    path = write(tmp_path / "b.tar", {"databases": DATABASES, "workspaces/12": SPACE})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        member = tar.getmember("workspaces/12/w1/é à.ipynb")
        file = tar.extractfile(member)
        assert file is not None
        assert (file.read(), member.uid, member.mode) == (b"work", 100_007, 0o640)


def test_notes_are_told_and_are_no_part_of_it(tmp_path: Path) -> None:
    noted = parcel(bytes(Entry(NOTE, "pipe", to="is a pipe")), SPACE[: -len(THE_END)])
    with TarArchives().create(str(tmp_path / "b.tar")) as archive:
        archive.document(MANIFEST, MANIFESTO.shape())
        sum, notes = archive.part("workspaces/12", 1, io.BytesIO(noted))
    assert notes == [("pipe", "is a pipe")]
    write(tmp_path / "c.tar", {"workspaces/12": SPACE})
    assert TarReader(str(tmp_path / "c.tar")).verify(quiet)["workspaces/12"] == sum


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz"])
def test_one_that_lost_its_end_is_not_whole(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"databases": DATABASES, "workspaces/12": SPACE}, end=False)
    with pytest.raises(WorldError, match="not whole"):
        TarReader(str(path)).verify(quiet)
    data = write(tmp_path / name, {"databases": DATABASES, "workspaces/12": SPACE}).read_bytes()
    data = data.rstrip(b"\0")  # a tar is filled up to whole records
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises((WorldError, Refused)):
            TarReader(str(path)).verify(quiet)


def test_a_byte_that_changed_is_found_with_its_part(tmp_path: Path) -> None:
    path = write(tmp_path / "b.tar", {"databases": DATABASES, "workspaces/12": SPACE})
    data = path.read_bytes()
    path.write_bytes(data.replace(b"12345", b"12346"))
    with pytest.raises(WorldError, match="is damaged: databases"):
        TarReader(str(path)).verify(quiet)


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 2000)
    with pytest.raises((Refused, WorldError)):
        _ = TarReader(str(tmp_path / "x")).manifest
    with tarfile.open(tmp_path / "y.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("somebody-else's"))
    with pytest.raises(Refused, match="no backup"):
        _ = TarReader(str(tmp_path / "y.tar")).manifest
    with pytest.raises(WorldError, match="No such file"):
        TarReader(str(tmp_path / "absent"))


@pytest.mark.parametrize("broken", [SPACE[:-1], SPACE[:200], b"", b"{}\n"])
def test_a_parcel_that_breaks_off_leaves_no_file(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"an earlier one")
    with pytest.raises((WorldError, Refused)):
        write(tmp_path / "b.tar.gz", {"workspaces/12": broken})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b.tar.gz": b"an earlier one"}


def test_a_disk_that_is_nearly_full_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_FREE", 1 << 62)
    with pytest.raises(WorldError, match="nearly full"):
        write(tmp_path / "b.tar.gz", {"databases": DATABASES})
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_somebody_planted_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "b.tar.partial").symlink_to(tmp_path / "victim")
    write(tmp_path / "b.tar", {"databases": DATABASES})
    assert not (tmp_path / "victim").exists()


def test_a_place_is_a_file_or_a_directory(tmp_path: Path) -> None:
    archives = TarArchives()
    assert archives.place(str(tmp_path), "n.tar.gz") == str(tmp_path / "n.tar.gz")
    assert archives.place(str(tmp_path / "b.tar"), "n.tar.gz") == str(tmp_path / "b.tar")
    assert archives.place("-", "n.tar.gz") == "-"
    assert (archives.free(str(tmp_path / "b.tar")) or 0) > 0
    assert archives.free("-") is None
    with pytest.raises(WorldError):
        archives.free(str(tmp_path / "absent" / "b.tar"))
