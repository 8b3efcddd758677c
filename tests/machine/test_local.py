"""What an administrator lays over a course, and what its notebooks are called, on the installed site."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.conftest import NOTEBOOK
from tests.machine.site import STATE, Browser, commit, ctl, ctl_json, launch_url, make_repository, run

TITLED = NOTEBOOK.replace("kernelspec:", "nbhosting:\n  title: Premier pas\n  version: '2.1'\nkernelspec:")
FILES: dict[str, str | bytes] = {
    "w1/a.md": TITLED,
    "w1/b.md": NOTEBOOK,
    "myst.yml": "project: {title: A book, toc: [{title: Week 1, children: [{pattern: w1/*.md}]}]}\n",
    ".nbhosting/nbhosting.yaml": "general: {notebook-url-format: 'tree/{notebook}'}\nbuilds: [{name: x}, {name: y}]\n",
    ".nbhosting/jupyter/jupyter_server_config.json": json.dumps(
        {
            "ServerApp": {"allow_origin": "*", "base_url": "/elsewhere/", "token": "known"},
            "MappingKernelManager": {"default_kernel_name": "of-the-course"},
        }
    ),
}


@pytest.fixture
def book(repositories: Path) -> Iterator[str]:
    name = f"l-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, FILES)
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes", check=False)
    run("rm", "-rf", str(STATE / "local" / name))


def lay(course: str, name: str, text: str) -> None:
    """As the manual says: made by root, readable for everybody."""
    path = STATE / "local" / course / name
    run("install", "-d", "-m", "0755", str(STATE / "local"), str(STATE / "local" / course), str(path.parent))
    path.write_text(text)
    path.chmod(0o644)


def test_a_book_is_a_track_with_titles_and_a_pull_brings_new_ones(book: str, repositories: Path) -> None:
    (track,) = ctl_json("course", "tracks", book)["tracks"]
    assert (track["id"], track["name"]) == ("toc", "A book")
    (section,) = track["sections"]
    assert [one["title"] for one in section["notebooks"]] == ["Premier pas", "w1/b.md"]
    commit(repositories / book, {"w1/b.md": TITLED.replace("Premier", "Second")}, "titled")
    ctl("course", "pull", book)
    rows = {row["path"]: row for row in ctl_json("course", "notebooks", book)}
    assert (rows["w1/b.md"]["title"], rows["w1/b.md"]["version"]) == ("Second pas", "2.1")
    assert (rows["w1/b.md"]["format"], rows["w1/b.md"]["tracks"]) == ("md:myst", ["toc"])


def test_the_administrators_file_counts_at_once(book: str) -> None:
    before = ctl_json("course", "show", book)["settings"]
    assert (before["warnings"], len(before["builds"])) == ([], 2)
    lay(
        book,
        "nbhosting.yaml",
        "builds-filter: [y]\ngeneral: {notebook-url-format: 'lab/tree/{notebook}'}\nx: 1\n",
    )
    after = ctl_json("course", "show", book)["settings"]
    assert [build["id"] for build in after["builds"]] == ["y"]
    assert after["notebook_url_format"] == "lab/tree/{notebook}"
    assert after["warnings"][0].startswith(f"local/{book}/nbhosting.yaml:3: unknown “x”")


async def test_the_administrators_settings_of_jupyters_count_and_neither_changes_the_sites(
    book: str, student: str, browser: Browser
) -> None:
    lay(
        book,
        "jupyter/jupyter_server_config.json",
        json.dumps({"MappingKernelManager": {"default_kernel_name": "of-the-site"}}),
    )
    opened = await browser.open(launch_url(book, "w1/a", student))
    assert opened.status == 200
    assert (await opened.api("api/kernelspecs"))["default"] == "of-the-site"


def test_lint_needs_no_daemon(repositories: Path) -> None:
    name = f"lint-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, {**FILES, "w1/bad.ipynb": "{"})
    said = run(
        "runuser", "-u", "nobody", "--", "nbhostctl", "course", "lint", str(repositories / name), check=False
    )
    assert said.returncode == 1, said
    assert "w1/bad.ipynb: error: its title and kernel are not known: it is not JSON" in said.stdout
