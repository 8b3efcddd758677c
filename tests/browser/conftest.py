from __future__ import annotations

import contextlib
import http.server
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.site import BUNDLES, ROOT, ctl, port, put

HERE = Path(__file__).parent
# Ended from outside (a time limit), tests still put back what they changed on the site.
signal.signal(signal.SIGTERM, signal.default_int_handler)
SHOTS = ROOT / "build/screenshots"
CHROMIUM = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 60_000
"""Milliseconds: a loaded computer is slow, and a test waits only as long as it must."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One for all: it keeps an event loop running, beside which a second one refuses to start."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Debian's, as it comes: third-party cookies are blocked."""
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
    yield browser
    browser.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Another person's browser: call it with what is special of it (locale, java_script_enabled, viewport…)."""
    with contextlib.ExitStack() as stack:

        def come(**special: object) -> BrowserContext:
            usual: dict[str, object] = {
                "locale": "fr-FR", "viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce",
            }  # fmt: skip  # axe sees no colour that is on its way to another
            context = chromium.new_context(**(usual | special))  # type: ignore[arg-type]
            context.set_default_timeout(PATIENCE)
            stack.callback(context.close)
            return context

        yield come


@pytest.fixture
def context(visitor: Callable[..., BrowserContext]) -> BrowserContext:
    return visitor()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def student() -> str:
    return f"b{uuid.uuid4().hex[:10]}"


@contextlib.contextmanager
def _course(name: str, bundle: Path) -> Iterator[str]:
    name = f"{name}-{uuid.uuid4().hex[:6]}"
    ctl("course", "create", name, put(bundle), "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--with-files", "--yes")


@pytest.fixture(scope="session")
def mooc() -> Iterator[str]:
    """The real course, when it is beside the checkout."""
    bundle = BUNDLES / "python-mooc.bundle"
    if not bundle.is_file():
        pytest.skip(f"{bundle} is not there: the real course is not tested")
    with _course("mooc", bundle) as name:
        yield name


@pytest.fixture(scope="session")
def sample_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of the sample course: one notebook in each format."""
    bundle = tmp_path_factory.mktemp("sample") / "sample-course.bundle"
    make = (ROOT / "packaging/course-bundle", ROOT / "packaging/sample-course", bundle)
    subprocess.run(make, check=True)
    return bundle


@pytest.fixture(scope="session")
def sample(sample_bundle: Path) -> Iterator[str]:
    """The sample course; students of many tests have been there."""
    with _course("sample", sample_bundle) as name:
        yield name


@pytest.fixture(scope="module")
def quiet_course(sample_bundle: Path) -> Iterator[str]:
    """The sample course again, where nobody has been but who comes in the module's own tests."""
    with _course("quiet", sample_bundle) as name:
        yield name


@pytest.fixture
def lms_page() -> Iterator[Callable[[str], str]]:
    """Serves a page of another site that embeds a URL in an iframe; call it with the URL for the page's address."""
    embedded = {"url": ""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (
                '<!doctype html><meta charset=utf-8><title>LMS</title><link rel=icon href="data:,"><h1>Semaine 1</h1>'
                f'<iframe name=notebook title=Notebook src="{embedded["url"]}" style="width:100%;height:760px"></iframe>'
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    # The port that packaging/machine-site registers for this page; the one before is the demonstration's.
    lms_port = port() + 6
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    with http.server.ThreadingHTTPServer(("127.0.0.1", lms_port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def page_of(url: str) -> str:
            embedded["url"] = url.replace("&", "&amp;")
            return f"http://lms.localhost:{lms_port}/"

        yield page_of
        server.shutdown()
        thread.join()


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Leaves a picture in build/screenshots, for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(
            path=SHOTS / f"{request.node.name.removeprefix('test_')}-{name}.png".replace("/", "_")
        )

    return take
