"""Errors in the real house: with the ways on of every page for those who are logged in, a plain card for all others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import html5lib
import pytest

from tests.house_trial import HouseTrial, house_trial


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[HouseTrial]:
    async with house_trial(tmp_path) as trial:
        yield trial


@pytest.mark.parametrize("role", ["admin", "student"])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing-there", 404), ("/teach/nothing", 404), ("/admin/users/x/y", 404), ("/auditor/notebook/nothing", 404)],
)  # fmt: skip
async def test_an_error_has_the_ways_on_that_all_pages_have(
    trial: HouseTrial, role: str, path: str, status: int
) -> None:
    for language in ("en", "fr"):
        answer = await (await trial.browser(role, language)).get(path, **{"Sec-Fetch-Dest": "document"})
        text = await answer.text()
        html5lib.HTMLParser(strict=True).parse(text)
        assert (answer.status, ways_on(text), f'<html lang="{language}">' in text) == (status, True, True)
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy


async def test_who_may_not_is_told_so_with_the_ways_on(trial: HouseTrial) -> None:
    text = await (await trial.browser("student")).text("/admin/people", 403)
    assert ways_on(text)
    assert "You may not do this" in text
    refused = await (await trial.browser("student")).post("/do/course.create", csrf="wrong", name="new")
    assert (refused.status, ways_on(await refused.text())) == (403, True)


async def test_frames_workspaces_programs_and_strangers_get_errors_without_our_navigation(
    trial: HouseTrial,
) -> None:
    student, nobody = await trial.browser("student"), await trial.browser()
    launch = "/notebookGitRepo/other/n/student"
    for browser, path, headers in (
        (nobody, "/nothing-there", {}),
        (student, "/nothing-there", {"Sec-Fetch-Dest": "iframe"}),
        (student, launch, {}),
        (student, launch, {"Sec-Fetch-Dest": "iframe"}),
        (student, f"/w/{'a' * 22}/lab", {"Sec-Fetch-Dest": "document"}),
        (student, "/api/v1/nothing", {}),
        (student, "/nothing-there", {"Accept": "application/json"}),
    ):
        answer = await browser.get(path, **headers)
        assert answer.status >= 400, path
        assert not ways_on(await answer.text()), (path, headers)
    answer = await student.get(launch, **{"Sec-Fetch-Dest": "document"})
    assert (answer.status, ways_on(await answer.text())) == (404, True)


def ways_on(text: str) -> bool:
    """Whether a page has the site's header, with somebody in it."""
    return 'class="top-nav"' in text and 'href="/courses"' in text and 'action="/logout"' in text
