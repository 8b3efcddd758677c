"""Courses and images by nbhostctl, on the installed site: what is bad is refused, what is good arrives whole."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.machine.site import (
    STATE,
    Browser,
    commit,
    ctl,
    ctl_json,
    journal,
    launch_url,
    make_repository,
    run,
    signed_elsewhere,
    user_systemctl,
)

Repository = tuple[str, Path]
_SLOW_RECIPE = (
    "FROM nbhosting/minimal-notebook\nRUN for i in 1 2 3 4 5 6 7 8; do echo turn $i; sleep 1; done\n"
)


@pytest.fixture
def own(repositories: Path) -> Iterator[Repository]:
    """A course of one test, whose repository it may change."""
    name = f"o-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, {"n.md": "# one\n"})
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name, repositories / name
    ctl("course", "delete", name, "--with-workspaces", "--yes", check=False)


@pytest.mark.parametrize(
    ("address", "code", "sentence"),
    [
        ("https://nosuch.invalid/c.git", 1, "no such host"),
        ("http://127.0.0.1:1/c.git", 1, "does not answer"),
        ("https://user:t0ken@127.0.0.1:1/c.git", 1, "***@127.0.0.1"),
        ("ext::sh -c id", 1, "is none of"),
        ("--upload-pack=id", 2, "usage"),
        ("/nosuch", 1, "cannot read"),
        ("/etc/hostname", 1, "not a git bundle"),
        ("/root/secret", 1, "readable for the user nbhostd"),
    ],
)
def test_a_bad_address_is_a_sentence_and_leaves_nothing(address: str, code: int, sentence: str) -> None:
    name = f"b-{uuid.uuid4().hex[:6]}"
    said = ctl("course", "create", name, address, check=False)
    assert (said.returncode, sentence in said.stderr) == (code, True), said
    assert "Traceback" not in said.stderr + said.stdout
    assert "t0ken" not in said.stderr + said.stdout + journal("--unit=nbhostd.service")
    assert ctl("course", "show", name, check=False).returncode == 3
    assert not (STATE / "courses" / name).exists()


def test_a_branch_that_is_not_there_is_refused_with_those_that_are(
    repositories: Path, own: Repository
) -> None:
    said = ctl("course", "create", "other", str(own[1]), "--branch", "absent", check=False)
    assert said.returncode == 1
    assert "no branch “absent”; it has: main" in said.stderr


async def test_a_reader_in_a_workspace_never_sees_half_of_a_pull(
    own: Repository, student: str, browser: Browser
) -> None:
    """A cell loops over the course's files while they are replaced ten times: always one version, whole."""
    name, repository = own
    versions = [{f"data/{n}.txt": f"{version}\n" * 200 for n in range(40)} for version in range(11)]
    commit(repository, versions[0], "first")
    ctl("course", "pull", name)
    page = await browser.open(launch_url(name, "n", student))
    reading = asyncio.create_task(
        page.run_code(
            "import os, json\n"
            "seen, torn = set(), 0\n"
            "while '10' not in seen:\n"
            "    tree = os.path.realpath('/home/jovyan/static') + '/data'\n"
            "    now = {open(f'{tree}/{n}.txt').read() for n in range(40)}\n"
            "    torn += len(now) != 1 or len(os.listdir(tree)) != 40\n"
            "    seen.add(now.pop().split()[0])\n"
            "print(json.dumps([torn, len(seen)]))",
            timeout=120,
        )
    )

    def pull_all() -> None:
        for number, version in enumerate(versions[1:], 1):
            commit(repository, version, str(number))
            ctl("course", "pull", name)

    await asyncio.to_thread(pull_all)
    torn, seen = json.loads(await reading)
    assert torn == 0
    assert seen >= 2


def test_only_the_last_two_trees_are_kept(own: Repository) -> None:
    name, repository = own
    for number in range(3):
        commit(repository, {"n.md": f"# {number}\n"}, str(number))
        ctl("course", "pull", name)
    trees = [path for path in (STATE / "courses" / name / "public").iterdir() if not path.is_symlink()]
    assert len(trees) == 2


def test_two_pulls_at_once_are_one_pull_and_one_refusal(own: Repository) -> None:
    name, repository = own
    commit(repository, {f"{n}.md": "x" * 1000 for n in range(3000)}, "many")
    ended: list[subprocess.CompletedProcess[str]] = []
    pulls = [
        threading.Thread(target=lambda: ended.append(ctl("course", "pull", name, check=False)))
        for _ in range(4)
    ]
    for pull in pulls:
        pull.start()
    for pull in pulls:
        pull.join()
    assert {said.returncode for said in ended} <= {0, 1}
    assert any(said.returncode == 0 for said in ended)
    assert all("being pulled" in said.stderr for said in ended if said.returncode)
    assert (
        ctl_json("course", "show", name)["commit"]
        == run("git", "-C", str(repository), "rev-parse", "main").stdout.strip()
    )


def test_a_recipe_that_does_not_build_leaves_the_image_as_it_was(own: Repository) -> None:
    name, repository = own
    commit(repository, {"nbhosting/Containerfile": "FROM nbhosting/minimal-notebook\nRUN true\n"}, "good")
    ctl("course", "pull", name)
    built = ctl_json("image", "build", name)
    commit(
        repository,
        {"nbhosting/Containerfile": "FROM nbhosting/minimal-notebook\nRUN echo broken-here && false\n"},
        "bad",
    )
    ctl("course", "pull", name)
    said = ctl("image", "build", name, check=False)
    assert said.returncode == 1
    assert "could not be built" in said.stderr
    assert "broken-here" in said.stderr
    digests = {
        image["full_name"].removesuffix(":latest"): image["digest"] for image in ctl_json("image", "list")
    }
    assert digests[built["name"]] == built["digest"]
    job = next(job for job in ctl_json("job", "list") if job["subject"] == name and job["kind"] == "build")
    assert job["state"] == "failed"
    assert "broken-here" in ctl("logs", "job", str(job["number"])).stdout
    run(
        "runuser",
        "-u",
        "nbhostd",
        "--",
        "env",
        "HOME=/var/lib/nbhostd",
        "podman",
        "rmi",
        built["name"],
        check=False,
    )


async def test_a_missing_image_is_said_to_the_student_and_the_administrator(
    own: Repository, student: str, browser: Browser
) -> None:
    name, _ = own
    ctl("course", "set", name, "--image", "registry.invalid/absent:1")
    page = await browser.open(launch_url(name, "n", student))
    assert page.status in (200, 502, 503)
    assert "Traceback" not in page.text
    rows = [row for row in ctl_json("status")["workspaces"] if row["course"] == name]
    assert [(row["phase"], row["reason"]) for row in rows] == [("failed", "image")]
    assert "registry.invalid/absent:1" in journal("--unit=nbhostd.service")


@contextmanager
def _slow_build(own: Repository) -> Iterator[subprocess.Popen[str]]:
    """Somebody who watches a build of some seconds, which is under way."""
    name, repository = own
    commit(repository, {"nbhosting/Containerfile": _SLOW_RECIPE}, "slow")
    ctl("course", "pull", name)
    argv = ("nbhostctl", "image", "build", name, "--no-cache")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        assert any(line.startswith("turn 1") for line in watcher.stdout), watcher.communicate()
        yield watcher


def test_a_build_goes_on_while_the_daemon_restarts(own: Repository) -> None:
    name, _ = own
    with _slow_build(own) as watcher:
        run("systemctl", "restart", "nbhostd.service")
        watcher.communicate()
        assert watcher.returncode in (1, 69)
    job = next(job for job in ctl_json("job", "list") if job["subject"] == name and job["kind"] == "build")
    assert job["state"] == "running"
    shown = ctl("job", "show", str(job["number"]), "--follow")
    assert "turn 8" in shown.stdout
    assert ctl_json("job", "show", str(job["number"]))["state"] == "succeeded"
    assert f"nbhjob-{job['number']}" not in user_systemctl("list-units", "--all", "nbhjob-*")


def test_one_build_at_a_time_and_it_can_be_cancelled(own: Repository) -> None:
    name, _ = own
    with _slow_build(own) as watcher:
        second = ctl("image", "build", name, check=False)
        assert (second.returncode, "one build at a time" in second.stderr) == (1, True)
        job = next(job for job in ctl_json("job", "list") if job["state"] == "running")
        ctl("job", "cancel", str(job["number"]))
        _, error = watcher.communicate()
        assert (watcher.returncode, "was cancelled" in error) == (1, True)
    assert ctl_json("job", "show", str(job["number"]))["state"] == "cancelled"


async def test_deleting_a_course_takes_its_workspaces_along_when_told(
    own: Repository, student: str, browser: Browser
) -> None:
    name, _ = own
    await browser.open(launch_url(name, "n", student))
    refused = ctl("course", "delete", name, "--yes", check=False)
    assert (refused.returncode, "workspaces with students' files" in refused.stderr) == (1, True)
    number = next(row["number"] for row in ctl_json("status")["workspaces"] if row["course"] == name)
    ctl("course", "delete", name, "--yes", "--with-workspaces")
    assert not (STATE / "workspaces" / str(number)).exists()
    assert not (STATE / "courses" / name).exists()
    assert f"nbh-{number}." not in user_systemctl("list-units", "--all", f"nbh-{number}.*")
    page = await browser.open(signed_elsewhere(name, "n", student))
    assert page.status == 404


async def test_logs_of_a_course_and_of_a_student_are_found(
    own: Repository, student: str, browser: Browser
) -> None:
    name, _ = own
    page = await browser.open(launch_url(name, "n", student))
    await browser.get(page.base + "api/contents/what-nobody-has")
    run("journalctl", "--sync")
    one = ctl("logs", f"{name}/{student}").stdout
    assert "what-nobody-has" in one
    assert "Started nbh-" in one
    assert "what-nobody-has" in ctl("logs", name).stdout
    assert f"{name}/{student}" in ctl("logs", "daemon").stdout
    ctl("stop", "--course", name)
    assert [row for row in ctl_json("status")["workspaces"] if row["course"] == name] == []
