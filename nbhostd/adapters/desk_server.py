"""The desk: files in students' spaces, each touched by a process that has become that student.

Runs by itself, as `python -I -m nbhostd.adapters.desk_server`, in a user namespace where 0 is the service user
and N+1 is the container's user N (that of `podman unshare`). It listens on the socket that systemd hands over,
takes one JSON request per connection and forks for each. Standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import traceback
from contextlib import suppress
from typing import Any

from nbhostd.adapters.desk_files import LARGEST
from nbhostd.adapters.desk_pack import Outgoing
from nbhostd.adapters.desk_unpack import Incoming
from nbhostd.adapters.desk_work import LARGEST_FILES, OPERATIONS, Answer, Request
from nbhostd.core.errors import NbhostdError, NotNow, Refused, WorldError

LONGEST_REQUEST = 1 << 20
"""In bytes, the final newline included."""
MOST_CHILDREN = 32
_READ_TIMEOUT = 10
# Whoever sends a tree reads it from a disk meanwhile.
_PARCEL_TIMEOUT = 300


def _limit(seconds: int, largest: int) -> None:
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


def _read_line(connection: socket.socket) -> tuple[bytes, bytes]:
    """The request, and what has come after it already."""
    connection.settimeout(_READ_TIMEOUT)
    data = b""
    while b"\n" not in data:
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise Refused("This request has no end.")
        data += chunk
        if len(data) > LONGEST_REQUEST:
            _discard(connection)
            raise Refused("This request is too long.", status=413)
    line, _, rest = data.partition(b"\n")
    return line, rest


def _discard(connection: socket.socket) -> None:
    """Read what is left, within reason: an answer reaches nobody who is still writing."""
    for _ in range(1000):
        if not connection.recv(1 << 16):
            return


def refusal(error: NbhostdError) -> Answer:
    """An error as it crosses the socket."""
    answer = {"error": error.message, "status": error.status, "detail": error.detail}
    if isinstance(error, NotNow):
        answer["retry_after"] = error.retry_after
    return answer | {"reason": error.reason} if isinstance(error, Refused) else answer


def _handle(connection: socket.socket) -> None:
    try:
        line, rest = _read_line(connection)
        connection.settimeout(_PARCEL_TIMEOUT)
        request = Request.parse(line, Incoming(connection, rest), Outgoing(connection))
        operation, seconds = OPERATIONS[request.op]
        _limit(seconds, LARGEST_FILES.get(request.op, 2 * LARGEST))
        answer = operation(request)
    except NbhostdError as error:
        answer = refusal(error)
    connection.settimeout(_READ_TIMEOUT)
    # Whoever asked may have gone; what was done is done.
    with suppress(ConnectionError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _child(connection: socket.socket) -> int:
    """Serve one connection; the exit status. Other connections' descriptors are not this process's business."""
    keep = connection.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    try:
        _handle(connection)
    except BaseException:  # noqa: BLE001 - the last line of a process: said in the journal, never passed on
        traceback.print_exc()
        return 1
    return 0


# ---- the server


class Server:
    """Accepts, checks who asks, forks, and answers for children that could not."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, socket.socket] = {}
        self._stopping = False
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        listener.setblocking(False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def serve(self) -> None:
        """Until SIGTERM, and then until the last child has ended."""
        while not self._stopping or self._children:
            wanted: list[Any] = [self._woken]
            if not self._stopping and len(self._children) < MOST_CHILDREN:
                wanted.append(self._listener)
            ready, _, _ = select.select(wanted, [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
            self._reap()
            if self._listener in ready and not self._stopping:
                self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != os.getuid():
            sys.stderr.write(f"refused a connection of process {pid}, uid {uid}\n")
            connection.close()
            return
        try:
            child = os.fork()
        except OSError as error:
            self._apologize(connection, f"no new process: {error.strerror}")
            return
        if child == 0:
            os._exit(_child(connection))
        self._children[child] = connection

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            connection = self._children.pop(pid)
            if status == 0:
                connection.close()
            elif os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU):
                self._apologize(connection, "it took too long")
            else:
                self._apologize(connection, f"wait status {status}")

    @staticmethod
    def _apologize(connection: socket.socket, detail: str) -> None:
        with connection:
            answer = refusal(WorldError("Your files could not be handled.", detail=detail))
            try:
                connection.setblocking(False)
                connection.send(json.dumps(answer).encode() + b"\n")
            except OSError:
                return


def main() -> None:
    """Serve on the descriptor that systemd passed, with the current directory as the state directory."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        sys.exit("nbhostd-desk: started without its socket")
    if os.getuid() != 0:
        sys.exit("nbhostd-desk: not in a user namespace of its own")
    Server(socket.socket(fileno=3)).serve()


if __name__ == "__main__":
    main()
