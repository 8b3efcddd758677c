"""A student's pages, introduced to whom they speak to. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbhostd.services.handouts import Handouts
from nbhostd.web.app import Mountable
from nbhostd.web.buildlinks import BuildLinks
from nbhostd.web.classroom import ClassroomRoom
from nbhostd.web.mycourses import MyCourses
from nbhostd.web.ownspace import OwnSpace

if TYPE_CHECKING:
    from nbhostd.house import House


class Classrooms:
    """Where people find their courses, and work in them."""

    def __init__(self, house: House) -> None:
        board = house.dashboard
        builds = BuildLinks(house.courses, house.site_files)
        self.handouts = Handouts(house.dropareas, house.store, house.desk)
        self.my_courses = MyCourses(board.site, house.courses, board.people, builds)
        self.classroom = ClassroomRoom(
            board.site, house.courses, house.lessons, self.handouts, board.people, builds, house.web_settings
        )
        for room in (self.my_courses, self.classroom, OwnSpace(house.workspaces, house.pulling)):
            board.operations.add(room.operations())

    def rooms(self) -> list[Mountable]:
        """What browsers reach."""
        return [self.my_courses, self.classroom]
