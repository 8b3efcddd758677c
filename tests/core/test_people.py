"""Rights as a table, with reasons; names and addresses."""

from __future__ import annotations

import pytest

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import (
    NOBODY,
    ROOT,
    Actor,
    CourseAccess,
    GroupName,
    Power,
    Role,
    Scope,
    User,
    checked_email,
    checked_staff,
    judge,
    role,
)

PYTHON = CourseAccess(CourseName("python"), frozenset({"class"}), ("tess", "@assistants"))


def somebody(name: str, *groups: str, admin: bool = False, staff: bool = False, active: bool = True) -> Actor:
    return Actor(User(1, StudentName(name), admin=admin, staff=staff, active=active), frozenset(groups))


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        (somebody("anna", admin=True), Role.TEACHER),
        (somebody("sam", staff=True), Role.TEACHER),
        (somebody("tess"), Role.TEACHER),
        (somebody("ann", "assistants"), Role.TEACHER),
        (somebody("stu", "class"), Role.STUDENT),
        (somebody("else", "other"), Role.NOBODY),
        (somebody("alone"), Role.NOBODY),
        (
            somebody("@assistants"),
            Role.TEACHER,
        ),  # no account can be called that: names begin with a word character
        (NOBODY, Role.NOBODY),
        (ROOT, Role.TEACHER),
    ],
)
def test_what_somebody_is_in_a_course(actor: Actor, expected: Role) -> None:
    assert role(actor, PYTHON) is expected


def test_a_course_that_is_not_yours_is_not_there() -> None:
    for access in (PYTHON, None):
        verdict = judge(somebody("alone"), Power.OPEN, access)
        assert (verdict.allowed, verdict.status, verdict.reason) == (False, 404, "not-your-course")
    with pytest.raises(Refused) as refusal:
        judge(somebody("alone"), Power.TEACH, PYTHON).demand()
    assert refusal.value.status == 404


def test_an_account_that_is_shut_is_nobody() -> None:
    assert judge(somebody("anna", admin=True, active=False), Power.ADMINISTER).status == 401


def test_a_token_never_does_more_than_its_scopes_nor_than_its_owner() -> None:
    owner = somebody("tess")
    reader = Actor(owner.user, owner.groups, frozenset({Scope.READ}))
    assert judge(reader, Power.TEACH, PYTHON, reading=True).allowed
    assert judge(reader, Power.TEACH, PYTHON).reason == "not-in-scope"
    everything = Actor(owner.user, owner.groups, frozenset(Scope))
    assert judge(everything, Power.ADMINISTER).reason == "not-administrator"
    work = Actor(owner.user, owner.groups, frozenset({Scope.WORK}))
    assert judge(work, Power.OPEN, PYTHON).allowed
    assert not judge(work, Power.OPEN, PYTHON, reading=True).allowed


@pytest.mark.parametrize("text", ["", " ", "@", "a/b", "-a", "a\nb", "x" * 200])
def test_group_names_are_plain(text: str) -> None:
    with pytest.raises(Refused):
        GroupName.parse(text)


def test_names_are_taken_as_they_are_meant() -> None:
    assert GroupName.parse("  L3 info 2026 ") == "L3 info 2026"
    assert checked_email(" a.b@example.org ") == "a.b@example.org"
    assert checked_email("") == ""
    assert checked_staff(" @L3 info ") == "@L3 info"
    assert checked_staff("0123456789abcdef0123456789abcdef") == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("text", ["a", "a@", "@b", "a b@c", "a@b\n", "a@b@c", "a\x00@b", "<a@b>"])
def test_what_is_no_address_is_refused(text: str) -> None:
    if text.strip() != text:
        assert checked_email(text) == text.strip()
        return
    with pytest.raises(Refused):
        checked_email(text)
