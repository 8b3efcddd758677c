"""nbhostctl course tracks and notebooks."""

from __future__ import annotations

import yaml

from nbhostd.ctl.client import Shape, path
from nbhostd.ctl.command import Call, SubParsers, add_command
from nbhostd.ctl.console import OK

_TRACKS_MORE = """\
examples:
  nbhostctl course tracks python-mooc
  nbhostctl course tracks python-mooc --yaml > tracks.yaml

--yaml writes the tracks as they can stand in a nbhosting.yaml, every pattern and every page of a table of
contents spelt out: a start for a course that had none."""

_NOTEBOOKS_MORE = """\
example:
  nbhostctl course notebooks python-mooc

The title, version and format are what each notebook says of itself; “-” in the last column: in no track.
Courses' notebooks are judged by nbhostctl course lint."""


def add(group: SubParsers) -> None:
    """The parsers."""
    tracks = add_command(group, "tracks", _tracks, "show a course's tracks, with titles", more=_TRACKS_MORE)
    tracks.add_argument("name", metavar="NAME")
    tracks.add_argument("--yaml", action="store_true", help="as they can stand in a nbhosting.yaml")
    notebooks = add_command(group, "notebooks", _notebooks, "list a course's notebooks", more=_NOTEBOOKS_MORE)
    notebooks.add_argument("name", metavar="NAME")


def _tracks(call: Call) -> int:
    answer = call.client.ask("GET", path("courses", call.args.name, "tracks"))
    if call.args.yaml:
        for line in _as_yaml(answer["tracks"]).splitlines():
            call.console.line(line)
    elif call.console.as_json:
        call.console.json(answer)
        return OK
    else:
        for track in answer["tracks"]:
            _show(call, track)
        if not answer["tracks"]:
            call.console.line("The course shows no track.")
    for warning in answer["warnings"]:
        call.console.warn(warning)
    return OK


def _show(call: Call, track: Shape) -> None:
    description = f": {track['description']}" if track["description"] else ""
    call.console.line(f"{track['id']} “{track['name']}”{description}")
    for section in track["sections"]:
        call.console.line(f"  {section['name']}")
        width = max((len(notebook["path"]) for notebook in section["notebooks"]), default=0)
        for notebook in section["notebooks"]:
            title = "" if notebook["title"] == notebook["path"] else notebook["title"]
            call.console.line(f"    {notebook['path']:<{width}}  {title}".rstrip())


def _as_yaml(tracks: list[Shape]) -> str:
    shape = [
        {
            **{key: track[key] for key in ("id", "name", "description") if track[key]},
            "sections": [
                {"name": section["name"], "notebooks": [one["path"] for one in section["notebooks"]]}
                for section in track["sections"]
            ],
        }
        for track in tracks
    ]
    return str(yaml.safe_dump({"tracks": shape}, allow_unicode=True, sort_keys=False, width=120))


def _notebooks(call: Call) -> int:
    answer = call.client.ask("GET", path("courses", call.args.name, "notebooks"))
    if call.console.as_json:
        call.console.json(answer["notebooks"])
        return OK
    rows = [
        (
            notebook["path"],
            notebook["title"] if notebook["title"] != notebook["path"] else "-",
            notebook["version"] or "-",
            notebook["format"] or "-",
            " ".join(notebook["tracks"]) or "-",
        )
        for notebook in answer["notebooks"]
    ]
    head = ("NOTEBOOK", "TITLE", "VERSION", "FORMAT", "TRACKS")
    call.console.table(head, rows, empty="The course has no notebooks.")
    return OK
