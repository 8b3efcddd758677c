"""The HTTP API: operations as JSON under /api/v1, and the dashboard's forms, which do the same ones."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Mapping
from types import UnionType
from typing import Any

import msgspec
from aiohttp import hdrs, web
from multidict import MultiMapping

from nbhostd.core.errors import NbhostdError, NotNow, Refused
from nbhostd.core.headers import SAFE_METHODS
from nbhostd.web.languages import N_, SOURCE
from nbhostd.web.openapi import description
from nbhostd.web.operations import Begun, Call, Content, Operation, Operations, Struct, converted
from nbhostd.web.reception import CSRF_FIELD, CSRF_HEADER, Visitor
from nbhostd.web.site import Flash, SitePages, local_path

PREFIX = "/api/v1"
_NEXT, _BACK = "next", "back"
_CHUNK = 1 << 18
_STARTED = N_("It has begun.")
_DONE = N_("Done.")


class Api:
    """`/api/v1/…` and `/do/<operation>`."""

    def __init__(self, operations: Operations, site: SitePages) -> None:
        self._operations = operations
        self._site = site

    def add_to(self, router: web.UrlDispatcher) -> None:
        """The routes: one for each operation, the description of all of them, and the forms' door."""
        for operation in self._operations:
            path = PREFIX + operation.path
            router.add_route(operation.method, path, self._handler(operation))
        router.add_get(f"{PREFIX}/openapi.json", self._describe)
        router.add_post("/do/{operation}", self._form)

    async def _describe(self, request: web.Request) -> web.Response:
        return self._json(description(self._operations), 200)

    def _handler(self, operation: Operation) -> Any:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await self._answer(request, operation)
            except NbhostdError as error:
                return self._refusal(request, error)

        return handle

    async def _answer(self, request: web.Request, operation: Operation) -> web.Response:
        visitor = await self._site.reception.visitor(request)
        if visitor.session is not None and request.method not in SAFE_METHODS:
            given = request.headers.get(CSRF_HEADER, "")
            await self._site.reception.check_form(request, visitor, given)
        query = None
        if operation.query is not None:
            query = converted(fields(request.query, operation.query), operation.query, strict=False)
        body = await _json_body(request) if operation.body is not None else {}
        content = Content(request.content_length, _pieces(request)) if operation.raw else None
        call = Call(visitor, dict(request.match_info), query=query, content=content)
        answer = await self._operations.call(operation, call, body)
        return self._json(answer, 202 if operation.long else 200)

    def _json(self, answer: Any, status: int) -> web.Response:
        text = msgspec.json.encode(answer, enc_hook=str).decode()  # our names are texts with a proof
        response = web.Response(text=text, status=status, content_type="application/json")
        return self._site.pages.dress(response)

    def _refusal(self, request: web.Request, error: NbhostdError) -> web.Response:
        pages, message = self._site.pages, error.message
        if pages.language(request) != SOURCE:
            message = pages.refusal(request, error) or message
        document: dict[str, Any] = {"status": error.status, "reason": "failed", "message": message}
        if isinstance(error, Refused):
            document["reason"] = error.reason
        response = self._json(document, error.status)
        if isinstance(error, NotNow):
            response.headers[hdrs.RETRY_AFTER] = str(error.retry_after)
        if error.status == 401:
            response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        return response

    async def _form(self, request: web.Request) -> web.StreamResponse:
        """A form of a page: done, said on the page that comes next, or refused, said on the page that it came from."""
        site, operation = self._site, self._operations.get(request.match_info["operation"])
        visitor = await site.reception.visitor(request)
        form = await request.post()
        await site.reception.check_form(request, visitor, str(form.get(CSRF_FIELD, "")))
        back = local_path(str(form.get(_BACK, "")))
        given: dict[str, Any] = {}
        try:
            given = fields(form, operation.body) if operation.body is not None else {}
            names, given = _names(form, operation), _body(given, operation)
            answer = await self._operations.call(operation, Call(visitor, names), given)
        except Refused as error:
            if visitor.session is None or error.reason == "not-logged-in" or not form.get(_BACK):
                raise
            text = site.pages.refusal(request, error)
            site.flashes.put(visitor, Flash("bad", text, operation.id, given, error.reason))
            return site.pages.redirect(back)
        return site.pages.redirect(self._lead_on(request, visitor, operation, form, answer))

    def _lead_on(
        self,
        request: web.Request,
        visitor: Visitor,
        operation: Operation,
        form: Mapping[str, Any],
        answer: Any,
    ) -> str:
        where = local_path(str(form.get(_NEXT, "")), local_path(str(form.get(_BACK, ""))))
        if operation.leads is not None:
            return local_path(operation.leads(answer), where)
        if isinstance(answer, Begun) and answer.job is not None:
            self._site.flashes.put(visitor, Flash("note", self._site.say(request, _STARTED)))
            return f"/jobs/{answer.job}"
        self._site.flashes.put(visitor, Flash("good", self._site.say(request, operation.done or _DONE)))
        return where


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """A request's body, piece by piece: it may be larger than the memory."""
    async for piece in request.content.iter_chunked(_CHUNK):
        yield piece


async def _json_body(request: web.Request) -> dict[str, Any]:
    text = await request.read()
    try:
        body = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("The request's body is not JSON.", reason="bad-json") from error
    if not isinstance(body, dict):
        raise Refused("The request's body must be a JSON object.", reason="bad-json")
    return body


def _names(form: MultiMapping[Any], operation: Operation) -> dict[str, str]:
    """A form's fields that are names in the operation's path. Raises Refused(400)."""
    names = {key: str(form[key]) for key in operation.path_names if isinstance(form.get(key), str)}
    missing = [key for key in operation.path_names if key not in names]
    if missing:
        raise Refused(f"“{missing[0]}” is missing.", reason="bad-request-body")
    return names


def _body(given: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """A form's fields, as the operation's body has them. Raises Refused(400)."""
    if operation.body is None:
        return {}
    body: dict[str, Any] = msgspec.to_builtins(converted(given, operation.body, strict=False))
    return body


def fields(form: MultiMapping[Any], kind: type[Struct]) -> dict[str, Any]:
    """What a form or a query gives for the fields of a kind: the last of several, all lines of a list, nothing for ''."""
    hints = typing.get_type_hints(kind)
    found: dict[str, Any] = {}
    for key in kind.__struct_fields__:
        values = [value for value in form.getall(key, []) if isinstance(value, str)]
        if not values:
            continue
        choices = _choices(hints[key])
        if any(typing.get_origin(choice) in (list, tuple) for choice in choices):
            lines = [line.strip() for value in values for line in value.splitlines()]
            found[key] = [line for line in lines if line]
        elif values[-1] != "" or str in choices:
            found[key] = values[-1]
    return found


def _choices(hint: Any) -> tuple[Any, ...]:
    """The types that a field may have."""
    if typing.get_origin(hint) is typing.Annotated:
        return _choices(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return tuple(choice for part in typing.get_args(hint) for choice in _choices(part))
    return (hint,)
