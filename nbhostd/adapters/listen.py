"""The sockets that systemd hands over, by name (sd_listen_fds_with_names(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from nbhostd.core.errors import ConfigError

_FIRST = 3


def inherited_sockets(environment: MutableMapping[str, str]) -> dict[str, list[socket.socket]]:
    """Listening sockets under their FileDescriptorName=; takes the variables out of `environment`.

    Raises ConfigError when there are none: nbhostd is started by its socket units.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdecimal() or int(count) != len(names):
        raise ConfigError(
            ("no socket was handed over; start nbhostd with: systemctl start nbhostd.socket nbhostd.service",)
        )
    sockets: dict[str, list[socket.socket]] = {}
    for offset, name in enumerate(names):
        os.set_inheritable(_FIRST + offset, False)
        sockets.setdefault(name, []).append(socket.socket(fileno=_FIRST + offset))
    return sockets
