from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from nbhostd.core.config import Config, describe, parse_config
from nbhostd.core.errors import ConfigError
from nbhostd.core.settings import parse_duration, parse_size

SHIPPED = Path(__file__).parents[2] / "nbhostd.toml"


def faults_of(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(document)
    return caught.value.faults


def test_an_empty_file_is_the_defaults() -> None:
    assert parse_config({}) == Config()


def test_the_shipped_file_shows_every_default() -> None:
    text = SHIPPED.read_text()
    assert text.endswith(describe())
    assert parse_config(tomllib.loads(text)) == Config()


def test_the_shown_defaults_are_the_defaults_when_uncommented() -> None:
    lines = [
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line
        for line in describe().splitlines()
    ]
    assert parse_config(tomllib.loads("\n".join(lines))) == Config()


def test_every_fault_is_named_at_once_with_its_key_path() -> None:
    faults = faults_of(
        {
            "sever": {},
            "idle": 3,
            "limits": {"memory": "lots", "taks": 3, "tasks": True},
            "server": {"frame_ancestors": ["https://ok.example.org", "lms.example.org/path"]},
        }
    )
    assert [fault.partition(":")[0] for fault in faults] == [
        "sever",
        "idle",
        "limits.memory",
        "limits.taks",
        "limits.tasks",
        "server.frame_ancestors",
    ]
    assert "did you mean “server”" in faults[0]
    assert "did you mean “tasks”" in faults[3]


def test_contradictions_are_faults() -> None:
    assert faults_of({"limits": {"memory": "1M"}}) == (
        'limits.memory: a Jupyter server needs at least "128M"',
    )
    same = {"server": {"public_url": "https://nb.example.org", "workspace_domain": "nb.example.org"}}
    assert "must differ" in faults_of(same)[0]


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("7", 7), ("1K", 1024), ("2G", 2 << 30)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "1.5G", "-1M", "1 G", 5, None])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20min", 1200), ("2h", 7200), ("1d", 86400)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "origin", ["https://lms.example.org", "http://localhost:8000", "https://*.fun-mooc.fr"]
)
def test_origins(origin: str) -> None:
    assert parse_config({"server": {"frame_ancestors": [origin]}}).server.frame_ancestors == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "https://a/b",
        "ftp://a",
        "*",
        "https://a b",
        "https://a;script-src *",
        "https://",
        "https://a:99999",
        "https://u@a",
    ],
)
def test_what_is_no_origin(origin: str) -> None:
    assert "not an origin" in faults_of({"server": {"frame_ancestors": [origin]}})[0]


@pytest.mark.parametrize("url", ["http://localhost:99999", "https://*.example.org", "https://me@example.org"])
def test_what_is_no_public_url(url: str) -> None:
    assert faults_of({"server": {"public_url": url}})[0].startswith("server.public_url: ")


def test_nobody_is_no_referer() -> None:
    assert faults_of({"server": {"legacy_referers": [""]}})[0].startswith("server.legacy_referers: ")


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"mail": {"security": "ssl"}}, "mail.security"),
        ({"mail": {"sender": "no address"}}, "mail.sender"),
        ({"mail": {"sender": "a@b.org\nBcc: c@d.org"}}, "mail.sender"),
        ({"mail": {"host": "mail.example.org:25"}}, "mail.host"),
        ({"mail": {"host": "mail.example.org", "security": "none", "username": "u"}}, "mail.security"),
        ({"openid": {"issuer": "http://login.example.org", "client_id": "nb"}}, "openid.issuer"),
        ({"openid": {"issuer": "https://u@login.example.org", "client_id": "nb"}}, "openid.issuer"),
        ({"openid": {"issuer": "https://login.example.org"}}, "openid.client_id"),
        ({"openid": {"scopes": ["email"], "issuer": "https://l.example.org", "client_id": "nb"}}, "openid.scopes"),
    ],
)  # fmt: skip
def test_what_mail_and_openid_cannot_be(document: dict[str, Any], key: str) -> None:
    assert [fault.partition(":")[0] for fault in faults_of(document)] == [key]


@pytest.mark.parametrize(
    "document",
    [
        {"mail": {"host": "localhost", "security": "none", "username": "u"}},
        {"mail": {"host": "mail.example.org", "sender": "Notebooks <no-reply@example.org>"}},
        {"openid": {"issuer": "http://localhost:9000/realm", "client_id": "nb"}},
        {"openid": {"issuer": "https://login.example.org/realms/x", "client_id": "nb", "email_domains": ["e.org"]}},
    ],
)  # fmt: skip
def test_what_mail_and_openid_can_be(document: dict[str, Any]) -> None:
    parse_config(document)
