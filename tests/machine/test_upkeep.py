"""Courses renamed, cleared and deleted, workspaces counted: on the installed site, with real files and images."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.site import (
    STATE,
    Browser,
    commit,
    ctl,
    ctl_json,
    launch_url,
    make_repository,
    number_of,
    run,
    user_systemctl,
    workspace_dir,
)

Repository = tuple[str, Path]


@pytest.fixture
def own(repositories: Path) -> Iterator[Repository]:
    name = f"u-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, {"w1/n.md": "# one\n", "data/x.csv": "1\n"})
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name, repositories / name
    for each in (name, f"{name}-new"):
        ctl("course", "delete", each, "--with-workspaces", "--with-files", "--yes", check=False)


async def test_a_renamed_course_goes_on_where_it_was(own: Repository, student: str, browser: Browser) -> None:
    name, repository = own
    new = f"{name}-new"
    page = await browser.open(launch_url(name, "w1/n", student))
    work = workspace_dir(name, student) / "w1/n.md"
    work.write_text("# mine\n")
    refused = ctl("course", "rename", name, new, check=False)
    assert (refused.returncode, student in refused.stderr) == (1, True)
    assert (await browser.get(page.base + "api/contents")).status == 200
    assert ctl("course", "rename", name, new, "--stop").stdout.splitlines()[-1] == f"{name}: renamed to {new}"
    assert not (STATE / "courses" / name).exists()
    assert ctl("course", "show", name, check=False).returncode == 3
    again = await browser.open(launch_url(new, "w1/n", student))
    assert (again.status, work.read_text()) == (200, "# mine\n")
    assert await again.run_code("open('/home/jovyan/static/data/x.csv').read()") == r"'1\n'"
    commit(repository, {"w2/m.md": "# two\n"}, "more")
    ctl("course", "pull", new)
    assert (await browser.open(launch_url(new, "w2/m", student))).status == 200
    rows = ctl_json("workspace", "list", new)
    assert [(row["student"], row["phase"]) for row in rows] == [(student, "ready")]
    assert rows[0]["last_visit"] is not None


def test_an_own_image_follows_its_course(own: Repository) -> None:
    name, repository = own
    commit(repository, {"nbhosting/Containerfile": "FROM nbhosting/minimal-notebook\nLABEL own=1\n"}, "image")
    ctl("course", "pull", name)
    digest = ctl_json("image", "build", name)["digest"]
    ctl("course", "set", name, "--image", "own")
    ctl("course", "rename", name, f"{name}-new")
    shown = ctl_json("course", "show", f"{name}-new")
    assert (shown["image"], shown["image_digest"]) == ("own", digest)
    names = {image["name"] for image in ctl_json("image", "list")}
    assert f"course-{name}-new" in names
    assert f"course-{name}" not in names


def test_a_rename_that_was_cut_off_is_settled_at_the_next_start(own: Repository) -> None:
    name, _ = own
    os.rename(STATE / "courses" / name, STATE / "courses" / f"{name}-new")
    (STATE / "courses/.renaming").write_text(f'["{name}", "{name}-new"]')
    run("chown", "nbhostd:", str(STATE / "courses/.renaming"))
    run("systemctl", "restart", "nbhostd.service")
    assert ctl_json("course", "show", name)["commit"]
    assert (STATE / "courses" / name / "git").is_dir()
    assert not (STATE / "courses/.renaming").exists()
    ctl("course", "pull", name)


async def test_teachers_get_the_newest_and_others_nothing(
    own: Repository, student: str, browser: Browser
) -> None:
    name, repository = own
    for who in (student, "student", "other"):
        await browser.open(launch_url(name, "w1/n", who))
    commit(repository, {"w1/n.md": "# newer\n"}, "newer")
    ctl("course", "pull", name)
    said = ctl("course", "clear-staff", name, "--student", student)
    assert said.stdout.count("1 notebooks renewed") == 2
    for who, text in ((student, "# newer\n"), ("student", "# newer\n"), ("other", "# one\n")):
        assert (workspace_dir(name, who) / "w1/n.md").read_text() == text
    space = workspace_dir(name, student)
    kept = [path for path in space.rglob("*.md") if path.read_text() == "# one\n"]
    assert len(kept) == 1
    assert kept[0].stat().st_uid == space.stat().st_uid


async def test_workspaces_are_measured_and_deleted(own: Repository, student: str, browser: Browser) -> None:
    name, _ = own
    for who in (student, f"{student}-2"):
        await browser.open(launch_url(name, "w1/n", who))
    (workspace_dir(name, student) / "large").write_bytes(b"x" * (3 << 20))
    sizes = {row["student"]: row["size"] for row in ctl_json("workspace", "list", name, "--disk")}
    assert 3 << 20 <= sizes[student] < 4 << 20
    number = number_of(name, student)
    ctl("workspace", "delete", f"{name}/{student}", "--yes")
    assert not (STATE / "workspaces" / str(number)).exists()
    assert f"nbh-{number}." not in user_systemctl("list-units", "--all", f"nbh-{number}.*")
    assert [row["student"] for row in ctl_json("workspace", "list", name)] == [f"{student}-2"]
    dry = ctl("course", "delete", name, "--dry-run").stdout
    assert f"{STATE}/courses/{name}: would be deleted" in dry
    assert "1 workspaces with students' files" in dry
