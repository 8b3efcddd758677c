"""Who may talk to this server: the proxy, which alone knows the token and sends it in a header."""

import hmac
import logging
from typing import Any

from jupyter_server.auth import IdentityProvider, User
from tornado.web import RequestHandler

WORKSPACE_USER = User(username="jovyan", name="jovyan", display_name="jovyan", initials="J")


class ProxyIdentity(IdentityProvider):
    """Lets in requests that carry the proxy's token in `Authorization`, and sets no cookie.

    The token is not Jupyter's own `token` trait: that one is written into every page.
    """

    proxy_token = ""

    def get_user(self, handler: RequestHandler) -> User | None:
        """Return the one user of a workspace when the proxy's token is there."""
        expected = f"token {self.proxy_token}"
        sent = handler.request.headers.get("Authorization", "")
        return WORKSPACE_USER if hmac.compare_digest(sent.encode(), expected.encode()) else None

    def is_token_authenticated(self, handler: RequestHandler) -> bool:
        """Say no: the header is the proxy's, so it proves nothing about the page that sent the request."""
        return False

    def should_check_origin(self, handler: RequestHandler) -> bool:
        """Say yes: Jupyter compares the origin a second time, behind the proxy."""
        return True

    @property
    def auth_enabled(self) -> bool:
        """Say yes, although Jupyter's own token is empty."""
        return True

    @property
    def login_available(self) -> bool:
        """Say no: there is no page to log in."""
        return False

    @property
    def logout_available(self) -> bool:
        """Say no: one leaves where one came from."""
        return False

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Warn about nothing: the socket is the proxy's alone."""
        logging.getLogger(__name__).debug("requests are authenticated by the proxy's token")
