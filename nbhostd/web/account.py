"""One's own account: who one is here, where one is logged in, and the tokens of one's programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.names import CourseName, StudentName
from nbhostd.core.people import Actor, Power, Role, Scope, User
from nbhostd.core.sessions import Session, Token
from nbhostd.services.people import UserChanges
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Call, Nothing, Operation, Operations, converted
from nbhostd.web.reception import CSRF_FIELD
from nbhostd.web.site import SitePages

SCOPES = {
    Scope.READ: N_("read: look at everything that I may see"),
    Scope.WORK: N_("work: open and stop my own workspaces, change my account"),
    Scope.TEACH: N_("teach: everything that I do as a teacher"),
    Scope.MANAGE: N_("manage: make courses, and say whose they are"),
    Scope.ADMINISTER: N_("administer: people, workspaces, images"),
}
_LONGEST_DAYS = 3650


class AccountShape(msgspec.Struct, frozen=True):
    """The caller's account; `courses` by name, with what the caller is in each."""

    name: str
    full_name: str
    email: str
    first_name: str
    last_name: str
    language: str
    administrator: bool
    staff: bool
    groups: list[str]
    courses: dict[str, str]


class AccountChanges(msgspec.Struct, frozen=True):
    """What changes; what is left out stays."""

    first_name: Annotated[str, Meta(max_length=100)] | None = None
    last_name: Annotated[str, Meta(max_length=100)] | None = None
    language: Annotated[str, Meta(description="en, fr, or empty for the browser's", max_length=2)] | None = (
        None
    )


class SessionShape(msgspec.Struct, frozen=True):
    """A browser that is logged in; `here` is the one that asks."""

    since: str
    last_seen: str
    address: str
    browser: str
    how: str
    here: bool


class SessionList(msgspec.Struct, frozen=True):
    """Where the caller is logged in."""

    sessions: list[SessionShape]


class Ended(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


class TokenShape(msgspec.Struct, frozen=True):
    """A token, without its secret."""

    number: int
    label: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used: str | None


class TokenList(msgspec.Struct, frozen=True):
    """The caller's tokens, the latest first."""

    tokens: list[TokenShape]


class TokenWish(msgspec.Struct, frozen=True):
    """A token to make: what it is for, what it may do, and for how many days (null: until it is revoked)."""

    label: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=5)]
    days: Annotated[int, Meta(ge=1, le=_LONGEST_DAYS)] | None = None


class TokenMade(msgspec.Struct, frozen=True):
    """A new token: its secret is told this once."""

    secret: str
    token: TokenShape


class Entrance(Protocol):
    """What is asked of services/entrance.py."""

    async def sessions_of(self, user: User) -> list[Session]: ...
    async def end_sessions(self, user: User, *, but: str = "") -> int: ...
    async def make_token(
        self, user: User, label: str, scopes: frozenset[Scope], lifetime: timedelta | None
    ) -> tuple[str, Token]: ...
    async def tokens_of(self, user: User) -> list[Token]: ...
    async def revoke_token(self, user: User, number: int) -> None: ...


class People(Protocol):
    """What is asked of services/people.py."""

    async def change(self, name: StudentName, changes: UserChanges) -> User: ...
    async def courses_of(self, actor: Actor) -> dict[CourseName, Role]: ...


class Account:
    """`/account`, and the operations on one's own account."""

    def __init__(self, site: SitePages, operations: Operations, entrance: Entrance, people: People) -> None:
        self._site = site
        self._operations = operations
        self._entrance = entrance
        self._people = people
        self.other_login: Callable[[], str] = str
        """The other site whose login can be joined with one's account, or ''."""

    def operations(self) -> list[Operation]:
        """What one can do with one's own account."""
        own, token = Power.ACCOUNT, "/account/tokens/{number:[0-9]{1,15}}"
        return [
            Operation("account.show", "GET", "/account", "My account", own, self._show, AccountShape),
            Operation(
                "account.change", "PATCH", "/account", "Change my account", own, self._change, AccountShape,
                AccountChanges, done=N_("Your account is changed."),
            ),
            Operation("session.list", "GET", "/account/sessions", "Where I am logged in", own, self._sessions, SessionList),
            Operation(
                "session.end", "DELETE", "/account/sessions", "Log out everywhere else", own, self._end, Ended,
                done=N_("You are logged out everywhere else."),
            ),
            Operation("token.list", "GET", "/account/tokens", "My tokens", own, self._tokens, TokenList),
            Operation(
                "token.create", "POST", "/account/tokens", "Make a token", own, self._make, TokenMade, TokenWish
            ),
            Operation(
                "token.revoke", "DELETE", token, "Revoke a token", own, self._revoke, done=N_("The token is revoked.")
            ),
        ]  # fmt: skip

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page."""
        router.add_get("/account", self.show)
        router.add_post("/account/tokens", self.make_token)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Who one is, where one is logged in, one's tokens."""
        await self._site.reception.demand(request, Power.ACCOUNT)
        return await self._page(request)

    async def make_token(self, request: web.Request) -> web.StreamResponse:
        """Make a token and show its secret, this once."""
        visitor = await self._site.reception.demand(request, Power.ACCOUNT)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        wish: dict[str, object] = {
            "label": str(form.get("label", "")),
            "scopes": [str(one) for one in form.getall("scopes", [])],
        }
        days = str(form.get("days", ""))
        try:
            given = msgspec.to_builtins(
                converted(wish | ({"days": days} if days else {}), TokenWish, strict=False)
            )
            made = await self._operations.call(self._operations.get("token.create"), Call(visitor, {}), given)
        except Refused as error:
            return await self._page(
                request, status=error.status, entered=wish | {"days": days},
                wrong=self._site.pages.refusal(request, error),
            )  # fmt: skip
        return await self._page(request, secret=made.secret)

    async def _page(
        self, request: web.Request, *, status: int = 200, secret: str = "", wrong: str = "",
        entered: dict[str, object] | None = None,
    ) -> web.Response:  # fmt: skip
        visitor = await self._site.reception.visitor(request)
        user, actor = visitor.user, visitor.actor
        offered = [Scope.READ, Scope.WORK, Scope.TEACH]
        offered += [Scope.MANAGE] if actor.is_staff else []
        offered += [Scope.ADMINISTER] if actor.is_admin else []
        return await self._site.render(
            request, "account.html", status=status, account=user, groups=sorted(actor.groups),
            sessions=await self._entrance.sessions_of(user), this=visitor.session.id if visitor.session else "",
            tokens=await self._entrance.tokens_of(user), secret=secret, wrong=wrong, entered=entered or {},
            other_login=self.other_login(),
            scopes=[(scope.value, self._site.say(request, SCOPES[scope])) for scope in offered],
        )  # fmt: skip

    # operations

    async def _show(self, call: Call) -> AccountShape:
        user, actor = call.visitor.user, call.visitor.actor
        courses = {str(name): role.value for name, role in (await self._people.courses_of(actor)).items()}
        return AccountShape(
            user.name, user.full_name, user.email, user.first_name, user.last_name, user.language, user.admin,
            user.staff, sorted(actor.groups), courses,
        )  # fmt: skip

    async def _change(self, call: Call) -> AccountShape:
        wish: AccountChanges = call.body
        changes = UserChanges(first_name=wish.first_name, last_name=wish.last_name, language=wish.language)
        user = await self._people.change(call.visitor.user.name, changes)
        actor = replace(call.visitor.actor, user=user)
        return await self._show(replace(call, visitor=replace(call.visitor, actor=actor)))

    async def _sessions(self, call: Call) -> SessionList:
        here = call.visitor.session.id if call.visitor.session else ""
        found = await self._entrance.sessions_of(call.visitor.user)
        return SessionList([_session_shape(one, here) for one in found])

    async def _end(self, call: Call) -> Ended:
        here = call.visitor.session.id if call.visitor.session else ""
        return Ended(await self._entrance.end_sessions(call.visitor.user, but=here))

    async def _tokens(self, call: Call) -> TokenList:
        return TokenList([_token_shape(one) for one in await self._entrance.tokens_of(call.visitor.user)])

    async def _make(self, call: Call) -> TokenMade:
        wish: TokenWish = call.body
        self._at_most_own(call, wish.scopes)
        lifetime = timedelta(days=wish.days) if wish.days is not None else None
        secret, token = await self._entrance.make_token(
            call.visitor.user, wish.label, frozenset(wish.scopes), lifetime
        )
        return TokenMade(secret, _token_shape(token))

    @staticmethod
    def _at_most_own(call: Call, wanted: Sequence[Scope]) -> None:
        """A token makes no token that may do more than itself. Raises Refused(403)."""
        scopes = call.visitor.actor.scopes
        if scopes is not None and not scopes.issuperset(wanted):
            raise Refused("This token is not for this.", status=403, reason="not-in-scope")

    async def _revoke(self, call: Call) -> Nothing:
        await self._entrance.revoke_token(call.visitor.user, int(call.names["number"]))
        return Nothing()


def _session_shape(session: Session, here: str) -> SessionShape:
    return SessionShape(
        iso(session.created_at), iso(session.seen_at),
        session.address, session.agent, session.how, session.id == here,
    )  # fmt: skip


def _token_shape(token: Token) -> TokenShape:
    return TokenShape(
        token.number, token.label, sorted(token.scopes), iso(token.created_at),
        iso(token.expires_at), iso(token.last_used),
    )  # fmt: skip
