"""The pages of one course for its teachers, as tabs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from nbhostd.core.names import CourseName
from nbhostd.web.languages import N_
from nbhostd.web.site import Item, SitePages

_TABS = (
    ("", N_("Overview")),
    ("students", N_("Students")),
    ("notebooks", N_("Notebooks")),
    ("statistics", N_("Statistics")),
    ("dropareas", N_("Drop areas")),
    ("sites", N_("Static sites")),
    ("jobs", N_("Jobs")),
    ("settings", N_("Settings")),
)
NAMES = tuple(name for name, _ in _TABS)


def teach_path(course: CourseName, *parts: str) -> str:
    """A page of a course for its teachers, percent-encoded."""
    return "/".join(("/teach", quote(course, safe=""), *(quote(part, safe="") for part in parts if part)))


def course_tabs(request: web.Request, site: SitePages, course: CourseName, current: str) -> dict[str, Any]:
    """What SitePages.render needs for a page of a course: `site.render(…, **course_tabs(…, "students"))`.

    `current` is the tab's name in the address, '' for the overview; it gives tabs, their label, and breadcrumbs.
    """
    items = [Item(teach_path(course, name), site.say(request, text), name == current) for name, text in _TABS]
    crumbs = [("/teach", site.say(request, N_("Courses"))), (teach_path(course), str(course))]
    if current:
        crumbs.append((teach_path(course, current), next(item.text for item in items if item.current)))
    return {"tabs": items, "tabs_label": str(course), "crumbs": crumbs}
