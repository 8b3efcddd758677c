"""The desk: the contract on the fake and, as root, on the real one with real identities (no user namespace)."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbhostd.adapters import desk_files
from nbhostd.adapters.desk import SocketDesk
from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError
from nbhostd.core.names import NotebookPath
from tests.adapters.contract_desk import UID, DeskContract, Office
from tests.adapters.contract_packing import PackingContract
from tests.adapters.contract_parcels import ParcelContract, file, stock, unpack
from tests.adapters.desk_hostile import HostileDesk
from tests.fakes.desk import FakeHandingDesk

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become a student here")

LAUNCH = """
import os
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
from nbhostd.adapters import desk_server, desk_work
{patch}
desk_server.main()
"""

Opened = Callable[[str], Office]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """A desk process, with the state directory as its own; `opened(patch)` runs that code in it first."""
    running: list[subprocess.Popen[bytes]] = []
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    # Where another user may go, so that it is the desk that refuses one.
    place = Path(tempfile.mkdtemp(prefix="nbhostd-desk-"))
    place.chmod(0o711)
    path = place / "desk.sock"

    def open_desk(patch: str) -> Office:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(100)
            fd = listener.fileno()

            def hand_over() -> None:
                os.dup2(fd, 3)
                os.set_inheritable(3, True)

            root = str(Path(__file__).parents[2])
            process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH.format(patch=patch)],
                cwd=state,
                env={"PYTHONPATH": root, "PATH": os.defpath},
                preexec_fn=hand_over,  # noqa: PLW1509 - this process has no threads
                pass_fds=(3,),
            )
        running.append(process)
        return Office(SocketDesk(path), state, owner=UID + 1)

    yield open_desk
    for process in running:
        process.terminate()
        assert process.wait(timeout=10) == 0
    # A test that fails may leave a tree that pytest's own tidying cannot descend.
    subprocess.run(["rm", "-rf", str(state), str(place)], check=True)


class TestFakeDesk(DeskContract, ParcelContract, PackingContract):
    @pytest.fixture
    def office(self, tmp_path: Path) -> Office:
        return Office(FakeHandingDesk(tmp_path), tmp_path)


@as_root
class TestRealDesk(DeskContract, ParcelContract, PackingContract, HostileDesk):
    @pytest.fixture
    def office(self, opened: Opened) -> Office:
        return opened("")


@as_root
async def test_a_child_that_crashes_is_an_error_for_who_asked_and_for_nobody_else(opened: Opened) -> None:
    office = opened("desk_work.OPERATIONS['measure'] = (lambda request: os.abort(), 5)")
    office.publish("a.ipynb")
    with pytest.raises(WorldError, match="wait status"):
        await office.desk.measure(office.workspace, UID)
    assert await office.open("a.ipynb") is True


@as_root
async def test_a_bug_in_a_child_is_an_error_without_internals(opened: Opened) -> None:
    office = opened("desk_work.OPERATIONS['measure'] = (lambda request: 1 / 0, 5)")
    with pytest.raises(WorldError) as caught:
        await office.desk.measure(office.workspace, UID)
    assert "Zero" not in str(caught.value)


@as_root
async def test_a_child_that_takes_too_long_is_ended(opened: Opened) -> None:
    office = opened("import time; desk_work.OPERATIONS['measure'] = (lambda request: time.sleep(600), 1)")
    with pytest.raises(WorldError, match="too long"):
        await office.desk.measure(office.workspace, UID)


@as_root
async def test_more_requests_than_children_wait_for_their_turn(opened: Opened) -> None:
    office = opened("desk_server.MOST_CHILDREN = 2")
    office.publish("a.ipynb")
    assert await asyncio.gather(*(office.open(None) for _ in range(12))) == [False] * 12


@as_root
async def test_another_user_is_not_served(opened: Opened) -> None:
    office = opened("")
    assert isinstance(office.desk, SocketDesk)
    office.desk._path.chmod(0o666)
    os.seteuid(65534)
    try:
        with pytest.raises(WorldError, match=r"broke off|reset by peer"):
            await office.desk.measure(office.workspace, UID)
    finally:
        os.seteuid(0)


@as_root
async def test_a_full_disk_is_a_plain_sentence(opened: Opened) -> None:
    full = "def full(*_): raise OSError(28, 'No space left on device')\n"
    office = opened(f"{full}desk_work.desk_files._pour = full")
    office.publish("a.ipynb")
    with pytest.raises(WorldError, match="no space left for your files"):
        await office.open("a.ipynb")
    assert list(office.space.iterdir()) == []


@as_root
async def test_a_disk_that_is_full_of_parcels_means_not_now(opened: Opened) -> None:
    full = "from nbhostd.adapters import desk_unpack\ndef full(*_): raise OSError(28, 'No space left on device')\n"
    office = opened(f"{full}desk_unpack._Content.pour = full")
    for unpacking in (unpack(office, file("a", "x" * 3_000_000)), stock(office, file("area/a"))):
        with pytest.raises(NotNow, match="no space left"):
            await unpacking
    assert [path for path in office.space.rglob("*") if path.is_file() and path.name != "imported"] == []


def test_a_file_that_came_while_we_copied_is_the_students_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "original").write_text("original")
    (tmp_path / "space").mkdir()
    copy = desk_files._copy

    def copy_slowly(source: int, folder: int) -> str:
        temporary = copy(source, folder)
        (tmp_path / "space/a.ipynb").write_text("work")
        return temporary

    monkeypatch.setattr(desk_files, "_copy", copy_slowly)
    space = os.open(tmp_path / "space", os.O_RDONLY)
    with (tmp_path / "original").open("rb") as source:
        copied, _ = desk_files.place_notebook(space, "a.ipynb", source.fileno(), force=False, aside=None)
    os.close(space)
    assert copied is False
    assert [(path.name, path.read_text()) for path in (tmp_path / "space").iterdir()] == [("a.ipynb", "work")]


def test_without_a_socket_from_systemd_the_server_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbhostd.adapters.desk_server"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    assert "without its socket" in done.stderr


def test_the_server_imports_little() -> None:
    code = "import sys, nbhostd.adapters.desk_server; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    modules = set(done.stdout.split())
    assert not modules & {"asyncio", "logging", "subprocess", "aiohttp", "pathlib", "typing_extensions"}


# ---- the client, before a desk that misbehaves


async def serve(path: Path, answer: bytes) -> asyncio.Server:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    return await asyncio.start_unix_server(reply, str(path))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", WorldError),
        (b'{"measured": [1', WorldError),
        (b'{"measure": [1, 2]}\n', WorldError),
        (b"[]\n", WorldError),
        (b'"error"\n', WorldError),
        (b'{"error": "No.", "status": 404, "reason": "no-such-notebook"}\n', Refused),
        (b'{"error": "No.", "status": 502, "detail": "x"}\n', WorldError),
        (b"x" * (2 << 20), WorldError),
    ],
)
async def test_whatever_the_desk_says_is_an_answer_or_an_error(
    tmp_path: Path, answer: bytes, error: type[NbhostdError]
) -> None:
    path = tmp_path / "desk.sock"
    async with await serve(path, answer):
        with pytest.raises(error):
            await SocketDesk(path).measure(1, UID)


async def test_no_desk_is_a_world_error(tmp_path: Path) -> None:
    with pytest.raises(WorldError):
        await SocketDesk(tmp_path / "gone", patience=0.3).exists(1, UID, [NotebookPath("a")])
