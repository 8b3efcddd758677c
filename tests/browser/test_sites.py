"""A course's static site in Chromium: what sites are made of works in the sandbox, and what is ours stays out of reach."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import ctl, home, inside

_MAKE = """
set -e
repository=$1
mkdir -p "$repository/nbhosting" "$repository/site/sub"
cat > "$repository/nbhosting/nbhosting.yaml"
cd "$repository/site"
cat > index.html <<'END'
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Book</title>
<script>localStorage.setItem("mode", "dark"); window.kept = localStorage.getItem("mode"); document.cookie = "a=1"</script>
<style>@font-face { font-family: Own; src: url("own.woff2") } body { font-family: Own, sans-serif }</style>
<script type="module" src="main.mjs"></script></head>
<body><h1>Book</h1><p id="module"></p><p id="index"></p><p id="kept"></p><p id="ours"></p><a href="sub/">below</a></body></html>
END
echo 'export const word = "from a module"' > word.mjs
cat > main.mjs <<'END'
import { word } from "./word.mjs";
document.getElementById("module").textContent = word;
const index = await (await fetch("searchindex.json")).json();
document.getElementById("index").textContent = index.found;
document.getElementById("kept").textContent = window.kept;
try {
  const answer = await fetch("/");
  document.getElementById("ours").textContent = "read " + answer.status;
} catch (error) {
  document.getElementById("ours").textContent = "out of reach, origin " + self.origin;
}
END
echo '{"found": "in the index"}' > searchindex.json
printf 'not a font' > own.woff2
echo '<!doctype html><title>Below</title><h1>Below</h1><a href="../">up</a>' > sub/index.html
git init -q -b main "$repository"
git -C "$repository" add -A
git -C "$repository" -c user.name=T -c user.email=t@localhost commit -q -m first
chmod -R a+rX "$repository"
"""


@pytest.fixture(scope="module")
def book() -> Iterator[str]:
    """A course with one site, made of files as Sphinx and its like make them."""
    name = f"book-{uuid.uuid4().hex[:6]}"
    build = {"id": "book", "name": "Book", "script": "mkdir -p _build; cp -r site _build/html"}
    repository = f"/var/lib/nbhostd-tests/{name}"
    inside("bash", "-c", _MAKE, "make", repository, input=json.dumps({"builds": [build]}))
    ctl("course", "create", name, repository, "--image", "minimal")
    ctl("build", "run", name)
    yield name
    ctl("course", "delete", name, "--yes")
    inside("rm", "-rf", repository)


def see(page: Page, url: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url)
    expect(page.locator("#module")).to_have_text("from a module")
    expect(page.locator("#index")).to_have_text("in the index")
    expect(page.locator("#kept")).to_have_text("dark")
    # Not our pages, not our cookies: an origin that nobody else has.
    expect(page.locator("#ours")).to_have_text("out of reach, origin null")
    page.get_by_role("link", name="below").click()
    expect(page.get_by_role("heading")).to_have_text("Below")
    page.get_by_role("link", name="up").click()
    expect(page.locator("#module")).to_have_text("from a module")
    assert page.url.endswith("/book/latest/")
    assert faults == []


def test_modules_fetches_and_storage_work_in_the_sandbox(book: str, page: Page) -> None:
    see(page, f"{home()}builds/{book}/book/latest/")


def test_members_read_it_behind_their_ticket(book: str, page: Page) -> None:
    ctl("course", "set", book, "--public-builds", "off")
    try:
        answer = page.goto(f"{home()}builds/{book}/book/latest/")
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("main")).to_contain_text("réservée aux membres")
        see(page, ctl("build", "url", book, "book").strip())
        assert "/builds/~" in page.url
    finally:
        ctl("course", "set", book, "--public-builds", "on")
