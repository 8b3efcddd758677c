import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.oldaccounts import OldAccess, OldAccount, OldPeople, read_people

ALICE: dict[str, Any] = {
    "id": 1, "username": "alice", "email": "alice@example.org", "first_name": " Alice ", "last_name": "É",
    "password": "pbkdf2_sha256$600000$salt$hash", "is_superuser": 1, "is_staff": 0, "is_active": 1,
    "groups": ["année 2020"],
}  # fmt: skip


def read(**document: Any) -> OldPeople:
    return read_people(json.dumps(document).encode())


def test_people_are_what_they_were() -> None:
    people = read(
        users=[ALICE],
        groups=["année 2020", "empty"],
        courses=[{"name": "python", "staff": ["alice", "@profs"], "groups": ["année 2020"]}],
    )
    (alice,) = people.accounts
    assert (alice.name, alice.first_name, alice.last_name) == ("alice", "Alice", "É")
    assert (alice.admin, alice.staff, alice.active, alice.groups) == (True, False, True, ("année 2020",))
    assert alice.password.endswith("$hash")
    assert "hash" not in repr(alice)
    assert people.groups == ("année 2020", "empty")
    assert people.courses == (OldAccess(people.courses[0].course, ("année 2020",), ("alice", "@profs")),)  # type: ignore[arg-type]
    assert (people.problems, people.notes) == ((), ())


@pytest.mark.parametrize(
    ("password", "kept", "noted"),
    [
        ("pbkdf2_sha256$1$s$h", True, False),
        ("argon2$argon2id$v=19$m=8,t=1,p=1$x$y", True, False),
        ("!unusable", False, False),
        ("", False, False),
        ("md5$salt$hash", False, True),
        ("bcrypt_sha256$$2b$12$x", False, True),
    ],
)
def test_which_passwords_come_along(password: str, kept: bool, noted: bool) -> None:
    people = read(users=[ALICE | {"password": password}])
    assert (people.accounts[0].password == password) is (kept or not password)
    assert bool(people.notes) is noted
    assert not any("hash" in note for note in people.notes)


def test_what_has_no_place_here_is_named() -> None:
    people = read(
        users=[
            ALICE | {"username": "a@b.org"},
            ALICE | {"username": "bob", "email": "nowhere", "groups": ["a/b"]},
            ALICE | {"username": "bob"},
        ],
        courses=[{"name": "a/b"}, {"name": "python", "staff": ["@a/b", "carol"]}],
        groups=["x/y"],
    )
    assert [account.name for account in people.accounts] == ["bob"]
    assert people.accounts[0] == OldAccount(
        people.accounts[0].name, "", "Alice", "É", ALICE["password"], admin=True, groups=()
    )
    assert people.courses[0].staff == ("carol",)
    assert len(people.problems) == 7
    assert all(": " in problem for problem in people.problems)


@pytest.mark.parametrize("data", [b"", b"[]", b"x", b"\xff", b"[" * 100_000])
def test_what_is_no_people(data: bytes) -> None:
    with pytest.raises(Refused):
        read_people(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(ALICE)), _JSON), _JSON, _JSON)
def test_whatever_a_database_held_is_read(row: dict[str, Any], groups: Any, courses: Any) -> None:
    read(users=[ALICE | row, groups], groups=groups, courses=courses)
    read(users=groups, courses=[{"name": "c", "staff": groups, "groups": courses}])
