"""nbhostctl image …"""

from __future__ import annotations

from nbhostd.ctl.client import path
from nbhostd.ctl.command import Call, SubParsers, add_command, add_group
from nbhostd.ctl.console import OK, size

_BUILD_MORE = """\
examples:
  nbhostctl image build minimal           JupyterLab, Notebook, jupytext: some minutes the first time
  nbhostctl image build scipy             the same with the scientific packages
  nbhostctl image build python-mooc       from the nbhosting/Containerfile of that course

The image in use stays until the new one is whole; running workspaces keep the one they were started
with. A base that is missing is built first. Ctrl-C leaves the build running: nbhostctl job list."""


def add(parsers: SubParsers) -> None:
    """The parsers."""
    group = add_group(parsers, "image", "build and list the images that notebooks run in")
    build = add_command(group, "build", _build, "build an image", more=_BUILD_MORE)
    build.add_argument("target", metavar="minimal|scipy|COURSE")
    build.add_argument("--fresh", action="store_true", help="use nothing of earlier builds")
    add_command(group, "list", _list, "list the images")
    add_command(group, "prune", _prune, "remove images that a newer build has replaced", json=False)


def _build(call: Call) -> int:
    body = {"target": call.args.target, "fresh": call.args.fresh}
    built = call.follow("POST", path("images", "build"), body)
    if call.console.as_json:
        call.console.json(built)
    else:
        call.console.line(f"{built['name']}: built, {built['digest'][:19]}")
    return OK


def _list(call: Call) -> int:
    images = call.client.ask("GET", path("images"))["images"]
    if call.console.as_json:
        call.console.json(images)
        return OK
    rows = [
        (image["name"], image["digest"][:19], size(image["size"]), " ".join(image["courses"]) or "-")
        for image in images
    ]
    empty = "There is no image yet: nbhostctl image build minimal"
    call.console.table(("IMAGE", "DIGEST", "SIZE", "COURSES"), rows, empty=empty)
    return OK


def _prune(call: Call) -> int:
    call.follow("POST", path("images", "prune"))
    return OK
