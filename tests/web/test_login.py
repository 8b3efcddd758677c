"""Logging in and out: deep links survive, forms are ours, nothing is told to whoever guesses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from nbhostd.core.names import StudentName
from nbhostd.services.people import UserChanges
from tests.web.site_trial import PASSWORD, SiteTrial, site_trial


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[SiteTrial]:
    async with site_trial(tmp_path) as trial:
        yield trial


async def test_a_deep_link_survives_the_login(trial: SiteTrial) -> None:
    browser = await trial.browser()
    answer = await browser.get("/login?next=%2Fteach%2Fpython%3Fa%3Db")
    assert 'value="/teach/python?a=b"' in await answer.text()
    answer = await browser.post("/login", name="teacher", password=PASSWORD, next="/teach/python?a=b")
    assert (answer.status, answer.headers["Location"]) == (303, "/teach/python?a=b")


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/a\n"]
)
async def test_a_login_leads_nowhere_else(trial: SiteTrial, target: str) -> None:
    answer = await (await trial.browser()).post("/login", name="teacher", password=PASSWORD, next=target)
    assert answer.headers["Location"] == "/courses"


async def test_an_address_logs_in_too(trial: SiteTrial) -> None:
    answer = await (await trial.browser()).post("/login", name="Teacher@Example.org", password=PASSWORD)
    assert answer.status == 303


@pytest.mark.parametrize(
    "name", ["teacher", "nobody-here", "", "a/b", "../etc", "x" * 5000, "nobody@example.org"]
)
async def test_every_wrong_login_is_told_the_same(trial: SiteTrial, name: str) -> None:
    answer = await (await trial.browser()).post("/login", name=name, password="wrong")
    assert answer.status == 403
    assert "The name or the password is wrong." in await answer.text()
    assert "Set-Cookie" not in answer.headers


async def test_an_account_that_is_shut_opens_nothing(trial: SiteTrial) -> None:
    browser = await trial.browser("teacher")
    await trial.people.change(StudentName("teacher"), UserChanges(active=False))
    assert (await browser.get("/login")).status == 200
    answer = await browser.post("/login", name="teacher", password=PASSWORD)
    assert answer.status == 403


async def test_guessing_is_slowed_down_and_forgiven_with_time(trial: SiteTrial) -> None:
    browser = await trial.browser()
    statuses = [(await browser.post("/login", name="teacher", password="wrong")).status for _ in range(11)]
    assert statuses == [403] * 10 + [503]
    answer = await browser.post("/login", name="teacher", password=PASSWORD)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert (await browser.post("/login", name="student", password=PASSWORD)).status == 303
    trial.clock.pass_by(timedelta(minutes=2))
    assert (await (await trial.browser()).post("/login", name="teacher", password=PASSWORD)).status == 303


async def test_another_sites_form_logs_nobody_in(trial: SiteTrial) -> None:
    browser = await trial.browser()
    answer = await browser.send(
        "POST", "/login", data={"name": "teacher", "password": PASSWORD},
        headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
    )  # fmt: skip
    assert answer.status == 403


async def test_the_cookie_is_out_of_scripts_and_other_sites_reach(trial: SiteTrial) -> None:
    answer = await (await trial.browser()).post("/login", name="teacher", password=PASSWORD)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert cookie.startswith("nbh-session=")
    assert "Domain" not in cookie


async def test_logging_out_ends_the_session_and_stops_workspaces_when_asked(trial: SiteTrial) -> None:
    browser = await trial.browser("student")
    assert (await browser.get("/login")).status == 303
    kept = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}
    answer = await browser.post("/logout", stop="true")
    assert answer.headers["Location"] == "/login?bye=stopped"
    assert trial.stopped == ["student"]
    thief = await trial.browser()
    thief.session.cookie_jar.update_cookies(kept)
    assert (await thief.get("/login")).status == 200
    assert "put away" in await browser.text("/login?bye=stopped")


async def test_a_logout_needs_the_pages_token(trial: SiteTrial) -> None:
    browser = await trial.browser("student")
    assert (await browser.send("POST", "/logout", data={"csrf": "x"})).status == 403
    assert (await browser.get("/logout")).status == 405
    assert (await browser.get("/login")).status == 303


async def test_a_session_ends_by_itself(trial: SiteTrial) -> None:
    browser = await trial.browser("student")
    trial.clock.pass_by(timedelta(days=6))
    assert (await browser.get("/login")).status == 303
    trial.clock.pass_by(timedelta(days=6))
    assert (await browser.get("/login")).status == 303
    trial.clock.pass_by(timedelta(days=8))
    assert (await browser.get("/login")).status == 200


async def test_the_language_is_remembered_with_the_account_and_without(trial: SiteTrial) -> None:
    browser = await trial.browser()
    assert (await browser.post("/language", language="fr", next="/login")).headers["Location"] == "/login"
    assert '<html lang="fr">' in await browser.text("/login")
    teacher = await trial.browser("teacher")
    await teacher.post("/language", language="fr")
    assert (await trial.people.get(StudentName("teacher"))).language == "fr"
    assert (await browser.post("/language", language="xx")).status == 400


async def test_pages_of_people_are_nobodys_frame(trial: SiteTrial) -> None:
    answer = await (await trial.browser()).get("/login")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
