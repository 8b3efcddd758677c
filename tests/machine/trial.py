"""A service user of the tests' own, lingering, with subordinate ids: nobody's notebooks die when its manager does."""

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = "nbhtrial"
SUBIDS_START = 200_000_000
SUBIDS = 1_000_000


@dataclass(frozen=True)
class Trial:
    uid: int
    gid: int
    home: Path

    @property
    def runtime(self) -> Path:
        return Path(f"/run/user/{self.uid}")

    @property
    def bus(self) -> str:
        return f"unix:path={self.runtime}/bus"

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "USER": NAME,
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "XDG_RUNTIME_DIR": str(self.runtime),
            "DBUS_SESSION_BUS_ADDRESS": self.bus,
        }

    def run(self, *argv: str) -> str:
        """Run a command as the trial user, in no unit of its own; what it printed."""
        identity = ("setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups")
        return as_root(*identity, *argv, environment=self.environment())

    def main_pid(self, unit: str) -> int:
        """The main process of one of the trial user's units."""
        return int(self.run("systemctl", "--user", "show", "--value", "--property=MainPID", unit))

    @contextmanager
    def identity(self) -> Iterator[None]:
        """Be the trial user, effectively, for a while: what a socket's other end sees."""
        home = os.environ.get("HOME", "/root")
        os.environ["HOME"] = str(self.home)
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.environ["HOME"] = home


def as_root(*argv: str, environment: dict[str, str] | None = None) -> str:
    """Run a command as root, also from within `identity()`; what it printed."""
    done = subprocess.run(
        argv,
        env=environment,
        cwd="/",
        user=0,
        group=0,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def _append_once(path: str, line: str) -> None:
    text = Path(path).read_text()
    if line not in text.splitlines():
        Path(path).write_text(f"{text}{line}\n")


def trial_user() -> Trial:
    """The trial user, made if missing, with its manager up."""
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        as_root("useradd", "--system", "--create-home", "--home-dir", f"/var/lib/{NAME}", NAME)
        entry = pwd.getpwnam(NAME)
    for path in ("/etc/subuid", "/etc/subgid"):
        _append_once(path, f"{NAME}:{SUBIDS_START}:{SUBIDS}")
    as_root("loginctl", "enable-linger", NAME)
    as_root("systemctl", "start", f"user@{entry.pw_uid}.service")
    trial = Trial(entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))
    deadline = time.monotonic() + 20
    while not (trial.runtime / "bus").is_socket():
        assert time.monotonic() < deadline, "the trial user's bus did not come up"
        time.sleep(0.1)
    return trial
