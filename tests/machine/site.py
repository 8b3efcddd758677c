"""The installed site, as tests on the machine see it: nbhostctl, a browser without a screen, systemd, files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pwd
import re
import socket
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookies import BaseCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from nbhostd.adapters.config_file import read_config, read_keyring
from nbhostd.core.access import sign_launch
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import OpenRequest, open_path

STATE = Path("/var/lib/nbhostd")
CONFIG = Path("/etc/nbhostd/nbhostd.toml")


def run(
    *argv: str, check: bool = True, input: str | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """A command's result; what it said is in the failure."""
    done = subprocess.run(argv, capture_output=True, text=True, input=input, timeout=timeout, check=False)
    assert not check or done.returncode == 0, (
        f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    )
    return done


def ctl(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """nbhostctl, as an administrator runs it."""
    return run("nbhostctl", *argv, check=check)


def ctl_json(*argv: str) -> Any:
    return json.loads(ctl(*argv, "--json").stdout)


def user_uid() -> int:
    return pwd.getpwnam("nbhostd").pw_uid


def runtime() -> Path:
    return Path(f"/run/user/{user_uid()}")


def user_systemctl(*argv: str, check: bool = True) -> str:
    """systemctl of the service user's manager."""
    uid = user_uid()
    environment = (
        f"XDG_RUNTIME_DIR=/run/user/{uid}",
        f"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus",
    )
    return run(
        "runuser", "-u", "nbhostd", "--", "env", *environment, "systemctl", "--user", *argv, check=check
    ).stdout


def journal(*matches: str, since: str = "-10min") -> str:
    return run("journalctl", "--no-pager", "--output=cat", f"--since={since}", *matches).stdout


class Loopback(AbstractResolver):
    """Every name is this machine, as browsers hold of *.localhost."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Opened:
    """A notebook in a browser: where it ended, what it was sent, and the way back in."""

    browser: aiohttp.ClientSession
    url: str
    status: int
    text: str

    @property
    def base(self) -> str:
        """'http://label.ws.localhost:port/w/secret/'."""
        found = re.match(r"(https?://[^/]+/w/[A-Za-z0-9_-]{22}/)", self.url)
        assert found, (self.url, self.status, self.text[:500])
        return found[1]

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def headers(self) -> dict[str, str]:
        return {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}

    async def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Jupyter's API as the page uses it."""
        async with self.browser.request(
            method, self.base + path, json=body, headers=self.headers()
        ) as answer:
            assert answer.status < 400, (answer.status, await answer.text())
            return None if answer.status == 204 else await answer.json()

    async def start_kernel(self) -> str:
        # The path, as pages send it, is where the kernel begins: the workspace.
        kernel = await self.api("api/kernels", "POST", {"name": "python3", "path": "any.md"})
        return str(kernel["id"])

    async def run_code(self, code: str, kernel: str | None = None, timeout: float = 60) -> str:
        """What a cell prints (or the error it raises), over the kernel's WebSocket."""
        async with asyncio.timeout(timeout):
            kernel = kernel or await self.start_kernel()
            url = f"{self.base}api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}"
            async with self.browser.ws_connect(url, headers=self.headers(), max_msg_size=0) as channel:
                return await _execute(channel, code)


async def _ask_kernel(channel: aiohttp.ClientWebSocketResponse, kind: str, content: dict[str, Any]) -> str:
    message = uuid.uuid4().hex
    await channel.send_json({
        "channel": "shell", "parent_header": {}, "metadata": {}, "buffers": [], "content": content,
        "header": {"msg_id": message, "msg_type": kind, "username": "", "session": "", "version": "5.4"},
    })  # fmt: skip
    return message


async def _shake_hands(channel: aiohttp.ClientWebSocketResponse) -> None:
    """Ask until an answer comes on the broadcast channel too: before that, output may be missed (as pages do)."""
    asked, patience = set(), 2.0
    while True:
        asked.add(await _ask_kernel(channel, "kernel_info_request", {}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                async for frame in channel:
                    event = json.loads(frame.data)
                    if event["channel"] == "iopub" and event.get("parent_header", {}).get("msg_id") in asked:
                        return
                raise AssertionError(f"the WebSocket closed ({channel.close_code})")
        patience *= 2


async def _execute(channel: aiohttp.ClientWebSocketResponse, code: str) -> str:
    await _shake_hands(channel)
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    message = await _ask_kernel(channel, "execute_request", content)
    said = []
    async for frame in channel:
        event = json.loads(frame.data)
        if event.get("parent_header", {}).get("msg_id") != message:
            continue
        kind, content = event["msg_type"], event["content"]
        if kind == "stream":
            said.append(content["text"])
        elif kind == "execute_result":
            said.append(content["data"]["text/plain"])
        elif kind == "error":
            said.append(f"{content['ename']}: {content['evalue']}")
        elif kind == "status" and content["execution_state"] == "idle":
            return "".join(said)
    raise AssertionError(f"the WebSocket closed ({channel.close_code}) before the cell had ended: {said}")


class LocalhostJar(aiohttp.CookieJar):
    """Keeps `Secure` cookies of http://*.localhost, as browsers do."""

    def filter_cookies(self, request_url: URL | None = None) -> BaseCookie[str]:
        return super().filter_cookies((request_url or URL()).with_scheme("https"))


class Browser:
    """A browser without a screen: follows redirects and waiting pages, keeps cookies unless told not to."""

    def __init__(self, *, cookies: bool = True) -> None:
        jar = LocalhostJar(unsafe=True) if cookies else aiohttp.DummyCookieJar()
        connector = aiohttp.TCPConnector(resolver=Loopback(), limit=0)
        self.session = aiohttp.ClientSession(connector=connector, cookie_jar=jar)

    async def get(self, url: str, headers: Mapping[str, str] | None = None, **more: Any) -> Opened:
        navigation = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        async with self.session.get(url, headers={**navigation, **(headers or {})}, **more) as answer:
            return Opened(self.session, str(answer.url), answer.status, await answer.text())

    async def open(self, url: str, timeout: float = 120) -> Opened:
        """Follow a launch to its end, refreshing the waiting page as a browser without JavaScript does."""
        async with asyncio.timeout(timeout):
            page = await self.get(url)
            while "/visit/" in page.url and page.status == 200:
                await asyncio.sleep(0.5)
                page = await self.get(page.url)
            return page

    async def close(self) -> None:
        await self.session.close()


def launch_url(course: str, notebook: str, student: str, *options: str) -> str:
    return ctl("launch-url", course, notebook, student, *options).stdout.strip()


def signed_elsewhere(course: str, notebook: str, student: str, mode: Mode = Mode.MOOC) -> str:
    """A launch URL as an LMS signs it, which asks nobody whether the course exists."""
    request = OpenRequest(
        CourseName.parse(course), NotebookPath.parse(notebook), StudentName.parse(student), mode
    )
    key = read_keyring(Path("/etc/nbhostd/launch.key")).keys[0]
    expires = datetime.now(UTC) + timedelta(minutes=5)
    query = sign_launch(key, request, expires=expires, nonce=uuid.uuid4().hex)
    return f"{public_url()}{open_path(request)}?{query}"


def public_url() -> str:
    return read_config(CONFIG).server.public_url


def make_repository(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A git repository with one commit."""
    path.mkdir(parents=True)
    run("git", "-C", str(path), "init", "-q", "-b", "main")
    commit(path, files, "first")
    return path


def commit(path: Path, files: Mapping[str, str | bytes | None], message: str) -> None:
    """One more commit; a file that is None is removed."""
    for name, content in files.items():
        file = path / name
        if content is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost")
    run("git", "-C", str(path), "add", "-A")
    run("git", "-C", str(path), *identity, "commit", "-q", "-m", message)
    run("chmod", "-R", "a+rX", str(path))


def service_of(course: str, student: str) -> tuple[int, dict[str, Any]]:
    """The number of a workspace and the properties of its service, as `nbhostctl show-unit` has them."""
    units = {
        unit["name"]: dict(unit["properties"]) for unit in ctl_json("show-unit", course, student)["units"]
    }
    name = next(name for name in units if name.endswith(".service"))
    return int(re.sub(r"\D", "", name)), units[name]


def number_of(course: str, student: str) -> int:
    return service_of(course, student)[0]


def workspace_dir(course: str, student: str) -> Path:
    return STATE / "workspaces" / str(number_of(course, student))
