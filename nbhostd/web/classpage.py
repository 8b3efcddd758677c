"""What the classroom's page shows, for `classroom.html`: notebooks with their marks, the other views, and the frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from nbhostd.core.classurl import ClassAddress, View, class_path, frame_path, notebook_address
from nbhostd.core.model import Track
from nbhostd.core.names import AreaName, StudentName
from nbhostd.services.dropareas import FOLDER
from nbhostd.services.lessons import Lesson, Step
from nbhostd.web.buildlinks import BuildLink
from nbhostd.web.context import WebSettings
from nbhostd.web.site import Item


@dataclass(frozen=True, slots=True)
class NotebookLink:
    """A notebook: `href` is this page with it, `frame` what the frame shows then, `state` its mark."""

    href: str
    frame: str
    text: str
    state: str
    current: bool
    notebook: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class SectionLinks:
    """A section of the track."""

    title: str
    notebooks: tuple[NotebookLink, ...]


@dataclass(frozen=True, slots=True)
class ViewLink:
    """Another view. Without a `frame` it is another page, or another site's."""

    href: str
    text: str
    icon: str
    frame: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class CourseLine:
    """How the page calls the course."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class ClassPage:
    """One page: a lesson as one student sees it, what is open, and what else there is."""

    lesson: Lesson
    shown: ClassAddress
    student: StudentName
    title: str = ""
    """Of what is open; '' for nothing."""
    warning: str = ""
    views: Sequence[ViewLink] = ()

    @property
    def course(self) -> CourseLine:
        """The course, with the track where it has several."""
        track = self.lesson.track
        several = track is not None and len(self.lesson.tracks) > 1
        return CourseLine(
            self.shown.course,
            f"{self.shown.course} · {track.name}" if several and track else self.shown.course,
        )

    @property
    def sections(self) -> tuple[SectionLinks, ...]:
        """The lesson's notebooks."""
        return tuple(
            SectionLinks(part.name, tuple(map(self._notebook, part.steps))) for part in self.lesson.parts
        )

    def _notebook(self, step: Step) -> NotebookLink:
        address = notebook_address(self.shown.course, self.shown.track, step.notebook)
        current = self.shown.view is View.NOTEBOOK and self.shown.path == step.notebook
        return NotebookLink(
            class_path(address), frame_path(address, self.student), step.title, step.mark.value, current,
            step.notebook, step.version,
        )  # fmt: skip

    @property
    def frame(self) -> str:
        """What the frame shows first; '' for nothing."""
        if self.shown.view is View.NOTEBOOK and not self.shown.path:
            return ""
        return self._frame(self.shown)

    def _frame(self, address: ClassAddress) -> str:
        if address.view is View.BUILD:
            return f"/builds/{quote(address.course, safe='')}/{quote(address.path, safe='')}/"
        return frame_path(address, self.student)

    @property
    def progress(self) -> str:
        """Where the page's script asks for the marks."""
        course, track = quote(self.shown.course, safe=""), urlencode({"track": self.shown.track})
        return f"/api/v1/courses/{course}/progress?{track}"

    @property
    def tracks(self) -> tuple[Item, ...]:
        """The ways through the course."""
        return tuple(map(self._track, self.lesson.tracks))

    def _track(self, track: Track) -> Item:
        address = ClassAddress(self.shown.course, track.id)
        return Item(class_path(address), track.name, track == self.lesson.track)

    def view(self, view: View, path: str, text: str, icon: str) -> ViewLink:
        """Something else that the frame can show."""
        address = ClassAddress(self.shown.course, self.shown.track, view, path)
        here = (self.shown.view, self.shown.path) == (view, path)
        return ViewLink(class_path(address), text, icon, self._frame(address), here)

    def builds(self, links: Iterable[BuildLink]) -> list[ViewLink]:
        """The course's static sites; those of another server are not for the frame."""
        return [
            self.view(View.BUILD, link.id, link.name, "book")
            if link.url
            else ViewLink(link.external_url, link.name, "external")
            for link in links
        ]

    def areas(self, areas: Iterable[AreaName]) -> list[ViewLink]:
        """What has been handed out to the student."""
        return [self.view(View.LAB, f"{FOLDER}/{area}", area, "download") for area in areas]


def frame_origins(settings: WebSettings) -> tuple[str, ...]:
    """The origins that the frame may come from, besides the site's own: every workspace's (CSP level 3 §2.3.1)."""
    if not settings.workspace_domain:
        return ("'self'",)
    public = urlsplit(settings.public_url)
    port = f":{public.port}" if public.port else ""
    return (f"{public.scheme}://*.{settings.workspace_domain}{port}",)
