"""A predecessor's site comes over to the installed one: identities, times, clones, notebooks that open; and in pieces."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.machine.site import (
    STATE,
    Browser,
    ctl,
    ctl_json,
    launch_url,
    run,
    signed_elsewhere,
    user_uid,
    workspace_dir,
)
from tests.predecessor import HASH, NOTEBOOK, THEN, Predecessor, snapshot

GROUP = "année 2020"
RAW = ("events", "counted")
"""What a predecessor has written on since: it is read each time, and only what is new is added."""


@dataclass
class Old:
    """A predecessor's site whose courses have names of their own."""

    site: Predecessor
    python: str
    algo: str

    @property
    def root(self) -> str:
        return str(self.site.root)


@pytest.fixture
def old() -> Iterator[Old]:
    mark = uuid.uuid4().hex[:6]
    place = Path("/var/lib/nbhostd-tests") / f"old-{mark}"
    site = Predecessor(place, uid=70001, first_migration=mark)
    old = Old(site, f"py-{mark}", f"algo-{mark}")
    site.site(old.python, old.algo, "nbhosting/minimal-notebook")
    run("chmod", "0700", str(place))  # as root's own: the service could not read it
    yield old
    for course in (old.python, old.algo):
        ctl("course", "delete", course, "--with-workspaces", "--with-files", "--yes", check=False)
        run("rm", "-rf", f"{STATE}/import/{course}", f"{STATE}/local/{course}")
    ctl("user", "delete", "alice", "--yes", check=False)
    ctl("group", "delete", GROUP, "--yes", check=False)
    run("rm", "-rf", str(place))


def owners(tree: Path) -> set[int]:
    found = {tree.lstat().st_uid}
    for folder, folders, files in os.walk(tree):
        found |= {os.lstat(os.path.join(folder, name)).st_uid for name in (*folders, *files)}
    return found


async def test_a_site_comes_over_and_its_students_go_on(old: Old, browser: Browser) -> None:
    before = snapshot(old.site.root)
    plan = ctl_json("import", old.root, "--dry-run")
    assert {item["state"] for item in plan["items"]} == {"new"}
    assert old.python not in {course["name"] for course in ctl_json("course", "list")}
    said = ctl("import", old.root)
    assert "The repository in the source is taken." in said.stderr
    assert snapshot(old.site.root) == before

    alice = workspace_dir(old.python, "alice")
    uid = alice.stat().st_uid
    assert uid not in (0, user_uid(), old.site.uid)
    assert owners(alice) == {uid}
    assert (alice.stat().st_mode & 0o777, (alice / "w1/intro.ipynb").stat().st_mtime) == (0o700, THEN)
    assert (alice / "w1/intro.ipynb").read_text() == NOTEBOOK
    assert not (alice / ".port").exists()
    assert owners(workspace_dir(old.python, HASH)) != {uid}
    assert owners(STATE / "droparea" / old.python) == {user_uid()}
    people = STATE / "import/people.json"
    assert (people.stat().st_uid, people.stat().st_mode & 0o777) == (user_uid(), 0o600)

    account = ctl_json("user", "show", "alice")
    assert (account["email"], account["groups"], account["has_password"]) == (
        "alice@example.org",
        [GROUP],
        True,
    )
    whose = ctl_json("course", "people", old.python)
    assert (whose["groups"], whose["staff"]) == ([GROUP], ["alice", "@profs"])

    shown = ctl_json("course", "show", old.python)
    assert (shown["git_url"], shown["image"], shown["autopull"]) == (
        "https://git.invalid/python.git",
        "minimal",
        True,
    )
    assert ctl_json("course", "show", old.algo)["archived"] is True
    assert ctl_json("course", "show", old.python)["settings"]["notebook_url_format"] == "lab/tree/{notebook}"

    opened = await browser.open(launch_url(old.python, "w1/intro", "alice"))
    # She has the notebook under an earlier suffix: the page lets her choose; her own file is there, as it was.
    if "/w/" not in opened.url:
        opened = await browser.open(signed_elsewhere(old.python, "w1/un nom à espaces", "alice"))
    seen = await opened.api("api/contents/w1/un nom à espaces.ipynb")
    assert seen["format"] == "json"
    assert (await opened.run_code("print(sorted(__import__('os').listdir('w1')))")).count(".ipynb") == 2


async def test_a_classrooms_clone_goes_on_as_a_clone(old: Old, browser: Browser) -> None:
    ctl("import", old.root, "--only", old.algo)
    ctl("course", "set", old.algo, "--image", "minimal")
    bob = workspace_dir(old.algo, "bob")
    assert str(old.site.root) in (bob / ".git/config").read_text()
    opened = await browser.open(launch_url(old.algo, "w1/intro", "bob", "--classroom"))
    seen = await opened.api("api/contents/w1/intro.md?type=file&format=text")
    assert seen["content"] == "# changed by bob\n"
    assert "/srv/course.git" in (bob / ".git/config").read_text()
    assert owners(bob) == {bob.stat().st_uid}


def test_a_second_run_does_nothing_and_a_third_what_has_changed(old: Old) -> None:
    ctl("import", old.root)
    again = ctl_json("import", old.root)
    assert {item["state"] for item in again["items"] if item["kind"] not in RAW} == {"done"}
    assert [item["result"]["added"] for item in again["items"] if item["kind"] in RAW] == [0, 0]
    mine = workspace_dir(old.python, "alice") / ".nbautoeval"
    mine.write_text("changed here")
    old.site.write(f"students/alice/{old.python}/.nbautoeval", "changed there", mtime=THEN + 5)
    old.site.write(f"students/alice/{old.python}/new.txt", "new")
    third = ctl_json("import", old.root)
    (item,) = [item for item in third["items"] if item["state"] == "imported" and item["kind"] == "student"]
    assert (item["result"]["written"], item["result"]["kept"]) == (1, [".nbautoeval"])
    assert mine.read_text() == "changed here"


def test_an_import_that_is_killed_leaves_whole_files_and_goes_on(old: Old) -> None:
    for number in range(40):
        old.site.write(f"students/alice/{old.python}/data/{number:02}.bin", bytes([number]) * (4 << 20))
    ctl("import", old.root, "--only", old.algo)
    argv = ["nbhostctl", "import", old.root]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if list(STATE.glob("workspaces/*/data/03.bin")):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    (data,) = STATE.glob("workspaces/*/data")
    # The desk's child hears of it within moments: what it had begun is gone then.
    while list(data.glob(".nbh-*")) and time.monotonic() < deadline:
        pass
    arrived = sorted(data.iterdir())
    assert 0 < len(arrived) < 40
    for file in arrived:
        assert (file.stat().st_size, file.read_bytes()[:1]) == (4 << 20, bytes([int(file.stem)]))
    rest = ctl_json("import", old.root)
    (item,) = [item for item in rest["items"] if item["name"] == f"student/{old.python}/alice"]
    assert item["state"] == "imported"
    assert item["result"]["same"] >= len(arrived)
    assert len(list(data.iterdir())) == 40


def test_eight_years_of_accidents_are_told_and_hurt_nobody(old: Old) -> None:
    # The accidents are planted for a course “python”; here it has another name.
    (old.site.root / "students/alice/python").symlink_to(old.python)
    old.site.accidents()
    (old.site.root / "students/alice/python").unlink()
    before = snapshot(old.site.root)
    done = ctl_json("import", old.root, "--only", old.python)
    assert snapshot(old.site.root) == before
    assert [item for item in done["items"] if item["state"] == "failed"] == []
    problems = "\n".join(done["problems"])
    for sentence in ("pipe: is a pipe", "sock: is a socket", "huge: is larger", "lies too deep"):
        assert sentence in problems
    alice = workspace_dir(old.python, "alice")
    assert (alice / "one").samefile(alice / "two")
    assert (alice / "caf\u0065\u0301.txt").read_text() == "NFD"
    assert os.path.exists(os.fsencode(alice) + b"/latin-\xe9.txt")
    assert len(list((alice / "many").iterdir())) == 2000
    assert (alice / "loop").readlink() == Path("loop")
    assert owners(alice) == {alice.stat().st_uid}


def test_a_disk_that_fills_up_ends_it_with_a_sentence(old: Old) -> None:
    space = STATE / "workspaces"
    old.site.write(f"students/alice/{old.python}/large.bin", bytes(8 << 20))
    ctl("import", old.root, "--only", old.algo)
    run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(space))
    try:
        os.chown(space, user_uid(), user_uid())
        said = ctl("import", old.root, "--only", old.python, check=False)
        assert said.returncode == 1
        assert "no space left" in said.stderr
        assert "what is done stays done" in said.stderr
    finally:
        run("umount", "--lazy", str(space))
    assert ctl("import", old.root, "--only", old.python).returncode == 0
    assert (workspace_dir(old.python, "alice") / "large.bin").stat().st_size == 8 << 20
