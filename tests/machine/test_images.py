"""Images per course on the installed site: whose recipe counts, what a new one does to those who run, what goes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine.site import (
    STATE,
    Browser,
    commit,
    ctl,
    ctl_json,
    launch_url,
    make_repository,
    run,
)

BUNDLE = Path("/var/lib/nbhostd-courses/python-mooc.bundle")
# As the course describes its own image (courses/README.md where the bundles are).
PYTHON_MOOC = """\
FROM nbhosting/scipy-notebook
RUN pip install --no-cache-dir jupyterlab-myst jupyterlab-gridwidth jupyterlab-hidecell nbautoeval ipythontutor \\
        plotly bokeh jupyter-bokeh jupyter-server-proxy autograd k3d seaborn aiohttp
"""
Own = tuple[str, Path]


def recipe(word: str) -> str:
    return f"FROM nbhosting/minimal-notebook\nRUN echo {word} > /opt/word\n"


@pytest.fixture
def own(repositories: Path) -> Iterator[Own]:
    """A course with a recipe of its own, not built yet."""
    name = f"i-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, {"n.md": "# one\n", "nbhosting/Containerfile": recipe("course")})
    ctl("course", "create", name, str(repositories / name))
    yield name, repositories / name
    ctl("course", "delete", name, "--with-workspaces", "--yes", check=False)
    run("rm", "-rf", str(STATE / "local" / name))


def named() -> dict[str, str]:
    return {image["name"]: image["digest"] for image in ctl_json("image", "list")}


def digests() -> set[str]:
    """Every image that Podman has, named or not."""
    said = run(
        "runuser", "-u", "nbhostd", "--", "env", "-C", "/", "HOME=/var/lib/nbhostd",
        f"XDG_RUNTIME_DIR=/run/user/{run('id', '-u', 'nbhostd').stdout.strip()}",
        "podman", "images", "--quiet", "--no-trunc",
    )  # fmt: skip
    return set(said.stdout.split())


def lay_over(name: str, text: str) -> None:
    """The administrator writes a recipe."""
    place = STATE / "local" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "Containerfile").write_text(text)
    run("chmod", "-R", "a+rX", str(STATE / "local"))


def status(name: str) -> dict[str, Any]:
    (row,) = ctl_json("image", "status", name)
    return dict(row)


async def test_a_new_image_reaches_those_who_run(
    own: Own, new_browser: Callable[[], Browser], student: str
) -> None:
    name, _ = own
    first = ctl_json("image", "build", name)["digest"]
    quiet, busy = new_browser(), new_browser()
    page = await busy.open(launch_url(name, "n", student))
    assert await page.run_code("print(open('/opt/word').read(), end='')") == "course\n"
    idle = await quiet.open(launch_url(name, "n", "idle" + student))
    assert idle.status == 200
    assert status(name) == {
        "course": name, "image": f"course-{name}", "digest": first, "running": 2, "old": [],
    }  # fmt: skip

    lay_over(name, recipe("administrator"))
    assert f"local/{name}/Containerfile" in ctl("course", "show", name).stdout
    said = ctl("image", "build", name).stdout
    assert "2 of 2 running workspaces still have the image before" in said
    assert first in digests()  # it is used: the prune at the build's end left it
    await quiet.close()

    kernel = await page.start_kernel()
    async with busy.session.ws_connect(
        f"{page.base}api/kernels/{kernel}/channels?session_id=x", headers=page.headers()
    ):
        done = ctl_json("image", "roll-out", name)
        assert done["stopped"] == [f"{name}/idle{student}"]
        assert done["left"] == [{"workspace": f"{name}/{student}", "in_use": "a browser is connected"}]
    done = ctl_json("image", "roll-out", name, "--all")
    assert (done["stopped"], done["failed"]) == ([f"{name}/{student}"], [])
    page = await new_browser().open(launch_url(name, "n", student))
    assert await page.run_code("print(open('/opt/word').read(), end='')") == "administrator\n"
    ctl("image", "prune")
    assert first not in digests()


def test_a_course_may_not_start_from_another_courses_image_an_administrator_may(own: Own) -> None:
    name, repository = own
    ctl("image", "build", name)
    foreign = f"FROM localhost/nbhosting/course-{name}\nRUN true\n"
    other = f"j-{uuid.uuid4().hex[:6]}"
    make_repository(repository.parent / other, {"n.md": "", "nbhosting/Containerfile": foreign})
    ctl("course", "create", other, str(repository.parent / other))
    try:
        said = ctl("image", "build", other, check=False)
        assert (said.returncode, f"names the image “localhost/nbhosting/course-{name}”" in said.stderr) == (
            1,
            True,
        )
        lay_over(other, foreign)
        assert ctl_json("image", "build", other)["name"].endswith(f"/course-{other}")
        ctl("course", "set", other, "--image", f"course-{name}")
        assert ctl_json("course", "show", other)["image_digest"] == named()[f"course-{name}"]
    finally:
        ctl("course", "delete", other, "--yes")
        run("rm", "-rf", str(STATE / "local" / other))
    assert f"course-{other}" not in named()  # a deleted course's image goes with it
    assert f"course-{name}" in named()


def test_advice_about_an_image_that_is_not_here_can_be_followed(own: Own, repositories: Path) -> None:
    name = f"k-{uuid.uuid4().hex[:6]}"
    try:
        said = ctl("course", "create", name, str(own[1]), "--image", "nosuchimage")
        assert "nothing here builds an image “nosuchimage”" in said.stdout + said.stderr
        assert f"nbhostctl course set {name} --image minimal" in said.stdout + said.stderr
    finally:
        ctl("course", "delete", name, "--yes", check=False)


def test_what_is_in_an_image(own: Own) -> None:
    details = ctl_json("image", "details", "minimal")
    assert details["python"].startswith("3.")
    assert {"jupyterlab", "notebook", "jupytext", "pip"} <= set(details["packages"])
    assert ctl("image", "details", own[0], check=False).returncode == 3
    assert "there is no image" in ctl("image", "details", own[0], check=False).stderr.lower()


def test_steps_that_were_built_are_used_again_unless_told(own: Own) -> None:
    name, repository = own
    commit(
        repository,
        {"nbhosting/Containerfile": "FROM nbhosting/minimal-notebook\nRUN date +%s%N > /opt/when\n"},
        "when",
    )
    ctl("course", "pull", name)
    first = ctl_json("image", "build", name)["digest"]
    assert ctl_json("image", "build", name)["digest"] == first
    assert ctl_json("image", "build", name, "--no-cache")["digest"] != first


@pytest.mark.courses
@pytest.mark.skipif(
    not os.environ.get("NBHOSTD_LONG_TESTS"),
    reason="fetches a gigabyte of packages: NBHOSTD_LONG_TESTS=1 runs it",
)
@pytest.mark.skipif(not BUNDLE.exists(), reason="there is no bundle of the course python-mooc here")
async def test_the_python_moocs_own_image(student: str, browser: Browser) -> None:
    name = f"pm-{uuid.uuid4().hex[:6]}"
    lay_over(name, PYTHON_MOOC)
    try:
        ctl("course", "create", name, str(BUNDLE))
        run("nbhostctl", "image", "build", name, timeout=1800)
        packages = ctl_json("image", "details", name)["packages"]
        assert {"nbautoeval", "ipythontutor", "k3d", "autograd", "jupyterlab_myst"} <= set(packages)
        page = await browser.open(launch_url(name, "w2/w2-s4-c2-listes-mutables", student))
        said = await page.run_code(
            "import nbautoeval, plotly, bokeh, k3d, autograd, seaborn, aiohttp\n"
            "%load_ext ipythontutor\nprint('all there')"
        )
        assert said.endswith("all there\n")
    finally:
        ctl("course", "delete", name, "--with-workspaces", "--yes", check=False)
        run("rm", "-rf", str(STATE / "local" / name))
