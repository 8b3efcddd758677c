"""A notebook that the student's clone lacks: the page, the pull, what is in its way; and the pull from inside."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import html5lib
import pytest

from nbhostd.core.clonetool import CloneAnswer
from nbhostd.core.errors import Refused
from nbhostd.core.headers import cookie_name, cookie_value
from nbhostd.core.model import Mode, Phase, Visit
from tests.web.trial import ALICE, DOMAIN, REQUEST, Trial, trial

CLASSROOM = replace(REQUEST, mode=Mode.CLASSROOM)
NOTEBOOK = "w1/a b.md"
LABEL = "abcdefghijklmnopqrstuvwx22"


async def _behind(this: Trial) -> str:
    """The page's address, for a visitor whose clone lacks the notebook."""
    this.workspaces.behind = {NOTEBOOK}
    answer = await this.get(this.launch_path(CLASSROOM))
    assert answer.status == 303
    where = answer.headers["Location"]
    assert where.startswith("http://nb.localhost:8000/behind/")
    return urlsplit(where).path


async def test_a_notebook_that_the_clone_has_opens_at_once() -> None:
    async with trial() as this:
        this.workspaces.ready_at_once = True
        answer = await this.get(this.launch_path(CLASSROOM))
        assert "/.nbhostd/enter?" in answer.headers["Location"]
        assert this.workspaces.called("open") == [Visit(ALICE, REQUEST.notebook, Mode.CLASSROOM)]


async def test_the_page_says_what_is_missing_and_changes_nothing() -> None:
    async with trial() as this:
        page = await _behind(this)
        answer = await this.get(page)
        text = await answer.text()
        assert answer.status == 200
        for said in (
            "does not have this notebook yet", "w1/a b", "alice", f'action="{page}/pull"', "Open Jupyter",
        ):  # fmt: skip
            assert said in text
        assert await (await this.get(page)).text() == text
        html5lib.HTMLParser(strict=True).parse(text)
        assert this.pulls.calls == []
        assert len(this.workspaces.called("open")) == 1
        policy = answer.headers["Content-Security-Policy"]
        assert f"form-action 'self' http://{LABEL}.{DOMAIN}:8000;" in policy
        french = await (await this.get(page, Accept_Language="fr")).text()
        assert "Mettre à jour, puis ouvrir le notebook" in french


async def test_a_pull_leads_on_to_the_notebook() -> None:
    async with trial() as this:
        page = await _behind(this)
        this.pulls.then = this.workspaces.behind.clear
        this.workspaces.put(ALICE, Phase.READY)
        answer = await this.get(f"{page}/pull", method="POST")
        assert this.pulls.calls == ["pull python/alice"]
        entered = await this.get(answer.headers["Location"])
        there = await this.get(f"http://{LABEL}.{DOMAIN}:8000{entered.headers['Location']}")
        assert there.headers["Location"].endswith("/notebooks/w1/a%20b.md?course=python&student=alice")


async def test_a_pull_while_the_server_starts_shows_the_waiting_page() -> None:
    async with trial() as this:
        page = await _behind(this)
        this.pulls.then = this.workspaces.behind.clear
        answer = await this.get(f"{page}/pull", method="POST")
        assert urlsplit(answer.headers["Location"]).path.startswith("/visit/")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CloneAnswer("conflict", conflicts=("w1/<n>.md", "w2/x.py")), "have changed the same places"),
        (CloneAnswer("unfinished"), "that you began is not finished"),
        (CloneAnswer("locked"), "Another git command"),
        (CloneAnswer("no-clone"), "could not be pulled into your copy"),
    ],
)
async def test_what_is_in_the_way_is_said_with_the_files(answer: CloneAnswer, said: str) -> None:
    async with trial() as this:
        page = await _behind(this)
        this.pulls.answer = answer
        reply = await this.get(f"{page}/pull", method="POST")
        text = await reply.text()
        assert (reply.status, said in text) == (409, True)
        assert all(
            f"<code>{path}</code>" in text.replace("&lt;", "<").replace("&gt;", ">")
            for path in answer.conflicts
        )
        assert "<n>" not in text
        assert f'href="{page}/open"' in text
        html5lib.HTMLParser(strict=True).parse(text)


async def test_a_notebook_that_the_student_deleted_is_brought_back() -> None:
    async with trial() as this:
        page = await _behind(this)
        this.pulls.answer = CloneAnswer("up-to-date")
        text = await (await this.get(f"{page}/pull", method="POST")).text()
        assert "it was deleted or moved in it" in text
        assert f'action="{page}/restore"' in text
        this.pulls.then = this.workspaces.behind.clear
        answer = await this.get(f"{page}/restore", method="POST")
        assert answer.status == 303
        assert this.pulls.calls[-1] == f"restore {NOTEBOOK} of python/alice"


async def test_jupyter_opens_as_it_is() -> None:
    async with trial() as this:
        page = await _behind(this)
        this.workspaces.put(ALICE, Phase.READY)
        answer = await this.get(f"{page}/open")
        assert "/.nbhostd/enter?" in answer.headers["Location"]
        entered = await this.get(answer.headers["Location"])
        there = await this.get(f"http://{LABEL}.{DOMAIN}:8000{entered.headers['Location']}")
        assert re.search(r"/w/[^/]+/lab\?course=python&student=alice$", there.headers["Location"])
        assert this.pulls.calls == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("what", ["pull", "restore"])
async def test_only_a_form_pulls(method: str, what: str) -> None:
    async with trial() as this:
        page = await _behind(this)
        assert (await this.get(f"{page}/{what}", method=method)).status == 405
        assert this.pulls.calls == []


async def test_tickets_of_others_and_old_ones_open_nothing() -> None:
    async with trial() as this:
        page = await _behind(this)
        visit = urlsplit((await this.get(f"{page}/open")).headers["Location"]).path
        forged = (page[:-2] + "xx", "/behind/x", visit.replace("/visit/", "/behind/"))
        for path in forged:
            for method, end in (("GET", ""), ("POST", "/pull")):
                assert (await this.get(path + end, method=method)).status == 403
        this.clock.pass_by(timedelta(minutes=15))
        assert (await this.get(f"{page}/pull", method="POST")).status == 410
        assert this.pulls.calls == []


async def test_a_page_of_jupyter_is_launched() -> None:
    async with trial() as this:
        this.workspaces.ready_at_once = True
        wanted = replace(CLASSROOM, notebook=None, page="lab/tree/w1%20a?reset")
        entered = await this.get((await this.get(this.launch_path(wanted))).headers["Location"])
        there = await this.get(f"http://{LABEL}.{DOMAIN}:8000{entered.headers['Location']}")
        assert there.headers["Location"].endswith("/lab/tree/w1%20a?reset&course=python&student=alice")
        (visit,) = this.workspaces.called("open")
        assert visit == Visit(ALICE, None, Mode.CLASSROOM, page="lab/tree/w1%20a?reset")


async def test_a_reset_does_nothing_in_a_clone() -> None:
    async with trial() as this:
        await this.get(this.launch_path(CLASSROOM, reset=True))
        (visit,) = this.workspaces.called("open")
        assert isinstance(visit, Visit)
        assert not visit.forcecopy


async def test_a_launch_signed_for_one_mode_opens_no_other() -> None:
    async with trial() as this:
        for signed, name in ((REQUEST, "notebookGitRepo"), (CLASSROOM, "ipythonExercice")):
            path = re.sub(r"^/\w+/", f"/{name}/", this.launch_path(signed))
            assert (await this.get(path)).status == 403
        page = this.launch_path(replace(CLASSROOM, notebook=None, page="lab"))
        assert (await this.get(page.replace("/lab?", "/tree?"))).status == 403
        assert (await this.get(page.replace("/lab?", "/lab?reset&"))).status == 403
        assert this.workspaces.calls == []


# From inside


async def _api(this: Trial, method: str = "POST", **headers: str) -> tuple[int, dict[str, object]]:
    route = this.workspaces.put(ALICE, Phase.READY)
    assert route is not None
    own = f"http://{route.workspace.label}.{DOMAIN}:8000"
    given = {"Origin": own, "Accept": "application/json", **headers}
    answer = await this.get(f"{own}{route.run.base_url}.nbhostd/api/pull", method=method, **given)
    return answer.status, await answer.json()


async def test_the_notebook_pulls_for_its_student() -> None:
    async with trial() as this:
        status, answer = await _api(this)
        assert status == 200
        assert answer == {
            "outcome": "fast-forwarded", "good": True, "changed": True, "before": "1" * 40, "after": "2" * 40,
            "conflicts": [], "kept": [], "message": "Your copy has everything that is new in the course.",
            "advice": "",
        }  # fmt: skip
        this.pulls.answer = CloneAnswer("conflict", conflicts=("a.md",), kept=("refs/x",))
        status, answer = await _api(this, Accept_Language="fr")
        assert (status, answer["good"], answer["conflicts"]) == (200, False, ["a.md"])
        assert "git ne peut pas fusionner" in str(answer["message"])


async def test_nobody_else_pulls() -> None:
    async with trial() as this:
        assert (await _api(this, Origin="https://evil.example"))[0] == 403
        route = this.workspaces.put(ALICE, Phase.READY)
        assert route is not None
        await this.workspaces.note_cookie(route, True)
        own = f"http://{LABEL}.{DOMAIN}:8000"
        path = f"{own}{route.run.base_url}.nbhostd/api/pull"
        assert (await this.get(path, method="POST", Origin=own)).status == 403
        cookie = f"{cookie_name(route.workspace.label)}={cookie_value(route.run)}"
        assert (await this.get(path, method="POST", Origin=own, Cookie=cookie)).status == 200
        assert this.pulls.calls == ["pull python/alice"]


async def test_a_refused_pull_is_json_with_its_reason() -> None:
    async with trial() as this:

        def refuse() -> None:
            raise Refused("No clone.", status=409, reason="not-a-clone")

        this.pulls.then = refuse
        status, answer = await _api(this)
        assert (status, answer["reason"]) == (409, "not-a-clone")
