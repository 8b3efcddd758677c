"""The teachers' half of the dashboard, introduced: a course's pages and all that is done on them. Decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbhostd.adapters.courselint import TreeInspector
from nbhostd.adapters.gitcommits import MirrorCommits
from nbhostd.services.hurrying import Hurrying
from nbhostd.services.inspection import Inspection
from nbhostd.web.app import Mountable
from nbhostd.web.courseviews import CourseViews, Sources
from nbhostd.web.teach_access import TeachAccess
from nbhostd.web.teach_content import TeachContent
from nbhostd.web.teach_courses import TeachCourses
from nbhostd.web.teach_images import TeachImages
from nbhostd.web.teach_sites import Addresses, TeachSites
from nbhostd.web.teach_students import TeachStudents
from nbhostd.web.teachold import OldTeachPages
from nbhostd.web.teachpages import Rooms, TeachPages

if TYPE_CHECKING:
    from nbhostd.dashboard import Dashboard
    from nbhostd.house import House


class Teaching:
    """Who shows courses to their teachers."""

    def __init__(self, house: House, dashboard: Dashboard) -> None:
        trees = Path(house.config().paths.state) / "courses"
        inspection = Inspection(TreeInspector(trees), house.tasks)
        house.courses.on_content(inspection.renew)
        views = CourseViews(
            Sources(
                house.courses, house.builder.recipes, house.podman, house.rollout, house.store, MirrorCommits(trees),
                inspection, house.workspaces,
            )
        )  # fmt: skip
        errands, courses = dashboard.errands, house.courses
        addresses = Addresses(lambda: house.config().server.public_url, house.keyring, house.clock)
        rooms = Rooms(
            TeachCourses(courses, dashboard.people, views, errands), TeachAccess(dashboard.people),
            TeachSites(courses, house.sites, errands, addresses), TeachContent(courses, house.catalog), dashboard.jobs,
        )  # fmt: skip
        for room in (
            rooms.courses, rooms.access, rooms.sites, rooms.content,
            TeachImages(courses, views, house.builder, Hurrying(house.rollout, house.book), errands),
            TeachStudents(house.pulling, errands),
        ):  # fmt: skip
            dashboard.operations.add(room.operations())
        self._pages = TeachPages(dashboard.site, dashboard.operations, courses, views, rooms)
        self._old = OldTeachPages(dashboard.site.pages)

    def rooms(self) -> list[Mountable]:
        """What browsers reach."""
        return [self._pages, self._old]
