"""The control socket, from nbhostctl's side: JSON over HTTP over a Unix socket, with errors as plain sentences."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO
from urllib.parse import quote

Shape = dict[str, Any]

DEFAULT_SOCKET = "/run/nbhostd/control.sock"


_SILENCE = 5.0
_BUFFER = 1 << 18


class Unreachable(Exception):
    """The daemon cannot be asked."""


class Failed(Exception):
    """The daemon said no; `status` is HTTP's."""

    def __init__(self, message: str, status: int, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.detail = detail


def path(*parts: object) -> str:
    """The path of a thing in the API, each part quoted."""
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts)


class _Connection(http.client.HTTPConnection):
    def __init__(self, socket_path: str) -> None:
        super().__init__("nbhostd")
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._socket_path)


class _Body(io.RawIOBase):
    """An answer's bytes."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _broken_off():
            data = self._response.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Client:
    """Asks the daemon behind one socket. Raises Unreachable and Failed."""

    def __init__(
        self, socket_path: str = DEFAULT_SOCKET, on_silence: Callable[[str], None] = lambda _: None
    ) -> None:
        self._socket_path = socket_path
        self._on_silence = on_silence

    def ask(self, method: str, url: str, body: Shape | None = None) -> Shape:
        """The JSON answer to a request."""
        with closing(_Connection(self._socket_path)) as connection:
            return _answer(self._send(connection, method, url, body))

    def upload(self, url: str, content: Iterable[bytes], size: int | None = None) -> Shape:
        """The JSON answer to a PUT of bytes, which are read as they are sent; `size` where it is known."""
        headers = {"Content-Type": "application/octet-stream"}
        headers |= {"Transfer-Encoding": "chunked"} if size is None else {"Content-Length": str(size)}
        with closing(_Connection(self._socket_path)) as connection, _unreachable(self._socket_path):
            try:
                connection.request("PUT", url, content, headers, encode_chunked=size is None)
            except (BrokenPipeError, ConnectionResetError) as error:
                # It may have said why before it hung up.
                try:
                    return _answer(connection.getresponse())
                except (OSError, http.client.HTTPException):
                    raise error from None
            return _answer(connection.getresponse())

    @contextmanager
    def receive(self, url: str) -> Iterator[BinaryIO]:
        """The bytes of a long answer, read as they come; broken off, they raise Unreachable."""
        with closing(_Connection(self._socket_path)) as connection:
            response = self._send(connection, "GET", url, None)
            if response.status != http.HTTPStatus.OK:
                _answer(response)
            yield io.BufferedReader(_Body(response), _BUFFER)

    def stream(self, method: str, url: str, body: Shape | None = None) -> Iterator[Shape]:
        """The lines of a long answer as they come: `{"line": …}` and at last `{"result": …}`."""
        with closing(_Connection(self._socket_path)) as connection:
            response = self._send(connection, method, url, body)
            if response.status != http.HTTPStatus.OK:
                _answer(response)
            ended = False
            for text in _lines(response):
                shape = json.loads(text)
                if "error" in shape:
                    raise Failed(shape["error"], int(shape.get("status", 500)), shape.get("detail", ""))
                ended = "result" in shape
                yield shape
            if not ended:
                raise Failed("nbhostd broke off: its log says why (nbhostctl logs daemon).", 500)

    def _send(
        self, connection: _Connection, method: str, url: str, body: Shape | None
    ) -> http.client.HTTPResponse:
        content = None if body is None else json.dumps(body).encode()
        # systemd holds the socket even while the daemon cannot start: whoever asks then must not wait in the dark.
        silence = threading.Timer(
            _SILENCE, self._on_silence, ("nbhostd has not answered yet; systemctl status nbhostd",)
        )
        silence.daemon = True
        silence.start()
        try:
            with _unreachable(self._socket_path):
                connection.request(
                    method, url, content, {"Content-Type": "application/json"} if content else {}
                )
                return connection.getresponse()
        finally:
            silence.cancel()


@contextmanager
def _unreachable(socket_path: str) -> Iterator[None]:
    """What the system says of the socket, as a sentence."""
    try:
        yield
    except PermissionError as error:
        raise Unreachable(f"Only administrators may use {socket_path}: try with sudo.") from error
    except FileNotFoundError as error:
        raise Unreachable(
            f"There is no {socket_path}: is nbhostd installed and its socket started"
            " (systemctl status nbhostd-control.socket)?"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"nbhostd does not answer on {socket_path} ({error}): journalctl -u nbhostd says more."
        ) from error


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    with _broken_off():
        yield from response


@contextmanager
def _broken_off() -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"nbhostd went away in the middle ({error}): journalctl -u nbhostd says more."
        ) from error


def _answer(response: http.client.HTTPResponse) -> Shape:
    try:
        shape = json.loads(response.read())
    except (ValueError, OSError, http.client.HTTPException):
        shape = None
    if response.status < http.HTTPStatus.BAD_REQUEST and isinstance(shape, dict):
        return shape
    if isinstance(shape, dict) and "error" in shape:
        raise Failed(str(shape["error"]), response.status, str(shape.get("detail", "")))
    raise Failed(f"nbhostd answered {response.status} {response.reason}: its log says why.", response.status)
