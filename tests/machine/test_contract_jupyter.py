"""The contract of core.ports.Jupyter on a real server, brought up by the real desk, systemd and Podman adapters."""

import asyncio
import itertools
import os
import pwd
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from nbhostd.adapters.envfiles import EnvFileDirectory
from nbhostd.adapters.jupyter import SocketJupyter
from nbhostd.adapters.podman import PodmanImages
from nbhostd.adapters.systemd import Systemd
from nbhostd.core.argv import ContainerSpec, run_workspace
from nbhostd.core.config import Limits
from nbhostd.core.model import Run
from nbhostd.core.unitspec import SocketServiceSpec, UnitPlan, describe_workspace
from tests.adapters.contract_jupyter import Classroom, JupyterContract
from tests.machine.test_contract_desk import TrialDesk
from tests.machine.trial import Trial, as_root

pytestmark = pytest.mark.machine

NUMBERS = itertools.count(8_000_000 + os.getpid() % 100_000 * 10)
UID = 100_001
SHARE = Path("/usr/share/nbhostd")
IMAGE = "localhost/nbhosting/minimal-notebook:latest"


@pytest.fixture(scope="module")
def account() -> Trial:
    """The service user of the installed package: its account has the image and the desk."""
    entry = pwd.getpwnam("nbhostd")
    return Trial(entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def renamed(spec: SocketServiceSpec) -> SocketServiceSpec:
    """The same units under names that the installed daemon does not take for its own, or it would tidy them away."""
    socket = replace(spec.socket, name=spec.socket.name.replace("nbh-", "trial-"))
    return replace(
        spec, socket=socket, service=replace(spec.service, name=spec.service.name.replace("nbh-", "trial-"))
    )


@pytest.fixture
async def classroom(account: Trial) -> AsyncIterator[Classroom]:
    """One workspace that the daemon knows nothing of, started; gone afterwards."""
    number, sockets = next(NUMBERS), account.runtime / "nbhostd/ws"
    run = Run(number, "S" * 22, "secret-t0ken", "", datetime(2026, 11, 23, tzinfo=UTC))
    course = account.home / f"jupyter-trial-{number}"
    as_root("install", "-d", "-m", "0755", "-o", "nbhostd", "-g", "nbhostd", str(course))
    desk, environment = TrialDesk(account), EnvFileDirectory(account.runtime / "nbhostd")
    await desk.prepare(number, UID, "none", notebook=None, force=False, links=())  # type: ignore[arg-type]
    with account.identity():
        image = await PodmanImages(account.runtime / "podman/podman.sock").digest(IMAGE)
        assert image is not None, f"{IMAGE} is not there: nbhostctl image build minimal"
        variables = (
            ("NBH_BASE_URL", run.base_url),
            ("NBH_TOKEN", run.token),
            ("NBH_ORIGIN", "http://localhost"),
        )
        await environment.write(number, variables)
        container = ContainerSpec(
            number=number,
            uid=UID,
            image=image,
            workspace_dir=f"{account.home}/workspaces/{number}",
            course_dir=str(course),
            env_file=environment.path(number),
            seccomp=str(SHARE / "images/seccomp.json"),
            limits=Limits(),
        )
        plan = UnitPlan(
            number,
            999,
            "trial/jupyter",
            run_workspace(container),
            f"{sockets}/{number}.sock",
            Limits(),
            60,
            20,
        )
        systemd = Systemd(account.bus)
        await systemd.connect()
        try:
            await systemd.arm(renamed(describe_workspace(plan)))
            await systemd.start(f"trial-{number}.service", timeout=60)
            yield Classroom(SocketJupyter(lambda n: f"{sockets}/{n}.sock"), run)
        finally:
            await systemd.stop(f"trial-{number}.socket", timeout=20)
            await systemd.stop(f"trial-{number}.service", timeout=30)
            await systemd.close()
            Path(environment.path(number)).unlink()
    await desk.delete(number, UID)
    as_root("rmdir", str(course))


class TestRealJupyter(JupyterContract):
    """Every promise of the contract."""


async def test_a_running_cell_is_a_busy_kernel_and_asking_is_no_activity(
    classroom: Classroom, account: Trial
) -> None:
    run = classroom.run
    path = f"{account.runtime}/nbhostd/ws/{run.workspace}.sock"
    async with aiohttp.ClientSession(
        f"http://localhost{run.base_url}",
        connector=aiohttp.UnixConnector(path),
        headers={"Authorization": f"token {run.token}"},
    ) as session:
        async with session.post("api/kernels", json={"name": "python3"}) as answer:
            kernel = (await answer.json())["id"]
        async with session.ws_connect(f"api/kernels/{kernel}/channels") as channels:
            await channels.send_json(execute("import time; time.sleep(3)"))
            async with asyncio.timeout(20):
                while True:
                    status = await classroom.jupyter.status(run.workspace, run)
                    if status.busy_kernels and status.connections:
                        break
                    await asyncio.sleep(0.1)
            assert (status.kernels, status.connections) == (1, 1)
            with suppress(TimeoutError):
                async with asyncio.timeout(20):
                    while status.busy_kernels:
                        await asyncio.sleep(0.2)
                        status = await classroom.jupyter.status(run.workspace, run)
        assert status.busy_kernels == 0
        assert status.last_activity is not None
        assert status.last_activity.utcoffset() is not None
        async with session.get("api/status") as answer:
            before = (await answer.json())["last_activity"]
        again = [await classroom.jupyter.status(run.workspace, run) for _ in range(3)]
        assert {one.last_activity for one in again} == {status.last_activity}
        async with session.get("api/status") as answer:
            assert (await answer.json())["last_activity"] == before


def execute(code: str) -> dict[str, object]:
    """An execute_request as a notebook page sends it."""
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
    }
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
