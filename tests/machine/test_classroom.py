"""A class with clones, on the installed site: as students' browsers, a teacher's nbhostctl and the files show it."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.machine.conftest import NOTEBOOK
from tests.machine.site import (
    STATE,
    Browser,
    Opened,
    commit,
    ctl,
    ctl_json,
    launch_url,
    make_repository,
    run,
    service_of,
    user_systemctl,
    workspace_dir,
)

Class = tuple[str, Path]
FILES: dict[str, str | bytes] = {
    "w1/intro.md": NOTEBOOK,
    "w1/exercise.py": "# %%\nanswer = 1\n\n# %%\nlast = 1\n",
    "data/numbers.csv": "1,2,3\n",
}


@pytest.fixture
def classroom(repositories: Path) -> Iterator[Class]:
    """A course of one test, whose repository it may change."""
    name = f"k-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, FILES)
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name, repositories / name
    ctl("course", "delete", name, "--with-workspaces", "--yes", check=False)


def publish(classroom: Class, files: dict[str, str | bytes | None], message: str = "more") -> str:
    """One more commit, pulled by the server; its hash."""
    commit(classroom[1], files, message)
    ctl("course", "pull", classroom[0])
    return run("git", "-C", str(classroom[1]), "rev-parse", "HEAD").stdout.strip()


def classroom_url(course: str, notebook: str, student: str) -> str:
    return launch_url(course, notebook, student, "--classroom")


async def shell(page: Opened, *commands: str) -> str:
    """What commands print in a terminal of the student's, and how the last one ended."""
    script = " && ".join(commands)
    code = (
        "import subprocess\n"
        f"done = subprocess.run(['bash', '-c', {script!r}], cwd='/home/jovyan/work', capture_output=True, text=True)\n"
        "print(done.stdout + done.stderr + f'status {done.returncode}')"
    )
    return await page.run_code(code)


def main_pid(course: str, student: str) -> str:
    number, _ = service_of(course, student)
    unit = f"nbh-{number}.service"
    return user_systemctl("show", "--value", "--property=MainPID", unit).strip()


async def behind(browser: Browser, url: str) -> Opened:
    page = await browser.get(url)
    assert "/behind/" in page.url, (page.url, page.text[:500])
    return page


async def press(browser: Browser, page: Opened, button: str) -> Opened:
    """Send the page's form, and follow it into the notebook."""
    found = re.search(r'action="(/behind/[^"]+)"', page.text)
    assert found, page.text
    assert found[1].endswith(button)
    parts = urlsplit(page.url)
    headers = {"Accept": "text/html"}
    async with browser.session.post(f"{parts.scheme}://{parts.netloc}{found[1]}", headers=headers) as answer:
        reply = Opened(browser.session, str(answer.url), answer.status, await answer.text())
    return await browser.open(reply.url) if "/visit/" in reply.url else reply


@pytest.fixture
async def alice(classroom: Class, browser: Browser) -> Opened:
    return await browser.open(classroom_url(classroom[0], "w1/intro", "alice"))


async def test_the_first_visit_clones_as_the_student(classroom: Class, alice: Opened) -> None:
    assert (alice.status, alice.url.partition("?")[0].endswith("/notebooks/w1/intro.md")) == (200, True)
    work, uid = workspace_dir(classroom[0], "alice"), workspace_dir(classroom[0], "alice").stat().st_uid
    owners = {path.lstat().st_uid for path in work.rglob("*")}
    assert owners == {uid}
    assert uid > 100_000
    assert (work.stat().st_mode & 0o777, (work / ".git/HEAD").is_file()) == (0o700, True)
    assert all(
        path.lstat().st_mode & 0o022 == 0 for path in (work / ".git").rglob("*") if not path.is_symlink()
    )
    said = await shell(
        alice, "git status --porcelain --branch", "git log --oneline", "git config user.name", "id -u"
    )
    assert said.splitlines()[0].startswith("## main...origin/main")
    assert "first" in said
    assert "alice" in said.splitlines()
    assert (
        str(await alice.run_code("print(open('/home/jovyan/work/data/numbers.csv').read())")).strip()
        == "1,2,3"
    )


async def test_an_ordinary_visit_runs_no_container_for_it(
    classroom: Class, alice: Opened, browser: Browser
) -> None:
    before = run("journalctl", "--no-pager", "-o", "cat", "-g", "nbhtool", check=False).stdout.count(
        "Started"
    )
    page = await browser.open(classroom_url(classroom[0], "w1/exercise", "alice"))
    assert page.status == 200
    assert page.base == alice.base
    assert before > 0
    after = run("journalctl", "--no-pager", "-o", "cat", "-g", "nbhtool", check=False).stdout.count("Started")
    assert after == before


async def test_the_student_pulls_commits_and_drops_from_inside_and_cannot_push(
    classroom: Class, alice: Opened
) -> None:
    new = publish(classroom, {"w2/second.md": NOTEBOOK})
    mirror = STATE / "courses" / classroom[0] / "git"
    heads = run("git", f"--git-dir={mirror}", "for-each-ref").stdout
    assert "status 0" in await shell(alice, "echo mine > own.txt", "git add own.txt", "git commit -qm mine")
    assert "status 0" in await shell(
        alice, "git pull --no-edit", f"git merge-base --is-ancestor {new} HEAD", "ls w2/second.md"
    )
    assert "status 0" in await shell(
        alice, "echo x >> w1/intro.md", "git restore w1/intro.md", "git diff --exit-code"
    )
    pushed = await shell(alice, "git push origin HEAD")
    assert "status 0" not in pushed
    touched = await shell(alice, "touch /srv/course.git/HEAD")
    assert "Read-only file system" in touched or "Permission denied" in touched
    assert run("git", f"--git-dir={mirror}", "for-each-ref").stdout == heads
    assert "status 0" in await shell(alice, "git pull", "git fsck")


async def test_the_git_panel_sees_the_clone_and_its_remote(classroom: Class, alice: Opened) -> None:
    """What the JupyterLab extension asks its server, for the workspace's directory."""
    shown = await alice.api("git/show_prefix", "POST", {"path": ""})
    assert shown["code"] == 0
    status = await alice.api("git/status", "POST", {})
    assert (status["code"], status["branch"], status["remote"]) == (0, "main", "origin/main")
    publish(classroom, {"w2/third.md": NOTEBOOK})
    assert (await alice.api("git/remote/fetch", "POST", {}))["code"] == 0
    assert (await alice.api("git/status", "POST", {}))["behind"] == 1
    assert (await alice.api("git/pull", "POST", {}))["code"] == 0
    assert (await alice.api("git/status", "POST", {}))["behind"] == 0


async def test_a_notebook_that_the_clone_lacks_is_pulled_from_its_page(
    classroom: Class, alice: Opened, browser: Browser
) -> None:
    publish(classroom, {"w3/late.md": NOTEBOOK})
    await shell(alice, "echo '# mine' >> w1/exercise.py")
    page = await behind(browser, classroom_url(classroom[0], "w3/late", "alice"))
    assert page.status == 200
    assert not (workspace_dir(classroom[0], "alice") / "w3").exists()
    there = await press(browser, page, "/pull")
    assert (there.status, "/notebooks/w3/late.md?" in there.url) == (200, True), (there.url, there.text[:300])
    assert there.base == alice.base
    assert (workspace_dir(classroom[0], "alice") / "w1/exercise.py").read_text().endswith("# mine\n")


async def test_a_conflict_is_told_and_jupyter_opens_as_it_is(
    classroom: Class, alice: Opened, browser: Browser
) -> None:
    await shell(alice, "sed -i 's/answer = 1/answer = 2/' w1/exercise.py", "git commit -qam mine")
    publish(classroom, {"w1/exercise.py": "# %%\nanswer = 3\n", "w3/late.md": NOTEBOOK})
    page = await behind(browser, classroom_url(classroom[0], "w3/late", "alice"))
    reply = await press(browser, page, "/pull")
    assert (reply.status, "w1/exercise.py" in reply.text) == (409, True), reply.text
    assert "answer = 2" in (workspace_dir(classroom[0], "alice") / "w1/exercise.py").read_text()
    lab = await browser.open(page.url + "/open")
    assert (lab.status, "/lab?" in lab.url) == (200, True)


async def test_a_deleted_notebook_comes_back(classroom: Class, alice: Opened, browser: Browser) -> None:
    await shell(alice, "git rm -q w1/intro.md", "git commit -qm gone")
    page = await behind(browser, classroom_url(classroom[0], "w1/intro", "alice"))
    gone = await press(browser, page, "/pull")
    assert (gone.status, "deleted or moved" in gone.text) == (200, True)
    there = await press(browser, gone, "/restore")
    assert (there.status, "/notebooks/w1/intro.md?" in there.url) == (200, True)


async def test_jupyter_itself_opens_where_nothing_was(
    classroom: Class, browser: Browser, student: str
) -> None:
    page = await browser.open(launch_url(classroom[0], "lab/tree/w1?reset", student, "--page"))
    assert (page.status, "/lab/tree/w1?reset&" in page.url) == (200, True)
    assert (workspace_dir(classroom[0], student) / ".git/HEAD").is_file()


@pytest.mark.parametrize(
    "harm", ["rm -rf .git", "rm .git/HEAD", "echo rubbish > .git/HEAD && rm -rf .git/objects"]
)
async def test_a_dead_clone_is_made_anew_around_the_students_files(
    classroom: Class, alice: Opened, browser: Browser, harm: str
) -> None:
    publish(classroom, {"w3/late.md": NOTEBOOK})
    await shell(alice, "echo mine > own.txt", "echo '# changed' >> w1/intro.md", harm)
    page = await browser.get(classroom_url(classroom[0], "w3/late", "alice"))
    if "/behind/" in page.url:
        page = await press(browser, page, "/pull")
    assert page.status == 200
    work = workspace_dir(classroom[0], "alice")
    assert (work / "own.txt").read_text() == "mine\n"
    kept = [
        work / "w1/intro.md",
        *work.glob("w1/intro.mine-*"),
        *work.glob(".nbhosting/**/intro.md"),
    ]
    assert any(path.is_file() and path.read_text().endswith("# changed\n") for path in kept)
    assert "status 0" in await shell(alice, "git fsck --connectivity-only", "git rev-parse HEAD")


async def test_a_mooc_workspace_becomes_a_clone_with_its_files(
    classroom: Class, browser: Browser, student: str
) -> None:
    page = await browser.open(launch_url(classroom[0], "w1/intro", student))
    await shell(page, "echo '# worked on' >> w1/intro.md", "echo mine > own.txt")
    ctl("stop", f"{classroom[0]}/{student}")
    page = await browser.open(classroom_url(classroom[0], "w1/exercise", student))
    said = await shell(page, "git status --porcelain", "cat own.txt", "tail -n 1 w1/intro.md")
    assert " M w1/intro.md" in said
    assert "# worked on" in said


# pull-students


@pytest.fixture
async def three(classroom: Class, new_browser: Callable[[], Browser]) -> AsyncIterator[dict[str, Opened]]:
    """alice and bob have changed something, carol has not."""
    names = ("alice", "bob", "carol")
    opened = {name: await new_browser().open(classroom_url(classroom[0], "w1/intro", name)) for name in names}
    await shell(opened["alice"], "sed -i 's/last = 1/last = 2/' w1/exercise.py")
    await shell(opened["bob"], "sed -i 's/answer = 1/answer = 2/' w1/exercise.py", "git commit -qam mine")
    yield opened


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {one["student"]: one["outcome"] for one in report["students"]}


async def test_everybody_gets_what_is_new_and_no_server_notices(
    classroom: Class, three: dict[str, Opened]
) -> None:
    name, _ = classroom
    pids = {student: main_pid(name, student) for student in three}
    kernel = await three["alice"].start_kernel()
    await three["alice"].run_code("remembered = 42", kernel)
    new = publish(
        classroom, {"w1/exercise.py": "# %%\nanswer = 7\n\n# %%\nlast = 1\n", "w4/new.md": NOTEBOOK}
    )
    dry = json.loads(ctl("pull-students", name, "--dry-run", "--json", check=False).stdout)[0]
    assert outcomes(dry)["carol"] == "behind"
    assert not (workspace_dir(name, "carol") / "w4").exists()
    said = ctl("pull-students", name, check=False)
    assert said.returncode == 1, said
    assert "bob: CONFLICT, nothing merged; in w1/exercise.py" in said.stdout
    assert re.search(r"^\d/3 carol: fast-forwarded", said.stdout, re.M)
    job = next(job for job in ctl_json("job", "list") if job["kind"] == "pull-students")
    assert (job["state"], job["subject"]) == ("succeeded", name)
    assert "1 conflict" in job["message"]
    assert "bob: CONFLICT" in ctl("job", "show", str(job["number"])).stdout
    again = json.loads(ctl("pull-students", name, "--json", check=False).stdout)[0]
    assert outcomes(again)["carol"] == "up-to-date"
    assert {student: main_pid(name, student) for student in three} == pids
    assert await three["alice"].run_code("print(remembered)", kernel) == "42\n"
    mine = (workspace_dir(name, "alice") / "w1/exercise.py").read_text()
    assert ("answer = 7" in mine, "last = 2" in mine) == (True, True)
    owners = {path.lstat().st_uid for path in workspace_dir(name, "alice").rglob("*")}
    assert owners == {workspace_dir(name, "alice").stat().st_uid}
    assert new[:10] in await shell(three["carol"], "git log --oneline --abbrev=10")


async def test_resets_and_resyncs_keep_what_was_there(classroom: Class, three: dict[str, Opened]) -> None:
    name, _ = classroom
    publish(classroom, {"w1/exercise.py": "# %%\nanswer = 7\n"})
    (report,) = json.loads(ctl("pull-students", name, "-s", "bob", "--reset-if-needed", "--json").stdout)
    (bob,) = report["students"]
    assert bob["outcome"] == "reset"
    ref = bob["kept"][0]
    assert "answer = 2" in await shell(three["bob"], f"git show {ref}:w1/exercise.py")
    (report,) = json.loads(ctl("pull-students", name, "-s", "a*", "--resync", "--json").stdout)
    (alice,) = report["students"]
    assert (alice["student"], alice["outcome"]) == ("alice", "resynced")
    assert "last = 2" in await shell(three["alice"], "cat .nbhosting/before/*/w1/exercise.py")


async def test_a_pull_for_many_is_cancelled_between_two_students(
    classroom: Class, three: dict[str, Opened]
) -> None:
    name, _ = classroom

    def cancel() -> None:
        for job in ctl_json("job", "list"):
            if job["kind"] == "pull-students" and job["state"] == "running":
                ctl("job", "cancel", str(job["number"]), check=False)

    pulling = asyncio.create_task(asyncio.to_thread(ctl, "pull-students", name, check=False))
    while not pulling.done():
        await asyncio.to_thread(cancel)
    said = await pulling
    # Three students are soon done: the cancelling may have come too late.
    job = next(
        job for job in ctl_json("job", "list") if job["kind"] == "pull-students" and job["subject"] == name
    )
    assert (job["state"], said.returncode) in (("cancelled", 1), ("succeeded", 0))


async def test_the_notebook_pulls_for_its_student(classroom: Class, alice: Opened) -> None:
    publish(classroom, {"w5/inside.md": NOTEBOOK})
    answer = await alice.api(".nbhostd/api/pull", "POST", {})
    assert (answer["outcome"], answer["good"], answer["changed"]) == ("fast-forwarded", True, True)
    assert (workspace_dir(classroom[0], "alice") / "w5/inside.md").is_file()


async def test_without_its_image_the_class_is_told(classroom: Class, browser: Browser, student: str) -> None:
    ctl("course", "set", classroom[0], "--image", "registry.invalid/absent:1")
    page = await browser.open(classroom_url(classroom[0], "w1/intro", student))
    assert (page.status, "image of this course is not on this server" in page.text) == (502, True)
    assert "registry.invalid" not in page.text
