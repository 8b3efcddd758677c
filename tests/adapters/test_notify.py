"""What systemd hears of us."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbhostd.adapters.notify import Notifier


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        yield manager


@pytest.fixture
def notifier(tmp_path: Path, heard: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    notifier = Notifier(os.environ)
    yield notifier
    notifier.close()


def test_every_word_of_the_protocol(notifier: Notifier, heard: socket.socket) -> None:
    notifier.ready("12 workspaces")
    assert heard.recv(999) == b"READY=1\nSTATUS=12 workspaces"
    notifier.status("deux\nlignes à Noël → 1")
    assert heard.recv(999).decode() == "STATUS=deux lignes à Noël → 1"
    notifier.reloading(12.5)
    assert heard.recv(999) == b"RELOADING=1\nMONOTONIC_USEC=12500000"
    notifier.ready()
    assert heard.recv(999) == b"READY=1"
    notifier.watchdog()
    assert heard.recv(999) == b"WATCHDOG=1"
    notifier.stopping()
    assert heard.recv(999) == b"STOPPING=1"


def test_an_abstract_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"nbhostd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notifier = Notifier(os.environ)
        notifier.watchdog()
        notifier.close()
        assert manager.recv(99) == b"WATCHDOG=1"


def test_nobody_to_tell_is_fine() -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()


def test_a_dead_manager_is_no_reason_to_die(
    notifier: Notifier, heard: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    heard.close()
    notifier.watchdog()
    assert "cannot notify systemd" in caplog.text


def test_the_watchdog_is_ours_only_when_it_names_us() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000"}).watchdog_seconds == 30
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_seconds == 30
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).watchdog_seconds is None
    assert Notifier({}).watchdog_seconds is None
