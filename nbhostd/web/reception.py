"""The reception: who a request comes from, by its cookie or its token, and whether its forms are ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from nbhostd.core.errors import Refused
from nbhostd.core.headers import SAFE_METHODS, client_address, is_own_origin
from nbhostd.core.names import CourseName
from nbhostd.core.people import NOBODY, Actor, CourseAccess, Power, User, judge
from nbhostd.core.sessions import LIFETIME, Session, csrf_token, is_csrf_token
from nbhostd.web.pages import LANGUAGE

CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
LANGUAGE_COOKIE = "nbh-language"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a request comes from; without a session it is a token's owner, or nobody."""

    actor: Actor = NOBODY
    session: Session | None = None
    secret: str = ""
    address: str = ""

    @property
    def user(self) -> User:
        """The account. Raises Refused(401) when there is none."""
        if self.actor.user is None:
            raise Refused("Log in first.", status=401, reason="not-logged-in")
        return self.actor.user

    @property
    def csrf(self) -> str:
        """What the forms of this session's pages hold; '' without a session."""
        return csrf_token(self.secret) if self.session is not None else ""

    @property
    def via(self) -> str:
        """How it came, for the audit log."""
        return "token" if self.actor.scopes is not None else "browser"


VISITOR = web.RequestKey("visitor", Visitor)


class Recognizing(Protocol):
    """What the reception asks of services/entrance.py."""

    async def recognize(self, secret: str) -> tuple[Session, Actor] | None: ...
    async def recognize_token(self, secret: str) -> Actor | None: ...


class Accesses(Protocol):
    """Who knows whose course each is (services/people.py)."""

    async def access(self, course: CourseName) -> CourseAccess | None: ...


class Reception:
    """Knows visitors, and demands what they must show."""

    def __init__(self, entrance: Recognizing, people: Accesses, public_url: Callable[[], str]) -> None:
        self._entrance = entrance
        self._people = people
        self._public_url = public_url

    @property
    def _secure(self) -> bool:
        return self._public_url().startswith("https:")

    @property
    def cookie(self) -> str:
        """The session cookie's name: with TLS, browsers hold to what its prefix says (RFC 6265bis §4.1.3.2)."""
        return self._named("session")

    async def visitor(self, request: web.Request) -> Visitor:
        """Who this request comes from. Raises Refused(401) for a token that is none."""
        known = request.get(VISITOR)
        if known is None:
            known = request[VISITOR] = await self._recognize(request)
            language = known.actor.user.language if known.actor.user else ""
            request[LANGUAGE] = language or _cookie(request, LANGUAGE_COOKIE)
        return known

    async def _recognize(self, request: web.Request) -> Visitor:
        forwarded = request.headers.getall("X-Forwarded-For", [])
        address = client_address(request.remote or "", forwarded)
        kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if kind.lower() == "bearer":
            actor = await self._entrance.recognize_token(token.strip())
            if actor is None:
                raise Refused("This token is not valid.", status=401, reason="bad-token")
            return Visitor(actor, address=address)
        secret = _cookie(request, self.cookie)
        found = await self._entrance.recognize(secret) if secret else None
        if found is None:
            return Visitor(address=address)
        return Visitor(found[1], found[0], secret, address)

    async def demand(self, request: web.Request, power: Power, course: CourseName | None = None) -> Visitor:
        """The visitor, who may do this (in this course). Raises Refused (401, 403, 404)."""
        visitor = await self.visitor(request)
        access = await self._people.access(course) if course is not None else None
        judge(visitor.actor, power, access, reading=request.method in SAFE_METHODS).demand()
        return visitor

    async def taught(self, request: web.Request) -> CourseName:
        """The course in a page's address, which the visitor teaches. Raises Refused as `demand` does, or 400."""
        course = CourseName.parse(request.match_info["course"])
        await self.demand(request, Power.TEACH, course)
        return course

    async def check_form(self, request: web.Request, visitor: Visitor, given: str) -> None:
        """Return when a page of ours sent this form: same origin, and with a session its token. Raises Refused(403).

        Programs with a token have no cookies that another site could make use of.
        """
        if visitor.actor.scopes is not None:
            return
        if not is_own_origin(request.headers, self._own_origin()):
            raise Refused("This form comes from another site.", status=403, reason="foreign-form")
        if visitor.session is not None and not is_csrf_token(visitor.secret, given):
            raise Refused("This form is too old.", status=403, reason="stale-form")

    def own_address(self, url: str) -> str:
        """Path and query of a URL of this site; '' for all others."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        own = f"{parts.scheme}://{parts.netloc}".lower() == self._own_origin()
        return (f"{parts.path}?{parts.query}" if parts.query else parts.path) if own else ""

    def _own_origin(self) -> str:
        parts = urlsplit(self._public_url())
        return f"{parts.scheme}://{parts.netloc}".lower()

    def keep(self, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
        """Have the browser keep something for a while; of what other sites make it do, only a link to here brings it."""
        response.set_cookie(
            self._named(name),
            value,
            max_age=seconds,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def kept(self, request: web.Request, name: str) -> str:
        """What the browser was to keep by that name, or ''."""
        return _cookie(request, self._named(name))

    def forget(self, response: web.StreamResponse, name: str) -> None:
        """Have the browser forget it."""
        response.del_cookie(self._named(name), path="/", secure=self._secure, httponly=True, samesite="Lax")

    def _named(self, name: str) -> str:
        return f"__Host-nbh-{name}" if self._secure else f"nbh-{name}"

    def let_in(self, response: web.StreamResponse, secret: str) -> None:
        """Have the browser keep a session's secret."""
        response.set_cookie(
            self.cookie, secret, max_age=int(LIFETIME.total_seconds()), path="/", secure=self._secure,
            httponly=True, samesite="Lax",
        )  # fmt: skip

    def let_out(self, response: web.StreamResponse) -> None:
        """Have the browser forget it."""
        response.del_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")


def _cookie(request: web.Request, name: str) -> str:
    try:
        return request.cookies.get(name, "")
    except CookieError:
        return ""
