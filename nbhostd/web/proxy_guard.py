"""Who may pass: the one function that answers for pages, polls, writes and WebSocket upgrades alike."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from nbhostd.core import headers
from nbhostd.core.errors import Refused
from nbhostd.core.model import Route


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What the administrator decided about the way to the workspaces."""

    workspace_domain: str = ""
    """Each workspace is at <label>.<this>; '' = all are on the host that was asked."""
    public_scheme: str = ""
    """'http' or 'https' as browsers see it; '' = what X-Forwarded-Proto says, else http.

    '' is only for a front-end that sets that header itself: it decides what counts as the workspace's own origin.
    """
    public_port: int | None = None
    """The port that browsers use, where a front-end in between drops it from Host."""
    frame_ancestors: tuple[str, ...] = ()
    """Origins of the LMSs whose pages may embed a notebook, besides the workspace's own."""
    max_requests: int = 64
    """Requests at once in one workspace; further ones get 503."""
    max_tunnels: int = 64
    """WebSockets at once in one workspace; further ones get 429."""
    answer_timeout: float = 300.0
    """Seconds until a workspace's server must have begun to answer (an export to PDF takes its time)."""
    idle_timeout: float = 15.0
    """Seconds that an unused connection to a workspace's server is kept."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a browser believes it is: 'http' or 'https', its Host header in lower case, and the name in that."""

    scheme: str
    host: str
    name: str


def address_of(request: web.BaseRequest, settings: ProxySettings) -> Address:
    """The address that this request was made to. Raises Refused(400)."""
    hosts = request.headers.getall("Host", [])
    host = hosts[0].lower() if len(hosts) == 1 and hosts[0].isascii() else ""
    name = headers.host_name(host)
    if not name:
        raise Refused("A request needs exactly one Host.", reason="bad-host")
    scheme = settings.public_scheme
    if not scheme:
        scheme = "https" if request.headers.get("X-Forwarded-Proto", "").lower() == "https" else "http"
    return Address(scheme, host, name)


def authorize(request: web.BaseRequest, address: Address, route: Route, settings: ProxySettings) -> None:
    """Return when this request may reach the workspace; raise Refused with the reason when not."""
    domain = settings.workspace_domain
    if domain and address.name != f"{route.workspace.label}.{domain}":
        raise Refused("This workspace is not at this address.", status=421, reason="wrong-host")
    if not domain and request.headers.get("Service-Worker") == "script":
        # One student's service worker would answer for every workspace of the shared origin.
        raise Refused("Service workers need an origin of their own.", status=403, reason="service-worker")
    if route.run.cookie_required and not headers.holds_cookie(
        request.raw_headers, headers.cookie_name(route.workspace.label), headers.cookie_value(route.run)
    ):
        raise Refused("This address was opened in another browser.", status=403, reason="no-cookie")
    if request.method not in headers.SAFE_METHODS or "Upgrade" in request.headers:
        own = headers.origin(address.scheme, address.host, settings.public_port)
        if not headers.is_own_origin(request.headers, own):
            raise Refused("This request comes from another site.", status=403, reason="foreign-origin")
