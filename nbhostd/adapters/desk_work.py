"""What the desk can be asked, and who does it: the directory is opened by the service user, the work is the student's.

Runs in a process that ends with the request; the current directory is the state directory. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import resource
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from nbhostd.adapters import desk_files, desk_trees, desk_unpack
from nbhostd.adapters.desk_pack import Outgoing, Packer
from nbhostd.adapters.desk_paths import (
    DIRECTORY,
    IN_TREE,
    NO_LINKS,
    closing,
    open_below,
    parts_of,
    student_errors,
)
from nbhostd.adapters.desk_spaces import GROUP, SHIFT, STAGE, become_student, open_space, spaces
from nbhostd.adapters.desk_unpack import Incoming
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.parcel import LARGEST_FILE

FIRST_UID = 100_000
DROPPED = "DROPPED"
"""Where a student finds what a teacher hands out: one folder for each drop area."""
STOCKS = ("droparea", "local", "import")
PACKED = ("courses", "local", "droparea", "shares", "sites", "import", "jobs", ".ssh", "backup")
"""Directories of the state that can be packed, whole or from somewhere inside."""
_MEMORY = 512 << 20
_LISTS = "import/.lists"
_ASIDE = re.compile(r"[\w.:+-]{1,64}")

Answer = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request, its common parts checked."""

    op: str
    workspace: int
    uid: int
    body: dict[str, Any]
    incoming: Incoming | None = None
    """What comes after the request."""
    outgoing: Outgoing | None = None
    """What goes out before the answer."""

    @classmethod
    def parse(
        cls, line: bytes, incoming: Incoming | None = None, outgoing: Outgoing | None = None
    ) -> Request:
        """The request in a line of JSON. Raises Refused."""
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Refused("This is not a request.", detail=str(error)) from error
        if not isinstance(body, dict) or body.get("op") not in OPERATIONS:
            raise Refused("This is not a request.")
        if body["op"] in _OF_NOBODY:
            return cls(str(body["op"]), 0, 0, body, incoming, outgoing)
        workspace, uid = body.get("workspace"), body.get("uid")
        if type(workspace) is not int or not 0 < workspace < 1 << 62:
            raise Refused("This is not a workspace's number.")
        if type(uid) is not int or not FIRST_UID <= uid < 1 << 31:
            raise Refused("This is not a student's uid.")
        return cls(str(body["op"]), workspace, uid, body, incoming, outgoing)

    @property
    def staged(self) -> bool:
        """Whether it is about what a restore brings, before it is in its place."""
        return self.body.get("staged") is True

    def text(self, key: str) -> str:
        """A text of the request. Raises Refused."""
        value = self.body.get(key)
        if not isinstance(value, str):
            raise Refused("This is not a request.", detail=f"{key} is not a text")
        return value

    def texts(self, key: str) -> list[str]:
        """A list of texts of the request. Raises Refused."""
        value = self.body.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Refused("This is not a request.", detail=f"{key} is not a list of texts")
        return value


def _open_source(request: Request, notebook: str) -> int | Refused:
    """The course's notebook, or why there is none: that matters only if it has to be copied."""
    try:
        parts_of(notebook)
        (course,) = parts_of(request.text("course"))
        public = os.open(f"courses/{course}/public", DIRECTORY)
        with (
            closing(public),
            closing(open_below(public, "current", os.O_PATH | os.O_DIRECTORY, IN_TREE)) as tree,
        ):
            return desk_files.open_source(tree, notebook)
    except Refused as refused:
        return refused
    except (OSError, ValueError) as error:
        return Refused(
            "This course has no content yet.", status=404, reason="no-such-notebook", detail=str(error)
        )


# ---- the operations


def _prepare(request: Request) -> Answer:
    notebook = request.body.get("notebook")
    aside = request.body.get("aside")
    if aside is not None and not (isinstance(aside, str) and _ASIDE.fullmatch(aside)):
        raise Refused("This is not a request.", detail="aside")
    source = _open_source(request, request.text("notebook")) if notebook is not None else None
    space = open_space(request, make=not isinstance(source, Refused))
    if space is None:
        assert isinstance(source, Refused)
        raise source
    become_student(request.uid)
    copied, kept = False, None
    folders: tuple[str, ...] = ()
    if source is not None:
        path = request.text("notebook")
        force = request.body.get("force") is True
        copied, kept = desk_files.place_notebook(space, path, source, force=force, aside=aside)
        folders = parts_of(path)[:-1]
    for link, destination in _links(request):
        desk_files.place_link(space, folders, link, destination)
    return {"copied": copied, "kept": kept}


def _links(request: Request) -> list[tuple[str, str]]:
    links = request.body.get("links", [])
    if not isinstance(links, list):
        raise Refused("This is not a request.", detail="links")
    checked = []
    for link in links:
        if not isinstance(link, list) or len(link) != 2 or not all(isinstance(end, str) for end in link):
            raise Refused("This is not a request.", detail="links")
        checked.append((link[0], link[1]))
    return checked


def _exists(request: Request) -> Answer:
    return _of_each(request, "exist", desk_files.is_file, False, request.texts("paths"))


def _ages(request: Request) -> Answer:
    return _of_each(request, "ages", desk_files.age, None, request.texts("paths"))


def _fingerprints(request: Request) -> Answer:
    paths, known = request.texts("paths"), request.texts("known")
    return _of_each(request, "fingerprints", desk_files.fingerprint, None, paths, known)


def _gists(request: Request) -> Answer:
    # What a parser makes of a file is larger than the file; what does not fit has no gist.
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    return _of_each(request, "gists", desk_files.gist_of, "", request.texts("paths"))


def _of_each(
    request: Request, name: str, look: Callable[..., Any], absent: object, *asked: list[str]
) -> Answer:
    """What `look` says of each, as the student; `absent` of all when there is no workspace."""
    space = open_space(request, make=False)
    if space is None:
        return {name: [absent] * len(asked[0])}
    become_student(request.uid)
    return {name: [look(space, *one) for one in zip(*asked, strict=False)]}


def _files(request: Request) -> Answer:
    below, suffixes = request.text("below"), tuple(request.texts("suffixes"))
    folders = parts_of(below) if below else ()
    space = open_space(request, make=False)
    if space is None:
        return {"files": {"found": [], "more": False}}
    become_student(request.uid)
    found, more = desk_trees.listed(space, folders, suffixes)
    return {"files": {"found": found, "more": more}}


def _measure(request: Request) -> Answer:
    space = open_space(request, make=False)
    if space is None:
        return {"measured": [0, 0]}
    become_student(request.uid)
    with student_errors("."):
        size, files = desk_trees.measure(space)
    return {"measured": [size, files]}


def _delete(request: Request) -> Answer:
    name = str(request.workspace)
    doomed = f".deleted-{name}"
    space = open_space(request, make=False)
    try:
        with closing(spaces(request)) as top:
            # A deletion that was interrupted is gone on with; what is deleted is out of sight at once.
            _clear(top, doomed, request.uid)
            if space is not None:
                os.close(space)
                os.rename(name, doomed, src_dir_fd=top, dst_dir_fd=top)
                _clear(top, doomed, request.uid)
    except OSError as error:
        raise WorldError("The workspace could not be deleted whole.", detail=f"{name}: {error}") from error
    return {"deleted": True}


def _clear(among: int, name: str, uid: int) -> None:
    """Delete a student's directory: its content as the student, itself as the service user."""
    try:
        top = os.open(name, DIRECTORY, dir_fd=among)
    except FileNotFoundError:
        return
    with closing(top):
        # Effective ids only: this process comes back, and meanwhile nobody may signal it, as its real uid stays.
        os.setgroups([])
        os.setegid(GROUP + SHIFT)
        os.seteuid(uid + SHIFT)
        try:
            desk_trees.empty(top)
        finally:
            os.seteuid(0)
            os.setegid(0)
    os.rmdir(name, dir_fd=among)


def _drop(request: Request) -> Answer:
    (course,), (area,) = parts_of(request.text("course")), parts_of(request.text("area"))
    files = request.texts("files")
    with ExitStack() as held:
        folder = _open_area(course, area, held)
        sources = [desk_files.open_handed_out(folder, file) for file in files]
        for source in sources:
            held.callback(os.close, source)
        space = open_space(request, make=True)
        assert space is not None
        become_student(request.uid)
        placed = [
            desk_files.place_handed_out(space, f"{DROPPED}/{area}/{file}", source)
            for file, source in zip(files, sources, strict=True)
        ]
    return {"dropped": placed}


def _open_area(course: str, area: str, held: ExitStack) -> int:
    try:
        top = os.open("droparea", DIRECTORY)
        held.callback(os.close, top)
        folder = open_below(top, f"{course}/{area}", DIRECTORY, NO_LINKS)
    except OSError as error:
        message = f"The course has no drop area “{area}”."
        raise Refused(message, status=404, reason="no-such-area", detail=str(error)) from error
    held.callback(os.close, folder)
    return folder


def _unpack(request: Request) -> Answer:
    space = open_space(request, make=True)
    assert space is not None and request.incoming is not None
    become_student(request.uid)
    listed = None if request.staged else (space, desk_unpack.LIST)
    return {"unpacked": desk_unpack.unpack(space, request.incoming, listed)}


def _pack(request: Request) -> Answer:
    space = open_space(request, make=False)
    assert request.outgoing is not None
    if space is None:
        raise Refused("There is no such workspace.", status=404, reason="no-workspace")
    become_student(request.uid)
    packer = Packer(request.outgoing)
    packer.tree(space)
    packer.end()
    return {"packed": [packer.files, packer.size]}


def _pack_stock(request: Request) -> Answer:
    """As the service user: `path` below `under` (or below the state itself)."""
    under, parts = request.texts("under"), parts_of(request.text("path"))
    assert request.outgoing is not None
    if (*under, *parts)[0] not in PACKED:
        raise Refused("This is not a request.", detail="path")
    packer = Packer(request.outgoing)
    with closing(os.open(".", DIRECTORY)) as state, ExitStack() as held:
        try:
            top = desk_files.open_folder(state, under, make=False)
            held.callback(os.close, top)
            parent = desk_files.open_folder(top, parts[:-1], make=False)
            held.callback(os.close, parent)
            os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            message = f"There is no {'/'.join((*under, *parts))} in the state."
            raise Refused(message, status=404, reason="no-such-place", detail=str(error)) from error
        packer.folder(parent, parts[-1], "/".join(parts))
    packer.end()
    return {"packed": [packer.files, packer.size]}


def _stage(request: Request) -> Answer:
    """As the service user: what a restore brings, to where it waits."""
    assert request.incoming is not None
    os.umask(0o077)
    with closing(os.open(STAGE, DIRECTORY)) as stage:
        return {"unpacked": desk_unpack.unpack(stage, request.incoming, None)}


def _stock(request: Request) -> Answer:
    """As the service user: what the administrator or a teacher gives to a course."""
    place, course = request.text("place"), request.body.get("course")
    if place not in STOCKS:
        raise Refused("This is not a request.", detail="place")
    folders = (place,) if course is None else (place, *parts_of(request.text("course")))
    if len(folders) > 2:
        raise Refused("This is not a request.", detail="course")
    assert request.incoming is not None
    state = os.open(".", DIRECTORY)
    os.umask(0o077)
    try:
        top = desk_files.open_folder(state, folders, make=True)
    except OSError as error:
        message = f"The directory {'/'.join(folders)} of the state cannot be written: {error.strerror}."
        raise Refused(message, status=409, reason="closed", detail="whose is it?") from error
    with closing(state), closing(top):
        listed = (state, f"{_LISTS}/{'-'.join(folders)}")
        replace = request.body.get("replace") is True
        return {"unpacked": desk_unpack.unpack(top, request.incoming, listed, replace=replace)}


OPERATIONS: dict[str, tuple[Callable[[Request], Answer], int]] = {
    "prepare": (_prepare, 30),
    "exists": (_exists, 30),
    "ages": (_ages, 30),
    "fingerprints": (_fingerprints, 30),
    "gists": (_gists, 30),
    "files": (_files, 30),
    "measure": (_measure, 120),
    "delete": (_delete, 3600),
    "drop": (_drop, 600),
    "unpack": (_unpack, 6 * 3600),
    "stock": (_stock, 6 * 3600),
    "pack": (_pack, 6 * 3600),
    "pack_stock": (_pack_stock, 6 * 3600),
    "stage": (_stage, 6 * 3600),
}
"""What can be asked, and the seconds it may take."""

LARGEST_FILES = dict.fromkeys(("drop", "unpack", "stock", "stage"), LARGEST_FILE)
"""The largest file that an operation may write, where it is not a notebook."""

_OF_NOBODY = frozenset({"stock", "pack_stock", "stage"})
"""What is asked without a workspace."""
