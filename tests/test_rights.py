"""Who may do what: every operation of the real house, tried by every role over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nbhostd.core.people import Power
from nbhostd.web.operations import Operation
from tests.house_trial import HouseTrial, house_trial
from tests.web.site_trial import ROLES

REFUSALS = {
    Power.ACCOUNT: {"nobody": (401, "not-logged-in")},
    Power.OPEN: {"nobody": (401, "not-logged-in"), "stranger": (404, "not-your-course")},
    Power.TEACH: {
        "nobody": (401, "not-logged-in"),
        "stranger": (404, "not-your-course"),
        "student": (403, "not-teacher"),
    },
    Power.MANAGE: {
        "nobody": (401, "not-logged-in"),
        **dict.fromkeys(("stranger", "student", "teacher"), (403, "not-staff")),
    },
    Power.ADMINISTER: {
        "nobody": (401, "not-logged-in"),
        **dict.fromkeys(("stranger", "student", "teacher", "staff"), (403, "not-administrator")),
    },
}
"""Whom each power is refused, and with which word; everybody else is allowed."""


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        yield trial


def path_of(operation: Operation) -> str:
    """Its path, about the course `python`, and things that do not exist."""
    return re.sub(
        r"\{(\w+)\}",
        lambda name: {"course": "python", "number": "987654"}.get(name[1], "nothing-there"),
        operation.plain_path,
    )


async def test_what_is_refused_to_whom_and_in_which_words(trial: HouseTrial) -> None:
    wrong = []
    for operation in trial.house.dashboard.operations:
        for role in ROLES:
            expected = REFUSALS[operation.power].get(role)
            if expected is None:
                continue
            status, answer = await trial.api(
                operation.method, path_of(operation), role, {} if operation.body else None
            )
            if (status, answer.get("reason")) != expected or not answer["message"].endswith("."):
                wrong.append((operation.id, role, status, answer))
    assert wrong == []


async def test_what_is_not_refused_is_not_refused(trial: HouseTrial) -> None:
    """With a body that is wrong, or about something that is not there: rights are asked first, so this is no 401 and no 403."""
    wrong = []
    for operation in trial.house.dashboard.operations:
        if _SAFE_TO_TRY(operation):
            for role in set(ROLES) - set(REFUSALS[operation.power]):
                status, answer = await trial.api(
                    operation.method, path_of(operation), role, [] if operation.body else None
                )
                if status in (401, 403, 500):
                    wrong.append((operation.id, role, status, answer))
    assert wrong == []


def _SAFE_TO_TRY(operation: Operation) -> bool:  # noqa: N802
    # What somebody owns oneself may be refused for another reason than a role; a job is its course's.
    return not operation.id.startswith("job.") or operation.id == "job.list"


async def test_the_powers_are_what_this_table_says(trial: HouseTrial) -> None:
    """Golden on purpose: who changes the power of an operation changes this table, too."""
    got = {operation.id: operation.power.value for operation in trial.house.dashboard.operations}
    table: dict[str, str] = {}
    for line in (Path(__file__).parent / "rights.txt").read_text(encoding="utf-8").splitlines():
        power, *ids = line.split()
        table |= dict.fromkeys(ids, power)
    assert got == table


async def test_every_operation_can_be_done_by_a_form_of_ours_only(trial: HouseTrial) -> None:
    browser = await trial.browser("admin")
    for operation in trial.house.dashboard.operations:
        answer = await browser.send(
            "POST", f"/do/{operation.id}", data={"csrf": browser.csrf, "course": "python"},
            headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
        )  # fmt: skip
        assert answer.status == 403, operation.id
        assert (await browser.get(f"/do/{operation.id}")).status == 405
