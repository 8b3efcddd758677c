"""Operations: one check of rights, one of what is given, one line in the audit log, for forms and for the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from nbhostd.core.errors import Refused
from nbhostd.core.people import Power, Scope
from nbhostd.web.operations import Begun, Call, Nothing, Operation
from tests.web.site_trial import ROLES, SiteTrial, site_trial


class Wish(msgspec.Struct, frozen=True):
    """What is wanted."""

    name: str
    count: int = 1
    words: list[str] = []
    loud: bool = False
    secret: str | None = None


class Echo(msgspec.Struct, frozen=True):
    """What was wanted."""

    said: str


class Page(msgspec.Struct, frozen=True):
    """Which page."""

    limit: int = 10


async def _echo(call: Call) -> Echo:
    if call.body.name == "busy":
        raise Refused("Something else is under way.", status=409, reason="course-busy")
    return Echo(f"{call.course} {call.body}")


async def _begin(call: Call) -> Begun:
    return Begun(7)


async def _nothing(call: Call) -> Nothing:
    return Nothing()


async def _page(call: Call) -> Echo:
    return Echo(str(call.query.limit))


def _operations(_: SiteTrial) -> list[Operation]:
    return [
        Operation(
            "thing.echo", "POST", "/courses/{course}/echo", "Say it again", Power.TEACH, _echo, Echo, Wish,
            secret=frozenset({"secret"}),
        ),
        Operation("thing.begin", "POST", "/courses/{course}/begin", "Begin", Power.TEACH, _begin, Begun),
        Operation("thing.page", "GET", "/things", "A page", Power.ACCOUNT, _page, Echo, query=Page),
        *(
            Operation(f"right.{power}", "POST", f"/{power}/{{course}}", "A right", power, _nothing)
            for power in Power
        ),
    ]  # fmt: skip


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[SiteTrial]:
    async with site_trial(tmp_path, operations=_operations) as trial:
        yield trial


MATRIX = {
    "account": {"admin": 200, "staff": 200, "teacher": 200, "student": 200, "stranger": 200},
    "open": {"admin": 200, "staff": 200, "teacher": 200, "student": 200, "stranger": 404},
    "teach": {"admin": 200, "staff": 200, "teacher": 200, "student": 403, "stranger": 404},
    "manage": {"admin": 200, "staff": 200, "teacher": 403, "student": 403, "stranger": 403},
    "administer": {"admin": 200, "staff": 403, "teacher": 403, "student": 403, "stranger": 403},
}


@pytest.mark.parametrize("power", Power)
async def test_who_may_do_what(trial: SiteTrial, power: Power) -> None:
    got = {role: (await trial.api("POST", f"/{power}/python", role))[0] for role in ROLES}
    assert got == MATRIX[power] | {"nobody": 401}


async def test_a_course_that_is_not_there_and_one_that_is_not_yours_are_told_apart_by_nothing(
    trial: SiteTrial,
) -> None:
    hidden = await trial.api("POST", "/open/python", "stranger")
    absent = await trial.api("POST", "/open/nowhere", "stranger")
    assert hidden == absent


async def test_a_token_does_what_its_scopes_say(trial: SiteTrial) -> None:
    for scopes, expected in (((Scope.TEACH,), 200), ((Scope.READ, Scope.WORK), 403)):
        token = await trial.token("teacher", *scopes)
        status, _ = await trial.api("POST", "/teach/python", headers={"Authorization": f"Bearer {token}"})
        assert status == expected


async def test_a_form_and_the_api_do_the_same(trial: SiteTrial) -> None:
    status, answer = await trial.api(
        "POST",
        "/courses/python/echo",
        "teacher",
        {"name": "n", "count": 2, "words": ["a", "b"], "loud": True},
    )
    browser = await trial.browser("teacher")
    form = {
        "course": "python",
        "name": "n",
        "count": "2",
        "words": "a\n b \n\n",
        "loud": "true",
        "next": "/x",
    }
    answered = await browser.post("/do/thing.echo", form)
    assert (status, answered.status, answered.headers["Location"]) == (200, 303, "/x")
    said = [entry.detail for entry in await trial.audit.entries(action="thing.echo")]
    assert said == ['name=n count=2 words=["a","b"] loud=true'] * 2
    assert answer["said"].startswith("python Wish(name='n', count=2, words=['a', 'b'], loud=True")


async def test_a_form_that_is_refused_comes_back_with_what_was_entered(trial: SiteTrial) -> None:
    browser = await trial.browser("teacher")
    answer = await browser.post("/do/thing.echo", course="python", name="busy", back="/login-probe")
    assert (answer.status, answer.headers["Location"]) == (303, "/login-probe")
    flashes = next(iter(trial.site.flashes._waiting.values()))
    assert (flashes[0].tone, flashes[0].entered["name"]) == ("bad", "busy")


async def test_long_work_answers_with_its_job(trial: SiteTrial) -> None:
    assert await trial.api("POST", "/courses/python/begin", "teacher") == (202, {"job": 7})
    answer = await (await trial.browser("teacher")).post("/do/thing.begin", course="python")
    assert answer.headers["Location"] == "/jobs/7"


@pytest.mark.parametrize(
    ("body", "word"),
    [({}, "name"), ({"name": 3}, "name"), ({"name": "x", "count": "y"}, "count"), ([], "object")],
)
async def test_a_body_that_is_not_right_is_told_where(trial: SiteTrial, body: object, word: str) -> None:
    status, answer = await trial.api("POST", "/courses/python/echo", "teacher", body)
    assert status == 400
    assert word in answer["message"]


async def test_queries_are_checked_too(trial: SiteTrial) -> None:
    assert await trial.api("GET", "/things?limit=3", "student") == (200, {"said": "3"})
    assert (await trial.api("GET", "/things?limit=x", "student"))[0] == 400


async def test_what_is_done_is_written_down_and_secrets_are_not(trial: SiteTrial) -> None:
    await trial.api("POST", "/courses/python/echo", "teacher", {"name": "n", "secret": "hush"})
    await trial.api("POST", "/courses/python/echo", "student", {"name": "n"})
    await trial.api("POST", "/courses/python/echo", "nobody", {"name": "n"})
    entries = await trial.audit.entries(action="thing.echo")
    assert [(e.who, e.subject, e.outcome, e.via) for e in entries] == [
        ("student", "python", "not-teacher", "token"),
        ("teacher", "python", "done", "token"),
    ]
    assert "hush" not in entries[1].detail


async def test_a_session_without_the_pages_token_does_nothing(trial: SiteTrial) -> None:
    browser = await trial.browser("teacher")
    for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": browser.csrf, "Origin": "https://evil.test"}):
        answer = await browser.send("POST", "/api/v1/courses/python/begin", headers=headers)
        assert answer.status == 403
    answer = await browser.send(
        "POST", "/api/v1/courses/python/begin", headers={"X-CSRF-Token": browser.csrf}
    )
    assert answer.status == 202


async def test_the_description_names_every_operation(trial: SiteTrial) -> None:
    status, document = await trial.api("GET", "/openapi.json")
    assert status == 200
    described = {what["operationId"] for path in document["paths"].values() for what in path.values()}
    assert described == {operation.id for operation in trial.operations}
