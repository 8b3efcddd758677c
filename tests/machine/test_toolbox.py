"""The toolbox on the installed site: real containers under a student's uid, on a real workspace."""

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from nbhostd.adapters.config_file import read_config
from nbhostd.adapters.systemd import Systemd
from nbhostd.adapters.toolbox import PodmanToolbox
from nbhostd.core.errors import WorldError
from nbhostd.core.model import ToolTask
from nbhostd.core.names import CourseName
from nbhostd.services.tasks import Tasks
from tests.machine.site import CONFIG, Browser, ctl_json, launch_url, user_uid
from tests.machine.trial import Trial

PROBE = """
import json, os, socket, sys, time
request = json.loads(sys.argv[1])
if "sleep" in request:
    time.sleep(request["sleep"])
if "fail" in request:
    print("a word to the journal", file=sys.stderr)
    sys.exit(request["fail"])
PLACES = ("/home/jovyan/work", "/srv/course", "/srv/course.git", "/opt/nbhosting-toolbox", "/etc")
def writable(path):
    try:
        open(path + "/probe", "w").close()
        return True
    except OSError:
        return False
print(json.dumps({
    "request": request, "uid": os.getuid(), "cwd": os.getcwd(), "home": os.environ["HOME"],
    "network": [name for _, name in socket.if_nameindex()],
    "writable": [path for path in PLACES if writable(path)],
    "course": sorted(os.listdir("/srv/course/current")), "mirror": os.path.exists("/srv/course.git/HEAD"),
}))
"""


def service_user() -> Trial:
    """The service user itself: its images, its workspaces."""
    return Trial(user_uid(), user_uid(), Path("/var/lib/nbhostd"))


@pytest.fixture
async def task(browser: Browser, course: str) -> ToolTask:
    """A task for a workspace that exists."""
    await browser.open(launch_url(course, "w1/intro", "tools"))
    images = {image["name"]: image["digest"] for image in ctl_json("image", "list")}
    spec = json.dumps(ctl_json("show-unit", course, "tools"))
    number = int(spec.partition("/workspaces/")[2].partition(",")[0])
    uid = int(spec.partition("--user=")[2].partition(":")[0])
    return ToolTask("probe", CourseName(course), images["minimal"], number, uid)


@pytest.fixture
async def toolbox(task: ToolTask) -> AsyncIterator[PodmanToolbox]:
    share = Path("/var/lib/nbhostd-tests/share")
    shutil.rmtree(share, ignore_errors=True)
    (share / "images/toolbox").mkdir(parents=True)
    shutil.copy("/usr/share/nbhostd/images/seccomp.json", share / "images")
    (share / "images/toolbox/probe.py").write_text(PROBE)
    directory = Path("/run/user") / str(user_uid()) / "tools-of-tests"
    installed = read_config(CONFIG)
    config = replace(installed, paths=replace(installed.paths, share=str(share)))
    tasks = Tasks()
    with service_user().identity():
        systemd = Systemd(service_user().bus)
        await systemd.connect()
        tasks.spawn("connection", systemd.keep_connected())
        yield PodmanToolbox(systemd, lambda: config, directory)
        left = await systemd.list_units(["nbhtool-*.service"])
        await tasks.close()
        await systemd.close()
        assert (left, os.listdir(directory) if directory.exists() else []) == ([], [])
    with suppress(OSError):
        shutil.rmtree(share)


async def test_a_tool_sees_the_workspace_as_its_student_and_nothing_else(
    toolbox: PodmanToolbox, task: ToolTask
) -> None:
    request: dict[str, object] = {"odd": "$HOME %n \"' é\n;"}
    outcome = await toolbox.run(replace(task, request=request, hurried=True))
    seen = json.loads(outcome.output)
    assert (outcome.status, seen["request"], seen["uid"]) == (0, request, task.uid)
    assert (seen["cwd"], seen["home"], seen["network"]) == ("/home/jovyan/work", "/home/jovyan", ["lo"])
    assert (seen["writable"], seen["mirror"]) == (["/home/jovyan/work"], True)
    assert "w1" in seen["course"]


async def test_a_tool_that_fails_says_how_and_why(toolbox: PodmanToolbox, task: ToolTask) -> None:
    outcome = await toolbox.run(replace(task, request={"fail": 3}))
    assert (outcome.status, outcome.output, outcome.complaint) == (3, b"", "a word to the journal")


async def test_a_tool_that_takes_too_long_is_ended(toolbox: PodmanToolbox, task: ToolTask) -> None:
    with pytest.raises(WorldError, match="too long"):
        await toolbox.run(replace(task, request={"sleep": 600}, timeout=3))


async def test_a_tool_that_is_not_there_is_an_error_of_the_world(
    toolbox: PodmanToolbox, task: ToolTask
) -> None:
    with pytest.raises(WorldError):
        await toolbox.run(replace(task, image="sha256:" + "0" * 64))
