"""The Jupyter server of one workspace: which settings it has, where it listens, when it says READY."""

import gc
import logging
import os
import secrets
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.paths import jupyter_path
from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from traitlets import default
from traitlets.config import Config

from nbhosting_launcher import exporters, pages
from nbhosting_launcher.contents import WorkspaceContents
from nbhosting_launcher.files import CourseFiles
from nbhosting_launcher.identity import ProxyIdentity
from nbhosting_launcher.inherited import Given, notify
from nbhosting_launcher.journal import JournalFormatter

# The proxy adds the frame-ancestors of the site; of two policies with different ones, both would have to hold.
CONTENT_SECURITY_POLICY = "base-uri 'self'"
SHUTDOWN_SECONDS = 0.5
WEBSOCKET_PING_MS = 30_000


class ImageKernelSpecs(KernelSpecManager):
    """Knows the kernels of Jupyter's own directories; looking into ~/.ipython as well would import all of IPython."""

    @default("kernel_dirs")
    def _kernel_dirs_default(self) -> list[str]:
        return jupyter_path("kernels")


class WorkspaceServer(ServerApp):
    """A Jupyter server that serves on the inherited socket and leaves no trace of its address."""

    given: Given

    def init_httpserver(self) -> None:
        """Make the HTTP server, and let it accept as soon as the loop runs."""
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

    @property
    def connection_url(self) -> str:
        """Return an address without the capability: terminals find it in their environment."""
        return "http://localhost/"

    def running_server_info(self, kernel_count: bool = True) -> str:
        """Return what is worth a log line: not the address, it is a capability."""
        return f"Jupyter server {self.version} in {self.root_dir}"

    def write_server_info_file(self) -> None:
        """Write nothing: the file would hold the address, readable by every kernel."""

    def write_browser_open_files(self) -> None:
        """Write nothing, for the same reason."""


def settings(given: Given, root_dir: str) -> Config:
    """Return what the site decides; it wins over every configuration file of the image or the course."""
    server: dict[str, Any] = {
        # Named even where they are Jupyter's defaults: a course's own settings may say otherwise.
        "allow_credentials": False,
        "allow_origin": given.origin,
        "allow_origin_pat": "",
        "allow_remote_access": True,
        "base_url": given.base_url,
        "contents_manager_class": WorkspaceContents,
        "cookie_secret": secrets.token_bytes(),
        "default_url": "/lab",
        # The address is a capability, the proxy compares Origin, and the socket is the proxy's alone.
        "disable_check_xsrf": True,
        "identity_provider_class": ProxyIdentity,
        # The pages do without the first two as well; the third only serves what Notebook 6 had.
        "jpserver_extensions": {"jupyter_lsp": False, "nbdime": False, "notebook_shim": False},
        "kernel_spec_manager_class": ImageKernelSpecs,
        "open_browser": False,
        "root_dir": root_dir,
        "terminado_settings": {"shell_command": ["/bin/bash"]},
        "tornado_settings": {
            "headers": {"Content-Security-Policy": CONTENT_SECURITY_POLICY},
            "page_config_hook": pages.adjust,
            "ws_ping_interval": WEBSOCKET_PING_MS,
            # The first look for a pong comes with the first ping: a timeout as short as the interval closes every
            # WebSocket then, and each reconnection of a forgotten page would count as somebody's work.
            "ws_ping_timeout": 3 * WEBSOCKET_PING_MS,
        },
    }
    formatter = {"class": f"{JournalFormatter.__module__}.{JournalFormatter.__qualname__}"}
    return Config(
        {
            "Application": {
                "log_level": logging.WARNING,
                "logging_config": {"formatters": {"console": formatter}},
            },
            "ServerApp": server,
            "ProxyIdentity": {"token": ""},
            "FileContentsManager": {"delete_to_trash": False, "files_handler_class": CourseFiles},
            # Sockets in the home, which is the student's alone; the other transport is TCP on the loopback.
            "KernelManager": {"shutdown_wait_time": SHUTDOWN_SECONDS, "transport": "ipc"},
            "LabApp": {
                "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
                "extension_manager": "readonly",
                "news_url": None,
            },
        }
    )


def prepare(given: Given) -> WorkspaceServer:
    """Return the server, all its extensions loaded; its `start` serves until SIGTERM."""
    ProxyIdentity.proxy_token = given.token
    JournalFormatter.secret = given.base_url
    WorkspaceServer.given = given
    pages.trust_schemas()
    exporters.answer_from_table()
    root_dir = os.path.join(os.environ["HOME"], "work")
    # The container starts in / ; a kernel without a notebook starts where the server is.
    os.chdir(root_dir)
    app = WorkspaceServer.instance(config=settings(given, root_dir))
    app.initialize(argv=[])
    return app
