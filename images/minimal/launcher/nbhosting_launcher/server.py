"""The Jupyter server of one workspace: which settings it has, where it listens, when it says READY."""

import gc
import logging
import os
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from traitlets.config import Config

from nbhosting_launcher.identity import ProxyIdentity
from nbhosting_launcher.inherited import Given, notify
from nbhosting_launcher.journal import JournalFormatter

# The proxy adds the frame-ancestors of the site; two different ones would both have to hold.
CONTENT_SECURITY_POLICY = "base-uri 'self'"


class WorkspaceServer(ServerApp):
    """A Jupyter server that serves on the inherited socket and leaves no trace of its address."""

    given: Given

    def init_httpserver(self) -> None:
        """Make the HTTP server and let it accept as soon as the loop runs."""
        self._http_server = HTTPServer(
            self.web_app, max_body_size=self.max_body_size, max_buffer_size=self.max_buffer_size
        )
        self.io_loop.add_callback(self._serve)

    def _serve(self) -> None:
        self.http_server.add_socket(self.given.listener)
        # What exists now stays till the end: the collector need not look at it again.
        gc.freeze()
        gc.enable()
        notify(self.given.notify_address, "READY=1\nSTATUS=serving")
        self.log.info("serving")

    def init_logging(self) -> None:
        """Give every handler the journal's format."""
        super().init_logging()
        for logger in (self.log, logging.getLogger("tornado"), logging.getLogger()):
            for handler in logger.handlers:
                handler.setFormatter(JournalFormatter(self.base_url))

    @property
    def connection_url(self) -> str:
        """Return an address without the capability: terminals find it in their environment."""
        return "http://localhost/"

    def running_server_info(self, kernel_count: bool = True) -> str:
        """Return what is worth a log line: not the address, it is a capability."""
        return f"Jupyter server {self.version} in {self.root_dir}"

    def write_server_info_file(self) -> None:
        """Write nothing: the file would hold the address, readable by every kernel."""


def settings(given: Given, root_dir: str) -> Config:
    """Return what the site decides; it wins over every configuration file of the image or the course."""
    server: dict[str, Any] = {
        "allow_origin": given.origin,
        "allow_remote_access": True,
        "base_url": given.base_url,
        "default_url": "/lab",
        # The address is a capability, the proxy compares Origin, and the socket is the proxy's alone.
        "disable_check_xsrf": True,
        "identity_provider_class": ProxyIdentity,
        "jpserver_extensions": {"jupyter_lsp": False},
        "no_browser_open_file": True,
        "open_browser": False,
        "root_dir": root_dir,
        "terminado_settings": {"shell_command": ["/bin/bash"]},
        "tornado_settings": {"headers": {"Content-Security-Policy": CONTENT_SECURITY_POLICY}},
    }
    return Config(
        {
            "ServerApp": server,
            "IdentityProvider": {"token": ""},
            "ProxyIdentity": {"token": ""},
            "FileContentsManager": {"delete_to_trash": False},
            "KernelManager": {"shutdown_wait_time": 1.0},
            "LabApp": {
                "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
                "extension_manager": "readonly",
                "news_url": None,
            },
        }
    )


def serve(given: Given) -> None:
    """Serve the workspace until SIGTERM."""
    ProxyIdentity.proxy_token = given.token
    WorkspaceServer.given = given
    root_dir = os.path.join(os.environ["HOME"], "work")
    app = WorkspaceServer.instance(config=settings(given, root_dir))
    app.initialize(argv=[])
    app.start()
