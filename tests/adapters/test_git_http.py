"""Mirrors over HTTP, from git's own server: progress, tokens in addresses, refusals."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pygit2
import pytest

from nbhostd.adapters.git import Mirrors
from nbhostd.core.errors import NbhostdError, Refused, WorldError
from nbhostd.core.names import CourseName

COURSE = CourseName("python")
WANTED = "Basic " + base64.b64encode(b"teacher:t0ken").decode()


class GitHandler(BaseHTTPRequestHandler):
    """git-http-backend(1) as a CGI program; /private/ wants a token, /broken/ answers nonsense."""

    top: Path

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("/private/") and self.headers.get("Authorization") != WANTED:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path.startswith("/broken/"):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")
            return
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.top),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path.removeprefix("/private"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a server with the repository /course.git."""
    top = tmp_path_factory.mktemp("git")
    work = top / "work"
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "safe.directory=*")
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(work)], check=True)
    (work / "a.md").write_text("# one\n")
    subprocess.run(["git", "-C", str(work), "add", "."], check=True)
    subprocess.run(["git", *identity, "-C", str(work), "commit", "-q", "-m", "one"], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(top / "course.git")], check=True)
    handler = type("Handler", (GitHandler,), {"top": top})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[Mirrors]:
    mirrors = Mirrors(tmp_path / "courses")
    yield mirrors
    await mirrors.close()


async def test_a_repository_is_fetched_with_its_own_choice_of_branch(git: Mirrors, server: str) -> None:
    lines: list[str] = []
    commit = await git.fetch(COURSE, f"http://{server}/course.git", None, lines.append)
    await git.export(COURSE, commit, lines.append)
    assert await git.read(COURSE, "a.md") == b"# one\n"
    assert lines[0].startswith("warning: http:// is not protected")
    assert any(line.startswith("received ") for line in lines)


async def test_a_token_in_the_address_opens_and_is_never_shown(git: Mirrors, server: str) -> None:
    lines: list[str] = []
    assert await git.fetch(COURSE, f"http://teacher:t0ken@{server}/private/course.git", None, lines.append)
    assert "t0ken" not in "".join(lines)
    for secret in ("", "teacher:wr0ng@"):
        with pytest.raises(Refused, match="is private, or not there") as refusal:
            await git.fetch(COURSE, f"http://{secret}{server}/private/course.git", None, lines.append)
        assert "wr0ng" not in str(refusal.value)


async def test_what_is_not_there_or_no_repository_is_said(git: Mirrors, server: str) -> None:
    with pytest.raises(Refused, match="it is not there"):
        await git.fetch(COURSE, f"http://{server}/absent.git", None, lambda _: None)
    with pytest.raises(NbhostdError, match="cannot be read"):
        await git.fetch(COURSE, f"http://{server}/broken/course.git", None, lambda _: None)


async def test_a_certificate_that_nobody_vouches_for_is_refused(git: Mirrors, server: str) -> None:
    with pytest.raises((Refused, WorldError), match="cannot be read"):
        await git.fetch(COURSE, f"https://{server}/course.git", None, lambda _: None)


async def test_a_server_that_never_answers_is_given_up(git: Mirrors) -> None:
    settings = pygit2.Settings()
    patience = settings.server_timeout
    settings.server_timeout = 300
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(WorldError, match="did not answer in time"),
    ):
        await git.fetch(COURSE, f"http://127.0.0.1:{silent.getsockname()[1]}/c.git", None, lambda _: None)
    settings.server_timeout = patience
    assert patience == 60_000
