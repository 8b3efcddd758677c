"""A notebook whose format the course has changed: the question, the two answers, and work that cannot be converted."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import html5lib
import pytest
from aiohttp import ClientResponse

from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import Earlier, Phase, Visit
from nbhostd.core.names import NotebookPath
from tests.web.trial import ALICE, DOMAIN, Trial, trial

NOTEBOOK = NotebookPath("w1/a b.md")
LABEL = "abcdefghijklmnopqrstuvwx22"


async def _asked(this: Trial) -> str:
    """The page's address, for a student whose work is in w1/a b.ipynb."""
    this.workspaces.earlier = {NOTEBOOK: "w1/a b.ipynb"}
    answer = await this.get(this.launch_path())
    assert answer.status == 303
    assert answer.headers["Location"].startswith("http://nb.localhost:8000/earlier/")
    return urlsplit(answer.headers["Location"]).path


async def _choose(this: Trial, page: str, choice: str, **headers: str) -> ClientResponse:
    assert this._client is not None
    given = {"Host": "nb.localhost:8000", "Accept": "text/html"} | headers
    return await this._client.post(page, data={"choice": choice}, headers=given, allow_redirects=False)


async def test_the_student_is_asked_and_nothing_is_done_meanwhile() -> None:
    async with trial() as this:
        page = await _asked(this)
        for _ in range(2):
            answer = await this.get(page, Accept_Language="fr")
            policy = answer.headers["Content-Security-Policy"]
            text = await answer.text()
            assert answer.status == 200
            for said in (
                "a b.ipynb</code>",
                "a b.md</code>",
                "Continuer mon travail",
                "Les résultats ne le sont pas",
            ):
                assert said in text
            assert "fichier. Les résultats" in re.sub(r"\s+", " ", text)
            html5lib.HTMLParser(strict=True).parse(text)
            # The form's answer leads into the workspace, and nowhere else.
            assert f"form-action 'self' http://{LABEL}.{DOMAIN}:8000;" in policy
        assert this.workspaces.called("wake") == []
        assert len(this.workspaces.called("open")) == 1
        assert this.workspaces.place(ALICE).phase is Phase.ASLEEP


@pytest.mark.parametrize(("choice", "earlier"), [("convert", Earlier.CONVERT), ("new", Earlier.NEW)])
async def test_the_choice_is_carried_out_and_leads_on(choice: str, earlier: Earlier) -> None:
    async with trial() as this:
        page = await _asked(this)
        waiting = await _choose(this, page, choice)
        assert (waiting.status, "/visit/" in waiting.headers["Location"]) == (303, True)
        assert this.workspaces.called("open")[1:] == [Visit(ALICE, NOTEBOOK, earlier=earlier)]
        this.workspaces.put(ALICE, Phase.READY)
        again = await _choose(this, page, choice)
        assert "/.nbhostd/enter?" in again.headers["Location"]


async def test_work_that_cannot_be_converted_is_not_lost() -> None:
    async with trial() as this:
        page = await _asked(this)
        this.workspaces.refusal = Refused("No.", status=409, reason="not-converted")
        answer = await _choose(this, page, "convert")
        text = await answer.text()
        assert (answer.status, "could not be taken over" in text) == (409, True)
        assert "Begin with the new version" in text
        html5lib.HTMLParser(strict=True).parse(text)
        this.workspaces.refusal = WorldError("The disk is full.", detail="/var/lib/secret")
        other = await _choose(this, page, "convert")
        assert (other.status, "/var/lib" in await other.text()) == (502, False)


async def test_a_ticket_is_good_for_this_and_for_a_while() -> None:
    async with trial() as this:
        page = await _asked(this)
        assert (await _choose(this, page, "both")).status == 400
        assert (await _choose(this, page + "x", "new")).status == 403
        assert (await this.get(page.replace("/earlier/", "/visit/"))).status == 403
        assert (await this.get(page, method="DELETE")).status == 405
        this.clock.pass_by(timedelta(minutes=15, seconds=1))
        for answer in (await this.get(page), await _choose(this, page, "new")):
            assert answer.status == 410
        assert len(this.workspaces.called("open")) == 1


async def test_text_files_have_no_results_to_lose() -> None:
    async with trial() as this:
        this.workspaces.earlier = {NOTEBOOK: "w1/a b.py"}
        answer = await this.get(urlsplit((await this.get(this.launch_path())).headers["Location"]).path)
        assert "Results are not" not in await answer.text()


async def test_a_reset_asks_nothing() -> None:
    async with trial() as this:
        this.workspaces.earlier = {}
        await this.get(this.launch_path(reset=True))
        (visit,) = this.workspaces.called("open")
        assert isinstance(visit, Visit)
        assert (visit.forcecopy, visit.earlier) == (True, Earlier.ASK)
