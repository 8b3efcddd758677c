"""Whether a computer is ready: which finding gets which level, and the sentence that says what to do."""

from dataclasses import replace

import pytest

from nbhostd.core.checks import UNLIMITED, Budgets, Finding, findings
from nbhostd.core.config import Admission, Limits
from tests.fakes.host import GB, some_facts

GOOD = Budgets(
    lingering=True,
    subuids=1_000_000,
    subgids=1_000_000,
    controllers=frozenset({"cpu", "io", "memory", "pids"}),
    tasks=UNLIMITED,
    keys=20_000,
    inotify_instances=8192,
    listen_queue=4096,
)


def check(budgets: Budgets = GOOD, **facts: int) -> dict[str, Finding]:
    found = findings(Admission(), Limits(), replace(some_facts(), **facts), budgets)  # type: ignore[arg-type]
    return {finding.subject: finding for finding in found}


def test_a_good_computer_has_no_complaint_and_says_for_how_many() -> None:
    found = check()
    assert {finding.level for finding in found.values()} == {"ok"}
    # 16 GB less the reserve of 512 MB, by 200 MB.
    assert found["capacity"].text == "about 79 workspaces at once; first to end: memory"


@pytest.mark.parametrize(
    ("change", "subject", "level", "words"),
    [
        ({"lingering": False}, "lingering", "fault", "enable-linger"),
        ({"lingering": None}, "lingering", "warning", "could not be read"),
        ({"subuids": 0}, "subordinate uids", "fault", "/etc/subuid"),
        ({"subuids": 65_536}, "subordinate uids", "fault", "more than 100000"),
        ({"subuids": 131_072}, "subordinate uids", "warning", "31071 students"),
        ({"subgids": 100}, "subordinate gids", "fault", "/etc/subgid"),
        ({"subgids": 65_536}, "subordinate gids", "ok", "65536"),
        ({"controllers": None}, "control groups", "warning", "nothing may be enforced"),
        ({"controllers": frozenset({"hugetlb"})}, "control groups", "warning", "memory, pids"),
        ({"controllers": frozenset({"memory", "pids", "cpu"})}, "control groups", "warning", "io"),
        (
            {"keys": 70},
            "kernel.keys.maxkeys",
            "warning",
            "enough for 65 workspaces at once, where memory allows 79",
        ),
        ({"inotify_instances": 90}, "fs.inotify.max_user_instances", "warning", "enough for 70"),
        ({"tasks": 2560}, "TasksMax of the account", "warning", "enough for 10"),
        ({"tasks": None}, "TasksMax of the account", "warning", "could not be read"),
        ({"listen_queue": 128}, "net.core.somaxconn", "warning", "4096"),
    ],
)
def test_each_shortcoming_is_named(change: dict[str, object], subject: str, level: str, words: str) -> None:
    finding = check(replace(GOOD, **change))[subject]  # type: ignore[arg-type]
    assert finding.level == level
    assert words in finding.text


def test_the_first_budget_to_end_is_the_capacity() -> None:
    text = check(replace(GOOD, keys=70, inotify_instances=90))["capacity"].text
    assert text == "about 65 workspaces at once; first to end: kernel.keys.maxkeys"


def test_no_room_at_all_is_a_fault() -> None:
    assert check(memory_total=GB // 4)["capacity"].level == "fault"


@pytest.mark.parametrize(("free", "level"), [(GB // 2, "fault"), (GB + GB // 2, "warning"), (3 * GB, "ok")])
def test_a_disk_that_gets_full_is_told_before_it_is(free: int, level: str) -> None:
    assert check(disk_free=free)["disk"].level == level


def test_what_is_wrong_comes_first() -> None:
    found = findings(Admission(), Limits(), some_facts(), replace(GOOD, listen_queue=1, lingering=False))
    assert [finding.level for finding in found][:3] == ["fault", "warning", "ok"]
