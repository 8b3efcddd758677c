"""The launcher's own parts, without a container."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from tests.images.workspace import IMAGES

SECRET = "/w/s3cretbase/"


def part(name: str) -> ModuleType:
    return importlib.import_module(f"nbhosting_launcher.{name}")


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(IMAGES / "minimal/launcher"))


@pytest.fixture
def environment() -> dict[str, str]:
    return {"LISTEN_FDS": "1", "LISTEN_PID": "7", "NBH_BASE_URL": SECRET, "NBH_TOKEN": "t", "PATH": "/bin"}


@pytest.fixture
def descriptor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A listening socket where the launcher looks for one."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0nbhosting-launcher-test")
        listener.listen()
        copy = os.dup(listener.fileno())
        monkeypatch.setattr(part("inherited"), "FIRST_FD", copy)
        yield
    with suppress(OSError):  # who took the copy has closed it
        os.close(copy)


@pytest.mark.usefixtures("descriptor")
def test_what_is_ours_leaves_the_environment(environment: dict[str, str]) -> None:
    given = part("inherited").take(environment, 7)
    with given.listener:
        assert given.base_url == SECRET
        assert not given.listener.get_inheritable()
        assert not given.listener.getblocking()
    assert environment == {"PATH": "/bin"}
    assert "token" not in repr(given)


@pytest.mark.usefixtures("descriptor")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"LISTEN_PID": "8"}, "meant for another"),
        ({"LISTEN_FDS": "2"}, "exactly one socket"),
        ({"LISTEN_FDS": ""}, "LISTEN_FDS=unset"),
        ({"NBH_TOKEN": ""}, "NBH_TOKEN is missing"),
        ({"NBH_BASE_URL": "w/"}, "NBH_BASE_URL"),
    ],
)
def test_an_environment_that_is_amiss_is_refused(
    environment: dict[str, str], change: dict[str, str], complaint: str
) -> None:
    inherited = part("inherited")
    with pytest.raises(inherited.NotInherited, match=complaint):
        inherited.take(environment | change, 7)


def test_a_descriptor_that_does_not_listen_is_refused(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited = part("inherited")
    one, other = socket.socketpair()
    monkeypatch.setattr(inherited, "FIRST_FD", one.detach())
    with other, pytest.raises(inherited.NotInherited, match="does not listen"):
        inherited.take(environment, 7)


def test_ready_reaches_the_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        part("inherited").notify(str(tmp_path / "notify"), "READY=1")
        assert manager.recv(100) == b"READY=1"
    part("inherited").notify("", "READY=1")


def test_the_home_gets_its_links_once(tmp_path: Path) -> None:
    home = part("home")
    (tmp_path / "modules").mkdir()
    for _ in range(2):
        home.arrange(tmp_path, Path("/srv/course/current"))
    assert (tmp_path / "static").readlink() == Path("/srv/course/current")
    assert not (tmp_path / "modules").is_symlink()


def test_settings_are_found_the_administrators_first(tmp_path: Path) -> None:
    home, course, local = part("home"), tmp_path / "course", tmp_path / "local"
    assert "JUPYTER_CONFIG_PATH" not in home.environment(tmp_path, course, local)
    (course / ".nbhosting/labconfig").mkdir(parents=True)
    assert home.environment(tmp_path, course, local)["JUPYTER_CONFIG_PATH"] == str(course / ".nbhosting")
    for layer in (course / ".nbhosting/jupyter", course / "nbhosting/jupyter", local):
        layer.mkdir(parents=True)
    assert home.environment(tmp_path, course, local)["JUPYTER_CONFIG_PATH"].split(":") == [
        str(local),
        str(course / "nbhosting/jupyter"),
        str(course / ".nbhosting/jupyter"),
        str(course / ".nbhosting"),
    ]


def test_a_log_line_has_its_level_and_not_the_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    formatter = part("journal").JournalFormatter
    monkeypatch.setattr(formatter, "secret", SECRET)
    record = logging.LogRecord("lab", logging.WARNING, "", 0, "404 GET %sapi\nmore", (SECRET,), None)
    assert formatter().format(record) == "WARNING lab: 404 GET /api\nmore"


def test_what_programs_print_is_kept_within_bounds() -> None:
    """journald drops the lines of all students when one writes too many."""
    outlet = part("outlet")
    bounds = outlet.Bounds(0)
    assert bounds.take(b"half a", 1) == b""
    assert bounds.take(b" line\n", 1) == b"half a line\n"
    assert bounds.take(b"a\n" * 1000, 2) == b"a\n" * (outlet.LINES - 1) + outlet.NOTE + b"\n"
    assert bounds.take(b"b\n" * 1000, 3) == b""
    assert bounds.take(b"c" * 5000, 20) == b"c" * outlet.LONGEST + b"\n"
    assert bounds.take(b"d\n", 20) == b"d\n"


@pytest.mark.parametrize(
    ("pattern", "flags"), [(r"(?P<a>x+)|(y)", 0), (rb"[a-z]\d", re.I), (r"\w(?#é)é", re.A | re.X)]
)
def test_a_translated_expression_is_the_same_expression(
    pattern: str | bytes, flags: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    regexes = part("regexes")
    monkeypatch.setattr(regexes, "TABLE", tmp_path / "table")
    re.purge()
    assert regexes.write(lambda: re.compile(pattern, flags)) == 1
    plain = re.compile(pattern, flags)
    re.purge()
    monkeypatch.setattr("re._parser.parse", None)
    with regexes.reuse():
        again = re.compile(pattern, flags)
    assert again == plain
    assert again.groupindex == plain.groupindex


def test_a_table_of_another_python_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    regexes = part("regexes")
    monkeypatch.setattr(regexes, "TABLE", tmp_path / "table")
    re.purge()
    regexes.write(lambda: re.compile("unlikely pattern"))
    assert regexes._read()
    monkeypatch.setattr(sys, "hexversion", 0)
    assert regexes._read() == {}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The source of an importable module, `nbh_trial`, that has never been imported."""
    source = tmp_path / "nbh_trial.py"
    source.write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    bytecode = part("bytecode")
    monkeypatch.setattr(bytecode, "TABLE", tmp_path / "table")
    importlib.import_module("nbh_trial")
    bytecode.write()
    del sys.modules["nbh_trial"]
    importlib.invalidate_caches()
    yield source
    sys.modules.pop("nbh_trial", None)


def test_a_module_is_loaded_from_the_table(module: Path) -> None:
    bytecode = part("bytecode")
    with bytecode.reuse():
        loaded = importlib.import_module("nbh_trial")
    assert loaded.VALUE == 1
    assert loaded.__file__ == str(module)
    assert type(loaded.__loader__).__name__ == "FromTable"
    assert "Finder" not in {type(finder).__name__ for finder in sys.meta_path}
    assert inspect.getsource(loaded) == "VALUE = 1\n"


def test_a_module_whose_source_has_changed_is_imported_as_ever(module: Path) -> None:
    module.write_text("VALUE = 22\n")
    with part("bytecode").reuse():
        loaded = importlib.import_module("nbh_trial")
    assert loaded.VALUE == 22


@pytest.mark.usefixtures("module")
def test_bytecode_of_another_python_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "MAGIC_NUMBER", b"else")
    assert part("bytecode")._read() is None


def test_imports_are_blocked_stubbed_and_postponed(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write_text("import builtins\nbuiltins.nbh_trial_ran = True\nVALUE = 3\n")
    trim = part("trim")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(builtins, "nbh_trial_ran", False, raising=False)
    monkeypatch.setattr(trim, "BLOCKED", ("colorsys",))
    monkeypatch.setattr(trim, "STUBBED", {"nbh_stub": "Wanted"})
    monkeypatch.setattr(trim, "POSTPONED", frozenset({"nbh_trial"}))
    for name in ("colorsys", "nbh_stub"):
        monkeypatch.setitem(sys.modules, name, builtins)
    trim.apply()
    with pytest.raises(ImportError):
        importlib.import_module("colorsys")
    assert importlib.import_module("nbh_stub").Wanted is None
    postponed = importlib.import_module("nbh_trial")
    assert not builtins.nbh_trial_ran  # type: ignore[attr-defined]
    assert postponed.VALUE == 3
    assert builtins.nbh_trial_ran  # type: ignore[attr-defined]
