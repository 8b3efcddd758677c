"""What passes through the proxy, header by header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core import headers
from nbhostd.core.headers import Policy
from nbhostd.core.model import Run

RUN = Run(1, "s" * 22, "token", "image", datetime(2026, 1, 1, tzinfo=UTC))
POLICY = Policy(RUN.base_url, ("https://lms.example.org",), secure=True)
PLAIN = Policy(RUN.base_url, (), secure=False)

TOKEN = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=20
)
VALUE = st.binary(max_size=40).map(lambda raw: bytes(c for c in raw if 0x20 <= c != 0x7F).strip())
HEADERS = st.lists(st.tuples(TOKEN.map(str.encode), VALUE), max_size=12)


def names(pairs: list[tuple[str, str]]) -> set[str]:
    return {name.lower() for name, _ in pairs}


def lines(head: bytes) -> list[bytes]:
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]


def request(pairs: headers.Headers, **framing: object) -> list[bytes]:
    return lines(
        headers.request_head(
            "GET",
            "/w/x/",
            pairs,
            token="T",
            scheme="https",
            host="a.example.org",
            **framing,  # type: ignore[arg-type]
        )
    )


# the second factor


def test_the_cookie_is_derived_from_the_runs_token_and_shows_nothing_of_it() -> None:
    value = headers.cookie_value(RUN)
    assert value == headers.cookie_value(RUN)
    assert len(value) == 43
    assert "token" not in value
    other = Run(1, RUN.secret, "other", "image", RUN.started_at)
    assert headers.cookie_value(other) != value


@pytest.mark.parametrize(
    ("cookie", "held"),
    [
        (b"nbh-aaaaaaaa=good", True),
        (b"a=b;nbh-aaaaaaaa=good", True),
        (b"a=b; nbh-aaaaaaaa=bad; nbh-aaaaaaaa=good", True),
        (b"nbh-aaaaaaaa=goo", False),
        (b"nbh-aaaaaaaa=good=", False),
        (b"NBH-aaaaaaaa=good", False),
        (b"nbh-bbbbbbbb=good", False),
        (b"x=nbh-aaaaaaaa=good", False),
        (b"", False),
    ],
)
def test_only_the_exact_cookie_counts(cookie: bytes, held: bool) -> None:
    assert headers.holds_cookie([(b"Cookie", cookie)], "nbh-aaaaaaaa", "good") is held


# what a workspace's server gets


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b"nbh-aaaaaaaa=secret", None),
        (b"_xsrf=1; nbh-aaaaaaaa=secret; username-x=2", b"_xsrf=1; username-x=2"),
        (b"__Host-nbh=1;__Secure-nbhx=2;NBH-session=3;a=4", b"a=4"),
        (b"=nbh-aaaaaaaa=1; =plain", b"plain"),
        (b"a=b=c; d", b"a=b=c; d="),
        (b";;", None),
    ],
)
def test_no_cookie_of_ours_reaches_a_students_server(sent: bytes, passed: bytes | None) -> None:
    found = [line for line in request([(b"Cookie", sent)]) if line.startswith(b"Cookie")]
    assert found == ([b"Cookie: " + passed] if passed is not None else [])


def test_the_clients_word_about_itself_is_replaced_by_ours() -> None:
    found = request(
        [
            (b"Authorization", b"token theirs"),
            (b"X-Forwarded-For", b"1.2.3.4"),
            (b"x-forwarded-proto", b"gopher"),
            (b"X-Forwarded-Anything", b"x"),
            (b"X-Real-IP", b"1.2.3.4"),
            (b"Forwarded", b"for=1.2.3.4"),
            (b"Accept", b"*/*"),
        ]
    )
    assert found == [
        b"Accept: */*",
        b"Authorization: token T",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: a.example.org",
    ]


def test_headers_named_in_connection_end_here() -> None:
    found = request([(b"Connection", b"close, X-Secret ,keep-alive"), (b"x-secret", b"1"), (b"X-Kept", b"2")])
    assert b"X-Kept: 2" in found
    assert not [line for line in found if line.lower().startswith((b"x-secret", b"connection"))]


@given(HEADERS)
def test_whatever_comes_the_head_has_one_framing_one_token_and_whole_lines(pairs: headers.Headers) -> None:
    found = request(pairs, length=5)
    lower = [line.lower() for line in found]
    assert sum(line.startswith(b"content-length:") for line in lower) == 1
    assert [line for line in lower if line.startswith(b"authorization:")] == [b"authorization: token t"]
    assert not any(line.startswith((b"transfer-encoding:", b"connection:", b"upgrade:")) for line in lower)
    assert all(b":" in line and b"\n" not in line and b"\r" not in line for line in found)


# who may write, and who visits


@pytest.mark.parametrize(
    ("scheme", "host", "port", "origin"),
    [
        ("http", "127.0.0.1:8000", None, "http://127.0.0.1:8000"),
        ("http", "a.example.org:80", None, "http://a.example.org"),
        ("https", "A.example.org", None, "https://a.example.org"),
        ("https", "a.example.org:443", None, "https://a.example.org"),
        ("https", "a.example.org", 8443, "https://a.example.org:8443"),
        ("https", "a.example.org:8000", 443, "https://a.example.org"),
        ("http", "[::1]:8000", None, "http://[::1]:8000"),
        ("http", "[::1]", None, "http://[::1]"),
    ],
)
def test_the_origin_is_what_a_browser_would_say(
    scheme: str, host: str, port: int | None, origin: str
) -> None:
    assert headers.origin(scheme, host, port) == origin


@pytest.mark.parametrize("host", ["a:b", "a:80x", "a:-1", "a:\u0661"])
def test_a_host_with_a_senseless_port_is_no_host(host: str) -> None:
    assert headers.host_name(host) == ""


@pytest.mark.parametrize(
    ("said", "own"),
    [
        ({"Origin": "http://a.example.org"}, True),
        ({"Origin": "http://a.example.org.evil.org"}, False),
        ({"Origin": "http://evil-a.example.org"}, False),
        ({"Origin": "https://a.example.org"}, False),
        ({"Origin": "http://a.example.org:81"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "http://evil.org", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Mode": "no-cors"}, False),
        ({}, False),
    ],
)
def test_only_the_very_same_origin_may_write(said: dict[str, str], own: bool) -> None:
    assert headers.is_own_origin(said, "http://a.example.org") is own


@pytest.mark.parametrize(
    ("method", "said", "visit"),
    [
        ("GET", {"Sec-Fetch-Mode": "navigate", "Accept": "*/*"}, True),
        ("GET", {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
        ("GET", {"Sec-Fetch-Mode": "websocket"}, False),
        ("GET", {"Accept": "text/html,*/*;q=0.8"}, True),
        ("GET", {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}, False),
        ("GET", {"Accept": "application/json"}, False),
        ("GET", {"Accept": "text/html", "Upgrade": "websocket"}, False),
        ("POST", {"Sec-Fetch-Mode": "navigate"}, False),
        ("HEAD", {"Accept": "text/html"}, False),
        ("GET", {}, False),
    ],
)
def test_a_visit_is_told_from_a_poll(method: str, said: dict[str, str], visit: bool) -> None:
    assert headers.is_navigation(method, said) is visit


def test_a_write_is_activity_and_a_refresh_in_disguise_is_not() -> None:
    assert headers.is_activity("PUT", "api/contents/a.ipynb")
    assert not headers.is_activity("GET", "api/kernels")
    assert not headers.is_activity("POST", "git/course/status")


# what a browser gets


def test_a_students_server_says_nothing_for_the_whole_origin() -> None:
    hostile = (
        b"Clear-Site-Data", b"Strict-Transport-Security", b"Service-Worker-Allowed", b"Alt-Svc", b"X-Frame-Options",
        b"Access-Control-Allow-Origin", b"Access-Control-Allow-Credentials", b"NEL", b"Report-To", b"Server",
        b"Connection", b"Keep-Alive", b"Transfer-Encoding", b"Upgrade", b"Referrer-Policy", b"X-Content-Type-Options",
    )  # fmt: skip
    found = headers.response_headers([*((name, b"evil") for name in hostile), (b"ETag", b'"1"')], POLICY)
    assert found == [
        ("ETag", '"1"'),
        ("Content-Security-Policy", "frame-ancestors 'self' https://lms.example.org"),
        ("Referrer-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("Server", "nbhostd"),
    ]


def test_connection_cannot_be_used_to_drop_what_must_stay() -> None:
    found = headers.response_headers(
        [
            (b"Connection", b"content-length, content-security-policy, x-gone"),
            (b"Content-Length", b"5"),
            (b"X-Gone", b"1"),
        ],
        POLICY,
    )
    assert {"content-length", "content-security-policy"} < names(found)
    assert "x-gone" not in names(found)


@pytest.mark.parametrize(
    ("theirs", "merged"),
    [
        ([], "frame-ancestors 'self' https://lms.example.org"),
        (
            [b"frame-ancestors *; sandbox allow-scripts; report-uri /x"],
            "frame-ancestors 'self' https://lms.example.org, sandbox allow-scripts; report-uri /x",
        ),
        (
            [b"default-src 'self', FRAME-ANCESTORS none", b" ; Frame-Ancestors * ;img-src *"],
            "frame-ancestors 'self' https://lms.example.org, default-src 'self', img-src *",
        ),
    ],
)
def test_our_frame_ancestors_replace_theirs_and_the_rest_stays(theirs: list[bytes], merged: str) -> None:
    assert headers.framed_by(theirs, POLICY.frame_ancestors) == merged


@pytest.mark.parametrize(
    ("theirs", "secure", "plain"),
    [
        (b"_xsrf=1", b"_xsrf=1; Path=/w/%s/; Secure; SameSite=None; Partitioned", b"_xsrf=1; Path=/w/%s/"),
        (
            b"a=1; Domain=.example.org; Path=/; HttpOnly; SameSite=Lax; Max-Age=5",
            b"a=1; HttpOnly; Max-Age=5; Path=/w/%s/; Secure; SameSite=None; Partitioned",
            b"a=1; HttpOnly; SameSite=Lax; Max-Age=5; Path=/w/%s/",
        ),
        (
            b"a=1; Path=/w/%s/lab",
            b"a=1; Path=/w/%s/lab; Secure; SameSite=None; Partitioned",
            b"a=1; Path=/w/%s/lab",
        ),
        (
            b"a=1; Path=/w/other/",
            b"a=1; Path=/w/%s/; Secure; SameSite=None; Partitioned",
            b"a=1; Path=/w/%s/",
        ),
        (b"nbh-aaaaaaaa=1", None, None),
        (b"NBH-x=1", None, None),
        (b"__Host-nbh=1; Path=/", None, None),
        (b"=nbh-aaaaaaaa=1", None, None),
        (b"nbh-aaaaaaaa", None, None),
        (b"", None, None),
    ],
)
def test_their_cookies_stay_in_their_workspace(
    theirs: bytes, secure: bytes | None, plain: bytes | None
) -> None:
    secret = RUN.secret.encode()

    def here(text: bytes | None) -> bytes | None:
        return text.replace(b"%s", secret) if text is not None else None

    given_cookie = here(theirs) or b""
    assert headers.confined_cookie(given_cookie, POLICY) == here(secure)
    assert headers.confined_cookie(given_cookie, PLAIN) == here(plain)


@given(HEADERS)
def test_whatever_they_answer_our_headers_are_there_once(pairs: headers.Headers) -> None:
    found = headers.response_headers(pairs, POLICY)
    for name in ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "Server"):
        assert sum(key.lower() == name.lower() for key, _ in found) == 1
    assert not any(key.lower().startswith("access-control-") for key, _ in found)
