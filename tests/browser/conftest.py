from __future__ import annotations

import contextlib
import http.server
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.site import BUNDLES, ROOT, ctl, port, put

HERE = Path(__file__).parent
SHOTS = ROOT / "build/screenshots"
CHROMIUM = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="fr-FR", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def student() -> str:
    return f"b{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def mooc() -> Iterator[str]:
    """The real course, when it is beside the checkout."""
    bundle = BUNDLES / "python-mooc.bundle"
    if not bundle.is_file():
        pytest.skip(f"{bundle} is not there: the real course is not tested")
    name = f"mooc-{uuid.uuid4().hex[:6]}"
    ctl("course", "create", name, put(bundle), "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")


@pytest.fixture
def lms_page() -> Iterator[Callable[[str], str]]:
    """Serves a page of another site that embeds a URL in an iframe; call it with the URL for the page's address."""
    embedded = {"url": ""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (
                "<!doctype html><title>LMS</title><h1>Semaine 1</h1>"
                f'<iframe src="{embedded["url"]}" style="width:100%;height:760px" allow="clipboard-write"></iframe>'
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    # The port that packaging/machine-site registers as the platform's.
    lms_port = port() + 5
    with contextlib.ExitStack() as stack:
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", lms_port), Handler))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)

        def page_of(url: str) -> str:
            embedded["url"] = url.replace("&", "&amp;")
            return f"http://lms.localhost:{lms_port}/"

        yield page_of


@pytest.fixture
def shot(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    SHOTS.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=SHOTS / f"{request.node.name}-{name}.png")

    return take
