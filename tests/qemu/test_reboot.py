"""What a computer that goes down takes with it: nobody's file, nobody's socket. On either driver's machine."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.machine.site import Opened
from tests.qemu.far import FarBrowser, Machine

NOTEBOOK = "w1/exercise.py"
WHOLE = """
for name in nbhostd statistics; do
  python3 -c 'import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone())' \
    "/var/lib/nbhostd/$name.db"
done
"""


@pytest.fixture(scope="module")
def student() -> str:
    """One for this module: a start costs a minute where the machine is emulated."""
    return f"s{uuid.uuid4().hex[:10]}"


async def save(page: Opened, text: str) -> None:
    """Change the notebook's cell and save, as the page does; returns when the server says that it is saved."""
    model: dict[str, Any] = await page.api(f"api/contents/{NOTEBOOK}?type=notebook")
    code = next(cell for cell in model["content"]["cells"] if cell["cell_type"] == "code")
    code["source"] = f'print("{text}")'
    saved = {key: model[key] for key in ("type", "format", "content")}
    await page.api(f"api/contents/{NOTEBOOK}", "PUT", saved)


def file_of(machine: Machine, number: int) -> tuple[int, str]:
    """The owner and the text of the student's notebook."""
    path = f"/var/lib/nbhostd/workspaces/{number}/{NOTEBOOK}"
    owner, text = machine.sh('stat -c %u "$1"; cat "$1"', path).split("\n", 1)
    return int(owner), text


def must_be_armed_and_asleep(machine: Machine, number: int) -> None:
    states = machine.run(
        "systemctl", "is-active", "nbhostd.socket", "nbhostd-control.socket", "nbhostd.service"
    )
    assert states.split() == ["active"] * 3
    machine.until(
        lambda: machine.service_state(f"nbh-{number}.socket")[0], lambda state: state == "active", seconds=15
    )
    assert machine.service_state(f"nbh-{number}.service")[0] == "inactive"


async def must_open_again(machine: Machine, before: Opened, browser: FarBrowser, text: str) -> Opened:
    """The page that was open is a poll's to no avail, and a person's to wake."""
    async with browser.session.get(before.base + "api/status", headers=before.headers()) as poll:
        assert poll.status == 410
    page = await browser.open(before.url)
    assert page.status == 200, page.text[:500]
    assert page.base != before.base
    model = await page.api(f"api/contents/{NOTEBOOK}?type=notebook")
    assert any(text in cell["source"] for cell in model["content"]["cells"])
    return page


async def test_a_reboot_brings_the_daemon_and_the_armed_sockets_back(
    machine: Machine, course: str, student: str, browser: FarBrowser
) -> None:
    page = await browser.open(machine.launch_url(course, "w1/exercise", student))
    assert page.status == 200, page.text[:500]
    number = machine.number(course, student)
    await save(page, "before the reboot")
    owner, text = file_of(machine, number)
    assert owner > 100_000

    machine.command("reboot")

    must_be_armed_and_asleep(machine, number)
    assert file_of(machine, number) == (owner, text)
    assert "before the reboot" in text
    await must_open_again(machine, page, browser, "before the reboot")


async def test_a_power_cut_loses_nothing_that_was_acknowledged(
    machine: Machine, course: str, student: str, browser: FarBrowser
) -> None:
    page = await browser.open(machine.launch_url(course, "w1/exercise", student))
    assert page.status == 200, page.text[:500]
    number = machine.number(course, student)
    await save(page, "before the cut")

    machine.command("cut")
    machine.command("start")

    must_be_armed_and_asleep(machine, number)
    assert machine.sh(WHOLE).split() == ["ok", "ok"]
    assert machine.ctl("status")["workspaces"] == []
    assert "before the cut" in file_of(machine, number)[1]
    await must_open_again(machine, page, browser, "before the cut")
