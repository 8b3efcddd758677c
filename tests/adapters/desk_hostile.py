"""What a hostile student, or a hostile asker, gets from the real desk: as root on this computer, and in the machine."""

import asyncio
import contextlib
import json
import os
import socket
import threading

import pytest

from nbhostd.adapters.desk import SocketDesk
from nbhostd.adapters.desk_files import LARGEST
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Mapping
from nbhostd.core.names import NotebookPath
from nbhostd.core.parcel import FILE, LAST_TIME, NOTE
from tests.adapters.contract_desk import COURSE, UID, Office
from tests.adapters.contract_packing import entries, packed


def connect(office: Office) -> socket.socket:
    """A connection to the desk, as somebody whom it serves."""
    assert isinstance(office.desk, SocketDesk)
    connection = socket.socket(socket.AF_UNIX)
    with office.identity():
        connection.connect(str(office.desk._path))
    return connection


async def raw(office: Office, data: bytes) -> dict[str, object]:
    """What the desk answers to these bytes."""
    reader, writer = await asyncio.open_unix_connection(sock=connect(office))
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        writer.write_eof()
        await writer.drain()
    async with asyncio.timeout(20):
        line = await reader.readline()
    writer.close()
    answer = json.loads(line)
    assert isinstance(answer, dict)
    return answer


def deep(office: Office, levels: int) -> None:
    """A chain of folders, deeper than any path may be long."""
    office.plant("top/x")
    fd = os.open(office.space / "top", os.O_RDONLY)
    owner = office.owner or 0
    for _ in range(levels):
        os.mkdir("d", dir_fd=fd)
        os.chown("d", owner, owner, dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


class HostileDesk:
    """Needs a fixture `office` with a real desk, whose `owner` is known."""

    async def test_everything_is_the_students_and_closed_to_others(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        await office.open("w1/a.ipynb", force=True, links=(Mapping("data", "data"),))
        for path in (
            office.space,
            office.space / "w1",
            office.space / "w1/a.ipynb",
            office.space / "w1/data",
        ):
            assert path.lstat().st_uid == office.owner, path
        assert office.space.stat().st_mode & 0o7777 == 0o700
        assert (office.space / "w1").stat().st_mode & 0o7777 == 0o755

    async def test_somebody_elses_workspace_is_not_opened(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.plant("a.ipynb", "private")
        assert isinstance(office.desk, SocketDesk)
        with pytest.raises(WorldError, match="somebody else"):
            await office.desk.prepare(
                office.workspace, UID + 1, COURSE, notebook=NotebookPath("a.ipynb"), force=True, links=()
            )
        with pytest.raises(WorldError, match="somebody else"):
            await office.desk.delete(office.workspace, UID + 1)
        assert (office.space / "a.ipynb").read_text() == "private"

    async def test_a_student_who_closed_the_own_workspace_gets_in_again(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.plant("mine")
        office.space.chmod(0)
        assert await office.open("a.ipynb") is True

    async def test_a_closed_folder_is_said_in_a_sentence(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        office.plant("w1/x")
        (office.space / "w1").chmod(0o555)
        with pytest.raises(Refused, match="closed to its owner"):
            await office.open("w1/a.ipynb")

    async def test_no_set_uid_bit_and_no_write_permission_for_others_is_copied(self, office: Office) -> None:
        office.publish("a.py", mode=0o6777)
        await office.open("a.py")
        assert (office.space / "a.py").stat().st_mode & 0o7777 == 0o755

    async def test_a_notebook_beyond_all_measure_is_413(self, office: Office) -> None:
        os.truncate(office.publish("a.ipynb"), LARGEST + 1)
        with pytest.raises(Refused) as caught:
            await office.open("a.ipynb")
        assert caught.value.status == 413

    async def test_nothing_temporary_is_left(self, office: Office) -> None:
        office.publish("a.ipynb")
        await office.open("a.ipynb")
        await office.open("a.ipynb", force=True, links=(Mapping("data", "data"),))
        assert sorted(path.name for path in office.space.iterdir()) == ["a.ipynb", "data"]

    async def test_resets_in_one_moment_are_all_kept(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.plant("a.ipynb", "one")
        await office.open("a.ipynb", force=True, aside="now")
        office.plant("a.ipynb", "two")
        await office.open("a.ipynb", force=True, aside="now")
        kept = office.space / "before-reset"
        assert sorted(path.read_text() for path in kept.iterdir()) == ["one", "two"]

    async def test_a_planted_link_instead_of_the_kept_versions_is_refused_and_nothing_is_lost(
        self, office: Office
    ) -> None:
        office.publish("a.ipynb")
        office.plant("a.ipynb", "my work")
        (office.space / "before-reset").symlink_to("/tmp")
        office.own()
        with pytest.raises(Refused):
            await office.open("a.ipynb", force=True, aside="now")
        assert (office.space / "a.ipynb").read_text() == "my work"

    async def test_links_lead_nowhere_but_to_static_files(self, office: Office) -> None:
        office.publish("a.ipynb")
        for source, destination in (
            ("../x", "data"),
            ("x", "../../etc"),
            ("/x", "data"),
            ("x", "/etc"),
            ("", ""),
        ):
            with pytest.raises(Refused):
                await office.open("a.ipynb", links=(Mapping(source, destination),))
        assert [path.name for path in office.space.iterdir()] == ["a.ipynb"]

    async def test_a_tree_deeper_than_any_path_is_measured_and_deleted(self, office: Office) -> None:
        deep(office, 3000)
        assert office.desk is not None
        assert (await office.desk.measure(office.workspace, UID))[1] == 1
        await office.desk.delete(office.workspace, UID)
        assert list(office.space.parent.iterdir()) == []

    async def test_of_very_many_files_some_are_listed_and_odd_names_are_not(self, office: Office) -> None:
        office.plant("many/x.md")
        for number in range(3000):
            (office.space / f"many/{'é' * 20}{number}.md").touch()
        found = await office.desk.files(office.workspace, UID)
        assert found.more
        assert 1000 < len(found.files) <= 2000
        deep(office, 60)
        for name in (b"no-text-\xff.md", b"line\nbreak.md", b"good.md"):
            os.close(os.open(bytes(office.space) + b"/top/" + name, os.O_CREAT, 0o600))
        office.own()
        below = await office.desk.files(office.workspace, UID, below="top")
        assert [file.path for file in below.files] == ["top/good.md", "top/x"]
        os.utime(office.space / "top/x", ns=(0, (1 << 62)))
        assert (await office.desk.files(office.workspace, UID, below="top")).files[1].size == 4
        for below_of in ("..", "../..", "top/../..", "/etc"):
            with pytest.raises(Refused):
                await office.desk.files(office.workspace, UID, below=below_of)

    async def test_folders_closed_to_their_owner_are_deleted(self, office: Office) -> None:
        office.plant("w1/w2/x")
        (office.space / "w1/w2").chmod(0)
        (office.space / "w1").chmod(0)
        await office.desk.delete(office.workspace, UID)
        assert list(office.space.parent.iterdir()) == []

    async def test_what_is_deleted_is_deleted_as_the_student(self, office: Office) -> None:
        foreign = office.plant("mine/foreign/kept")
        assert office.owner is not None
        for path in (foreign, foreign.parent):
            os.chown(path, office.owner + 1, office.owner + 1)
        foreign.parent.chmod(0o700)
        with pytest.raises(WorldError, match="deleted whole"):
            await office.desk.delete(office.workspace, UID)
        assert [path.read_text() for path in office.space.parent.rglob("kept")] == ["work"]

    async def test_very_many_files_are_deleted(self, office: Office) -> None:
        office.plant("many/x")
        for i in range(12_000):
            (office.space / f"many/{i}").touch()
        office.own()
        assert (await office.desk.measure(office.workspace, UID))[1] == 12_001
        await office.desk.delete(office.workspace, UID)
        assert list(office.space.parent.iterdir()) == []

    async def test_an_interrupted_deletion_is_finished_by_the_next(self, office: Office) -> None:
        office.plant("half/x")
        office.space.rename(office.space.parent / f".deleted-{office.workspace}")
        await office.desk.delete(office.workspace, UID)
        assert list(office.space.parent.iterdir()) == []

    async def test_forty_at_once_are_all_served(self, office: Office) -> None:
        office.publish("a.ipynb")
        assert isinstance(office.desk, SocketDesk)
        desk = office.desk
        opened = await asyncio.gather(
            *(
                desk.prepare(
                    1000 + i, UID + i, COURSE, notebook=NotebookPath("a.ipynb"), force=False, links=()
                )
                for i in range(40)
            )
        )
        assert opened == [True] * 40

    async def test_the_same_notebook_opened_twenty_times_at_once_is_copied_once(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        opened = await asyncio.gather(*(office.open("w1/a.ipynb") for _ in range(20)))
        assert sorted(opened) == [False] * 19 + [True]
        assert [path.name for path in (office.space / "w1").iterdir()] == ["a.ipynb"]

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"\n",
            b"{}\n",
            b"[]\n",
            b"\xff\xfe\n",
            b'{"op": "prepare"}\n',
            b'{"op": "__init__", "workspace": 1, "uid": 100000}\n',
            b'{"op": "delete", "workspace": "../x", "uid": 100000}\n',
            b'{"op": "delete", "workspace": -1, "uid": 100000}\n',
            b'{"op": "delete", "workspace": true, "uid": 100000}\n',
            b'{"op": "delete", "workspace": 1, "uid": 0}\n',
            b'{"op": "delete", "workspace": 1, "uid": 99999}\n',
            b'{"op": "exists", "workspace": 1, "uid": 100000, "paths": [1]}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "course": "../..", "notebook": "a"}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "course": ".", "notebook": "a"}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "course": "python", "notebook": "../a"}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "course": "python", "notebook": "a\\u0000b"}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "course": "python", "notebook": "\\ud800"}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "course": "python", "notebook": 5}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "notebook": null, "aside": "../x"}\n',
            b'{"op": "prepare", "workspace": 1, "uid": 100000, "notebook": null, "links": [["a"]]}\n',
            b'{"no end": ',
            b"[" * 100_000 + b"\n",
        ],
    )
    async def test_what_is_no_request_is_refused(self, office: Office, line: bytes) -> None:
        office.publish("a.ipynb")
        answer = await raw(office, line)
        assert "error" in answer
        assert isinstance(answer["status"], int)
        assert 400 <= answer["status"] < 500, answer

    async def test_a_request_that_is_too_long_is_refused(self, office: Office) -> None:
        assert (await raw(office, b"x" * (2 << 20)))["status"] == 413

    async def test_who_connects_and_says_nothing_disturbs_nobody(self, office: Office) -> None:
        office.publish("a.ipynb")
        with contextlib.ExitStack() as stack:
            for _ in range(10):
                stack.enter_context(connect(office))
            assert await office.open("a.ipynb") is True

    async def test_a_space_made_to_last_is_packed_all_the_same(self, office: Office) -> None:
        deep(office, 150)
        office.plant("fine")
        for number in range(150):
            os.mkfifo(office.space / f"pipe{number}")
        with (office.space / "holes").open("wb") as file:
            file.truncate(4 << 30)
        (office.space / "large").write_bytes(b"x" * (9 << 20))
        office.plant("closed").chmod(0)
        os.utime(office.plant("future"), ns=(1 << 63, 8_000_000_000 * 10**9))
        office.own()
        found = entries(await packed(office))
        notes = {path: entry.to for path, (entry, _) in found.items() if entry.kind == NOTE}
        assert len(notes) <= 101
        assert notes["…"] == "and more"
        assert found["fine"][1] == b"work"
        assert found["future"][0].mtime == LAST_TIME
        assert found["large"][1] == b"x" * (9 << 20)
        assert not {"holes", "closed"} & {path for path, (entry, _) in found.items() if entry.kind == FILE}

    async def test_a_file_that_never_holds_still_is_packed_whole_or_told(self, office: Office) -> None:
        office.plant("log")
        office.plant("still")
        ended = threading.Event()

        def write() -> None:
            with (office.space / "log").open("r+b", buffering=0) as file:
                while not ended.wait(0.01):
                    file.seek(0)
                    file.truncate(0)
                    file.write(os.urandom(100))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            parcel = await packed(office)
        finally:
            ended.set()
            writer.join()
        found = entries(parcel)
        assert found["still"][1] == b"work"
        assert len(found["log"][1]) == 100 or found["log"][0].kind == NOTE
