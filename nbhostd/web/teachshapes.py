"""What the API, and the pages, tell teachers of a course."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ImageShape(msgspec.Struct, frozen=True):
    """A course's image. `here` is null when Podman could not be asked; `outdated` counts workspaces that run an earlier one.

    `own`: it is made of the course's own recipe, which is at `recipe`.
    """

    name: str
    here: bool | None
    digest: str | None
    built_at: datetime | None
    built_by: str
    own: bool
    recipe: str | None
    running: int
    outdated: int
    choices: list[str]


class CommitShape(msgspec.Struct, frozen=True):
    """A commit: its hash, when it was made, and the first line of its message."""

    hash: str
    made_at: datetime | None
    title: str


class TaughtCourse(msgspec.Struct, frozen=True):
    """A course, as the list of one's courses shows it; `awake` counts workspaces that run."""

    name: str
    archived: bool
    commit: str | None
    pulled_at: datetime | None
    autopull: bool
    image: str
    image_here: bool | None
    workspaces: int
    awake: int


class TaughtCourses(msgspec.Struct, frozen=True):
    """Courses, by name, and how many others are archived and not listed."""

    courses: list[TaughtCourse]
    archived: int


class CourseShape(msgspec.Struct, frozen=True):
    """A course, as its teachers see it. `pulled_by` is who brought this commit: '' is nbhostd itself, 'root' nbhostctl."""

    name: str
    git_url: str
    branch: str
    archived: bool
    autopull: bool
    autobuild: bool
    public_builds: bool
    commit: CommitShape | None
    pulled_at: datetime | None
    pulled_by: str
    image: ImageShape
    workspaces: int
    awake: int
    warnings: list[str]


class FaultShape(msgspec.Struct, frozen=True):
    """Something wrong in a course's files; `line` counts from 1, 0 is the whole file; `level` is 'error' or 'warning'."""

    file: str
    line: int
    level: str
    text: str


class FaultList(msgspec.Struct, frozen=True):
    """What is wrong in the published commit; `looked` is false while nobody has looked at all of it yet."""

    commit: str | None
    looked: bool
    faults: list[FaultShape]


class SiteShape(msgspec.Struct, frozen=True):
    """A static site. `kind` is 'script' (it is built here), 'elsewhere' (at `external_url`) or 'nowhere' (neither).

    `commit` is the one that is published, `current` whether that is the course's; `state` is of the latest attempt.
    """

    id: str
    name: str
    description: str
    kind: str
    url: str
    external_url: str
    commit: str | None
    current: bool
    state: str | None
    built_at: datetime | None
    job: int | None


class SiteList(msgspec.Struct, frozen=True):
    """A course's static sites; `public`: for everybody, else for members and for those who have a signed address."""

    public: bool
    sites: list[SiteShape]


class SiteAddress(msgspec.Struct, frozen=True):
    """An address to give away; `expires` is null for one that is good as long as the site is."""

    url: str
    expires: datetime | None


class NotebookShape(msgspec.Struct, frozen=True):
    """A notebook, as it says itself, and the tracks that it is in."""

    path: str
    title: str
    version: str
    format: str
    tracks: list[str]


class NotebookList(msgspec.Struct, frozen=True):
    """All notebooks of the published commit, by path."""

    commit: str | None
    notebooks: list[NotebookShape]


class TrackNotebook(msgspec.Struct, frozen=True):
    """A notebook in a track."""

    path: str
    title: str
    version: str


class TrackSection(msgspec.Struct, frozen=True):
    """A part of a track."""

    name: str
    notebooks: list[TrackNotebook]


class TrackShape(msgspec.Struct, frozen=True):
    """A way through a course; `origin` is the file that says it, '' when it is made of the directories."""

    id: str
    name: str
    description: str
    origin: str
    sections: list[TrackSection]


class TrackList(msgspec.Struct, frozen=True):
    """The tracks, as students see them, and the notebooks that are in none of them."""

    tracks: list[TrackShape]
    elsewhere: list[TrackNotebook]


class StaffEntry(msgspec.Struct, frozen=True):
    """A name or `@group` of a course's staff; `known`: there is such an account or group here."""

    entry: str
    known: bool


class AccessShape(msgspec.Struct, frozen=True):
    """Whose course it is: the groups of its students, and its staff."""

    groups: list[str]
    staff: list[StaffEntry]
