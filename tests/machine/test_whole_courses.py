"""Two real courses, whole: every notebook of both is opened once, by its address, and is the student's own copy.

One student for each course and mode, so one container: what is measured is the way in, 285 times.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import yaml

from nbhostd.core.model import Mode
from tests.machine.site import STATE, Browser, Opened, ctl, ctl_json, signed_elsewhere, workspace_dir

PLACES = (Path("/var/lib/nbhostd-courses"), Path("/var/lib/demo"))
"""Where `packaging/test` (and the browser's tests) put the bundles; they are not part of the project."""
BUNDLES = {"python-mooc": 236, "flotbioinfo": 49}
"""How many notebooks each has at the least, so that a course which became empty is noticed."""
_SUFFIXES = (".md", ".ipynb")
_AT_ONCE = 4

pytestmark = pytest.mark.courses


@dataclass(frozen=True)
class Whole:
    """A course made from a bundle."""

    name: str
    least: int

    @property
    def tree(self) -> Path:
        return (STATE / "courses" / self.name / "public/current").resolve()

    def notebooks(self) -> list[str]:
        """Every file that Jupyter shows as a notebook: every page in markdown, too."""
        found = [
            str(path.relative_to(self.tree)) for path in self.tree.rglob("*") if path.suffix in _SUFFIXES
        ]
        return sorted(path for path in found if not path.startswith("."))

    def asked(self, notebook: str) -> str:
        """As a platform names it: without its suffix, unless another file would be found first."""
        stem, dot, suffix = notebook.rpartition(".")
        first = next(other for other in (".py", ".ipynb", ".md") if (self.tree / (stem + other)).is_file())
        return stem if first == dot + suffix else notebook


@pytest.fixture(scope="module", params=sorted(BUNDLES))
def whole(request: pytest.FixtureRequest) -> Iterator[Whole]:
    bundle = next(
        (
            place / f"{request.param}.bundle"
            for place in PLACES
            if (place / f"{request.param}.bundle").is_file()
        ),
        None,
    )
    if bundle is None:
        pytest.skip(f"there is no {request.param}.bundle in {' or '.join(map(str, PLACES))}")
    name = f"whole-{request.param}-{uuid.uuid4().hex[:6]}"
    ctl("course", "create", name, str(bundle), "--image", "minimal")
    yield Whole(name, BUNDLES[request.param])
    ctl("course", "delete", name, "--with-workspaces", "--yes")


@pytest.fixture
async def patient(new_browser: Callable[[], Browser]) -> AsyncIterator[Browser]:
    yield new_browser()


async def _open_all(
    browser: Browser, whole: Whole, student: str, notebooks: list[str], mode: Mode
) -> dict[str, Opened]:
    """Every notebook opened, a few at a time as a class does; the first alone, since it starts the container."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(notebook: str) -> Opened:
        async with turn:
            return await browser.open(signed_elsewhere(whole.name, whole.asked(notebook), student, mode))

    began = time.monotonic()
    first = {notebooks[0]: await one(notebooks[0])}
    started = time.monotonic()
    rest = await asyncio.gather(*(one(notebook) for notebook in notebooks[1:]))
    each = 1000 * (time.monotonic() - started) / len(rest)
    print(
        f"{whole.name}, {mode}: the first in {started - began:.1f} s, {len(rest)} more in {each:.0f} ms each"
    )
    return first | dict(zip(notebooks[1:], rest, strict=True))


def _shown(page: Opened) -> str:
    return urlsplit(page.url).path.partition("/notebooks/")[2]


@pytest.mark.parametrize("mode", Mode)
async def test_every_notebook_is_found_and_copied(
    whole: Whole, mode: Mode, student: str, patient: Browser
) -> None:
    notebooks = whole.notebooks()
    assert len(notebooks) >= whole.least
    pages = await _open_all(patient, whole, student, notebooks, mode)
    assert {notebook: page.status for notebook, page in pages.items() if page.status != 200} == {}
    assert {notebook for notebook, page in pages.items() if _shown(page) != quote(notebook)} == set()
    assert len({page.base for page in pages.values()}) == 1
    _is_the_students_own(whole, student, notebooks, mode)
    await _jupyter_reads(pages, notebooks)
    if mode is Mode.CLASSROOM:
        # Nothing was changed by opening it all, so the next pull is a fast-forward.
        said = "import subprocess; print(subprocess.run(['git', '-C', '/home/jovyan/work', 'status', '--porcelain'],"
        said += " capture_output=True, text=True))"
        assert "returncode=0, stdout='', stderr=''" in await pages[notebooks[0]].run_code(said)


def _is_the_students_own(whole: Whole, student: str, notebooks: list[str], mode: Mode) -> None:
    """Each file is the course's, byte for byte, and the student's."""
    space = workspace_dir(whole.name, student)
    owner = space.stat().st_uid
    wrong = [
        notebook
        for notebook in notebooks
        if (space / notebook).read_bytes() != (whole.tree / notebook).read_bytes()
        or (space / notebook).stat().st_uid != owner
        or (mode is Mode.MOOC and not _same_time(space / notebook, whole.tree / notebook))
    ]
    assert wrong == []


def _same_time(copy: Path, original: Path) -> bool:
    return int(copy.stat().st_mtime) == int(original.stat().st_mtime)


async def _jupyter_reads(pages: dict[str, Opened], notebooks: list[str]) -> None:
    """What the page then asks: the notebook, in whatever format it is written."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def cells(notebook: str) -> Any:
        async with turn:
            model = await pages[notebook].api(f"api/contents/{quote(notebook)}?type=notebook&content=1")
        return len(model["content"]["cells"])

    counts = await asyncio.gather(*(cells(notebook) for notebook in notebooks))
    assert [notebook for notebook, count in zip(notebooks, counts, strict=True) if not count] == []


def test_every_notebook_is_called_what_it_calls_itself(whole: Whole) -> None:
    shown = {one["path"]: one["title"] for one in ctl_json("course", "notebooks", whole.name)}
    own = {path: title for path in whole.notebooks() if (title := _own_title(whole.tree / path))}
    assert len(own) > whole.least * 3 // 4
    assert {path: shown.get(path) for path in own} == own


def _own_title(path: Path) -> str | None:
    """The title in a notebook's metadata, read as simply as can be."""
    if path.suffix == ".ipynb":
        metadata = json.loads(path.read_text())["metadata"]
    else:
        found = re.match(r"---\n(.*?)\n---\n", path.read_text(), re.DOTALL)
        metadata = yaml.safe_load(found[1]) if found else {}
    title = metadata.get("nbhosting", {}).get("title") or metadata.get("notebookname")
    return str(title) if title else None
