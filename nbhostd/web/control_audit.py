"""What nbhostctl does, in the audit log: every change that goes through the control socket, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from nbhostd.core.errors import NbhostdError
from nbhostd.core.giturl import redacted
from nbhostd.core.headers import SAFE_METHODS
from nbhostd.core.people import ROOT
from nbhostd.core.ports import Clock
from nbhostd.core.ports_accounts import AuditLog
from nbhostd.core.sessions import AuditEntry
from nbhostd.web.control_wire import OUTCOME
from nbhostd.web.operations import shown

_LONGEST = 1000
_LONGEST_SUBJECT = 300
_SECRET = frozenset({"password", "table"})
_NAMING = ("name", "target", "workspace", "course", "group")

ACTIONS: dict[tuple[str, str], str] = {
    ("GET", "/v1/backup"): "site.backup",
    ("POST", "/v1/restore"): "site.restore",
    ("POST", "/v1/restore/finish"): "site.restored",
    ("DELETE", "/v1/restore"): "site.restore-abandoned",
    ("POST", "/v1/courses"): "course.create",
    ("PATCH", "/v1/courses/{course}"): "course.change",
    ("DELETE", "/v1/courses/{course}"): "course.delete",
    ("POST", "/v1/courses/{course}/pull"): "course.pull",
    ("POST", "/v1/courses/{course}/pull-students"): "course.pull-students",
    ("POST", "/v1/courses/{course}/rename"): "course.rename",
    ("POST", "/v1/courses/{course}/clear"): "course.clear",
    ("PATCH", "/v1/courses/{course}/people"): "course.access",
    ("DELETE", "/v1/courses/{course}/dropareas/{area}"): "droparea.delete",
    ("PUT", "/v1/courses/{course}/dropareas/{area}/files/{path}"): "droparea.put",
    ("DELETE", "/v1/courses/{course}/dropareas/{area}/files/{path}"): "droparea.remove",
    ("POST", "/v1/courses/{course}/dropareas/{area}/deploy"): "droparea.deploy",
    ("POST", "/v1/builds/{course}/run"): "sites.build",
    ("POST", "/v1/builds/{course}/{build}/url"): "sites.url",
    ("POST", "/v1/images/build"): "image.build",
    ("POST", "/v1/images/prune"): "image.prune",
    ("POST", "/v1/images/roll-out"): "image.roll-out",
    ("POST", "/v1/launch-url"): "launch.make",
    ("POST", "/v1/stop"): "workspaces.stop",
    ("DELETE", "/v1/workspaces/{course}/{student}"): "workspaces.delete",
    ("POST", "/v1/jobs/{number}/cancel"): "job.cancel",
    ("POST", "/v1/shares"): "share.create",
    ("DELETE", "/v1/shares/{token}"): "share.delete",
    ("POST", "/v1/register"): "people.register",
    ("POST", "/v1/users"): "user.create",
    ("PATCH", "/v1/users/{user}"): "user.change",
    ("DELETE", "/v1/users/{user}"): "user.delete",
    ("POST", "/v1/users/{user}/link"): "user.link",
    ("POST", "/v1/users/{user}/password"): "user.password",
    ("POST", "/v1/users/{user}/logout"): "user.logout",
    ("POST", "/v1/groups"): "group.create",
    ("PATCH", "/v1/groups/{group}"): "group.change",
    ("DELETE", "/v1/groups/{group}"): "group.delete",
    ("POST", "/v1/import/accounts"): "people.import",
    ("POST", "/v1/import/courses/{course}"): "import.course",
    ("PUT", "/v1/import/counted/{course}"): "import.counts",
    ("PUT", "/v1/import/events/{course}"): "import.events",
    ("PUT", "/v1/import/people"): "import.people",
    ("PUT", "/v1/import/stock/{place}/{course}"): "import.files",
    ("PUT", "/v1/import/workspaces/{course}/{student}/files"): "import.workspace",
}
"""The word for what a request does, by its method and its route's path; tests/web/test_control_audit.py keeps it whole."""

UNTOLD = {
    ("POST", "/v1/backup/survey"),
    ("POST", "/v1/workspaces/measure"),
    ("PUT", "/v1/restore/parts/{part}"),  # one of very many, between a beginning and an end that are told
}
"""Requests that change nothing, whatever their method says, or that are part of another."""


class ControlAudit:
    """Writes down what root did with nbhostctl."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    def middleware(self) -> Middleware:
        """Around every answer: what changes something is written down, done or refused."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            action = action_of(request)
            if action is None:
                return await handler(request)
            body = await _body(request)
            outcome = "broken-off"
            try:
                response = await handler(request)
                outcome = request.get(OUTCOME, "done")
            except NbhostdError as error:
                outcome = getattr(error, "reason", "failed")
                raise
            except web.HTTPException as error:
                outcome = error.reason
                raise
            finally:
                if not body.get("dry_run"):
                    await self._note(request, action, body, outcome)
            return response

        return note

    async def _note(self, request: web.Request, action: str, body: Mapping[str, Any], outcome: str) -> None:
        subject = "/".join(request.match_info.values()) or next(
            (str(body[key]) for key in _NAMING if body.get(key)), ""
        )
        detail = redacted(shown(body, _SECRET))
        await self._audit.add(
            AuditEntry(
                0, self._clock.now(), ROOT.name, action, subject[:_LONGEST_SUBJECT], outcome=outcome,
                detail=detail[:_LONGEST], via="nbhostctl",
            )
        )  # fmt: skip


def action_of(request: web.Request) -> str | None:
    """The word for what this request does; None when it changes nothing, or there is no such address."""
    resource = request.match_info.route.resource
    if resource is None:
        return None
    key = (request.method, resource.canonical)
    if key in ACTIONS or request.method in SAFE_METHODS or key in UNTOLD:
        return ACTIONS.get(key)
    return f"{request.method} {resource.canonical}"


async def _body(request: web.Request) -> Mapping[str, Any]:
    """The JSON object of a request, or nothing: what is no JSON is refused further in."""
    if request.content_type != "application/json":
        return {}
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
