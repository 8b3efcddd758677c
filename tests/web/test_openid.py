"""Logging in at another site: deep links survive, nobody gets another's account, and every no is said on the login page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import html5lib
import pytest

from nbhostd.core.errors import WorldError
from nbhostd.core.names import StudentName
from nbhostd.core.openid import Identity
from nbhostd.services.people import UserChanges
from tests.web.doors_trial import ISSUER, Doors
from tests.web.site_trial import Browser, SiteTrial, site_trial

ZOE = Identity(ISSUER, "4711", "zoe@example.org", True, "zoe", "Zoé", "Martin")


@pytest.fixture
def doors() -> Doors:
    doors = Doors()
    doors.provider.there = True
    doors.openid = replace(doors.openid, create_accounts=True)
    return doors


@pytest.fixture
async def trial(tmp_path: Path, doors: Doors) -> AsyncIterator[SiteTrial]:
    async with site_trial(tmp_path, operations=doors.operations, rooms=doors.rooms) as trial:
        yield trial


async def leave(browser: Browser, target: str = "/teach/python?a=b") -> str:
    """Go to the other site; the state that it is given."""
    answer = await browser.get(f"/login/openid?next={target.replace('?', '%3F').replace('&', '%26')}")
    assert answer.status == 303, await answer.text()
    assert answer.headers["Location"].startswith(f"{ISSUER}/authorize?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]


async def come_back(doors: Doors, browser: Browser, who: Identity = ZOE, state: str | None = None) -> str:
    """Come back from there as somebody: where one is led, or why not."""
    state = state or await leave(browser)
    doors.provider.people["c0de"] = who
    answer = await browser.get(
        f"/login/openid/callback?code=c0de&state={state}", **{"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status == 303
    where = answer.headers["Location"]
    return parse_qs(urlsplit(where).query)["why"][0] if "why=" in where else where


async def name_in(browser: Browser, trial: SiteTrial) -> str:
    """Who is logged in in that browser."""
    cookies = {cookie.key: cookie.value for cookie in browser.session.cookie_jar}
    found = await trial.entrance.recognize(cookies.get("nbh-session", ""))
    return str(found[1].user.name) if found and found[1].user else ""


async def test_the_login_page_offers_the_other_site(trial: SiteTrial, doors: Doors) -> None:
    text = await (await trial.browser(language="fr")).text("/login?next=/teach/python%3Fa=b")
    assert "Se connecter avec The University" in text
    assert 'href="/login/openid?next=%2Fteach%2Fpython%3Fa%3Db"' in text
    html5lib.HTMLParser(strict=True).parse(text)
    doors.provider.there = False
    assert "The University" not in await (await trial.browser()).text("/login")


async def test_somebody_new_gets_an_account_and_lands_where_they_wanted(
    trial: SiteTrial, doors: Doors
) -> None:
    browser = await trial.browser()
    assert await come_back(doors, browser) == "/teach/python?a=b"
    assert await name_in(browser, trial) == "zoe"
    user = await trial.people.get(StudentName("zoe"))
    assert (user.email, user.full_name, user.admin, user.staff) == (
        "zoe@example.org",
        "Zoé Martin",
        False,
        False,
    )
    assert user.password == ""
    changed = replace(ZOE, email="z.martin@example.org", username="zmartin")
    again = await trial.browser()
    assert await come_back(doors, again, changed) == "/teach/python?a=b"
    assert await name_in(again, trial) == "zoe"  # subjects stay, names change


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/\\evil.test"])
async def test_it_leads_nowhere_else(trial: SiteTrial, doors: Doors, target: str) -> None:
    browser = await trial.browser()
    state = await leave(browser, target)
    assert await come_back(doors, browser, state=state) == "/courses"


async def test_an_answer_is_for_the_browser_that_asked(trial: SiteTrial, doors: Doors) -> None:
    victim, attacker = await trial.browser(), await trial.browser()
    state = await leave(attacker)
    assert await come_back(doors, victim, state=state) == "openid-state"
    assert await come_back(doors, await trial.browser("student"), state=state) == "/courses"
    await leave(victim)
    assert (
        await come_back(doors, victim, state=state) == "openid-state"
    )  # its own departure, another's answer
    assert await name_in(victim, trial) == ""
    assert "c0de" in doors.provider.people  # nobody asked with it


async def test_an_answer_is_good_once_and_for_ten_minutes(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser()
    state = await leave(browser)
    assert await come_back(doors, browser, state=state) == "/teach/python?a=b"
    await browser.post("/logout", csrf=await csrf_of(browser, trial))
    assert await come_back(doors, browser, state=state) == "openid-state"
    state = await leave(browser)
    trial.clock.pass_by(timedelta(minutes=10))
    assert await come_back(doors, browser, state=state) == "openid-state"


async def csrf_of(browser: Browser, trial: SiteTrial) -> str:
    return (await browser.text("/login-probe")).partition('"')[2].rstrip('"')


async def test_who_says_no_there_is_back_at_the_login(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser()
    state = await leave(browser)
    answer = await browser.get(
        f"/login/openid/callback?error=access_denied&error_description=%3Cb%3E&state={state}"
    )
    assert answer.headers["Location"] == "/login?next=%2Fteach%2Fpython%3Fa%3Db&why=openid-denied"
    text = await browser.text(answer.headers["Location"])
    html5lib.HTMLParser(strict=True).parse(text)
    assert "did not let you in" in text
    assert "access_denied" not in text
    assert 'value="/teach/python?a=b"' in text  # and a password still leads there


async def test_a_provider_that_does_not_answer_is_no_dead_end(trial: SiteTrial, doors: Doors) -> None:
    doors.provider.trouble = WorldError("The other site does not answer as it should.", detail="secret")
    browser = await trial.browser(language="fr")
    text = await browser.text((await browser.get("/login/openid")).headers["Location"])
    assert "L’autre site ne répond pas" in text
    assert "secret" not in text
    assert 'name="password"' in text


@pytest.mark.parametrize("why", ["x", "<script>", "wrong-password", ""])
async def test_the_login_page_says_nothing_that_it_does_not_know(trial: SiteTrial, why: str) -> None:
    assert 'role="alert"' not in await (await trial.browser()).text(f"/login?next=/courses&why={why}")


async def test_without_a_provider_there_is_no_such_login(trial: SiteTrial, doors: Doors) -> None:
    doors.provider.there = False
    assert (await (await trial.browser()).get("/login/openid")).headers["Location"].endswith("why=no-openid")


async def test_a_stranger_is_told_so(trial: SiteTrial, doors: Doors) -> None:
    doors.openid = replace(doors.openid, create_accounts=False)
    assert await come_back(doors, await trial.browser()) == "openid-stranger"
    assert await trial.people.find(StudentName("zoe")) is None


# whose account it is


@pytest.mark.parametrize("verified", [True, False])
async def test_an_address_alone_finds_nobodys_account(trial: SiteTrial, doors: Doors, verified: bool) -> None:
    browser = await trial.browser()
    thief = replace(ZOE, email="Admin@example.org", email_verified=verified, username="mallory")
    assert await come_back(doors, browser, thief) == "/teach/python?a=b"
    assert await name_in(browser, trial) == "mallory"
    assert (await trial.people.get(StudentName("mallory"))).email == ("Admin@example.org" if verified else "")


@pytest.mark.parametrize("name", ["admin", "Admin", "admin@example.org", "ádmin"])
async def test_a_name_that_is_taken_is_nobody_elses(trial: SiteTrial, doors: Doors, name: str) -> None:
    browser = await trial.browser()
    assert await come_back(doors, browser, replace(ZOE, username=name)) == "openid-name-taken"
    assert await name_in(browser, trial) == ""


async def test_a_students_files_are_not_had_by_choosing_their_name(trial: SiteTrial, doors: Doors) -> None:
    doors.files.add("zoe")
    assert await come_back(doors, await trial.browser()) == "openid-name-taken"


@pytest.mark.parametrize("name", ["", "文字", "---"])
async def test_a_name_that_cannot_be_one(trial: SiteTrial, doors: Doors, name: str) -> None:
    assert await come_back(doors, await trial.browser(), replace(ZOE, username=name)) == "openid-name-taken"


async def test_a_verified_address_in_a_believed_domain_finds_its_account_once(
    trial: SiteTrial, doors: Doors
) -> None:
    doors.openid = replace(doors.openid, email_domains=("example.org",))
    student = replace(ZOE, email="Student@Example.org", username="x")
    browser = await trial.browser()
    assert await come_back(doors, browser, student) == "/teach/python?a=b"
    assert await name_in(browser, trial) == "student"
    # The address is given to another person there, later:
    assert (
        await come_back(doors, await trial.browser(), replace(student, subject="4712")) == "openid-name-taken"
    )
    assert await trial.people.find(StudentName("x")) is None


@pytest.mark.parametrize(
    ("email", "verified"),
    [
        ("student@example.org", False),
        ("student@example.net", True),
        ("student@example.org.evil.test", True),
        ("", True),
    ],
)
async def test_others_do_not_come_in_at_all(
    trial: SiteTrial, doors: Doors, email: str, verified: bool
) -> None:
    doors.openid = replace(doors.openid, email_domains=("example.org",))
    browser = await trial.browser()
    assert (
        await come_back(doors, browser, replace(ZOE, email=email, email_verified=verified)) == "openid-domain"
    )
    assert await name_in(browser, trial) == ""


async def test_an_account_that_is_shut_stays_shut(trial: SiteTrial, doors: Doors) -> None:
    await come_back(doors, await trial.browser())
    await trial.people.change(StudentName("zoe"), UserChanges(active=False))
    assert await come_back(doors, await trial.browser()) == "openid-shut"


# joining


async def test_an_account_and_a_login_are_joined_by_their_owner(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser("student")
    answer = await browser.post("/login/openid")
    text = await answer.text()
    html5lib.HTMLParser(strict=True).parse(text)
    state = text.partition("state=")[2].partition("&")[0]
    assert await come_back(doors, browser, state=state) == "/account"
    later = await trial.browser()
    assert await come_back(doors, later) == "/teach/python?a=b"
    assert await name_in(later, trial) == "student"
    assert [entry.subject for entry in await trial.audit.entries(action="account.join")] == ["student"]


async def test_nobody_is_joined_by_another_site_or_another_person(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser("student")
    assert (await browser.send("POST", "/login/openid", data={"csrf": "x"})).status == 403
    answer = await browser.post("/login/openid")
    state = (await answer.text()).partition("state=")[2].partition("&")[0]
    await browser.post("/logout")
    assert await come_back(doors, browser, state=state) == "openid-state"
    assert await doors.book.user_of_identity(ISSUER, "4711") is None


async def test_a_login_belongs_to_one_account(trial: SiteTrial, doors: Doors) -> None:
    await come_back(doors, await trial.browser())
    browser = await trial.browser("student")
    answer = await browser.post("/login/openid")
    state = (await answer.text()).partition("state=")[2].partition("&")[0]
    assert await come_back(doors, browser, state=state) == "/account"
    flashes = next(iter(trial.site.flashes._waiting.values()))
    assert [(flash.tone, "another account" in flash.text) for flash in flashes] == [("bad", True)]
    found = await doors.book.user_of_identity(ISSUER, "4711")
    assert found is not None
    assert found.name == "zoe"


async def test_the_cookie_on_the_way_is_out_of_scripts_reach(trial: SiteTrial) -> None:
    answer = await (await trial.browser()).get("/login/openid")
    cookie = answer.headers["Set-Cookie"]
    for word in ("nbh-openid=", "HttpOnly", "SameSite=Lax", "Max-Age=600"):
        assert word in cookie
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_provider_is_not_asked_without_end(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser()
    ends = [await come_back(doors, browser, replace(ZOE, username="admin")) for _ in range(61)]
    assert set(ends[:60]) == {"openid-name-taken"}
    assert ends[60] == "openid-wait"
