"""A site goes into a backup while somebody works in it, is lost, and comes back: files, owners, times, statistics."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import stat
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
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

NOTEBOOK = "w1/intro"
PLACE = Path("/var/tmp/nbhostd-backup-test")


@pytest.fixture
def place() -> Iterator[Path]:
    PLACE.mkdir(mode=0o700, exist_ok=True)
    yield PLACE
    run("rm", "-rf", str(PLACE))
    for aside in STATE.glob("before-restore-*"):
        run("rm", "-rf", str(aside))


@pytest.fixture
def own_course(repositories: Path) -> Iterator[str]:
    name = f"b-{uuid.uuid4().hex[:6]}"
    text = "# %%\nprint('of the course')\n"
    make_repository(repositories / name, {"w1/intro.py": text, "w1/two.py": text})
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--with-files", "--yes", check=False)


def tree(top: Path) -> dict[bytes, tuple[object, ...]]:
    """All that is to come back of a space: owner, kind, mode, time, content or where a link leads."""
    found: dict[bytes, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            seen = os.lstat(path)
            said: object = seen.st_nlink if stat.S_ISREG(seen.st_mode) else None
            if stat.S_ISLNK(seen.st_mode):
                said = os.readlink(path)
            elif stat.S_ISREG(seen.st_mode):
                with open(path, "rb") as file:
                    said = (said, hashlib.sha256(file.read()).hexdigest())
            found[os.path.relpath(path, os.fsencode(top))] = (
                seen.st_uid, seen.st_gid, seen.st_mode, seen.st_mtime_ns, said,
            )  # fmt: skip
    return found


def furnish(space: Path) -> None:
    """Odd names, links, modes and times, as the student may have them."""
    owner = space.lstat()
    for path in (
        space / "un nom à espaces “é”\n.txt",
        Path(os.fsdecode(os.fsencode(space) + b"/not-utf8-\xff")),
    ):
        path.write_text("odd")
    (space / "deep" / ("d" * 200)).mkdir(parents=True)
    (space / "deep" / ("d" * 200) / ("f" * 200)).write_bytes(os.urandom(200_000))
    (space / "dangling").symlink_to("../../nowhere")
    (space / "run.sh").write_text("#!/bin/sh\n")
    (space / "run.sh").chmod(0o750)
    os.link(space / "run.sh", space / "twin")
    os.utime(space / "run.sh", ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))
    run("chown", "-hR", f"{owner.st_uid}:{owner.st_gid}", str(space))


def restored(*options: str) -> dict[str, object]:
    ctl("stop", "--all", check=False)
    done = run("nbhostctl", "restore", *options, "--json", check=False, timeout=600)
    assert done.returncode == 0, done
    shape = json.loads(done.stdout)
    assert isinstance(shape, dict)
    return shape


async def test_a_site_that_was_lost_comes_back(
    own_course: str, place: Path, repositories: Path, new_browser: Callable[[], Browser]
) -> None:
    course = own_course
    opened = {}
    for student in ("alice", "bob"):
        opened[student] = await new_browser().open(launch_url(course, NOTEBOOK, student))
        furnish(workspace_dir(course, student))
    shared = ctl_json("share", "create", f"{course}/alice", "w1/intro.py")
    (place / "exam.txt").write_text("handed out")
    ctl("droparea", "put", course, "exam", str(place / "exam.txt"))
    kernel = await opened["bob"].start_kernel()
    await opened["bob"].run_code(
        "import threading, itertools, time\n"
        "def write():\n"
        "    for n in itertools.count():\n"
        "        open('busy.txt', 'w').write(str(n) * 1000)\n"
        "        time.sleep(0.01)\n"
        "threading.Thread(target=write, daemon=True).start()",
        kernel,
    )

    made = await asyncio.to_thread(ctl_json, "backup", str(place), "--students")
    file = Path(made["file"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await opened["bob"].run_code("print(6 * 7)", kernel) == "42\n"

    spaces = {student: workspace_dir(course, student) for student in opened}
    ctl("stop", "--course", course)
    before = {student: tree(space) for student, space in spaces.items()}
    # What is lost, and what came after the backup.
    commit(repositories / course, {"w1/intro.py": "# %%\nprint('newer')\n"}, "newer")
    ctl("course", "pull", course)
    run("rm", "-rf", str(spaces["alice"]), f"{STATE}/droparea/{course}", f"{STATE}/courses/{course}")
    ctl("course", "delete", course, "--with-workspaces", "--with-files", "--yes")

    shape = restored(str(file), "--replace", "--yes")
    assert shape["troubles"] == []
    assert ctl_json("audit", "--limit", "1")[0]["action"] == "site.restored"
    for student, space in spaces.items():
        assert workspace_dir(course, student) == space
        after = tree(space)
        # bob went on writing after his turn had come.
        for name in (b"busy.txt", b".") if student == "bob" else ():
            before[student].pop(name, None)
            after.pop(name, None)
        assert after == before[student]
    busy = (spaces["bob"] / "busy.txt").read_text()
    assert busy and busy == busy[: len(busy) // 1000] * 1000
    assert (
        (STATE / "courses" / course / "public/current/w1/intro.py")
        .read_text()
        .endswith("('of the course')\n")
    )
    assert (STATE / "droparea" / course / "exam/exam.txt").read_text() == "handed out"
    assert {one["student"] for one in ctl_json("workspace", "list", course)} == {"alice", "bob"}
    assert all(one["last_visit"] for one in ctl_json("workspace", "list", course))
    page = await new_browser().get(shared["url"])
    assert page.status == 200

    again = await new_browser().open(launch_url(course, NOTEBOOK, "alice"))
    assert again.status == 200, again
    assert await again.run_code("print(open('twin').read())") == "#!/bin/sh\n\n"
    # The old capability leads nowhere, and the course goes on.
    assert (await new_browser().get(opened["alice"].url)).status in (404, 410)
    ctl("course", "pull", course)
    assert "newer" in (STATE / "courses" / course / "public/current/w1/intro.py").read_text()


async def test_a_restore_that_is_killed_leaves_the_site_and_goes_on(
    own_course: str, place: Path, new_browser: Callable[[], Browser]
) -> None:
    course = own_course
    await new_browser().open(launch_url(course, NOTEBOOK, "alice"))
    furnish(workspace_dir(course, "alice"))
    large = workspace_dir(course, "alice") / "large"
    large.write_bytes(os.urandom(60 << 20))
    owner = large.parent.lstat()
    os.chown(large, owner.st_uid, owner.st_gid)
    ctl("stop", "--all", check=False)
    file = place / "site.tar"
    ctl("backup", str(file), "--students")
    before = tree(workspace_dir(course, "alice"))
    restore = subprocess.Popen(  # noqa: ASYNC220 - it is killed, not waited for
        ["nbhostctl", "restore", str(file), "--replace", "--yes"], stderr=subprocess.PIPE, text=True
    )
    staged = STATE / "restore/workspaces" / str(number_of(course, "alice"))
    deadline = time.monotonic() + 120
    while not staged.exists():
        assert time.monotonic() < deadline
        assert restore.poll() is None, restore.communicate()
        await asyncio.sleep(0.05)
    restore.send_signal(signal.SIGKILL)
    restore.communicate()
    # The site is the old one, the daemon may come and go.
    run("systemctl", "kill", "--signal=KILL", "nbhostd.service")
    again = await new_browser().open(launch_url(course, NOTEBOOK, "alice"))
    assert again.status == 200
    restored(str(file), "--replace", "--yes")
    assert tree(workspace_dir(course, "alice")) == before
    assert not (STATE / "restore").exists()
    assert not (STATE / "restore.json").exists()


async def test_sockets_of_the_earlier_site_are_gone(
    own_course: str, place: Path, new_browser: Callable[[], Browser]
) -> None:
    course = own_course
    file = place / "site.tar"
    ctl("backup", str(file))
    await new_browser().open(launch_url(course, NOTEBOOK, "later"))
    number = number_of(course, "later")
    assert f"nbh-{number}.socket" in user_systemctl("list-units", "--no-legend", "nbh-*")
    restored(str(file), "--replace", "--yes", "--keep-configuration")
    assert f"nbh-{number}." not in user_systemctl("list-units", "--no-legend", "nbh-*")
    assert ctl("workspace", "list", course, check=False).returncode == 3
    # The number is given out again, to somebody else, who finds nothing of hers.
    page = await new_browser().open(launch_url(course, NOTEBOOK, "another"))
    assert page.status == 200
    assert (workspace_dir(course, "another") / "w1/intro.py").exists()
    assert await page.run_code("import os; print(sorted(os.listdir('.')))") == "['w1']\n"
