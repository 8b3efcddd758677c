"""Courses' static sites over HTTP: what is sent, to whom, and in which sandbox."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from nbhostd.adapters.sitefiles import SiteDirectory
from nbhostd.core.access import Keyring
from nbhostd.core.model import Build, Course, CourseSettings
from nbhostd.core.names import CourseName
from nbhostd.web.app import Context, Floor, WebSettings
from nbhostd.web.pages import Pages
from nbhostd.web.sites import PURPOSE, SitesRoom, content_type, site_path, site_ticket
from tests.fakes.store import FakeStore
from tests.fakes.workspaces import FakeWorkspaces
from tests.services.cast import NOON, Courses
from tests.web.trial import DOMAIN, KEY, TEMPLATES, EchoProxy, FakeNonces, HandClock, Trial

NAME = CourseName("python")
COMMIT = "a" * 40
FILES = {
    "index.html": b"<h1>Bonjour</h1>",
    "a b/index.html": b"below",
    "a b/x.js": b"1",
    "tool.mjs": b"export const x = 1",
    "font.woff2": b"font",
    "data.unknown": b"data",
    "é.txt": "é".encode(),
}
BASE = "/builds/python/book/latest/"


class Shelf(Courses):
    """One course with three builds."""

    builds: tuple[Build, ...] = (
        Build("Book", "book", script="x"),
        Build("Other", "other", script="x", entry_point="a b/x.js"),
        Build("Far", "far", external_url="https://example.org"),
    )

    async def settings(self, course: Course) -> CourseSettings:
        return CourseSettings(builds=self.builds)


@dataclass
class Scene:
    trial: Trial
    store: FakeStore

    async def members_only(self) -> None:
        course = await self.store.course(NAME)
        assert course is not None
        await self.store.update_course(replace(course, public_builds=False))

    def ticket(self, build: str = "book", *, key: bytes | None = None, days: int = 1) -> str:
        key = key or Keyring((KEY,)).for_purpose(PURPOSE)[0]
        return site_ticket(key, NAME, build, self.trial.clock.now() + timedelta(days=days))


@asynccontextmanager
async def a_scene(folder: Path) -> AsyncIterator[Scene]:
    settings = WebSettings("http://nb.localhost:8000", Keyring((KEY,)), DOMAIN, ("https://lms.example.org",))
    this = Trial(FakeWorkspaces(), settings)
    pages = Pages(TEMPLATES, lambda: this.settings.frame_ancestors)
    context = Context(lambda: this.settings, this.workspaces, FakeNonces(), HandClock(), pages)
    floor, store, files = Floor(context), FakeStore(), SiteDirectory(folder / "sites", settle=lambda: None)
    await store.create_course(NAME, "https://git.test/c.git", None, "minimal", NOON)
    for job, build in ((1, "book"), (2, "other"), (3, "unlisted"), (4, "far")):
        with tarfile.open(files.output(job), "w") as tar:
            for name, content in FILES.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        await files.publish(NAME, build, COMMIT, job)
    room = SitesRoom(context, Shelf(store), files, this.clock)
    async with TestClient(TestServer(floor.application(EchoProxy(floor, this.workspaces), [room]))) as client:
        this._client = client
        yield Scene(this, store)


async def test_a_page_in_its_sandbox(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        answer = await scene.trial.get(BASE)
        assert (answer.status, await answer.text()) == (200, "<h1>Bonjour</h1>")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-scripts ")
        assert "allow-same-origin" not in policy
        assert "allow-top-navigation" not in policy
        assert policy.endswith("frame-ancestors 'self' https://lms.example.org")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_every_answer_with_a_strangers_content_has_the_sandbox(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        for path in ("index.html", "a%20b/", "tool.mjs", "data.unknown", "%C3%A9.txt", "font.woff2"):
            for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
                answer = await scene.trial.get(BASE + path, method=method, **headers)
                assert answer.status in (200, 206), path
                assert answer.headers["Content-Security-Policy"].startswith("sandbox "), path
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_copy_that_is_still_good_is_not_sent_again(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        first = await scene.trial.get(BASE)
        tag = first.headers["ETag"]
        again = await scene.trial.get(BASE, If_None_Match=tag)
        assert (again.status, await again.read()) == (304, b"")
        assert again.headers["Content-Security-Policy"].startswith("sandbox ")
        assert (await scene.trial.get(BASE, If_None_Match='"other"')).status == 200


async def test_only_reading(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        assert (await scene.trial.get(BASE, method="HEAD")).status == 200
        for method in ("POST", "PUT", "DELETE"):
            assert (await scene.trial.get(BASE, method=method)).status == 405


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/builds/python/book", BASE),
        ("/builds/python/book/", BASE),
        ("/builds/python/book/latest", BASE),
        (f"/builds/python/book/{COMMIT}", f"/builds/python/book/{COMMIT}/"),
        (BASE + "a%20b", BASE + "a%20b/"),
        ("/builds/python/other/latest/", "/builds/python/other/latest/a%20b/x.js"),
    ],
)
async def test_addresses_that_lead_on(tmp_path: Path, path: str, to: str) -> None:
    async with a_scene(tmp_path) as scene:
        answer = await scene.trial.get(path)
        assert (answer.status, answer.headers["Location"]) == (303, to)


@pytest.mark.parametrize(
    "path",
    [
        BASE + "absent.html",
        BASE + "index.html/",
        BASE + "a%20b/absent",
        BASE + "..%2F..%2Fbook%2Flatest%2Findex.html",
        BASE + "a%20b/%2e%2e/index.html",
        BASE + "%2Fetc%2Fpasswd",
        BASE + "x%00",
        "/builds/python/book/.trees/1/index.html",
        "/builds/python/book/LATEST/",
        f"/builds/python/book/{'b' * 40}/",
        "/builds/python/unlisted/latest/",
        "/builds/python/far/latest/",
        "/builds/python/..%2Fpython/latest/",
        "/builds/absent/book/latest/",
        "/builds/-x/book/latest/",
        "/builds/",
        "/builds/python",
    ],
)
async def test_whatever_is_not_there_is_the_same_page(tmp_path: Path, path: str) -> None:
    async with a_scene(tmp_path) as scene:
        answer = await scene.trial.get(path)
        assert answer.status == 404, path
        assert "sandbox" not in answer.headers["Content-Security-Policy"]
        assert "<h1>" in await answer.text()


async def test_a_workspaces_host_has_no_sites(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        answer = await scene.trial.get(BASE, host=f"{'a' * 26}.{DOMAIN}:8000")
        assert answer.status == 421


async def test_members_come_with_a_ticket(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.members_only()
        assert (await scene.trial.get(BASE)).status == 404
        assert (await scene.trial.get("/builds/python/book")).status == 404
        ticket = scene.ticket()
        mine = site_path("python", "book", ticket=ticket)
        answer = await scene.trial.get(mine)
        assert (answer.status, await answer.text()) == (200, "<h1>Bonjour</h1>")
        assert answer.headers["Cache-Control"] == "private, no-cache"
        # Relative links stay behind the ticket, and so does what leads on.
        led = await scene.trial.get(mine + "a%20b")
        assert led.headers["Location"] == mine + "a%20b/"
        start = await scene.trial.get(f"/builds/~{ticket}/python/book")
        assert start.headers["Location"] == mine
        for other in (
            site_path("python", "other", ticket=ticket),
            site_path("python", "book", ticket=ticket[:-1] + ("A" if ticket[-1] != "A" else "B")),
            site_path("python", "book", ticket=scene.ticket(key=b"x" * 32)),
            site_path("python", "book", ticket="nonsense"),
        ):
            assert (await scene.trial.get(other)).status == 404, other


async def test_an_expired_ticket_says_so(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.members_only()
        mine = site_path("python", "book", ticket=scene.ticket(days=1))
        scene.trial.clock.pass_by(timedelta(days=1, seconds=1))
        answer = await scene.trial.get(mine)
        assert answer.status == 410
        assert "has expired" in await answer.text()
        french = await scene.trial.get(mine, Accept_Language="fr")
        assert "a expiré" in await french.text()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/x/index.html", "text/html"),
        ("/x/a.JS", "text/javascript"),
        ("/x/a.css", "text/css"),
        ("/x.d/objects", "application/octet-stream"),
        ("/x/a.svg", "image/svg+xml"),
        ("/x/a.ipynb", "application/x-ipynb+json"),
        ("/x/archive.tar.gz", "application/octet-stream"),
    ],
)
def test_types_go_by_names(name: str, kind: str) -> None:
    assert content_type(name) == kind
