"""The way to another site's login and back: what the browser left with is in a cookie, sealed, for ten minutes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from aiohttp import hdrs, web

from nbhostd.core.access import Keyring
from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.openid import Departure
from nbhostd.core.people import Power, User
from nbhostd.core.ports import Clock
from nbhostd.core.sessions import AuditEntry
from nbhostd.core.throttle import Throttle
from nbhostd.core.tickets import seal, unseal
from nbhostd.services.openid import CALLBACK, OtherLogin
from nbhostd.web.doorwords import DOOR_WORDS
from nbhostd.web.languages import N_
from nbhostd.web.links import Admitting
from nbhostd.web.login import LANDING, LoginRoom
from nbhostd.web.operations import Auditing
from nbhostd.web.reception import CSRF_FIELD, Reception, Visitor
from nbhostd.web.site import Flash, SitePages, local_path

log = logging.getLogger(__name__)

_KIND = "openid"
_LIFETIME = timedelta(minutes=10)
_JOINED = N_("From now on you can log in there, too.")


class OpenIdRoom:
    """`/login/openid` and its callback."""

    def __init__(
        self, site: SitePages, login: LoginRoom, other: OtherLogin, entrance: Admitting, audit: Auditing, clock: Clock,
        keyring: Callable[[], Keyring],
    ) -> None:  # fmt: skip
        self._site = site
        self._login = login
        self._other = other
        self._entrance = entrance
        self._audit = audit
        self._clock = clock
        self._keyring = keyring
        # Each arrival makes us ask the provider.
        self._arrivals = Throttle(burst=60, refill=5.0)
        login.more_ways.append(self.way)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes."""
        router.add_get("/login/openid", self.depart, allow_head=False)
        router.add_post("/login/openid", self.join)
        router.add_get(CALLBACK, self.arrive, allow_head=False)

    def way(self) -> tuple[str, str] | None:
        """The login page's button: where it leads, and what it says."""
        return ("/login/openid", self._other.label) if self._other.is_offered() else None

    async def depart(self, request: web.Request) -> web.StreamResponse:
        """Send the browser to the other site."""
        target = local_path(request.query.get("next", ""), LANDING)
        visitor = await self._reception.visitor(request)
        try:
            departure, url = await self._other.depart(target)
        except NbhostdError as error:
            return self._refused(request, visitor, target, error)
        return self._keep(self._site.pages.redirect(url), departure)

    async def join(self, request: web.Request) -> web.StreamResponse:
        """Send somebody who is logged in there, so that the two belong together."""
        visitor = await self._site.reception.demand(request, Power.ACCOUNT)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        departure, url = await self._other.depart("/account", join=visitor.user.name)
        # A link and no redirect: browsers hold a form's answer to this site (form-action of our policy).
        response = await self._site.render(request, "join.html", label=self._other.label, url=url)
        return self._keep(response, departure)

    def _keep(self, response: web.Response, departure: Departure) -> web.Response:
        payload = {
            "state": departure.state, "nonce": departure.nonce, "verifier": departure.verifier, "next": departure.next,
            "join": departure.join,
        }  # fmt: skip
        ticket = seal(self._keyring().for_purpose(_KIND)[0], _KIND, payload, self._clock.now() + _LIFETIME)
        self._reception.keep(response, _KIND, ticket, int(_LIFETIME.total_seconds()))
        return response

    @property
    def _reception(self) -> Reception:
        return self._site.reception

    async def arrive(self, request: web.Request) -> web.StreamResponse:
        """Let in whoever comes back, or say on the login page why not."""
        visitor, target = await self._reception.visitor(request), LANDING
        response: web.StreamResponse
        try:
            departure = self._departure(request)
            target = departure.next
            self._demand_patience(visitor)
            if departure.join and (visitor.session is None or visitor.user.name != departure.join):
                raise Refused("This login was begun by another person.", reason="openid-state")
            user = await self._other.arrive(departure, request.query)
            response = await self._let_in(request, visitor, departure, user)
        except NbhostdError as error:
            response = self._refused(request, visitor, target, error)
        self._reception.forget(response, _KIND)
        return response

    def _departure(self, request: web.Request) -> Departure:
        keys = self._keyring().for_purpose(_KIND)
        try:
            return Departure(**unseal(keys, _KIND, self._reception.kept(request, _KIND), self._clock.now()))
        except Refused as error:
            raise Refused(
                "This login was begun in another browser, or too long ago.", reason="openid-state"
            ) from error

    def _demand_patience(self, visitor: Visitor) -> None:
        now = self._clock.monotonic()
        if (wait := self._arrivals.wait(visitor.address, now)) > 0:
            raise NotNow("Too many attempts to log in; please wait.", retry_after=int(wait) + 1)
        self._arrivals.spend(visitor.address, now)

    async def _let_in(
        self, request: web.Request, visitor: Visitor, departure: Departure, user: User
    ) -> web.StreamResponse:
        if departure.join:
            await self._audit.add(
                AuditEntry(0, self._clock.now(), user.name, "account.join", user.name, visitor.address, via="browser")
            )  # fmt: skip
            self._site.flashes.put(visitor, Flash("good", self._site.say(request, _JOINED)))
            return self._site.pages.redirect(departure.next)
        agent = request.headers.get(hdrs.USER_AGENT, "")
        newcomer = await self._entrance.admit(user, address=visitor.address, agent=agent, how="openid")
        return self._login.welcome(newcomer, departure.next)

    def _refused(
        self, request: web.Request, visitor: Visitor, target: str, error: NbhostdError
    ) -> web.Response:
        """Say why not: on the page where somebody logged in wanted to go, else on the login page."""
        level = logging.INFO if isinstance(error, Refused) else logging.WARNING
        log.log(level, "a login at another site failed: %s", error)
        if visitor.session is None:
            return self._login.turn_away(target, _reason(error))
        text = self._site.pages.refusal(request, error)
        self._site.flashes.put(visitor, Flash("bad", text))
        return self._site.pages.redirect(target)


def _reason(error: NbhostdError) -> str:
    if isinstance(error, Refused):
        return error.reason if error.reason in DOOR_WORDS else "openid-shut"
    return "openid-wait" if isinstance(error, NotNow) else "openid-silent"
