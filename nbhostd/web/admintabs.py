"""The administration's pages, as tabs; the site's staff sees the one that is theirs, too."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from nbhostd.core.people import Actor, Power, judge
from nbhostd.web.languages import N_
from nbhostd.web.site import Item, SitePages

_TABS = (
    ("", N_("Health"), Power.ADMINISTER),
    ("courses", N_("Courses"), Power.MANAGE),
    ("people", N_("People"), Power.ADMINISTER),
    ("groups", N_("Groups"), Power.ADMINISTER),
    ("workspaces", N_("Workspaces"), Power.ADMINISTER),
    ("images", N_("Images"), Power.ADMINISTER),
    ("jobs", N_("Jobs"), Power.ADMINISTER),
    ("audit", N_("Audit log"), Power.ADMINISTER),
)


def admin_path(*parts: str) -> str:
    """A page of the administration, percent-encoded."""
    return "/".join(("/admin", *(quote(part, safe="") for part in parts if part)))


def admin_tabs(
    request: web.Request, site: SitePages, actor: Actor, current: str, *deeper: tuple[str, str]
) -> dict[str, Any]:
    """What SitePages.render needs for a page of the administration: tabs, their label, and breadcrumbs.

    `current` is the tab's name in the address, '' for the first; `deeper` are further breadcrumbs (address, text).
    """
    items = [
        Item(admin_path(name), site.say(request, text), name == current)
        for name, text, power in _TABS
        if judge(actor, power, reading=True).allowed
    ]
    crumbs = [("/admin", site.say(request, N_("Administration")))] if actor.is_admin else []
    if current:
        crumbs.append((admin_path(current), next(item.text for item in items if item.current)))
    return {
        "tabs": items, "tabs_label": site.say(request, N_("Administration")), "crumbs": [*crumbs, *deeper],
    }  # fmt: skip
