"""The laws of the house, read off the source: who may import whom, and which room holds which tool.

A fault is one sentence that begins with the culprit's file and line.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "nbhostd"

# The floor that a folder is, and the floors that it may look down on.
FLOORS: dict[str, frozenset[str]] = {
    "core": frozenset({"core"}),
    "adapters": frozenset({"core", "adapters"}),
    "services": frozenset({"core", "services"}),
    "web": frozenset({"core", "services", "web"}),
    "ctl": frozenset({"core", "ctl"}),  # nbhostctl asks the daemon, and shares only its words
    "roof": frozenset({"core", "adapters", "services", "web", "ctl", "roof"}),
}

# core decides and touches nothing: what it may not even name.
OUTSIDE_CORE = frozenset(
    {
        *(
            "asyncio",
            "os",
            "socket",
            "sqlite3",
            "time",
            "logging",
            "subprocess",
            "threading",
            "multiprocessing",
        ),
        *("shutil", "tempfile", "signal", "select", "secrets", "random", "pwd", "grp", "aiohttp", "jinja2"),
    }
)

# The one room of a tool; a room that ends in "/" is a whole floor. No room at all: nobody may have it.
ROOMS: dict[str, tuple[str, ...]] = {
    "dbus_fast": ("adapters/systemd.py",),
    "pygit2": ("adapters/git.py", "adapters/gitcommits.py", "adapters/gitversions.py"),
    "podman": ("adapters/podman.py",),
    # The predecessor's database is another program's file: read once, by nbhostctl, without a thread or a migration.
    "sqlite3": ("adapters/database.py", "adapters/migrations.py", "adapters/predecessor_db.py"),
    "sqlite_utils": ("adapters/database.py", "adapters/migrations.py"),
    "argon2": ("adapters/passwords.py",),
    "aiosmtplib": ("adapters/mail.py",),
    "jwt": ("adapters/oidc.py",),
    "psutil": ("adapters/",),
    "uvloop": ("daemon.py",),
    "prometheus_client": ("adapters/metrics.py",),
    "jinja2": ("web/", "adapters/"),
    "subprocess": (),  # nothing spawns in the daemon
    "multiprocessing": (),
    "jupytext": (),  # core/notebookmeta.py reads headers: lighter, and safe with hostile ones
    "nbformat": (),
}

# Calls that have a room of their own, as they are written.
CALLS: dict[str, tuple[str, ...]] = {
    "create_task": ("services/tasks.py",),
    "ensure_future": ("services/tasks.py",),
    "create_subprocess_exec": (),
    "create_subprocess_shell": (),
    "os.system": (),
    "os.popen": (),
    "os.posix_spawn": (),
    "os.fork": ("adapters/desk_server.py",),
}

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50


@dataclass(frozen=True)
class Room:
    """One file of the package, by its path inside the package."""

    path: PurePosixPath

    @property
    def floor(self) -> str:
        """The floor that the file is on; the package's own files are the roof."""
        return self.path.parts[0] if len(self.path.parts) > 1 else "roof"

    def is_one_of(self, rooms: tuple[str, ...]) -> bool:
        """Whether this file is, or is on, one of those rooms."""
        return any(
            str(self.path) == room or (room.endswith("/") and f"{self.floor}/" == room) for room in rooms
        )


def floor_of_module(module: str) -> str | None:
    """The floor that a module of this package is on; None for the package itself (its version)."""
    parts = module.split(".")[1:]
    if not parts:
        return None
    return parts[0] if parts[0] in FLOORS else "roof"


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules that an import statement names, `from package import module` included."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module == PACKAGE:
        yield from (f"{PACKAGE}.{a.name}" if not a.name.startswith("__") else PACKAGE for a in node.names)
    elif node.module:
        yield node.module


def import_faults(room: Room, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """What is wrong with one import statement in that file."""
    if isinstance(node, ast.ImportFrom) and node.level:
        yield "relative import: name the module whole"
    for module in imported(node):
        top = module.split(".")[0]
        if top == PACKAGE:
            floor = floor_of_module(module)
            if floor is not None and floor not in FLOORS[room.floor]:
                yield f"{room.floor} may not look up to {module}: imports only look down"
        if room.floor == "core" and top in OUTSIDE_CORE:
            yield f"core touches nothing, so not {top}"
        if top in ROOMS and not room.is_one_of(ROOMS[top]):
            yield f"{top} belongs to {' or '.join(ROOMS[top]) or 'nobody'}"


def call_faults(room: Room, node: ast.Call) -> Iterator[str]:
    """What is wrong with one call in that file."""
    written = ast.unparse(node.func)
    for name in (written, written.rpartition(".")[2]):
        if name in CALLS and not room.is_one_of(CALLS[name]):
            yield f"{written}() belongs to {' or '.join(CALLS[name]) or 'nobody'}"
            return


def hidden_imports(tree: ast.Module) -> Iterator[ast.stmt]:
    """The import statements inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom))


def length_faults(tree: ast.Module, source: str) -> Iterator[tuple[int, str]]:
    """The file, and the functions in it, that are too long to be one thing."""
    lines = len(source.splitlines())
    if lines > MOST_LINES_OF_A_FILE:
        yield 1, f"{lines} lines are two files, split by reason to change"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_LINES_OF_A_FUNCTION:
                yield node.lineno, f"{node.name} has {length} lines: that is two functions"


def faults(path: str, source: str) -> list[str]:
    """Every breach of the house's laws in that source, taken as the package's file `path`."""
    room = Room(PurePosixPath(path))
    tree = ast.parse(source)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [(node.lineno, fault) for fault in import_faults(room, node)]
        elif isinstance(node, ast.Call):
            found += [(node.lineno, fault) for fault in call_faults(room, node)]
    found += [(node.lineno, "an import hidden in a function") for node in hidden_imports(tree)]
    found += length_faults(tree, source)
    if room.path.stem in {"utils", "util", "helpers", "misc", "common"}:
        found.append((1, "a file is one noun, not a drawer"))
    return [f"{PACKAGE}/{path}:{line}: {fault}" for line, fault in sorted(set(found))]


FILES = sorted(p.relative_to(ROOT / PACKAGE).as_posix() for p in (ROOT / PACKAGE).rglob("*.py"))


@pytest.mark.parametrize("path", FILES)
def test_the_file_keeps_the_laws_of_the_house(path: str) -> None:
    source = (ROOT / PACKAGE / path).read_text(encoding="utf-8")
    assert not faults(path, source), "\n" + "\n".join(faults(path, source))


TOOLS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "images/toolbox").glob("*.py"))


@pytest.mark.parametrize("path", TOOLS)
def test_a_program_of_the_toolbox_is_one_thing_and_knows_nothing_of_the_house(path: str) -> None:
    tree = ast.parse(source := (ROOT / path).read_text(encoding="utf-8"))
    found = [f"{path}:{line}: {fault}" for line, fault in length_faults(tree, source)]
    found += [f"{path}:{node.lineno}: an import hidden in a function" for node in hidden_imports(tree)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            of_the_house = [module for module in imported(node) if module.split(".")[0] == PACKAGE]
            found += [f"{path}:{node.lineno}: no {module} in a container" for module in of_the_house]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "culprit"),
    [
        (
            "core/model.py",
            "import nbhostd.adapters.systemd",
            "core may not look up to nbhostd.adapters.systemd",
        ),
        ("core/model.py", "from nbhostd import web", "core may not look up to nbhostd.web"),
        ("core/model.py", "from os import path", "core touches nothing, so not os"),
        (
            "adapters/host.py",
            "from nbhostd.services import tasks",
            "adapters may not look up to nbhostd.services",
        ),
        ("services/people.py", "import nbhostd.adapters", "services may not look up to nbhostd.adapters"),
        ("web/proxy.py", "from nbhostd.daemon import main", "web may not look up to nbhostd.daemon"),
        ("web/proxy.py", "import dbus_fast.aio", "dbus_fast belongs to adapters/systemd.py"),
        ("daemon.py", "import sqlite3", "sqlite3 belongs to adapters/database.py or adapters/migrations.py"),
        ("adapters/jobs.py", "import subprocess", "subprocess belongs to nobody"),
        ("adapters/notebooks.py", "from jupytext import header", "jupytext belongs to nobody"),
        ("web/app.py", "import asyncio\nasyncio.create_task(f())", ":2: asyncio.create_task() belongs to"),
        (
            "web/app.py",
            "async def f(group):\n    group.create_task(g())",
            ":2: group.create_task() belongs to",
        ),
        ("adapters/host.py", "import os\nos.system('true')", ":2: os.system() belongs to nobody"),
        ("web/app.py", "def f():\n    import json", ":2: an import hidden in a function"),
        ("web/app.py", "from . import pages", "relative import"),
        ("core/utils.py", "", "a file is one noun"),
        ("core/model.py", "x = 1\n" * 401, "401 lines are two files"),
        ("core/model.py", "def f():\n" + "    x = 1\n" * 50, "f has 51 lines"),
    ],
)
def test_a_breach_is_named_with_its_culprit(path: str, source: str, culprit: str) -> None:
    found = faults(path, source)
    assert any(fault.startswith(f"nbhostd/{path}:") and culprit in fault for fault in found), found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/model.py", "from nbhostd.core import names\nfrom dataclasses import dataclass"),
        ("adapters/systemd.py", "from dbus_fast import Message\nfrom nbhostd.core.errors import NotNow"),
        ("services/tasks.py", "import asyncio\nasyncio.create_task(f())"),
        ("web/app.py", "from nbhostd import __version__"),
        ("daemon.py", "import uvloop\nfrom nbhostd.adapters import systemd\nfrom nbhostd.web import app"),
    ],
)
def test_what_the_house_allows_is_no_fault(path: str, source: str) -> None:
    assert faults(path, source) == []
