"""A course's static sites, as its teachers build them and give their addresses away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from nbhostd.core.access import Keyring
from nbhostd.core.errors import Refused
from nbhostd.core.model import Course
from nbhostd.core.names import CourseName
from nbhostd.core.people import Power
from nbhostd.core.ports import Clock
from nbhostd.services.jobbook import Say
from nbhostd.services.sites import Listed
from nbhostd.web.operations import Begun, Call, Operation
from nbhostd.web.sites import LONGEST, PURPOSE, site_path, site_ticket
from nbhostd.web.teachshapes import SiteAddress, SiteList, SiteShape

_USUAL_DAYS = 30


class RunWish(msgspec.Struct, frozen=True):
    """Which sites to build, by their ids (none: all); `force` builds again what was built of this commit."""

    builds: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=100)] = []
    force: bool = False


class AddressWish(msgspec.Struct, frozen=True):
    """For how many days an address is to be good, where the site is not for everybody."""

    days: Annotated[int, Meta(ge=1, le=LONGEST.days)] = _USUAL_DAYS


class Courses(Protocol):
    """What is asked of services/courses.py."""

    async def get(self, name: CourseName) -> Course: ...


class Sites(Protocol):
    """What is asked of services/sites.py."""

    async def listed(self, course: Course) -> list[Listed]: ...
    async def run(
        self, name: CourseName, wanted: Iterable[str], on_line: Say, *, force: bool = False
    ) -> object: ...


class Errands(Protocol):
    """What is asked of services/errands.py."""

    async def begin(self, who: str, name: str, work: Callable[[Say], Awaitable[object]]) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Addresses:
    """What an address is made of."""

    public_url: Callable[[], str]
    keyring: Callable[[], Keyring]
    clock: Clock


class TeachSites:
    """`site.list`, `.run`, `.address`."""

    def __init__(self, courses: Courses, sites: Sites, errands: Errands, addresses: Addresses) -> None:
        self._courses = courses
        self._sites = sites
        self._errands = errands
        self._addresses = addresses

    def operations(self) -> list[Operation]:
        """What can be done with a course's static sites."""
        teach, sites = Power.TEACH, "/courses/{course}/sites"
        return [
            Operation("site.list", "GET", sites, "A course's static sites", teach, self._list, SiteList),
            Operation(
                "site.run", "POST", f"{sites}/run", "Build static sites of the published commit", teach, self._run, Begun,
                RunWish,
            ),
            Operation(
                "site.address", "POST", f"{sites}/{{build}}/address", "Make an address of a static site to give away",
                teach, self._address, SiteAddress, AddressWish,
            ),
        ]  # fmt: skip

    async def of(self, course: Course) -> SiteList:
        """All of a course's. Raises WorldError."""
        return SiteList(
            course.public_builds, [_shape(course, one) for one in await self._sites.listed(course)]
        )

    async def _list(self, call: Call) -> SiteList:
        return await self.of(await self._courses.get(call.course))

    async def _run(self, call: Call) -> Begun:
        name, wish = call.course, call.body
        await self._known(await self._courses.get(name), *wish.builds)
        number = await self._errands.begin(
            call.who, f"sites of {name}",
            lambda say: self._sites.run(name, wish.builds, say, force=wish.force),
        )  # fmt: skip
        return Begun(number)

    async def _address(self, call: Call) -> SiteAddress:
        course, build = await self._courses.get(call.course), call.names["build"]
        (site,) = await self._known(course, build)
        if site.kind == "elsewhere":
            return SiteAddress(site.build.external_url, None)
        if course.public_builds:
            return SiteAddress(self._addresses.public_url() + site_path(course.name, build), None)
        expires = (self._addresses.clock.now() + timedelta(days=call.body.days)).replace(microsecond=0)
        key = self._addresses.keyring().for_purpose(PURPOSE)[0]
        path = site_path(course.name, build, ticket=site_ticket(key, course.name, build, expires))
        return SiteAddress(self._addresses.public_url() + path, expires)

    async def _known(self, course: Course, *builds: str) -> list[Listed]:
        """The sites of these ids. Raises Refused(404)."""
        listed = {one.build.id: one for one in await self._sites.listed(course)}
        for build in builds:
            if build not in listed:
                raise Refused(
                    f"The course “{course.name}” has no static site “{build[:60]}”.",
                    status=404,
                    reason="no-such-build",
                )
        return [listed[build] for build in builds]


def _shape(course: Course, listed: Listed) -> SiteShape:
    build, last = listed.build, listed.last
    external = build.external_url if build.external_url.startswith(("https://", "http://")) else ""
    return SiteShape(
        build.id, build.name, build.description, listed.kind,
        site_path(course.name, build.id) if listed.latest else "", external, listed.latest,
        listed.latest is not None and listed.latest == course.commit, last.state.value if last else None,
        last.built_at if last else None, last.job if last else None,
    )  # fmt: skip
