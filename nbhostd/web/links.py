"""Choosing a password: by a link that works once, in place of a forgotten one, or instead of the present one."""

from __future__ import annotations

from typing import Protocol

import msgspec
from aiohttp import hdrs, web

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.people import Power, User
from nbhostd.core.ports import Clock
from nbhostd.core.sessions import AuditEntry, Link, Purpose
from nbhostd.services.entrance import Newcomer
from nbhostd.web.languages import N_
from nbhostd.web.login import LANDING, LoginRoom
from nbhostd.web.operations import Auditing, Call, Nothing, Operation
from nbhostd.web.reception import CSRF_FIELD, Visitor
from nbhostd.web.site import SitePages

_CHANGED = N_("Your password is changed. Everywhere else you are logged out.")
_NOT_TWICE = Refused("The two passwords differ.", reason="passwords-differ")


class Linking(Protocol):
    """What is asked of services/links.py."""

    async def look(self, secret: str) -> tuple[Link, User]: ...
    async def choose(self, secret: str, password: str) -> User: ...
    def forgotten(self, name: str, *, address: str, language: str) -> None: ...
    async def change_own(self, user: User, session: str, old: str, new: str) -> None: ...


class Admitting(Protocol):
    """What is asked of services/entrance.py."""

    async def admit(self, user: User, *, address: str, agent: str, how: str) -> Newcomer: ...


class NewPassword(msgspec.Struct, frozen=True):
    """The present password, and the one from now on; `again` is for people, who mistype."""

    new: str
    old: str = ""
    again: str | None = None


class LinksRoom:
    """`/link/<secret>`, `/forgotten` and `/account/password`."""

    def __init__(
        self,
        site: SitePages,
        login: LoginRoom,
        links: Linking,
        entrance: Admitting,
        audit: Auditing,
        clock: Clock,
    ) -> None:
        self._site = site
        self._login = login
        self._links = links
        self._entrance = entrance
        self._audit = audit
        self._clock = clock

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        # A program that looks at the links in letters changes nothing: only the form's POST uses one up.
        router.add_get("/link/{secret}", self.show)
        router.add_post("/link/{secret}", self.choose)
        router.add_get("/forgotten", self.ask)
        router.add_post("/forgotten", self.send)
        router.add_get("/account/password", self.change)

    def operations(self) -> list[Operation]:
        """What can be done with one's own password."""
        return [
            Operation(
                "account.password", "PUT", "/account/password", "Change the own password", Power.ACCOUNT, self._change,
                body=NewPassword, done=_CHANGED, errors=(403,), secret=frozenset({"new", "old", "again"}),
            )
        ]  # fmt: skip

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form with which a link's bearer chooses a password."""
        link, user = await self._links.look(request.match_info["secret"])
        return await self._form(request, link, user)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """Take the password, use the link up, and let its bearer in."""
        visitor, form = await self._posted(request)
        secret = request.match_info["secret"]
        link, user = await self._links.look(secret)
        try:
            _demand_twice(form["new"], form["again"])
            user = await self._links.choose(secret, form["new"])
        except (Refused, NotNow) as error:
            if getattr(error, "reason", "") == "link-gone":
                raise
            return await self._form(request, link, user, error)
        await self._note(visitor, f"link.{link.purpose}", user)
        agent = request.headers.get(hdrs.USER_AGENT, "")
        newcomer = await self._entrance.admit(user, address=visitor.address, agent=agent, how="link")
        return self._login.welcome(newcomer, LANDING)

    async def _form(
        self, request: web.Request, link: Link, user: User, error: NbhostdError | None = None
    ) -> web.Response:
        return await self._site.render(
            request, "link.html", status=error.status if error else 200, user=user,
            invitation=link.purpose is Purpose.INVITATION, action=request.path,
            error=self._site.pages.refusal(request, error) if error else "",
        )  # fmt: skip

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """The form for who has forgotten their password."""
        return await self._forgotten(request)

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send a link, if there is anybody to send it to; the page does not know whether there was."""
        visitor, form = await self._posted(request)
        if not self._login.by_mail():
            return await self._forgotten(request)
        try:
            language = self._site.pages.language(request)
            self._links.forgotten(form["name"], address=visitor.address, language=language)
        except NotNow as error:
            response = await self._forgotten(request, error=error)
            response.headers[hdrs.RETRY_AFTER] = str(error.retry_after)
            return response
        return await self._forgotten(request, sent=True)

    async def _forgotten(
        self, request: web.Request, *, sent: bool = False, error: NbhostdError | None = None
    ) -> web.Response:
        return await self._site.render(
            request, "forgotten.html", status=error.status if error else 200, sent=sent,
            by_mail=self._login.by_mail(), error=self._site.pages.refusal(request, error) if error else "",
        )  # fmt: skip

    async def change(self, request: web.Request) -> web.StreamResponse:
        """The form for another password."""
        visitor = await self._site.reception.demand(request, Power.ACCOUNT)
        return await self._site.render(
            request, "password.html", needs_old=bool(visitor.user.password), name=visitor.user.name,
            crumbs=[("/account/password", self._site.say(request, N_("Password")))],
        )  # fmt: skip

    async def _change(self, call: Call) -> Nothing:
        wanted: NewPassword = call.body
        _demand_twice(wanted.new, wanted.new if wanted.again is None else wanted.again)
        session = call.visitor.session
        await self._links.change_own(call.visitor.user, session.id if session else "", wanted.old, wanted.new)
        return Nothing()

    async def _posted(self, request: web.Request) -> tuple[Visitor, dict[str, str]]:
        visitor = await self._site.reception.visitor(request)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        return visitor, {key: str(form.get(key, "")) for key in ("name", "new", "again")}

    async def _note(self, visitor: Visitor, action: str, user: User) -> None:
        await self._audit.add(
            AuditEntry(0, self._clock.now(), user.name, action, user.name, visitor.address, via="browser")
        )


def _demand_twice(new: str, again: str) -> None:
    if new != again:
        raise _NOT_TWICE
