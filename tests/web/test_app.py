"""The application's frame: hosts, errors, assets, and what a bug shows."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import pytest

from nbhostd.core.model import Phase
from tests.web.trial import ALICE, DOMAIN, trial

LABEL = "abcdefghijklmnopqrstuvwx22"
WORKSPACE = f"{LABEL}.{DOMAIN}:8000"


async def test_alive() -> None:
    async with trial() as this:
        answer = await this.get("/healthz", host="127.0.0.1:8000")
        assert (answer.status, await answer.text()) == (200, "alive\n")


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_front_page_says_where_to_go(language: str) -> None:
    async with trial() as this:
        text = await (await this.get("/", Accept_Language=language)).text()
        assert f'<html lang="{language}">' in text


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        (WORKSPACE, "/w/secret-000000000000001/lab", 200),
        (WORKSPACE, "/", 421),
        (WORKSPACE, "/healthz", 421),
        (WORKSPACE, "/ipythonExercice/c/n/s", 421),
        (WORKSPACE, "/visit/x", 421),
        ("nb.localhost:8000", "/w/secret-000000000000001/lab", 421),
        (f"x.{WORKSPACE}", "/w/secret-000000000000001/lab", 421),
        ("nb.localhost:8000", "/", 200),
        ("10.0.0.1", "/", 200),
    ],
)
async def test_a_workspaces_host_has_the_workspace_and_nothing_else(
    host: str, path: str, status: int
) -> None:
    async with trial() as this:
        this.workspaces.put(ALICE, Phase.READY)
        assert (await this.get(path, host=host)).status == status


async def test_with_one_host_everything_is_there() -> None:
    async with trial(workspace_domain="") as this:
        assert (await this.get("/w/secret-000000000000001/lab")).status == 200
        assert (await this.get("/")).status == 200


async def test_paths_reach_the_proxy_as_they_came() -> None:
    async with trial() as this:
        path = "/w/secret-000000000000001/api//a%2Fb%20c?x=%26&y"
        answer = await this.get(path, host=WORKSPACE, method="PUT")
        assert await answer.text() == f"PUT {path}"


async def test_a_bug_shows_a_number_and_the_log_has_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    async with trial() as this:
        answer = await this.get("/w/secret-000000000000001/bug", host=WORKSPACE)
        text = await answer.text()
        assert answer.status == 500
        assert "tiger" not in text
        assert "Traceback" not in text
        incident = re.search(r"<code>([0-9a-f]{8})</code>", text)
        assert incident is not None
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert incident[1] in record.getMessage()
        assert record.exc_info is not None
        assert "secret-0" not in record.getMessage()


async def test_assets_are_named_by_their_content_and_kept() -> None:
    async with trial() as this:
        text = await (await this.get("/")).text()
        url = re.search(r'href="(/assets/[0-9a-f]{16}/nbhostd\.css)"', text)
        assert url is not None
        answer = await this.get(url[1])
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        # A page from before an upgrade still finds its style, and keeps nothing.
        old = await this.get("/assets/0000000000000000/nbhostd.css", host=WORKSPACE)
        assert (old.status, old.headers["Cache-Control"]) == (200, "no-cache")
        assert (await this.get("/assets/0/..%2Fpages%2Fbase.html")).status == 404


async def test_new_settings_count_at_once() -> None:
    async with trial() as this:
        this.settings = replace(this.settings, frame_ancestors=("https://other.example",))
        policy = (await this.get("/")).headers["Content-Security-Policy"]
        assert policy.endswith("frame-ancestors 'self' https://other.example")
