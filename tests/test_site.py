"""Every page of the real house, asked for by everybody: valid, in two languages, nobody else's business, and changing nothing.

A page that is added is tried here by itself: its route says which names it needs.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import html5lib
import pytest
from aiohttp import web

from nbhostd.core.model import Mode
from nbhostd.core.names import WorkspaceId
from tests import walk
from tests.house_trial import HouseTrial, house_trial
from tests.web.site_trial import ROLES

NAMES = {
    "course": "python", "number": "1", "student": "student", "name": "student", "group": "class", "area": "data",
    "path": "w1/n.md", "notebook": "w1/n", "build": "site", "tail": "",
    "classroom": "python",
}  # fmt: skip
"""What stands for each name in a page's address."""
ELSEWHERE = (
    "/w/",
    "/visit/",
    "/behind/",
    "/earlier/",
    "/shared/",
    "/builds/",
    "/assets/",
    "/api/",
    "/link/",
    "/{launch",
    "/login",
    "/accounts/",
    "/{gone}",
)
"""Addresses that are no pages of people who are logged in: each has tests of its own."""
EVENTS = ("/events", "/live", ".csv", ".json", "/raw")
EVERYBODYS = ("/", "/healthz", "/readyz", "/metrics", "/public/{group}", "/forgotten")
OPENED_BY = {
    "/jobs": {"admin", "staff", "teacher"},
    "/admin": {"admin"},
    "/admin/courses": {"admin", "staff"},
    "/teach": {"admin", "staff", "teacher"},
}


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        now = trial.house.clock.now()
        await trial.house.store.create_job("pull", "python", now, "teacher")
        await trial.house.store.ensure_workspace(
            WorkspaceId.parse("python/student"), Mode.CLASSROOM, "a" * 26, now
        )
        yield trial


def routes(trial: HouseTrial) -> Iterator[str]:
    """The paths of all pages, with their names still in braces."""
    seen = set()
    for route in trial.app.router.routes():
        resource = route.resource
        if route.method != "GET" or resource is None or isinstance(resource, web.StaticResource):
            continue
        path = re.sub(
            r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}",
            r"{\1}",
            str(resource.get_info().get("formatter", resource.canonical)),
        )
        if not path.startswith(ELSEWHERE) and path not in seen:
            seen.add(path)
            yield path


def address(path: str) -> str:
    """A page's address, its names filled in."""
    return re.sub(r"\{(\w+)\}", lambda name: NAMES.get(name[1], "nothing-there"), path)


def pages(trial: HouseTrial) -> list[str]:
    return [path for path in routes(trial) if not path.endswith(EVENTS)]


async def test_every_page_is_valid_in_both_languages(trial: HouseTrial) -> None:
    for language in ("en", "fr"):
        browser = await trial.browser("admin", language)
        for path in pages(trial):
            answer = await browser.get(address(path))
            text = await answer.text()
            assert answer.status < 500 or answer.status in (502, 503), (path, text[:600])
            if not answer.content_type.startswith("text/html") or answer.status in (301, 303):
                continue
            html5lib.HTMLParser(strict=True).parse(text)
            ids = re.findall(r"""\sid=["']([^"']+)""", text)
            assert len(ids) == len(set(ids)), (path, [id for id in set(ids) if ids.count(id) > 1])
            assert f'<html lang="{language}">' in text, path
            assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style", text), path
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy, path
            assert "default-src 'none'" in policy, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path


async def test_pages_are_for_those_whom_they_are_for(trial: HouseTrial) -> None:
    wrong = []
    for role in ROLES:
        browser = await trial.browser(role)
        for path in pages(trial):
            if path not in EVERYBODYS:
                answer = await browser.get(address(path))
                if answer.status not in _expected(path, role):
                    wrong.append((path, role, answer.status))
    assert wrong == []


def _expected(path: str, role: str) -> set[int]:
    """What somebody may get; an address of the predecessor's leads to one of ours, which looks for itself."""
    if role == "nobody":
        return {301, 303}
    start = max((start for start in OPENED_BY if path.startswith(start)), key=len, default="")
    if start and role not in OPENED_BY[start]:
        return {403, 404}
    if "{course}" in path and role == "stranger":
        return {404, 301, 303}
    return {200, 301, 303, 404, 409, 410, 502}


async def test_looking_changes_nothing(trial: HouseTrial, tmp_path: Path) -> None:
    browser = await trial.browser("admin")
    for path in routes(trial):
        if path.endswith(("/events", "/live")):
            continue
        before = _content(tmp_path / "nbhostd.db")
        await browser.get(address(path))
        assert _content(tmp_path / "nbhostd.db") == before, path


async def test_nothing_is_for_other_sites_scripts(trial: HouseTrial) -> None:
    browser = await trial.browser("admin")
    for path in routes(trial):
        if not path.endswith(("/events", "/live")):
            answer = await browser.get(address(path), Origin="https://evil.test")
            assert "Access-Control-Allow-Origin" not in answer.headers, path


def _content(path: Path) -> list[str]:
    """All that is kept, but for when sessions and tokens were seen last."""
    with sqlite3.connect(path) as db:
        return [
            line
            for line in db.iterdump()
            if not line.startswith(('INSERT INTO "sessions"', 'INSERT INTO "tokens"'))
        ]


async def test_every_page_is_walked_through_in_a_browser(trial: HouseTrial) -> None:
    """tests/browser/test_site_pages.py goes to those of tests/walk.py; what only leads elsewhere is no page."""
    browser = await trial.browser("admin")
    walked = {re.sub(r"\{\w+\}", "{}", path.split("?")[0]) for _, path in walk.PAGES} | {
        re.sub(r"\{\w+\}", "{}", path) for path in walk.ELSEWHERE
    }
    forgotten = []
    for path in pages(trial):
        answer = await browser.get(address(path))
        page = answer.status in (200, 404) and answer.content_type == "text/html" and path not in EVERYBODYS
        if page and re.sub(r"\{\w+\}", "{}", path) not in walked:
            forgotten.append(path)
    assert forgotten == []
