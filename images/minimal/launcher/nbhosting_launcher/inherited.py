"""What the service manager and the daemon hand to this process: a listening socket, a way to say READY, secrets."""

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass, field

FIRST_FD = 3  # SD_LISTEN_FDS_START, sd_listen_fds(3)


class NotInherited(Exception):
    """The environment is not one that a workspace's service has; the message says what is amiss."""


@dataclass(frozen=True)
class Given:
    """All that a start depends on, taken out of the environment so that no kernel or terminal inherits it."""

    listener: socket.socket
    base_url: str
    token: str = field(repr=False)
    origin: str
    notify_address: str


def take(environment: MutableMapping[str, str], pid: int) -> Given:
    """Remove what is ours from `environment` and return it; NotInherited when something is missing or wrong."""
    base_url = environment.pop("NBH_BASE_URL", "")
    token = environment.pop("NBH_TOKEN", "")
    origin = environment.pop("NBH_ORIGIN", "")
    notify_address = environment.pop("NOTIFY_SOCKET", "")
    if not (base_url.startswith("/") and base_url.endswith("/")):
        raise NotInherited("NBH_BASE_URL must begin and end with /")
    if not token:
        raise NotInherited("NBH_TOKEN is missing: anybody who reaches the socket would be let in")
    return Given(_listener(environment, pid), base_url, token, origin, notify_address)


def _listener(environment: MutableMapping[str, str], pid: int) -> socket.socket:
    """Return the one socket passed by the protocol of sd_listen_fds(3)."""
    count = environment.pop("LISTEN_FDS", "")
    meant_for = environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    environment.pop("LISTEN_PIDFDID", None)
    if meant_for and meant_for != str(pid):
        raise NotInherited(
            f"LISTEN_PID={meant_for} is not this process ({pid}): the socket is meant for another"
        )
    if count != "1":
        raise NotInherited(f"exactly one socket must be passed, LISTEN_FDS={count or 'unset'}")
    try:
        listener = socket.socket(fileno=FIRST_FD)
        listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise NotInherited(f"descriptor {FIRST_FD} is not a socket: {error.strerror}") from error
    if not listening:
        listener.close()
        raise NotInherited(f"descriptor {FIRST_FD} is a socket that does not listen")
    listener.setblocking(False)
    listener.set_inheritable(False)  # else every kernel could accept the proxy's connections
    return listener


def notify(address: str, state: str) -> None:
    """Send `state` to the service manager as sd_notify(3) does; without an address, do nothing."""
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(os.fsencode(state), os.fsencode(path))
