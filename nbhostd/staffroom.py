"""The staffroom: the rooms about a course's students and drop areas, introduced to whom they speak to. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbhostd.core.config import Server
from nbhostd.web.app import Mountable
from nbhostd.web.dropareas import DropAreas
from nbhostd.web.droppages import DropPages
from nbhostd.web.looks import Looks
from nbhostd.web.studentpages import StudentPages
from nbhostd.web.students import Students

if TYPE_CHECKING:
    from nbhostd.dashboard import Dashboard
    from nbhostd.house import House


class Staffroom:
    """What a teacher does about students, but for the course itself."""

    def __init__(self, house: House, dashboard: Dashboard) -> None:
        self._house = house
        site, operations = dashboard.site, dashboard.operations
        students = Students(house.students, house.shares, dashboard.errands)
        dropareas = DropAreas(house.dropareas, dashboard.errands)
        self.looks = Looks(site, house.pages, house.looks, self._server)
        for room in (students, dropareas, self.looks):
            operations.add(room.operations())
        self.students = StudentPages(site, students, lambda: self._server().public_url)
        self.dropareas = DropPages(site, dropareas, operations, house.roll, house.uploads)

    def rooms(self) -> list[Mountable]:
        """What browsers reach."""
        return [self.students, self.looks, self.dropareas]

    def _server(self) -> Server:
        return self._house.config().server
