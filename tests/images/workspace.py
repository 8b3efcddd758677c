"""A workspace's container without the daemon: the command of nbhostd.core.argv behind a transient socket."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from nbhostd.core.argv import ContainerSpec, run_workspace
from nbhostd.core.config import Limits

SERVICE_USER = os.environ.get("NBHOSTD_TEST_USER", "nbhostd")
IMAGE = os.environ.get("NBHOSTD_TEST_IMAGE", "localhost/nbhosting/minimal-notebook")
IMAGES = Path(__file__).parents[2] / "images"
SECRETS = ("s3cretbase", "t0ken")
BASE_URL = f"/w/{SECRETS[0]}/"
TOKEN = SECRETS[1]
ORIGIN = "http://workspace.example"


def as_service_user(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command's result, run as the service user with its manager's environment."""
    account = pwd.getpwnam(SERVICE_USER)
    runtime = f"/run/user/{account.pw_uid}"
    environment = {
        "HOME": account.pw_dir,
        "USER": SERVICE_USER,
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "XDG_RUNTIME_DIR": runtime,
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
    }
    identity = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    done = subprocess.run(
        (*identity, *argv), env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, (
        f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    )
    return done


@dataclass(frozen=True)
class Answer:
    """What running a cell came to."""

    text: str
    error: str


class Workspace:
    """One student's container; `start` waits until systemd calls it active, which is READY=1 from inside."""

    def __init__(self, number: int, image: str = IMAGE) -> None:
        account = pwd.getpwnam(SERVICE_USER)
        self.number = number
        self.uid = 100_000 + number
        self.image = image
        self.unit = f"imagetest-{uuid.uuid4().hex[:8]}"
        self.place = Path(account.pw_dir, self.unit)
        self.socket = Path(f"/run/user/{account.pw_uid}", f"{self.unit}.sock")
        self.kernel = ""
        self.variables = {"NBH_BASE_URL": BASE_URL, "NBH_TOKEN": TOKEN, "NBH_ORIGIN": ORIGIN}

    @property
    def work(self) -> Path:
        return self.place / "work"

    def prepare(self) -> None:
        """Make the student's directory and a course with one published commit."""
        course = self.place / "public"
        as_service_user("mkdir", "-p", str(self.work), str(course / "c1/modules"), str(course / "c1/media"))
        as_service_user("ln", "-s", "c1", str(course / "current"))
        (course / "c1/modules/helper.py").write_text("ANSWER = 42\n")
        (course / "c1/media/logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        # In podman's user namespace an id of the container is one higher.
        as_service_user("podman", "unshare", "chown", f"{self.uid + 1}:101", str(self.work))

    def publish(self, name: str, text: str) -> None:
        """Put a file into the course's published commit."""
        self._lay(self.place / "public/c1" / name, text)

    def lay_over(self, name: str, text: str) -> None:
        """Put a file into what the administrator adds to Jupyter's settings."""
        self._lay(self.place / "local" / name, text)

    @staticmethod
    def _lay(path: Path, text: str) -> None:
        as_service_user("mkdir", "-p", str(path.parent))
        path.write_text(text)

    def give(self, name: str, text: str) -> None:
        """Put a file into the student's directory, as the student's."""
        owner = self.work.stat()
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for made in (path, *path.parents):
            if made == self.work:
                break
            os.chown(made, owner.st_uid, owner.st_gid)

    def link(self, name: str, target: str) -> None:
        """Put a link into the student's directory, as the desk does for static mappings."""
        owner = self.work.stat()
        (self.work / name).symlink_to(target)
        os.chown(self.work / name, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def start(self) -> subprocess.CompletedProcess[str]:
        """Arm the socket and start the service; its status is that of `systemctl start`."""
        environment = self.place / "env"
        environment.write_text("".join(f"{name}={value}\n" for name, value in self.variables.items()))
        spec = ContainerSpec(
            number=self.number,
            uid=self.uid,
            image=self.image,
            workspace_dir=str(self.work),
            course_dir=str(self.place / "public"),
            jupyter_dir=str(self.place / "local") if (self.place / "local").is_dir() else "",
            env_file=str(environment),
            seccomp=str(IMAGES / "seccomp.json"),
            limits=Limits(),
        )
        # A name of its own, so that a daemon in the same account does not take the container for one of its own.
        podman = tuple(
            one.replace(f"--name=nbh-{self.number}", f"--name={self.unit}") for one in run_workspace(spec)
        )
        service = ("Type=notify", "NotifyAccess=all", "Delegate=yes", "KillMode=mixed", "TimeoutStartSec=60")
        socket = (f"ListenStream={self.socket}", "SocketMode=0600", "FlushPending=yes")
        as_service_user(
            "systemd-run", "--user", "--quiet", "--collect", f"--unit={self.unit}",
            *(f"--property={one}" for one in service),
            f"--property=SyslogIdentifier={self.unit}",
            *(f"--socket-property={one}" for one in socket),
            "--", *podman,
        )  # fmt: skip
        return as_service_user("systemctl", "--user", "start", f"{self.unit}.service", check=False)

    def show(self, name: str) -> str:
        """One property of the service."""
        return as_service_user(
            "systemctl", "--user", "show", "--value", f"--property={name}", f"{self.unit}.service"
        ).stdout.strip()

    def journal(self) -> str:
        """All that the container said."""
        argv = ("journalctl", "--output=cat", "--no-pager", f"--identifier={self.unit}")
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def stop(self) -> None:
        """Stop the socket, then the service; both are gone afterwards."""
        for kind in ("socket", "service"):
            as_service_user("systemctl", "--user", "stop", f"{self.unit}.{kind}", check=False)

    def remove(self) -> None:
        """Leave nothing behind."""
        self.stop()
        as_service_user("podman", "unshare", "rm", "-rf", str(self.place))

    @asynccontextmanager
    async def session(self, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A client as the proxy is one: over the socket, with the token."""
        sent = {"Authorization": f"token {TOKEN}", "Origin": ORIGIN, **headers}
        connector = aiohttp.UnixConnector(str(self.socket))
        url = "http://workspace.example"
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(url, connector=connector, headers=sent, timeout=timeout) as session:
            yield session

    async def get_json(self, path: str) -> Any:
        """GET below the base URL, refused unless 200."""
        async with self.session() as session, session.get(BASE_URL + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def new_kernel(self, session: aiohttp.ClientSession) -> str:
        """Start a kernel; its id."""
        async with session.post(f"{BASE_URL}api/kernels", json={"name": "python3"}) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["id"])

    async def run_cell(self, code: str) -> Answer:
        """Run one cell; all cells of a workspace share one kernel."""
        async with self.session() as session:
            self.kernel = self.kernel or await self.new_kernel(session)
            channels = f"{BASE_URL}api/kernels/{self.kernel}/channels"
            async with asyncio.timeout(60), session.ws_connect(channels, max_msg_size=0) as web_socket:
                request = execute_request(code)
                await web_socket.send_str(json.dumps(request))
                return await _result(web_socket, request["header"]["msg_id"])


def execute_request(code: str) -> dict[str, Any]:
    """The message that runs a cell, in the protocol of jupyter-client's documentation, "Messaging in Jupyter"."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": "t",
        "username": "",
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {
        "channel": "shell",
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "buffers": [],
    }


async def _result(web_socket: aiohttp.ClientWebSocketResponse, request: str) -> Answer:
    text, error = "", ""
    async for message in web_socket:
        said = json.loads(message.data)
        if said["parent_header"].get("msg_id") != request:
            continue
        match said["msg_type"]:
            case "stream" if said["content"]["name"] == "stdout":
                text += said["content"]["text"]
            case "error":
                error = "\n".join(said["content"]["traceback"])
            case "status" if said["content"]["execution_state"] == "idle":
                return Answer(text, error)
    raise AssertionError("the kernel hung up")
