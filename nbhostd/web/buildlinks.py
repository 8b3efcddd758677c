"""Links to a course's static sites: those that are built, and those that are somewhere else."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

import msgspec

from nbhostd.core.model import Course, CourseSettings
from nbhostd.core.names import CourseName


class BuildLink(msgspec.Struct, frozen=True):
    """A static site of a course; each of the two addresses is empty where there is none."""

    id: str
    name: str
    description: str
    url: str
    external_url: str


class Shelf(Protocol):
    """What is asked of services/courses.py."""

    async def settings(self, course: Course) -> CourseSettings: ...


class Built(Protocol):
    """What is asked of the static sites' files."""

    async def latest(self, course: CourseName, build: str) -> str | None: ...


class BuildLinks:
    """Finds them, for members of the course or for everybody."""

    def __init__(self, courses: Shelf, files: Built) -> None:
        self._courses = courses
        self._files = files

    async def of(self, course: Course, *, member: bool) -> list[BuildLink]:
        """What can be looked at now; a course's members are let in to all, others to what is public."""
        links = []
        for build in (await self._courses.settings(course)).builds:
            url = ""
            if (member or course.public_builds) and await self._files.latest(course.name, build.id):
                url = f"/builds/{quote(course.name, safe='')}/{quote(build.id, safe='')}/"
            external = _plain(build.external_url)
            if url or external:
                links.append(BuildLink(build.id, build.name, build.description, url, external))
        return links


def _plain(url: str) -> str:
    """An address of the web; a course is not trusted to name any other kind."""
    return url if url.startswith(("https://", "http://")) else ""
