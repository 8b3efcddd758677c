"""Static sites on the installed site: real scripts in real containers, and what browsers get of them."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine.site import (
    STATE,
    Browser,
    commit,
    ctl,
    ctl_json,
    make_repository,
    public_url,
    run,
    user_systemctl,
)

_SCRIPT = """
mkdir -p _build/html/sub
cp page.html _build/html/index.html
python -c 'import os; print("hello from", os.getuid())' > _build/html/sub/index.html
echo "export const word = 1" > _build/html/tool.js
ln -s /etc/passwd _build/html/leak.txt
ln -s .. _build/html/up
"""
_PROBE = r"""
import json, os, socket, subprocess
def writable(path):
    try:
        open(path + "/probe", "w").close()
        return True
    except OSError:
        return False
def answers(address):
    try:
        with socket.create_connection((address, PORT), timeout=3) as s:
            s.sendall(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
            return b"alive" in s.recv(4096)
    except OSError:
        return False
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
json.dump({
    "uid": os.getuid(),
    "writable": [p for p in ("/srv/course", "/srv", "/etc", "/opt/nbhosting", "/opt/nbhosting-sites", "/") if writable(p)],
    "copy": writable(os.getcwd()),
    "alive": [a for a in ("127.0.0.1", "localhost", "169.254.1.1", "169.254.1.2", HOST) if answers(a)],
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "git": os.path.exists("/srv/course.git"),
    "others": os.listdir("/srv"),
}, open("out/probe.json", "w"))
"""


def _yaml(*builds: dict[str, str]) -> str:
    return json.dumps({"builds": list(builds)})


@pytest.fixture
def own(repositories: Path) -> Iterator[tuple[str, Path]]:
    """A course of one test with one build, and its repository."""
    name = f"h-{uuid.uuid4().hex[:6]}"
    files = {
        "n.md": "# one\n",
        "page.html": "<h1>first</h1>",
        "nbhosting/nbhosting.yaml": _yaml({"id": "book", "name": "Book", "script": _SCRIPT}),
    }
    make_repository(repositories / name, dict(files))
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name, repositories / name
    ctl("course", "delete", name, "--with-workspaces", "--yes", check=False)


def change(course: tuple[str, Path], script: str, **more: str) -> None:
    """Another script in the course, pulled."""
    name, repository = course
    build = {"id": "book", "name": "Book", "script": script, **more}
    commit(repository, {"nbhosting/nbhosting.yaml": _yaml(build)}, script[:20] or "none")
    ctl("course", "pull", name)


def listed(name: str) -> dict[str, Any]:
    (build,) = ctl_json("build", "list", name)
    return dict(build)


async def test_a_script_becomes_a_site_and_a_commit_is_built_once(
    own: tuple[str, Path], browser: Browser
) -> None:
    name, _ = own
    (made,) = ctl_json("build", "run", name)
    assert (made["outcome"], made["url"]) == ("built", f"{public_url()}/builds/{name}/book/latest/")
    page = await browser.get(made["url"])
    assert (page.status, page.text) == (200, "<h1>first</h1>")
    assert (await browser.get(f"{public_url()}/builds/{name}/book")).url == made["url"]
    sub = await browser.get(made["url"] + "sub")
    assert (sub.url, sub.text) == (made["url"] + "sub/", "hello from 99999\n")
    assert "root:" in (await browser.get(made["url"] + "leak.txt")).text  # the image's own, not the host's
    for path in (
        "up/",
        "up",
        "leak",
        "..%2f..%2fx",
        "%2e%2e/%2e%2e/nbhostd.db",
        "sub/index.html/",
        "nothing",
    ):
        assert (await browser.get(made["url"] + path)).status in (400, 404), path
    first = (await browser.get(f"{public_url()}/builds/{name}/book/{made['commit']}/")).text
    assert first == page.text
    assert ctl_json("build", "run", name)[0]["outcome"] == "current"
    assert ctl_json("build", "run", name, "book", "--force")[0]["outcome"] == "built"
    job = ctl_json("job", "show", str(made["job"]))
    assert (job["kind"], job["subject"], job["state"]) == ("site", f"{name}/book", "succeeded")
    assert "the site has" in ctl("logs", "job", str(made["job"])).stdout
    assert ctl("build", "run", name, "absent", check=False).returncode == 3
    assert ctl("build", "list", "absent", check=False).returncode == 3


async def test_the_latest_and_the_one_before_are_kept(own: tuple[str, Path], browser: Browser) -> None:
    name, repository = own
    commits = []
    for number in range(4):
        commit(repository, {"page.html": f"<h1>{number}</h1>"}, str(number))
        ctl("course", "pull", name)
        commits.append(ctl_json("build", "run", name)[0]["commit"])
    place = STATE / "sites" / name / "book"
    assert {path.name for path in place.iterdir()} == {"latest", ".trees", *commits[-2:]}
    assert len(list((place / ".trees").iterdir())) == 2
    assert (await browser.get(f"{public_url()}/builds/{name}/book/latest/")).text == "<h1>3</h1>"
    assert (await browser.get(f"{public_url()}/builds/{name}/book/{commits[2]}/")).text == "<h1>2</h1>"
    assert (await browser.get(f"{public_url()}/builds/{name}/book/{commits[0]}/")).status == 404


async def test_a_script_that_fails_leaves_the_site_as_it_was_and_can_be_tried_again(
    own: tuple[str, Path], browser: Browser
) -> None:
    name, _ = own
    ctl("build", "run", name)
    change(own, "echo before; false; echo after; mkdir -p _build/html")
    for _ in range(2):  # no --force: what failed is tried again
        said = ctl("build", "run", name, check=False)
        assert said.returncode == 1
        assert "before" in said.stdout
        assert "after" not in said.stdout
        assert "exit status 1" in said.stderr
    assert listed(name)["last"]["state"] == "failed"
    assert (await browser.get(f"{public_url()}/builds/{name}/book/latest/")).text == "<h1>first</h1>"
    change(own, "true")
    assert "made no directory" in ctl("build", "run", name, check=False).stderr
    change(own, "true", directory="nowhere")
    assert "no directory “nowhere”" in ctl("build", "run", name, check=False).stderr


async def test_the_walls_around_a_script(own: tuple[str, Path], browser: Browser) -> None:
    name, _ = own
    port, host = public_url().rpartition(":")[2], run("hostname", "-I").stdout.split()[0]
    probe = f"PORT, HOST = {port}, {host!r}\n{_PROBE}"
    change(own, f"mkdir out\ncat > p.py <<'EOF'\n{probe}\nEOF\npython p.py", result_folder="out")
    ctl("build", "run", name)
    page = await browser.get(f"{public_url()}/builds/{name}/book/latest/probe.json")
    assert json.loads(page.text) == {
        "uid": 99_999,
        "writable": [],
        "copy": True,
        "alive": [],
        "capabilities": 0,
        "git": False,
        "others": ["course"],
    }
    course = STATE / "courses" / name / "public"
    assert not list(course.rglob("probe"))


def test_a_script_cannot_fill_the_disk(own: tuple[str, Path]) -> None:
    name, _ = own
    # A site that is too large, as one file and as many.
    change(own, "mkdir -p _build/html; head -c 600M /dev/zero > _build/html/big")
    assert ctl("build", "run", name, check=False).returncode == 1
    change(own, "mkdir -p _build/html; for i in $(seq 12); do head -c 50M /dev/zero > _build/html/$i; done")
    said = ctl("build", "run", name, check=False)
    assert (said.returncode, "too large" in said.stdout + said.stderr) == (1, True), said
    # More than it has room for, in all the places where it may write.
    change(own, "for d in ~ /tmp; do for i in $(seq 99); do head -c 90M /dev/zero > $d/$i; done; done")
    said = ctl("build", "run", name, check=False)
    assert (said.returncode, "No space left" in said.stdout) == (1, True), said
    assert list((STATE / "sites" / ".archives").iterdir()) == []
    assert not (STATE / "sites" / name / "book" / "latest").exists()


def test_a_build_is_cancelled_and_another_waits_or_is_refused(own: tuple[str, Path]) -> None:
    name, _ = own
    change(own, "echo begun; sleep 600")
    with subprocess.Popen(
        ["nbhostctl", "build", "run", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        for line in watcher.stdout:
            if line.startswith("begun"):
                break
        second = ctl("build", "run", name, check=False)
        assert (second.returncode, "being built just now" in second.stderr) == (1, True)
        number = listed(name)["last"]["job"]
        ctl("job", "cancel", str(number))
        _, error = watcher.communicate()
        assert (watcher.returncode, "was cancelled" in error) == (1, True)
    assert ctl_json("job", "show", str(number))["state"] == "cancelled"
    assert listed(name)["last"]["state"] == "cancelled"
    assert f"nbhjob-{number}" not in user_systemctl("list-units", "--all", "nbhjob-*")


def test_a_build_goes_on_while_the_daemon_restarts(own: tuple[str, Path]) -> None:
    name, _ = own
    change(
        own,
        "echo begun; for i in 1 2 3 4 5 6; do sleep 1; done; mkdir -p _build/html; echo x > _build/html/index.html",
    )
    with subprocess.Popen(
        ["nbhostctl", "build", "run", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        for line in watcher.stdout:
            if line.startswith("begun"):
                break
        run("systemctl", "restart", "nbhostd.service")
        watcher.communicate()
    number = listed(name)["last"]["job"]
    ctl("job", "show", str(number), "--follow")
    assert ctl_json("job", "show", str(number))["state"] == "succeeded"
    assert listed(name)["current"]


async def test_a_pull_builds_by_itself_when_told_so(own: tuple[str, Path], browser: Browser) -> None:
    name, repository = own
    commit(repository, {"page.html": "<h1>two</h1>"}, "two")
    ctl("course", "pull", name)
    assert listed(name)["last"] is None
    ctl("course", "set", name, "--autobuild", "on")
    commit(repository, {"page.html": "<h1>three</h1>"}, "three")
    ctl("course", "pull", name)
    deadline = time.monotonic() + 60
    while not listed(name)["current"]:
        assert time.monotonic() < deadline, listed(name)
    assert (await browser.get(f"{public_url()}/builds/{name}/book/latest/")).text == "<h1>three</h1>"


async def test_members_only(own: tuple[str, Path], browser: Browser) -> None:
    name, _ = own
    ctl("build", "run", name)
    plain = f"{public_url()}/builds/{name}/book/latest/"
    assert ctl("build", "url", name, "book").stdout.strip() == plain
    ctl("course", "set", name, "--public-builds", "off")
    assert (await browser.get(plain)).status == 404
    url = ctl("build", "url", name, "book", "--expires", "1").stdout.strip()
    assert (await browser.get(url)).text == "<h1>first</h1>"
    assert (await browser.get(url + "sub")).text.startswith("hello")
    ticket = url.split("~")[1].split("/")[0]
    assert (await browser.get(url.replace(ticket, ticket[:-2] + "AA"))).status == 404
    other = plain.replace("/builds/", f"/builds/~{ticket}/").replace("/book/", "/other/")
    assert (await browser.get(other)).status == 404


def test_a_deleted_course_takes_its_sites_along(own: tuple[str, Path]) -> None:
    name, _ = own
    ctl("build", "run", name)
    assert (STATE / "sites" / name).is_dir()
    ctl("course", "delete", name, "--yes")
    assert not (STATE / "sites" / name).exists()
