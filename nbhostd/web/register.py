"""Registering a class: a table is looked at, the plan is shown, and what is agreed to is done; links for a list on paper."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from aiohttp import web
from aiohttp.web_request import FileField
from msgspec import Meta

from nbhostd.core.errors import Refused
from nbhostd.core.people import GroupName, Power
from nbhostd.core.registration import LARGEST, REASONS, Conflict, decoded
from nbhostd.core.remarks import Remark
from nbhostd.services.errands import Work
from nbhostd.services.links import HandedOut
from nbhostd.services.registration import Prospect, Registered, Registration
from nbhostd.web.admintabs import admin_tabs
from nbhostd.web.languages import N_
from nbhostd.web.moments import iso
from nbhostd.web.operations import Call, Operation, Operations
from nbhostd.web.reception import CSRF_FIELD
from nbhostd.web.site import SitePages

_PATH = "/admin/register"
_OPTIONS = ("group", "language")
_FLAGS = ("mail", "remind")

WHY = {
    "name-taken": N_("the account “{account}” has another address"),
    "name-alike": N_("the account “{account}” differs in capital letters only"),
    "address-named-otherwise": N_("this address belongs to the account “{account}”"),
    "address-of-several": N_("several accounts have this address"),
    "account-exists": N_("the account “{account}” was made just now"),
}
"""Why somebody is left out, for people."""


class RegisterWish(msgspec.Struct, frozen=True):
    """A table (CSV; its first line says what is in which column, and `email` must be there), and what to do with it."""

    table: Annotated[str, Meta(max_length=LARGEST)]
    group: Annotated[str, Meta(description="everybody in the table joins it")] | None = None
    language: Annotated[str, Meta(description="en or fr, of the new accounts", max_length=2)] | None = None
    mail: Annotated[bool, Meta(description="send each link to its owner")] = False
    remind: Annotated[bool, Meta(description="links also for those who never used theirs")] = False
    dry_run: Annotated[bool, Meta(description="only say what would be done")] = False


class EntryShape(msgspec.Struct, frozen=True):
    """Somebody in the table; `why` says why they are left out, `account` who is in the way."""

    line: int
    name: str
    email: str
    full_name: str
    groups: list[str]
    why: str = ""
    account: str = ""


class LinkShape(msgspec.Struct, frozen=True):
    """A link with which somebody chooses a password, once."""

    name: str
    full_name: str
    email: str
    url: str
    expires_at: str


class RegisterShape(msgspec.Struct, frozen=True):
    """What registering did, or would do; with faults, nothing. `job` sends the letters."""

    faults: list[str]
    warnings: list[str]
    new: list[EntryShape]
    known: list[EntryShape]
    left_out: list[EntryShape]
    joined: int = 0
    links: list[LinkShape] = []
    job: int | None = None


class Beginning(Protocol):
    """What is asked of services/errands.py."""

    def begin(self, who: str, name: str, work: Work) -> Awaitable[int | None]: ...


class RegisterRoom:
    """`/admin/register`, and the operation behind it."""

    def __init__(
        self, site: SitePages, operations: Operations, registration: Registration, errands: Beginning,
        groups: Callable[[], Awaitable[Sequence[Any]]], by_mail: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._site = site
        self._operations = operations
        self._registration = registration
        self._errands = errands
        self._groups = groups
        self._by_mail = by_mail

    def operations(self) -> list[Operation]:
        """What can be done with a table."""
        return [
            Operation(
                "people.register", "POST", "/people/register", "Make accounts for all people in a table",
                Power.ADMINISTER, self._register, RegisterShape, RegisterWish, secret=frozenset({"table"}),
            )
        ]  # fmt: skip

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The page."""
        router.add_get(_PATH, self.show)
        router.add_post(_PATH, self.take)

    # the operation

    async def _register(self, call: Call) -> RegisterShape:
        wish: RegisterWish = call.body
        data, group = wish.table.encode(errors="replace"), GroupName.parse(wish.group) if wish.group else None
        prospect = await self._registration.look(data, group)
        if wish.dry_run or not prospect.is_possible:
            return _prospect_shape(prospect)
        if wish.mail and not self._by_mail():
            raise Refused("This site has no mail server.", status=409, reason="no-mail")
        done = await self._registration.register(
            data, group, by=call.who, language=wish.language or "", remind=wish.remind
        )
        return await self._told(call, done, wish)

    async def _told(self, call: Call, done: Registered, wish: RegisterWish) -> RegisterShape:
        job = None
        if wish.mail and done.links:
            links, language = done.links, wish.language or "en"
            job = await self._errands.begin(
                call.who, "letters", lambda say: self._registration.send(links, language, say)
            )
        shape = _prospect_shape(done.prospect)
        return msgspec.structs.replace(
            shape, joined=done.joined, links=[_link_shape(one) for one in done.links], job=job
        )

    # the page

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form for a table."""
        await self._site.reception.demand(request, Power.ADMINISTER)
        return await self._page(request)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Show what a table would do, and once that is agreed to, do it and show the links."""
        visitor = await self._site.reception.demand(request, Power.ADMINISTER)
        form = await request.post()
        await self._site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        agreed = form.get("agreed") == "true"
        table, warnings = _table(form.get("table"))
        given: dict[str, Any] = {key: str(form[key]) for key in _OPTIONS if form.get(key)}
        given |= {key: form.get(key) == "true" for key in _FLAGS}
        given |= {"table": table, "dry_run": not agreed}
        operation = self._operations.get("people.register")
        try:
            said = await self._operations.call(operation, Call(visitor, {}), given)
        except Refused as error:
            return await self._page(
                request, status=error.status, given=given, wrong=self._site.pages.refusal(request, error)
            )
        return await self._page(request, given=given, said=said, done=agreed, warnings=warnings)

    async def _page(
        self, request: web.Request, *, status: int = 200, given: dict[str, Any] | None = None,
        said: RegisterShape | None = None, done: bool = False, wrong: str = "", warnings: Sequence[str] = (),
    ) -> web.Response:  # fmt: skip
        why = {reason: self._site.say(request, text) for reason, text in WHY.items()}
        return await self._site.render(
            request, "register.html", status=status, given=given or {}, said=said, wrong=wrong, why=why,
            done=done and said is not None and not said.faults, by_mail=self._by_mail(), most=LARGEST,
            warnings=[*warnings, *(said.warnings if said else ())],
            groups=[str(group.name) for group in await self._groups()],
            **admin_tabs(
                request, self._site, (await self._site.reception.visitor(request)).actor, "people",
                (_PATH, self._site.say(request, N_("Register a class"))),
            ),
        )  # fmt: skip


def _table(given: Any) -> tuple[str, list[Remark]]:
    """The table of a form: a file, or the text of one that was shown already."""
    if isinstance(given, FileField):
        return decoded(given.file.read(LARGEST + 1))
    return str(given or ""), []


def _prospect_shape(prospect: Prospect) -> RegisterShape:
    what = prospect.plan
    return RegisterShape(
        list(prospect.table.faults),
        list(prospect.table.warnings),
        [
            EntryShape(e.line, e.name, e.email, f"{e.first_name} {e.last_name}".strip(), list(e.groups))
            for e in what.new
        ],
        [EntryShape(e.line, user.name, e.email, user.full_name, list(e.groups)) for e, user in what.known],
        [_left_out(conflict) for conflict in what.conflicts],
    )


def _left_out(conflict: Conflict) -> EntryShape:
    entry = conflict.entry
    why = conflict.reason if conflict.reason in (*REASONS, *WHY) else "account-exists"
    return EntryShape(entry.line, entry.name, entry.email, "", list(entry.groups), why, conflict.account)


def _link_shape(handed: HandedOut) -> LinkShape:
    user = handed.user
    return LinkShape(user.name, user.full_name, user.email, handed.url, iso(handed.expires_at))
