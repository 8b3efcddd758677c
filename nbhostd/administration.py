"""The administration: the pages below /admin and their operations, introduced to whom they speak to. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nbhostd import __version__
from nbhostd.core.model import Phase
from nbhostd.core.names import WorkspaceId
from nbhostd.services.farewell import Farewell
from nbhostd.services.hurrying import Hurrying
from nbhostd.services.tasks import Tasks
from nbhostd.services.vitals import VitalsRound
from nbhostd.web.admin_audit import AuditPages
from nbhostd.web.admin_courses import CoursePages
from nbhostd.web.admin_groups import GroupPages
from nbhostd.web.admin_images import ImagePages
from nbhostd.web.admin_overview import OverviewPages
from nbhostd.web.admin_people import PeoplePages
from nbhostd.web.admin_workspaces import WorkspacePages
from nbhostd.web.app import Mountable
from nbhostd.web.audit_ops import AuditOperations
from nbhostd.web.control import Room
from nbhostd.web.control_audit import ControlAudit
from nbhostd.web.control_auditlog import AuditControl
from nbhostd.web.course_ops import CourseOperations
from nbhostd.web.group_ops import GroupOperations
from nbhostd.web.health_ops import HealthOperations
from nbhostd.web.image_ops import ImageOperations
from nbhostd.web.people_ops import UserOperations
from nbhostd.web.workspace_ops import WorkspaceOperations

if TYPE_CHECKING:
    from nbhostd.dashboard import Dashboard
    from nbhostd.house import House


class Administration:
    """Everything that only administrators, and partly the site's staff, may do."""

    def __init__(self, house: House, dashboard: Dashboard) -> None:
        self._house = house
        self._dashboard = dashboard
        self._rooms: list[Mountable] = []
        self.note = ControlAudit(dashboard.audit, house.clock)

    def open(self) -> None:
        """Introduce the rooms, once the house has its services."""
        self._open_overview()
        self._open_people()
        self._open_courses()
        self._open_workspaces()

    def _open_overview(self) -> None:
        house, dashboard = self._house, self._dashboard
        databases = {"nbhostd": house.store.database, "statistics": house.statistics.database}
        health = VitalsRound(
            __version__, house.host, house.check, house.workspaces, house.store, house.podman, dashboard.audit, databases,
            house.clock,
        )  # fmt: skip
        overview = OverviewPages(dashboard.site, health, house.clock.now)
        dashboard.operations.add(HealthOperations(health, house.clock.now).operations())
        dashboard.operations.add(AuditOperations(dashboard.audit).operations())
        self._rooms += [overview, AuditPages(dashboard.site, dashboard.audit)]

    def _open_people(self) -> None:
        house, dashboard = self._house, self._dashboard
        people, entrance = dashboard.people, dashboard.entrance
        dashboard.operations.add(UserOperations(people, entrance, dashboard.doors.links).operations())
        dashboard.operations.add(GroupOperations(people).operations())
        has_mail = dashboard.doors.letters.are_possible
        self._rooms += [
            PeoplePages(dashboard.site, dashboard.operations, people, entrance, house.store, has_mail),
            GroupPages(dashboard.site, people),
        ]

    def _open_courses(self) -> None:
        house, dashboard = self._house, self._dashboard
        farewell = Farewell(house.upkeep, house.book)
        operations = CourseOperations(house.courses, house.upkeep, farewell, dashboard.errands)
        images = ImageOperations(
            house.podman, house.courses, house.builder, house.rollout, Hurrying(house.rollout, house.book), house.store,
            dashboard.errands,
        )  # fmt: skip
        dashboard.operations.add(operations.operations())
        dashboard.operations.add(images.operations())
        self._rooms += [
            CoursePages(
                dashboard.site, house.courses, dashboard.people, house.store, house.upkeep, house.podman.digest, self._awake
            ),
            ImagePages(dashboard.site, images),
        ]  # fmt: skip

    def _open_workspaces(self) -> None:
        house, dashboard = self._house, self._dashboard
        operations = WorkspaceOperations(
            house.status, house.census, house.workspaces.stop, house.removal.delete, house.students.measure_all,
            dashboard.errands,
        )  # fmt: skip
        dashboard.operations.add(operations.operations())
        self._rooms.append(WorkspacePages(dashboard.site, house.status, house.census, house.measurements))

    def _awake(self) -> Iterator[WorkspaceId]:
        for entry in self._house.workspaces.entries:
            if entry.state.phase not in (Phase.ASLEEP, Phase.FAILED):
                yield entry.workspace.id

    def rooms(self) -> list[Mountable]:
        """What browsers reach."""
        return self._rooms

    def control(self) -> list[Callable[[Tasks], Room]]:
        """What nbhostctl reaches."""
        return [lambda _: AuditControl(self._dashboard.audit)]
