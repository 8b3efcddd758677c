"""Driven from this computer, since the machine itself goes down in here. NBHOSTD_MACHINE_DRIVER: qemu or namespaces."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.qemu.far import FarBrowser, Machine

HERE = Path(__file__).parent
DRIVER = os.environ.get("NBHOSTD_MACHINE_DRIVER", "qemu")
COURSE = """
place=/var/lib/nbhostd-tests/$1
mkdir -p "$place/w1"
cd "$place"
printf '# %%%% [markdown]\\n# An exercise\\n\\n# %%%%\\nprint("from the course")\\n' >w1/exercise.py
git init -q -b main
git add .
git -c user.name=T -c user.email=t@localhost commit -q -m first
chmod -R a+rX .
nbhostctl course create "$1" "$place" --image minimal >&2
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = os.environ.get("NBHOSTD_NO_QEMU")
    for item in items:
        if HERE not in item.path.parents:
            continue
        if DRIVER == "qemu":
            item.add_marker(pytest.mark.qemu)
            if why:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def machine() -> Machine:
    """The machine that packaging/test-qemu started, with the site in it."""
    machine = Machine(DRIVER)
    machine.command("status")
    return machine


@pytest.fixture(scope="session")
def course(machine: Machine) -> Iterator[str]:
    name = f"q-{uuid.uuid4().hex[:6]}"
    machine.sh(COURSE, name)
    yield name
    machine.run("nbhostctl", "course", "delete", name, "--with-workspaces", "--yes")


@pytest.fixture
async def browser(machine: Machine) -> AsyncIterator[FarBrowser]:
    browser = FarBrowser(machine)
    yield browser
    await browser.close()
