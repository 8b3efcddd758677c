"""Choosing a password: by a link, by mail, or instead of the present one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import html5lib
import pytest

from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.names import StudentName
from nbhostd.core.sessions import Purpose
from nbhostd.services.people import UserChanges
from tests.web.doors_trial import Doors
from tests.web.site_trial import PASSWORD, PUBLIC, SiteTrial, site_trial

NEW = "quatre mots sans rapport"


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
async def trial(tmp_path: Path, doors: Doors) -> AsyncIterator[SiteTrial]:
    async with site_trial(tmp_path, operations=doors.operations, rooms=doors.rooms) as trial:
        yield trial


async def link_of(trial: SiteTrial, doors: Doors, name: str = "student", **more: object) -> str:
    """The path of a new link of theirs."""
    user = await trial.people.get(StudentName(name))
    handed = await doors.links.hand_out(user, by="teacher", **more)  # type: ignore[arg-type]
    assert handed.url.startswith(f"{PUBLIC}/link/")
    return handed.url.removeprefix(PUBLIC)


async def can_log_in(trial: SiteTrial, name: str, password: str) -> bool:
    return (await (await trial.browser()).post("/login", name=name, password=password)).status == 303


async def sent(trial: SiteTrial, doors: Doors) -> list[str]:
    """Who got a letter, once those under way have been sent."""
    await asyncio.gather(*trial.tasks._running)
    return [letter.to for letter in doors.mailer.sent]


async def test_a_link_is_looked_at_as_often_as_one_likes_and_used_once(
    trial: SiteTrial, doors: Doors
) -> None:
    path, browser = await link_of(trial, doors), await trial.browser()
    for _ in range(3):  # as a mail server that looks for malware
        assert "choose another password" in await browser.text(path)
    answer = await browser.post(path, new=NEW, again=NEW)
    assert (answer.status, answer.headers["Location"]) == (303, "/courses")
    assert (await browser.get("/login")).status == 303  # they are logged in
    assert (await browser.get(path)).status == 410
    assert (await browser.post(path, new=NEW + "!", again=NEW + "!")).status in (403, 410)
    assert await can_log_in(trial, "student", NEW)
    assert not await can_log_in(trial, "student", PASSWORD)


async def test_a_link_ends_the_sessions_of_whoever_had_the_old_password(
    trial: SiteTrial, doors: Doors
) -> None:
    thief = await trial.browser("student")
    await (await trial.browser()).post(await link_of(trial, doors), new=NEW, again=NEW)
    assert (await thief.get("/login")).status == 200


async def test_who_never_had_a_password_is_welcome(trial: SiteTrial, doors: Doors) -> None:
    await trial.people.create(StudentName("zoe"), UserChanges(first_name="Zoé", last_name="<Martin>"))
    path = await link_of(trial, doors, "zoe")
    text = await (await trial.browser(language="fr")).text(path)
    assert "Zoé &lt;Martin&gt;, choisissez un mot de passe" in text
    assert 'value="zoe"' in text
    html5lib.HTMLParser(strict=True).parse(text)


@pytest.mark.parametrize(
    ("new", "again", "status", "word"),
    [
        ("short", "short", 400, "at least 10 characters"),
        (NEW, NEW + "x", 400, "two passwords differ"),
        ("password2026!", "password2026!", 400, "first that anybody would try"),
        ("student-student", "student-student", 400, "your own name"),
        ("x" * 2000, "x" * 2000, 400, "too long"),
        ("", "", 400, "at least 10 characters"),
    ],
)  # fmt: skip
async def test_a_password_that_is_none_uses_nothing_up(
    trial: SiteTrial, doors: Doors, new: str, again: str, status: int, word: str
) -> None:
    path, browser = await link_of(trial, doors), await trial.browser()
    answer = await browser.post(path, new=new, again=again)
    assert answer.status == status
    text = await answer.text()
    assert word in text
    assert new not in text or not new
    assert (await browser.post(path, new=NEW, again=NEW)).status == 303


async def test_a_link_has_its_time(trial: SiteTrial, doors: Doors) -> None:
    reset, invitation = (
        await link_of(trial, doors),
        await link_of(trial, doors, "teacher", purpose=Purpose.INVITATION),
    )
    browser = await trial.browser()
    trial.clock.pass_by(timedelta(hours=2))
    assert (await browser.get(reset)).status == 410
    assert (await browser.post(reset, new=NEW, again=NEW)).status == 410
    assert (await browser.get(invitation)).status == 200
    trial.clock.pass_by(timedelta(days=14))
    assert (await browser.get(invitation)).status == 410


@pytest.mark.parametrize("path", ["/link/x", "/link/" + "x" * 32, "/link/%00", "/link/" + "%C3%A9" * 9])
async def test_a_link_that_was_made_up_leads_nowhere(trial: SiteTrial, path: str) -> None:
    browser = await trial.browser()
    assert (await browser.get(path)).status == 410
    assert (await browser.post(path, new=NEW, again=NEW)).status == 410


async def test_the_link_of_an_account_that_is_shut_leads_nowhere(trial: SiteTrial, doors: Doors) -> None:
    path = await link_of(trial, doors)
    await trial.people.change(StudentName("student"), UserChanges(active=False))
    assert (await (await trial.browser()).post(path, new=NEW, again=NEW)).status == 410


async def test_another_sites_form_chooses_nothing(trial: SiteTrial, doors: Doors) -> None:
    path, browser = await link_of(trial, doors), await trial.browser()
    answer = await browser.send(
        "POST",
        path,
        data={"new": NEW, "again": NEW},
        headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "x"},
    )
    assert answer.status == 403
    assert (await browser.get(path)).status == 200


async def test_the_address_of_a_link_is_told_to_no_other_site(trial: SiteTrial, doors: Doors) -> None:
    answer = await (await trial.browser()).get(await link_of(trial, doors))
    # Not "no-referrer": browsers then send forms as if from nowhere (Origin: null), which is refused.
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_a_link_did_is_written_down(trial: SiteTrial, doors: Doors) -> None:
    await (await trial.browser()).post(await link_of(trial, doors), new=NEW, again=NEW)
    (entry,) = await trial.audit.entries(action="link.")
    assert (entry.who, entry.action, entry.subject) == ("student", "link.reset", "student")
    assert NEW not in entry.detail


# forgotten


async def test_a_forgotten_password_is_a_letter_with_a_link(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser(language="fr")
    assert 'href="/forgotten"' in await browser.text("/login")
    await browser.text("/forgotten")
    answer = await browser.post("/forgotten", name="student")
    assert "est en route" in await answer.text()
    assert await sent(trial, doors) == ["student@example.org"]
    (letter,) = doors.mailer.sent
    assert letter.subject == "reset fr"
    (link,) = (word for word in letter.body.split() if word.startswith(PUBLIC))
    assert (await browser.post(link.removeprefix(PUBLIC), new=NEW, again=NEW)).status == 303


@pytest.mark.parametrize(
    "name", ["student", "Student@Example.org", "nobody-here", "nobody@example.org", "", "../x"]
)
async def test_the_page_tells_nobody_who_has_an_account(trial: SiteTrial, doors: Doors, name: str) -> None:
    browser = await trial.browser()
    answer = await browser.post("/forgotten", name=name)
    expected = await (await browser.post("/forgotten", name="nobody-at-all")).text()
    assert (answer.status, await answer.text()) == (200, expected)
    assert len(await sent(trial, doors)) == (1 if "tudent" in name else 0)


async def test_nobodys_letter_box_is_filled(trial: SiteTrial, doors: Doors) -> None:
    for browser in (await trial.browser(), await trial.browser()):
        for _ in range(5):
            assert (await browser.post("/forgotten", name="student")).status == 200
        assert len(await sent(trial, doors)) == 3
    trial.clock.pass_by(timedelta(minutes=10))
    await browser.post("/forgotten", name="student")
    assert len(await sent(trial, doors)) == 4


async def test_one_place_cannot_ask_for_everybody(trial: SiteTrial, doors: Doors) -> None:
    browser = await trial.browser()
    answers = [await browser.post("/forgotten", name=f"somebody-{n}") for n in range(12)]
    assert answers[-1].status == 503
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "too often" in await answers[-1].text()


async def test_a_shut_account_and_one_without_an_address_get_nothing(trial: SiteTrial, doors: Doors) -> None:
    await trial.people.change(StudentName("student"), UserChanges(active=False))
    await trial.people.change(StudentName("teacher"), UserChanges(email=""))
    for name in ("student", "teacher"):
        assert (await (await trial.browser()).post("/forgotten", name=name)).status == 200
    assert await sent(trial, doors) == []


async def test_without_a_mail_server_the_teacher_helps(trial: SiteTrial, doors: Doors) -> None:
    doors.mailer.there = False
    browser = await trial.browser()
    assert "/forgotten" not in await browser.text("/login")
    assert "Ask your teacher" in await browser.text("/forgotten")
    assert "Ask your teacher" in await (await browser.post("/forgotten", name="student")).text()
    assert await sent(trial, doors) == []


@pytest.mark.parametrize(("error", "none"), [(WorldError("No such box."), False), (NotNow("Down."), True)])
async def test_a_letter_that_is_not_taken_leaves_the_link(
    trial: SiteTrial, doors: Doors, error: WorldError | NotNow, none: bool
) -> None:
    doors.mailer.troubles["student@example.org"] = error
    user = await trial.people.get(StudentName("student"))
    handed = await doors.links.hand_out(user, by="root", mail=True)
    assert (handed.mailed, handed.trouble, handed.no_more_mail) == (False, error.message, none)
    assert (await (await trial.browser()).get(handed.url.removeprefix(PUBLIC))).status == 200


async def test_the_language_of_a_letter_is_the_accounts(trial: SiteTrial, doors: Doors) -> None:
    await trial.people.change(StudentName("student"), UserChanges(language="fr"))
    user = await trial.people.get(StudentName("student"))
    await doors.links.hand_out(user, by="root", mail=True, language="en")
    assert doors.mailer.sent[0].subject == "reset fr"


# one's own


async def test_the_own_password_is_changed_and_other_browsers_are_logged_out(trial: SiteTrial) -> None:
    here, there = await trial.browser("student"), await trial.browser("student")
    html5lib.HTMLParser(strict=True).parse(await here.text("/account/password"))
    form = {"old": PASSWORD, "new": NEW, "again": NEW, "back": "/account/password"}
    assert (await here.post("/do/account.password", form)).status == 303
    assert "Your password is changed" in await here.text("/account/password")
    assert (await there.get("/login")).status == 200
    assert await can_log_in(trial, "student", NEW)
    assert not await can_log_in(trial, "student", PASSWORD)
    (entry,) = await trial.audit.entries(action="account.password")
    assert NEW not in entry.detail
    assert PASSWORD not in entry.detail


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"old": "wrong"}, "present password is wrong"),
        ({"again": "another"}, "two passwords differ"),
        ({"new": "short", "again": "short"}, "at least 10"),
    ],
)
async def test_a_change_that_is_refused_says_why(trial: SiteTrial, form: dict[str, str], word: str) -> None:
    browser = await trial.browser("student")
    whole = {"old": PASSWORD, "new": NEW, "again": NEW, "back": "/account/password"} | form
    await browser.post("/do/account.password", whole)
    text = await browser.text("/account/password")
    assert word in text
    assert NEW not in text
    assert await can_log_in(trial, "student", PASSWORD)


async def test_the_present_password_is_not_guessed_in_a_browser_left_open(trial: SiteTrial) -> None:
    answers = [
        await trial.api("PUT", "/account/password", "student", {"old": "x", "new": NEW}) for _ in range(11)
    ]
    assert [status for status, _ in answers] == [403] * 10 + [503]


async def test_nobody_changes_nothing(trial: SiteTrial) -> None:
    assert (
        (await (await trial.browser()).get("/account/password"))
        .headers["Location"]
        .startswith("/login?next=")
    )
    assert (await trial.api("PUT", "/account/password", "nobody", {"new": NEW}))[0] == 401
