"""The control API, asked over HTTP as nbhostctl does, with the services' real stories over fakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from nbhostd.core.access import judge_launch, parse_keys
from nbhostd.core.config import Config
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.model import JobState, Mode, Phase
from nbhostd.core.names import CourseName, StudentName, WorkspaceId
from nbhostd.core.unitspec import SocketServiceSpec, UnitSpec
from nbhostd.core.urls import parse_open
from nbhostd.services.catalog import Catalog
from nbhostd.services.census import Census
from nbhostd.services.images import KIND
from nbhostd.services.status import StatusRow
from nbhostd.services.tasks import KeyedLocks, Tasks
from nbhostd.services.upkeep import Upkeep
from nbhostd.web.control import ControlContext, create_control_app
from nbhostd.web.control_catalog import CatalogControl
from nbhostd.web.control_upkeep import UpkeepControl
from tests.fakes.catalogs import FakeCatalogs, FakeNotebooks
from tests.fakes.coursedirs import FakeDirs
from tests.fakes.jobs import Script
from tests.fakes.students import FakeMeasurements
from tests.services.cast import NOON, Cast
from tests.services.test_courses import URL
from tests.services.test_images import BuildScene
from tests.services.test_upkeep import Past

KEYRING = parse_keys("s" * 32)
ALICE, BOB = WorkspaceId.parse("python/alice"), WorkspaceId.parse("algo/bob")
Client = TestClient[web.Request, web.Application]
ClientMaker = Callable[[web.Application], Awaitable[Client]]


def a_row(id: WorkspaceId) -> StatusRow:
    return StatusRow(id, 1, Phase.READY, "", 0, NOON, 50 << 20, 1.5, 12, NOON, 2, "active: a kernel is busy")


@dataclass(frozen=True)
class Finding:
    level: str
    subject: str
    text: str


@dataclass
class ControlScene(BuildScene):
    rows_now: list[StatusRow] = field(default_factory=list)
    stopped: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    dirs: FakeDirs = field(default_factory=FakeDirs)
    past: Past = field(default_factory=Past)

    # As Workspaces and Status
    async def stop(self, id: WorkspaceId, reason: str) -> bool:
        self.stopped.append((str(id), reason))
        return any(row.id == id for row in self.rows_now)

    async def delete_of_course(self, course: CourseName) -> int:
        gone = await self.store.workspaces(course)
        for workspace in gone:
            await self.store.delete_workspace(workspace.number)
        return len(gone)

    async def rows(self) -> Sequence[StatusRow]:
        return self.rows_now

    async def units(self, id: WorkspaceId) -> SocketServiceSpec:
        if id != ALICE:
            raise Refused("No such workspace.", status=404, reason="no-workspace")
        socket = UnitSpec(
            "nbh-1.socket", (("ListenStream", (("Stream", "/run/x.sock"),)), ("SocketMode", 384))
        )
        service = UnitSpec(
            "nbh-1.service", (("ExecStart", ("/usr/bin/podman", "run", "a b")), ("Delegate", True))
        )
        return SocketServiceSpec(socket, service, ())

    async def check(self) -> Sequence[Finding]:
        return self.findings

    def watch_end(self) -> asyncio.Event:
        """Set when the next job's end has been recorded."""
        ended, record = asyncio.Event(), self.store.end_job

        async def end_job(number: int, state: JobState, message: str, now: datetime) -> None:
            await record(number, state, message, now)
            ended.set()

        self.store.end_job = end_job  # type: ignore[method-assign]
        return ended

    def app(self) -> web.Application:
        return create_control_app(
            ControlContext(
                config=Config,
                keyring=lambda: KEYRING,
                clock=self.clock,
                store=self.store,
                courses=self.courses,
                builder=self.builder,
                images=self.images,
                jobs=self.jobs,
                book=self.book,
                logs=self.jobs,
                workspaces=self,
                removal=self,
                status=self,
                check=self.check,
            ),
            [self.upkeep_room, self.catalog_room],
        )

    def catalog_room(self, tasks: Tasks) -> CatalogControl:
        catalog = Catalog(FakeNotebooks(self.git), FakeCatalogs(), self.courses, KeyedLocks(), tasks)
        return CatalogControl(self.courses, catalog)

    def upkeep_room(self, tasks: Tasks) -> UpkeepControl:
        """Over a cast of its own, with this scene's courses and store."""
        cast = Cast()
        cast.store = self.store
        cast._begin()
        upkeep = Upkeep(
            cast.workspaces, self.courses, self.dirs, self.images, self.past, self.delete_of_course
        )
        census = Census(cast.workspaces, self.courses, self.git, cast.desk, self.past, FakeMeasurements())

        async def staff(course: CourseName) -> list[StudentName]:
            return [StudentName("student")]

        return UpkeepControl(census, upkeep, cast.removal.delete, staff, tasks)


@pytest.fixture
def scene() -> ControlScene:
    return ControlScene()


@pytest.fixture
async def client(scene: ControlScene, aiohttp_client: ClientMaker) -> Client:
    return await aiohttp_client(scene.app())


async def lines_of(response: ClientResponse) -> list[dict[str, Any]]:
    assert response.status == 200
    assert response.content_type == "application/x-ndjson"
    return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_a_course_is_created_line_by_line(client: Client, scene: ControlScene) -> None:
    scene.git.upstream(URL, "main", {"a.md": b""})
    shapes = await lines_of(await client.post("/v1/courses", json={"name": "python", "git_url": URL}))
    *lines, last = shapes
    assert all(shape.keys() == {"line"} for shape in lines)
    assert last["result"]["course"]["name"] == "python"
    assert last["result"]["course"]["image"] == "minimal"
    assert last["result"]["report"]["job"] == 1


async def test_secrets_in_addresses_stay_inside(client: Client, scene: ControlScene) -> None:
    await scene.created()
    for path in ("/v1/courses", "/v1/courses/python"):
        text = await (await client.get(path)).text()
        assert "***@git.test" in text
        assert "t0ken" not in text


async def test_a_missing_image_is_pointed_at(client: Client, scene: ControlScene) -> None:
    scene.images.digests.clear()
    scene.git.upstream(URL, "main", {"nbhosting/Dockerfile": b"FROM x"})
    shapes = await lines_of(await client.post("/v1/courses", json={"name": "python", "git_url": URL}))
    assert {"line": "warning: its image is not here yet: nbhostctl image build python"} in shapes


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/courses/absent", None, 404),
        ("GET", "/v1/courses/%2e%2e%2f", None, 400),
        ("GET", "/v1/nothing", None, 404),
        ("PUT", "/v1/courses", None, 405),
        ("POST", "/v1/courses", {}, 400),
        ("POST", "/v1/courses", {"name": 3, "git_url": "x"}, 400),
        ("POST", "/v1/courses", {"name": "../x", "git_url": "x"}, 400),
        ("POST", "/v1/courses", [1], 400),
        ("PATCH", "/v1/courses/python", {}, 400),
        ("PATCH", "/v1/courses/python", {"autopull": "yes"}, 400),
        ("PATCH", "/v1/courses/python", {"colour": "red"}, 400),
        ("PATCH", "/v1/courses/python", {"image": "A B"}, 400),
        ("PATCH", "/v1/courses/absent", {"autopull": True}, 404),
        ("DELETE", "/v1/courses/absent", None, 404),
        ("POST", "/v1/stop", {}, 400),
        ("POST", "/v1/stop", {"all": True, "course": "python"}, 400),
        ("POST", "/v1/stop", {"course": "absent"}, 404),
        ("POST", "/v1/stop", {"workspace": "alice"}, 400),
        ("GET", "/v1/units/python/bob", None, 404),
        ("POST", "/v1/launch-url", {"course": "absent", "notebook": "n", "student": "a"}, 404),
        ("POST", "/v1/launch-url", {"course": "python", "notebook": "../n", "student": "a"}, 400),
        ("POST", "/v1/launch-url", {"course": "python", "notebook": "n", "student": "a/b"}, 400),
        ("POST", "/v1/launch-url", {"course": "python", "notebook": "n", "student": "a", "expires": 0}, 400),
        (
            "POST",
            "/v1/launch-url",
            {"course": "python", "notebook": "n", "student": "a", "expires": 3601},
            400,
        ),
        (
            "POST",
            "/v1/launch-url",
            {"course": "python", "notebook": "n", "student": "a", "expires": True},
            400,
        ),
        ("GET", "/v1/jobs?limit=0", None, 400),
        ("GET", "/v1/jobs?limit=x", None, 400),
        ("GET", "/v1/jobs/99", None, 404),
        ("GET", "/v1/jobs/99/log", None, 404),
        ("POST", "/v1/jobs/99/cancel", None, 404),
        ("POST", "/v1/jobs/1/cancel", None, 409),
        ("GET", "/v1/jobs/99999999999999999999", None, 404),
    ],
)
async def test_what_cannot_be_is_told_as_json(
    client: Client, scene: ControlScene, method: str, path: str, body: object, status: int
) -> None:
    await scene.created()
    response = await client.request(method, path, json=body)
    shape = await response.json()
    assert (response.status, shape["status"]) == (status, status), shape
    assert shape["error"]


async def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    response = await client.post("/v1/stop", data=b"{")
    assert response.status == 400


async def test_a_failure_in_a_stream_is_its_last_line(client: Client, scene: ControlScene) -> None:
    await scene.created()
    scene.git.broken[URL] = WorldError("The server does not answer.", detail="connection refused")
    shapes = await lines_of(await client.post("/v1/courses/python/pull"))
    assert shapes[-1] == {
        "error": "The server does not answer.",
        "status": 502,
        "detail": "connection refused",
    }
    assert (await lines_of(await client.post("/v1/courses/absent/pull")))[-1]["status"] == 404


async def test_a_course_is_changed_shown_and_deleted(client: Client, scene: ControlScene) -> None:
    await scene.created()
    changed = await (
        await client.patch("/v1/courses/python", json={"autopull": True, "image": "scipy"})
    ).json()
    assert (changed["course"]["autopull"], changed["course"]["image"]) == (True, "scipy")
    warned = await (await client.patch("/v1/courses/python", json={"git_url": "http://git.test/a"})).json()
    assert "https" in warned["warnings"][0]
    await scene.store.ensure_workspace(ALICE, Mode.MOOC, "l", NOON)
    shown = await (await client.get("/v1/courses/python")).json()
    assert shown["workspaces"] == 1
    assert shown["image_digest"] == "sha256:b"
    assert shown["settings"]["tracks"][0]["id"] == "generic"
    assert (await client.delete("/v1/courses/python")).status == 409
    deleted = await client.delete("/v1/courses/python", json={"with_workspaces": True})
    assert await deleted.json() == {"workspaces_deleted": 1}
    assert await (await client.get("/v1/courses")).json() == {"courses": []}


async def test_images_are_built_and_listed_with_their_courses(client: Client, scene: ControlScene) -> None:
    await scene.created()
    shapes = await lines_of(await client.post("/v1/images/build", json={"target": "minimal"}))
    assert shapes[:-1] == [{"line": "STEP 1"}, {"line": "done"}]
    assert shapes[-1]["result"]["digest"].startswith("sha256:")
    images = (await (await client.get("/v1/images")).json())["images"]
    assert [(image["name"], image["courses"]) for image in images] == [("minimal", ["python"]), ("scipy", [])]


async def test_what_runs_is_shown_and_stopped(client: Client, scene: ControlScene) -> None:
    await scene.created()
    scene.rows_now = [a_row(ALICE), a_row(BOB)]
    status = await (await client.get("/v1/status")).json()
    assert status["phases"]["ready"] == 2
    assert status["workspaces"][0]["memory"] == 50 << 20
    stopped = await (await client.post("/v1/stop", json={"course": "python"})).json()
    assert stopped == {"stopped": ["python/alice"]}
    stopped = await (await client.post("/v1/stop", json={"all": True})).json()
    assert stopped == {"stopped": ["python/alice", "algo/bob"]}
    stopped = await (await client.post("/v1/stop", json={"workspace": "python/eve"})).json()
    assert stopped == {"stopped": []}


async def test_a_launch_url_is_one_that_is_let_in(client: Client, scene: ControlScene) -> None:
    await scene.created()
    body = {"course": "python", "notebook": "w1/a.md", "student": "alice", "forcecopy": True, "expires": 60}
    answer = await (await client.post("/v1/launch-url", json=body)).json()
    assert answer["warnings"] == []
    origin, _, rest = answer["url"].partition("/ipythonExercice")
    path, _, query = rest.partition("?")
    assert origin == "http://localhost:8000"
    request = parse_open("/ipythonExercice" + path)
    assert (request.workspace, request.notebook) == (ALICE, "w1/a.md")
    given = dict(pair.split("=") for pair in query.split("&"))
    assert judge_launch(KEYRING, (), request, given, None, scene.clock.now()).allowed
    body["notebook"] = "w1/absent"
    answer = await (await client.post("/v1/launch-url", json=body)).json()
    assert "no notebook" in answer["warnings"][0]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"notebook": "w1/a.md", "classroom": True}, "/notebookGitRepo/python/w1/a.md.ipynb/alice"),
        ({"page": "/lab/tree/w 1?reset"}, "/ipythonForward/python/alice/lab/tree/w%201"),
    ],
)
async def test_launch_urls_of_a_classroom_are_let_in_too(
    client: Client, scene: ControlScene, body: dict[str, Any], path: str
) -> None:
    await scene.created()
    answer = await (
        await client.post("/v1/launch-url", json={"course": "python", "student": "alice", **body})
    ).json()
    parts = urlsplit(answer["url"])
    assert (parts.path, answer["warnings"]) == (path, [])
    request = parse_open(parts.path, parts.query)
    given = dict(parse_qsl(parts.query))
    assert judge_launch(KEYRING, (), request, given, None, scene.clock.now()).allowed
    assert ("reset" in request.page) is ("page" in body)


async def test_units_jobs_and_checks_are_shown(client: Client, scene: ControlScene) -> None:
    await scene.created()
    scene.findings = [Finding("warning", "kernel.keys.maxkeys", "bites at 197 students")]
    units = await (await client.get("/v1/units/python/alice")).json()
    assert units["units"][1]["properties"][0] == ["ExecStart", ["/usr/bin/podman", "run", "a b"]]
    assert (await (await client.get("/v1/check")).json())["findings"][0]["level"] == "warning"
    assert (await (await client.get("/v1/jobs")).json())["jobs"][0]["kind"] == "create"
    assert (await (await client.get("/v1/jobs/1")).json())["state"] == "succeeded"


async def test_a_jobs_log_is_followed_to_its_end(client: Client, scene: ControlScene) -> None:
    release = asyncio.Event()
    scene.jobs.scripts[KIND] = Script(lines=("one", "two"), release=release)
    building = asyncio.ensure_future(scene.builder.build("minimal", lambda _: None))
    await scene.jobs.begun.wait()
    response = await client.get("/v1/jobs/1/log")
    release.set()
    shapes = await lines_of(response)
    await building
    assert shapes[:-1] == [{"line": "one"}, {"line": "two"}]
    assert shapes[-1]["result"]["number"] == 1


async def test_a_bug_shows_no_internals(client: Client, scene: ControlScene) -> None:
    async def breaks() -> Sequence[StatusRow]:
        raise LookupError("internal name")

    scene.rows = breaks  # type: ignore[method-assign]
    response = await client.get("/v1/status")
    assert response.status == 500
    assert "internal name" not in await response.text()


async def test_a_story_that_listens_is_cancelled(client: Client, scene: ControlScene) -> None:
    async with scene.book.job("pull-students", "python", lambda _: None, cancellable=True) as job:
        assert (await client.post(f"/v1/jobs/{job.number}/cancel")).status == 200
        assert job.cancelled
    assert (await client.post(f"/v1/jobs/{job.number}/cancel")).status == 409
    async with scene.book.job("other", "python", lambda _: None) as job:
        assert (await client.post(f"/v1/jobs/{job.number}/cancel")).status == 409
