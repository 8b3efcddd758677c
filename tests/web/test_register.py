"""Registering a class in a browser and over the API: looked at first, then done; links for paper, or letters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import html5lib
import pytest
from aiohttp import FormData

from nbhostd.core.errors import NotNow, WorldError
from nbhostd.core.names import StudentName
from nbhostd.services.people import UserChanges
from tests.web.doors_trial import Doors
from tests.web.site_trial import PUBLIC, Browser, SiteTrial, site_trial

CLASS = """email;first_name;group
zoe.martin@example.org;;
Student@example.org;;extra
teacher.x@example.org;Téo;
"""
NEW = "quatre mots sans rapport"


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return Doors(tmp_path / "jobs")


@pytest.fixture
async def trial(tmp_path: Path, doors: Doors) -> AsyncIterator[SiteTrial]:
    async with site_trial(tmp_path, operations=doors.operations, rooms=doors.rooms) as trial:
        yield trial


async def upload(browser: Browser, content: bytes, **more: str) -> str:
    """Send a file; the page that comes."""
    form = FormData()
    form.add_field("table", content, filename="class.csv", content_type="text/csv")
    for key, value in {"csrf": browser.csrf, **more}.items():
        form.add_field(key, value)
    answer = await browser.send("POST", "/admin/register", data=form)
    text = await answer.text()
    html5lib.HTMLParser(strict=True).parse(text)
    return text


async def names(trial: SiteTrial) -> set[str]:
    return {str(user.name) for user in await trial.people.users()}


async def register(trial: SiteTrial, table: str, role: str = "admin", **more: Any) -> tuple[int, Any]:
    return await trial.api("POST", "/people/register", role, {"table": table, **more})


async def test_a_class_is_looked_at_and_then_made(trial: SiteTrial) -> None:
    browser = await trial.browser("admin")
    before = await names(trial)
    page = await browser.text("/admin/register")
    assert "Send each link" in page
    looked_at = await upload(browser, CLASS.encode(), group="class 7", language="fr")
    assert "2 accounts would be made" in looked_at
    assert "1 has an account already" in looked_at
    assert await names(trial) == before
    table = re.search(r'<textarea name="table" hidden>\n(.*?)</textarea>', looked_at, re.S)
    assert table
    answer = await browser.post(
        "/admin/register", table=table[1].replace("\n", "\r\n"), group="class 7", language="fr", agreed="true"
    )
    page = await answer.text()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "2 accounts were made" in page
    assert await names(trial) == before | {"zoe.martin", "teacher.x"}
    group = next(group for group in await trial.people.groups() if group.name == "class 7")
    assert group.members == ("student", "teacher.x", "zoe.martin")
    assert (await trial.people.get(StudentName("teacher.x"))).first_name == "Téo"
    links = re.findall(rf"{PUBLIC}(/link/[^<]+)<", page)
    assert len(links) == 2
    student = await trial.browser()
    assert (await student.post(links[0], new=NEW, again=NEW)).status == 303


async def test_a_file_with_faults_does_nothing_and_says_them_all(trial: SiteTrial) -> None:
    browser, before = await trial.browser("admin", "fr"), await names(trial)
    page = await upload(browser, b"email,birthday\nzoe\nbob@example.org\n<b>@\n", agreed="true")
    assert "Rien n’a été fait" in page
    page = page.replace("\u00a0", " ")
    assert "<li>ligne 2 : « zoe » n’est pas une adresse électronique</li>" in page
    assert "ligne 4 :" in page
    assert "la colonne « birthday » n’est pas connue" in page
    assert "<b>" not in page
    assert await names(trial) == before
    _, shape = await register(trial, "email\nzoe\n", "admin")
    assert shape["faults"] == ["line 2: “zoe” is not an e-mail address"]


async def test_an_old_spreadsheets_accents_are_read_and_said(trial: SiteTrial) -> None:
    page = await upload(
        await trial.browser("admin"), "email;first_name\nz@example.org;Zoé\n".encode("cp1252")
    )
    assert "Zoé" in page
    assert "Windows-1252" in page


async def test_who_is_left_out_is_said_in_the_readers_language(trial: SiteTrial) -> None:
    browser = await trial.browser("admin", "fr")
    page = await upload(browser, b"email,username\nother@example.org,student\nStudent@example.org,zoe\n")
    assert "le compte « student » a une autre adresse" in page.replace("\u00a0", " ")
    assert "cette adresse appartient au compte « student »" in page.replace("\u00a0", " ")


@pytest.mark.parametrize("group", ["a/b", "x" * 200])
async def test_a_group_that_cannot_be_is_said_and_what_was_entered_stays(
    trial: SiteTrial, group: str
) -> None:
    page = await upload(await trial.browser("admin"), CLASS.encode(), group=group)
    assert 'role="alert"' in page
    assert f'value="{group}"' in page


async def test_it_is_for_administrators(trial: SiteTrial) -> None:
    for role, status in (("staff", 403), ("teacher", 403), ("student", 403), ("nobody", 303)):
        assert (await (await trial.browser(role)).get("/admin/register")).status == status
        assert (await register(trial, CLASS, role))[0] == (401 if role == "nobody" else 403)
    browser = await trial.browser("admin")
    assert (
        await browser.send("POST", "/admin/register", data={"table": CLASS, "agreed": "true"})
    ).status == 403


async def test_done_again_there_is_nothing_to_do(trial: SiteTrial) -> None:
    status, first = await register(trial, CLASS, group="class 7")
    assert (status, len(first["new"]), first["joined"], len(first["links"])) == (200, 2, 4, 2)
    status, again = await register(trial, CLASS, group="class 7")
    assert (status, again["new"], again["joined"], again["links"]) == (200, [], 0, [])
    assert len(again["known"]) == 3


async def test_who_never_came_gets_another_link_when_it_is_wanted(trial: SiteTrial) -> None:
    await trial.people.create(StudentName("boss"), UserChanges(email="boss@example.org", staff=True))
    _, first = await register(trial, CLASS)
    await (await trial.browser()).post(first["links"][0]["url"].removeprefix(PUBLIC), new=NEW, again=NEW)
    _, again = await register(trial, CLASS + "boss@example.org\n", remind=True)
    # Not for who has been there, and never for those who may do more than a student.
    assert [link["name"] for link in again["links"]] == ["teacher.x"]


async def test_a_password_in_the_table_is_the_persons_and_in_no_log(trial: SiteTrial) -> None:
    _, answer = await register(trial, f"email,password\nzoe@example.org,{NEW}\n")
    assert answer["links"] == []
    assert (await (await trial.browser()).post("/login", name="zoe", password=NEW)).status == 303
    entries = await trial.audit.entries(action="people.register")
    assert len(entries) == 1
    assert NEW not in entries[0].detail
    assert "zoe" not in entries[0].detail


async def test_a_dry_run_changes_nothing(trial: SiteTrial) -> None:
    before = await names(trial)
    _, answer = await register(trial, CLASS, dry_run=True)
    assert ([one["name"] for one in answer["new"]], answer["links"]) == (["zoe.martin", "teacher.x"], [])
    assert await names(trial) == before


async def lines_of(trial: SiteTrial, doors: Doors, job: int) -> list[str]:
    await asyncio.gather(*trial.tasks._running)
    return list(doors.logs.lines(job))


async def test_letters_are_a_job_whose_log_has_no_link(trial: SiteTrial, doors: Doors) -> None:
    doors.mailer.troubles["teacher.x@example.org"] = WorldError("No such box.")
    _, answer = await register(trial, CLASS, mail=True, language="fr")
    lines = await lines_of(trial, doors, answer["job"])
    assert lines == ["zoe.martin: sent", "teacher.x: error: No such box."]
    assert [(letter.to, letter.subject) for letter in doors.mailer.sent] == [
        ("zoe.martin@example.org", "invitation fr")
    ]
    assert doors.mailer.sent[0].body.split()[1] == answer["links"][0]["url"]
    assert doors.mailer.batches == [len(doors.mailer.sent)]
    job = await trial.store.job(answer["job"])
    assert job is not None
    assert (job.message, job.begun_by) == ("1 of 2 letters sent", "admin")


async def test_a_mail_server_that_is_down_is_not_knocked_at_for_everybody(
    trial: SiteTrial, doors: Doors
) -> None:
    doors.mailer.troubles["zoe.martin@example.org"] = NotNow("The mail server takes no letters now.")
    _, answer = await register(trial, CLASS, mail=True)
    lines = await lines_of(trial, doors, answer["job"])
    assert len(lines) == 2
    assert "not tried" in lines[-1]
    assert doors.mailer.sent == []


async def test_letters_without_a_mail_server_are_refused_before_anything_is_done(
    trial: SiteTrial, doors: Doors
) -> None:
    doors.mailer.there = False
    before = await names(trial)
    assert (await register(trial, CLASS, mail=True))[0] == 409
    assert await names(trial) == before
    assert "Send each link" not in await (await trial.browser("admin")).text("/admin/register")
