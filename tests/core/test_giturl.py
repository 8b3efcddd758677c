"""Git addresses: which are served, and that no secret of theirs is shown."""

from __future__ import annotations

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.core.errors import Refused
from nbhostd.core.giturl import GitUrl, Transport, is_branch_name, redacted


@pytest.mark.parametrize(
    ("text", "transport", "address"),
    [
        ("https://git.example.org/a/b.git", Transport.HTTP, None),
        ("https://user:pass@git.example.org:8443/a/b.git", Transport.HTTP, None),
        ("HTTPS://git.example.org/a", Transport.HTTP, None),
        ("ssh://git@git.example.org:22/a/b.git", Transport.SSH, None),
        ("git+ssh://git@git.example.org/a/b", Transport.SSH, "ssh://git@git.example.org/a/b"),
        ("git@git.example.org:a/b.git", Transport.SSH, None),
        ("git.example.org:a/b.git", Transport.SSH, None),
        ("git@git.example.org:/srv/a b.git", Transport.SSH, None),
        ("/srv/courses/a b", Transport.FILE, None),
        ("file:///srv/courses/a%20b", Transport.FILE, None),
    ],
)
def test_addresses_that_are_served(text: str, transport: Transport, address: str | None) -> None:
    url = GitUrl.parse(text)
    assert (url.transport, url.address) == (transport, address or text)


def test_paths_of_local_addresses() -> None:
    assert GitUrl.parse("/srv/a b").path == "/srv/a b"
    assert GitUrl.parse("file:///srv/a%20b").path == "/srv/a b"


def test_http_is_warned_about() -> None:
    assert GitUrl.parse("http://git.example.org/a").warning
    assert not GitUrl.parse("https://git.example.org/a").warning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a/b",
        "./a",
        "-u",
        "--upload-pack=x",
        "ext::sh -c id",
        "ext::sh",
        "git://git.example.org/a",
        "ftp://git.example.org/a",
        "file://host/a",
        "https://",
        "https:///a",
        "https://git.example.org",
        "https://git.example.org/",
        "https://git.example.org:x/a",
        "https://git.example.org:99999/a",
        "https://[::1/a",
        "https://git.example.org/a b",
        "ssh://-oProxyCommand=id/a",
        "-oProxyCommand=id:a",
        "https://git.example.org/a\nb",
        "https://git.example.org/a\0",
        "/srv/a\u2028b",
        "/" + "a" * 2000,
    ],
)
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        GitUrl.parse(text)


def test_secrets_are_never_shown() -> None:
    secret = "https://user:t0ken@git.example.org/a"
    assert GitUrl.parse(secret).shown == "https://***@git.example.org/a"
    assert redacted(f"cannot read {secret}, {secret}: 403") == (
        "cannot read https://***@git.example.org/a, https://***@git.example.org/a: 403"
    )
    with pytest.raises(Refused) as refusal:
        GitUrl.parse("https://user:t0ken@git.example.org:x/a")
    assert "t0ken" not in str(refusal.value)


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        url = GitUrl.parse(text)
    except Refused:
        return
    assert not url.address.startswith("-")
    assert "::" not in url.address.partition("/")[0]


@pytest.mark.parametrize("name", ["main", "été/2026", "v1.2", "a@b", "feature/x-1", "@a"])
def test_names_of_branches(name: str) -> None:
    assert is_branch_name(name)
    assert pygit2.reference_is_valid_name(f"refs/heads/{name}")


@pytest.mark.parametrize(
    "name",
    ["../main", "a..b", "-d", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", ".a", "a/.b", "a.lock/b",
     "a.", "@", "HEAD", "a@{1}", "a\x7f", "a\n", "", "a" * 251],
)  # fmt: skip
def test_no_names_of_branches(name: str) -> None:
    assert not is_branch_name(name)


@given(st.text(max_size=20) | st.text("a./@{-~ ", max_size=8))
def test_what_git_refuses_is_refused(name: str) -> None:
    assert not is_branch_name(name) or pygit2.reference_is_valid_name(f"refs/heads/{name}")
