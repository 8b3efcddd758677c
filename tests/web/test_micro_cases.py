"""The predecessor's small facts about its addresses, row by row, asked of the student's floor over HTTP.

Courses out there are full of such addresses, so what each meant there it means here; where it does not, the row says so.
"""

from __future__ import annotations

import pytest

from nbhostd.core.model import Mode, Visit
from nbhostd.core.names import CourseName, NotebookPath, StudentName, WorkspaceId
from tests.web.trial import Trial, trial

LMS = "https://lms.example.org/courses/c/page"
S = WorkspaceId(CourseName("c"), StudentName("s"))


async def ask(this: Trial, path: str, referer: str = LMS) -> tuple[int, Visit | None]:
    """The status of an address opened from a page of the LMS, and what it made of the workspace."""
    answer = await this.get(path, Referer=referer)
    return answer.status, None if this.workspaces.opened.empty() else this.workspaces.opened.get_nowait()


MOOC = ("notebookLazyCopy", "ipythonExercice")
NOTEBOOKS = [
    ("c/w1/n.ipynb/s", "w1/n"),
    ("c/w1/n.ipynb.ipynb/s", "w1/n"),
    ("c/w1/n/s", "w1/n"),
    ("c/w1/n.md/s", "w1/n.md"),
    ("c/w1/n.py/s", "w1/n.py"),
    ("c/w1/a b/s/", "w1/a b"),
    ("c/w1/a%20b/s/", "w1/a b"),
    ("c/w1/a%20b.ipynb/s", "w1/a b"),
    ("c/w1/1.2-intro/s", "w1/1.2-intro"),
    ("c/w1/%C3%A9t%C3%A9/s", "w1/été"),
    ("c/n/s", "n"),
    ("c/a/b/c/d.ipynb/s", "a/b/c/d"),
    # Three .ipynb leave one: the name ends in it.
    ("c/w1/n.ipynb.ipynb.ipynb/s", "w1/n.ipynb"),
    # A server's address with a slash at its end makes doubled ones.
    ("/c//w1/n.ipynb/s//", "w1/n"),
]


@pytest.mark.parametrize("name", [*MOOC, "notebookGitRepo"])
@pytest.mark.parametrize(("rest", "notebook"), NOTEBOOKS)
async def test_a_notebooks_address(name: str, rest: str, notebook: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        status, visit = await ask(this, f"/{name}/{rest}".replace(" ", "%20"))
        assert status in (200, 303)
        mode = Mode.MOOC if name in MOOC else Mode.CLASSROOM
        assert visit == Visit(S, NotebookPath(notebook), mode)


@pytest.mark.parametrize("name", [*MOOC, "notebookGitRepo"])
async def test_the_last_segment_is_the_student(name: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        _, visit = await ask(this, f"/{name}/c/w1/n/")
        assert visit is not None
        assert (visit.workspace.student, visit.notebook) == ("n", "w1")


@pytest.mark.parametrize("name", [*MOOC, "notebookGitRepo"])
@pytest.mark.parametrize("rest", ["", "/", "/c", "/c/n", "/c/n/", "//c//n//"])
async def test_fewer_segments_are_nothing(name: str, rest: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        assert await ask(this, f"/{name}{rest}") == (404, None)


@pytest.mark.parametrize("slashes", ["//", "///"])
async def test_doubled_slashes_at_the_beginning(slashes: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        _, visit = await ask(this, f"{slashes}ipythonExercice/c/w1/n.ipynb/s")
        assert visit == Visit(S, NotebookPath("w1/n"))


@pytest.mark.parametrize("name", MOOC)
@pytest.mark.parametrize(
    ("query", "reset"),
    [
        ("?forcecopy=true", True),
        ("?forcecopy=false", True),  # any value that is not empty, as there
        ("?forcecopy=0", True),
        ("?forcecopy=", False),
        ("?forcecopy", False),
        ("?other=1", False),
        ("", False),
    ],
)
async def test_a_reset(name: str, query: str, reset: bool) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        _, visit = await ask(this, f"/{name}/c/w1/n.ipynb/s{query}")
        assert visit == Visit(S, NotebookPath("w1/n"), forcecopy=reset)


@pytest.mark.parametrize("query", ["", "?forcecopy=true"])
async def test_a_clone_is_never_reset_by_an_address(query: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        _, visit = await ask(this, f"/notebookGitRepo/c/w1/n.ipynb/s{query}")
        assert visit == Visit(S, NotebookPath("w1/n"), Mode.CLASSROOM)


@pytest.mark.parametrize(
    ("rest", "page"),
    [
        ("c/s/lab", "lab"),
        ("c/s/tree", "tree"),
        ("c/s/lab/", "lab"),
        ("c/s/lab/tree/w1/a%20b.md", "lab/tree/w1/a%20b.md"),
        ("c/s/tree/w1?sort=name&course=x", "tree/w1?sort=name"),
    ],
)
async def test_jupyters_own_pages(rest: str, page: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        _, visit = await ask(this, f"/ipythonForward/{rest}")
        assert visit == Visit(S, None, Mode.CLASSROOM, page=page)


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ("c/s", 404),
        ("c/s/", 404),
        ("c/s/api/contents", 403),
        ("c/s/terminals/1", 403),
        ("c/s/labs", 403),  # there, a beginning was enough
        ("c/s/git-pull?repo=x", 403),  # dead there already
        ("c/s/lab/../api", 403),
        ("c/s/lab/%2e%2e/api", 403),
    ],
)
async def test_what_is_no_page_of_jupyters(rest: str, status: int) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        assert await ask(this, f"/ipythonForward/{rest}") == (status, None)


@pytest.mark.parametrize("name", [*MOOC, "notebookGitRepo"])
@pytest.mark.parametrize(
    "rest",
    [
        "c/../n/s",
        "c/%2e%2e/n/s",
        "c/w1%2F..%2Fn/s",
        "-c/n/s",
        ".c/n/s",
        "c/n/s t",
        "c/n/-s",
        "c/n%00/s",
        "c/n%FF/s",
    ],
)
async def test_names_that_lead_elsewhere_are_refused(name: str, rest: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        assert await ask(this, f"/{name}/{rest}".replace(" ", "%20")) == (400, None)


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/?lms.example.org", "https://lms.example.org.evil.example/"]
)
async def test_a_referer_is_compared_whole(referer: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        assert await ask(this, "/ipythonExercice/c/w1/n.ipynb/s", referer) == (403, None)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_an_address_is_only_opened(method: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        answer = await this.get("/ipythonExercice/c/w1/n.ipynb/s", method=method, Referer=LMS)
        assert answer.status == 405


@pytest.mark.parametrize("path", ["/containerKill/c/s", "/containerKill/c/s/", "//containerKill/c/s"])
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_an_address_stops_nothing_any_more(path: str, language: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        answer = await this.get(path, Referer=LMS, Accept_Language=language)
        assert answer.status == 410
        assert {"en": "An address stops no workspace", "fr": "Une adresse n’arrête plus"}[
            language
        ] in await answer.text()
        assert this.workspaces.calls == []


@pytest.mark.parametrize("path", ["/ipythonShare/c/w1/n.ipynb/s", "//ipythonShare/c/w1/n/s/"])
async def test_an_address_shares_nothing_any_more(path: str) -> None:
    async with trial(legacy_referers=("lms.example.org",)) as this:
        answer = await this.get(path, Referer=LMS)
        assert answer.status == 410
        assert "its menu has “Share Static Version”" in await answer.text()
