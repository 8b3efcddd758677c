"""The site's own pages, for people with an account: one layout, who is there, where they are, and what was just done."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web

from nbhostd import __version__
from nbhostd.core.errors import NbhostdError
from nbhostd.core.people import Actor
from nbhostd.web.faults import Fault
from nbhostd.web.languages import N_
from nbhostd.web.pages import Pages, told
from nbhostd.web.reception import Reception, Visitor

_MOST_FLASHES = 5
_MOST_SESSIONS = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a navigation or of breadcrumbs."""

    href: str
    text: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Flash:
    """What is said once, on the next page: `tone` is 'good', 'bad' or 'note'.

    Of a form that was refused: `form`, its operation; `entered`, what was in it; `reason`, the stable word of why.
    """

    tone: str
    text: str
    form: str = ""
    entered: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is logged in, as pages show it."""

    name: str
    full_name: str
    is_admin: bool
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Site:
    """What every page of the layout knows: see templates/pages/site.html."""

    user: Person | None
    nav: Sequence[Item]
    crumbs: Sequence[Item]
    flashes: Sequence[Flash]
    csrf: str
    here: str
    version: str = __version__
    product: str = "nbhostd"

    def entered(self, form: str) -> Mapping[str, object]:
        """What was entered in a form that has just been refused."""
        return next((flash.entered for flash in self.flashes if flash.form == form), {})

    def fault(self, form: str, *reasons: str) -> str:
        """What is wrong with a form that has just been refused, if it is one of these reasons; '' when not."""
        wrong = (flash.text for flash in self.flashes if flash.form == form and flash.reason in reasons)
        return next(wrong, "")


class Flashes:
    """What each session is to be told, until its next page; kept in memory, and no more than can be read."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[Flash]] = OrderedDict()

    def put(self, visitor: Visitor, flash: Flash) -> None:
        """Say this on the visitor's next page."""
        if visitor.session is None:
            return
        self._waiting.setdefault(visitor.session.id, []).append(flash)
        del self._waiting[visitor.session.id][:-_MOST_FLASHES]
        self._waiting.move_to_end(visitor.session.id)
        while len(self._waiting) > _MOST_SESSIONS:
            self._waiting.popitem(last=False)

    def take(self, visitor: Visitor) -> list[Flash]:
        """What the visitor has not been told yet."""
        return self._waiting.pop(visitor.session.id, []) if visitor.session else []


class SitePages:
    """Renders the pages of the layout `site.html`."""

    def __init__(self, pages: Pages, reception: Reception) -> None:
        self.pages = pages
        self.reception = reception
        self.flashes = Flashes()

    async def render(
        self, request: web.Request, template: str, *, status: int = 200, crumbs: Sequence[tuple[str, str]] = (),
        frames: Sequence[str] = (), **values: object,
    ) -> web.Response:  # fmt: skip
        """A page from `templates/pages` for whoever asks; `crumbs` are (address, text), the last one is here.

        `frames` are the origins that it may embed.
        """
        visitor = await self.reception.visitor(request)
        site = Site(
            user=_person(visitor.actor),
            nav=self._nav(request, visitor.actor),
            crumbs=[Item(href, text, place == len(crumbs)) for place, (href, text) in enumerate(crumbs, 1)],
            flashes=self.flashes.take(visitor),
            csrf=visitor.csrf,
            here=request.path_qs,
        )
        response = self.pages.render(request, template, status=status, site=site, **values)
        return self.dress(response, frames)

    async def error(self, request: web.Request, fault: Fault) -> web.Response | None:
        """A fault as a page of the layout, where whoever asks is logged in; None for all others."""
        try:
            visitor = await self.reception.visitor(request)
        except NbhostdError:  # nobody can be recognized just now, or by this token
            return None
        if visitor.session is None:
            return None
        values = self.pages.explained(request, fault)
        return told(await self.render(request, "refused.html", status=fault.status, **values), fault)

    def dress(self, response: web.Response, frames: Sequence[str] = ()) -> web.Response:
        """The headers of a page with forms, that nobody embeds."""
        policy = response.headers["Content-Security-Policy"]
        own = policy.partition("; frame-ancestors")[0].replace("form-action 'none'", "form-action 'self'")
        framed = " ".join(("frame-src 'self'", *frames)) if frames else "frame-src 'none'"
        response.headers["Content-Security-Policy"] = f"{own}; {framed}; frame-ancestors 'none'"
        response.headers["Vary"] = "Accept, Accept-Language, Cookie"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def say(self, request: web.BaseRequest, message: str, **values: object) -> str:
        """A message in the visitor's language."""
        return (
            self.pages.say(request, message).format(**values) if values else self.pages.say(request, message)
        )

    def _nav(self, request: web.Request, actor: Actor) -> list[Item]:
        items = []
        if actor.user is not None:
            items.append(("/courses", N_("My courses")))
        if actor.is_staff:
            items.append(("/teach", N_("All courses")))
        if actor.is_admin:
            items.append(("/admin", N_("Administration")))
        elif actor.is_staff:
            items.append(("/admin/courses", N_("Administration")))
        here = request.path
        return [
            Item(href, self.pages.say(request, text), here == href or here.startswith(f"{href}/"))
            for href, text in items
        ]


def _person(actor: Actor) -> Person | None:
    user = actor.user
    return Person(user.name, user.full_name, actor.is_admin, actor.is_staff) if user else None


def local_path(text: str, otherwise: str = "/") -> str:
    """An address on this site, as it is; anything that leads elsewhere becomes `otherwise`."""
    parts = urlsplit(text) if text.isprintable() and "\\" not in text else None
    if parts is None or parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//"):
        return otherwise
    return text
