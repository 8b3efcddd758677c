"""The API's description of itself (OpenAPI 3.1), made from the operations, so that it cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from nbhostd import __version__
from nbhostd.core.people import Power
from nbhostd.web.operations import Operation, Struct

_REFUSALS = {
    400: "Something in the request is not right.",
    401: "No session, no token, or one that is not valid (any more).",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is not the caller's to know.",
    409: "Something else is in the way.",
    410: "It is gone.",
    411: "Its length must be said.",
    413: "It is too large.",
    422: "It cannot be made sense of.",
    502: "systemd, Podman, git or the disk said no.",
    503: "Not now: come back after Retry-After.",
}
_ALWAYS = (400, 401, 403, 404, 409, 502, 503)


class Error(msgspec.Struct, frozen=True):
    """Why something was not done; `reason` is a stable word."""

    status: int
    reason: str
    message: str


def description(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    all_of_them = sorted(operations, key=lambda operation: (operation.path, operation.method))
    kinds: list[Any] = [Error]
    for operation in all_of_them:
        kinds += [kind for kind in (operation.answer, operation.body, operation.query) if kind is not None]
    kinds = list(dict.fromkeys(kinds))
    references, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schema = dict(zip(kinds, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in all_of_them:
        path = paths.setdefault(operation.plain_path, {})
        path[operation.method.lower()] = _operation(operation, schema, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nbhostd",
            "version": __version__,
            "description": "Everything that the dashboard does. Write `Authorization: Bearer TOKEN`; tokens are made on the"
            " page of one's account.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    operation: Operation, schema: dict[type[Struct], Any], components: dict[str, Any]
) -> dict[str, Any]:
    statuses = sorted({*_ALWAYS, *operation.errors})
    good = "202" if operation.long else "200"
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.partition(".")[0]],
        "description": _rights(operation),
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": f"^{pattern}$"},
            }
            for name, pattern in operation.path_patterns.items()
        ],
        "responses": {
            good: _content(_doc(operation.answer), schema[operation.answer]),
            **{str(status): _content(_REFUSALS[status], schema[Error]) for status in statuses},
        },
    }
    if operation.query is not None:
        described["parameters"] += _query(operation.query, schema, components)
    if operation.raw:
        binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        described["requestBody"] = {"required": True, "content": binary}
    if operation.body is not None:
        required = any(field.required for field in msgspec.structs.fields(operation.body))
        content = {"application/json": {"schema": schema[operation.body]}}
        described["requestBody"] = {"required": required, "content": content}
    return described


def _rights(operation: Operation) -> str:
    who = {
        Power.ACCOUNT: "For everybody with an account.",
        Power.OPEN: "For members of the course.",
        Power.TEACH: "For teachers of the course.",
        Power.MANAGE: "For the site's staff.",
        Power.ADMINISTER: "For administrators.",
    }[operation.power]
    scope = "read" if operation.reads else operation.power.scope.value
    return f"{who} A token needs the scope “{scope}”."


def _query(
    kind: type[Struct], schema: dict[type[Struct], Any], components: dict[str, Any]
) -> list[dict[str, Any]]:
    whole = components[schema[kind]["$ref"].rpartition("/")[2]]
    return [
        {"name": name, "in": "query", "required": name in whole.get("required", ()), "schema": part}
        for name, part in whole["properties"].items()
    ]


def _doc(kind: type[Struct]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _content(text: str, schema: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
