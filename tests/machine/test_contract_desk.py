"""The contract of core.ports.Desk, and the hostile suite, on the package's own user unit in a real user namespace."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbhostd.adapters.desk import SocketDesk
from nbhostd.core.errors import WorldError
from tests.adapters.contract_desk import COURSE, UID, DeskContract, Office
from tests.adapters.contract_packing import PackingContract
from tests.adapters.contract_parcels import ParcelContract
from tests.adapters.desk_hostile import HostileDesk
from tests.machine.trial import SUBIDS_START, Trial, as_root, trial_user

pytestmark = pytest.mark.machine

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "units/user"


class TrialDesk(SocketDesk):
    """The adapter, connecting as the trial user: the desk serves nobody else, not even root."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial.runtime / "nbhostd/desk.sock")
        self._trial = trial

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = socket.socket(socket.AF_UNIX)
        with self._trial.identity():
            connection.connect(str(self._path))
        return await asyncio.open_unix_connection(sock=connection, limit=1 << 20)


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """The trial user with the package's units for the desk, which run this checkout's code."""
    trial = trial_user()
    folder = trial.home / ".config/systemd/user"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("nbhostd-desk.socket", "nbhostd-desk.service"):
        text = (UNITS / name).read_text().replace("ConditionUser=nbhostd\n", "")
        # The interpreter of these tests instead of the package's, which has no -I as it must find the checkout.
        text = text.replace(
            "/usr/lib/nbhostd/venv/bin/python -I", f"/usr/bin/env PYTHONPATH={ROOT} {sys.executable}"
        )
        (folder / name).write_text(text)
    trial.run("systemctl", "--user", "daemon-reload")
    trial.run("systemctl", "--user", "restart", "nbhostd-desk.socket")
    yield trial
    trial.run("systemctl", "--user", "stop", "nbhostd-desk.socket", "nbhostd-desk.service")


def fresh(trial: Trial) -> Path:
    """The trial user's home as an empty state directory."""
    for name in (
        "courses",
        "workspaces",
        "victim",
        "outside",
        "secret",
        "droparea",
        "import",
        "restore",
        "local",
        "backup",
    ):
        path = trial.home / name
        if path.is_dir():
            as_root("rm", "-rf", str(path))
        path.unlink(missing_ok=True)
    for name in ("courses", "workspaces"):
        (trial.home / name).mkdir(mode=0o755)
        shutil.chown(trial.home / name, trial.uid, trial.gid)
    trial.home.chmod(0o700)
    return trial.home


@pytest.fixture
def office(trial: Trial) -> Office:
    return Office(TrialDesk(trial), fresh(trial), owner=SUBIDS_START + UID, identity=trial.identity)


class TestRealDesk(DeskContract, ParcelContract, PackingContract, HostileDesk):
    """Every promise, with the identities that containers have."""


async def test_not_even_root_is_served(office: Office, trial: Trial) -> None:
    with pytest.raises(WorldError, match="cannot be reached"):
        await SocketDesk(trial.runtime / "nbhostd/desk.sock").measure(office.workspace, UID)


async def test_a_uid_outside_the_namespace_is_an_error(office: Office) -> None:
    with pytest.raises(WorldError):
        await office.desk.prepare(1, 5_000_000, COURSE, notebook=None, force=False, links=())
    assert await office.open(None) is False


async def test_a_desk_that_is_killed_is_there_for_the_next_request(office: Office, trial: Trial) -> None:
    office.publish("a.ipynb")
    assert await office.open("a.ipynb") is True
    trial.run("systemctl", "--user", "kill", "--signal=KILL", "nbhostd-desk.service")
    assert await office.open("a.ipynb") is False


async def test_the_desk_is_small(office: Office, trial: Trial) -> None:
    await office.open(None)
    pid = trial.main_pid("nbhostd-desk.service")
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    private = sum(
        int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))
    )
    assert private < 20_000, f"{private} kB"


async def test_a_full_disk_is_a_plain_sentence(office: Office, trial: Trial) -> None:
    office.publish("a.ipynb", "x" * 900_000)
    as_root("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(office.state / "workspaces"))
    try:
        os.chown(office.state / "workspaces", trial.uid, trial.gid)
        # The desk's own mounts follow those of the machine.
        with pytest.raises(WorldError, match="no space left for your files"):
            await office.open("a.ipynb")
        assert list(office.space.iterdir()) == []
    finally:
        as_root("umount", "--lazy", str(office.state / "workspaces"))
