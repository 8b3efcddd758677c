"""Who may open: each way in, each way to be refused, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from nbhostd.core.access import (
    Keyring,
    LaunchKey,
    canonical,
    is_listed,
    judge_launch,
    parse_keys,
    sign_launch,
    wants_reset,
)
from nbhostd.core.errors import ConfigError
from nbhostd.core.model import Mode
from nbhostd.core.names import CourseName, NotebookPath, StudentName
from nbhostd.core.urls import OpenRequest

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
KEY = LaunchKey("lms", b"0123456789abcdef0123456789abcdef")
NEW = LaunchKey("new", b"fedcba9876543210fedcba9876543210")
REQUEST = OpenRequest(CourseName.parse("c"), NotebookPath.parse("w1/n"), StudentName.parse("alice"))
CLASSROOM = replace(REQUEST, mode=Mode.CLASSROOM)
PAGE = replace(CLASSROOM, notebook=None, page="lab/tree/w1?x=1")
NONCE = "n" * 20


def _signed(
    expires: timedelta = timedelta(minutes=2),
    *,
    key: LaunchKey = KEY,
    reset: bool = False,
    request: OpenRequest = REQUEST,
) -> dict[str, str]:
    return dict(parse_qsl(sign_launch(key, request, expires=NOW + expires, nonce=NONCE, forcecopy=reset)))


def _judge(
    query: dict[str, str],
    *,
    request: OpenRequest = REQUEST,
    referer: str | None = None,
    domains: tuple[str, ...] = (),
) -> str:
    verdict = judge_launch(Keyring((KEY, NEW)), domains, request, query, referer, NOW)
    assert verdict.allowed == (verdict.reason in ("signed", "legacy-referer"))
    return verdict.reason


def test_a_signed_launch_is_let_in_once() -> None:
    verdict = judge_launch(Keyring((KEY,)), (), REQUEST, _signed(), None, NOW)
    assert (verdict.allowed, verdict.reason, verdict.nonce) == (True, "signed", NONCE)
    # It must be remembered for as long as the signature would pass.
    assert verdict.expires == NOW + timedelta(minutes=3)


def test_what_is_signed_is_exactly_this() -> None:
    assert (
        canonical(REQUEST, 1788249720, NONCE, True)
        == f"nbhostd-launch-1\nc\nw1/n\nalice\n1788249720\n{NONCE}\n1".encode()
    )


def test_each_kind_of_launch_says_so_in_its_first_line() -> None:
    assert (
        canonical(CLASSROOM, 1788249720, NONCE, False)
        == f"nbhostd-classroom-1\nc\nw1/n\nalice\n1788249720\n{NONCE}\n0".encode()
    )
    assert (
        canonical(PAGE, 1788249720, NONCE, False)
        == f"nbhostd-page-1\nc\nlab/tree/w1?x=1\nalice\n1788249720\n{NONCE}\n0".encode()
    )


KINDS = [
    REQUEST,
    CLASSROOM,
    PAGE,
    replace(PAGE, page="lab/tree/w1"),
    replace(PAGE, page="tree/w1?x=1"),
    # Written as the others are, but of another kind.
    replace(REQUEST, notebook=NotebookPath.parse("lab/tree/w1?x=1")),
    replace(CLASSROOM, notebook=NotebookPath.parse("lab/tree/w1?x=1")),
]


@pytest.mark.parametrize("signed", KINDS)
def test_what_was_signed_for_one_kind_of_launch_opens_no_other(signed: OpenRequest) -> None:
    query = _signed(request=signed)
    assert [_judge(query, request=wanted) == "signed" for wanted in KINDS] == [
        wanted == signed for wanted in KINDS
    ]


@pytest.mark.parametrize("key", [KEY, NEW])
def test_each_key_of_the_ring_opens(key: LaunchKey) -> None:
    assert _judge(_signed(key=key)) == "signed"
    without_id = _signed(key=key)
    del without_id["key"]
    assert _judge(without_id) == "signed"


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, course=CourseName.parse("d")),
        replace(REQUEST, notebook=NotebookPath.parse("w1/m")),
        replace(REQUEST, student=StudentName.parse("bob")),
    ],
)
def test_a_signature_opens_nothing_else(request_: OpenRequest) -> None:
    assert _judge(_signed(), request=request_) == "bad-signature"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"forcecopy": "true"}, "bad-signature"),
        ({"expires": "1788249999"}, "bad-signature"),
        ({"nonce": "m" * 20}, "bad-signature"),
        ({"key": "new"}, "bad-signature"),
        ({"key": "nobody"}, "bad-signature"),
        ({"signature": ""}, "bad-signature"),
        ({"signature": "é"}, "bad-signature"),
        ({"nonce": "short"}, "bad-launch"),
        ({"nonce": "n" * 129}, "bad-launch"),
        ({"nonce": "n" * 20 + "\n"}, "bad-launch"),
        ({"expires": "soon"}, "bad-launch"),
        ({"expires": "-1"}, "bad-launch"),
        ({"expires": "٣"}, "bad-launch"),
    ],
)
def test_a_changed_launch_is_refused(change: dict[str, str], reason: str) -> None:
    assert _judge(_signed() | change) == reason


def test_a_reset_is_signed_too_and_cannot_be_taken_away() -> None:
    signed = _signed(reset=True)
    assert _judge(signed) == "signed"
    del signed["forcecopy"]
    assert _judge(signed) == "bad-signature"


@pytest.mark.parametrize(
    ("expires", "reason"),
    [
        (timedelta(seconds=-59), "signed"),
        (timedelta(seconds=-60), "expired-launch"),
        (timedelta(hours=1, seconds=60), "signed"),
        (timedelta(hours=1, seconds=61), "too-long-launch"),
    ],
)
def test_lifetimes_allow_for_a_clock_that_is_a_minute_off(expires: timedelta, reason: str) -> None:
    assert _judge(_signed(expires)) == reason


@pytest.mark.parametrize("text", ["true", "false", "0", " "])
def test_any_value_asks_for_a_reset(text: str) -> None:
    assert wants_reset({"forcecopy": text})


def test_an_empty_forcecopy_is_no_reset() -> None:
    assert not wants_reset({"forcecopy": ""})
    assert not wants_reset({})


def test_unsigned_is_refused_unless_the_legacy_rule_is_on() -> None:
    page = "https://courses.lms.example.org/unit/3"
    assert _judge({}) == "not-signed"
    assert _judge({}, referer=page) == "not-signed"
    assert _judge({}, referer=page, domains=("lms.example.org",)) == "legacy-referer"
    assert _judge({}, referer=None, domains=("lms.example.org",)) == "not-signed"


def test_a_wrong_signature_is_not_saved_by_the_legacy_rule() -> None:
    query = _signed() | {"signature": "0" * 64}
    assert _judge(query, referer="https://lms.example.org/", domains=("lms.example.org",)) == "bad-signature"


@pytest.mark.parametrize(
    ("referer", "listed"),
    [
        ("https://lms.org/x", True),
        ("http://LMS.org:8000", True),
        ("https://a.b.lms.org/", True),
        ("https://evil-lms.org/", False),
        ("https://evil.org/lms.org/", False),
        ("https://lms.org.evil.org/", False),
        ("https://lms.org@evil.org/", False),
        ("https://evil.org/?lms.org", False),
        ("ftp://lms.org/", False),
        ("lms.org", False),
        ("https://[lms.org", False),
        ("", False),
    ],
)
def test_hosts_are_compared_as_names(referer: str, listed: bool) -> None:
    assert is_listed(referer, ["lms.org"]) is listed


def test_a_key_file() -> None:
    ring = parse_keys(f"# ours\n{'a' * 32}  # first\n\nmoodle {'b' * 40}\n")
    assert [(key.id, len(key.secret)) for key in ring.keys] == [("key1", 32), ("moodle", 40)]
    assert "aaaa" not in repr(ring)


def test_a_bad_key_file_is_refused_with_every_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_keys(f"short\na b c\nx {'a' * 32}\nx {'b' * 32}\n")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "launch key, line 1",
        "launch key, line 2",
        "launch key, line 4",
    ]
    with pytest.raises(ConfigError, match="no key"):
        parse_keys("# nothing\n")
