"""The whole house without the machine, in a thread of its own, for browsers to look at."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Playwright

from tests.browser.conftest import CHROMIUM
from tests.house_trial import HouseTrial, house_trial
from tests.web.site_trial import PUBLIC


async def _as_it_is(_: HouseTrial) -> None: ...


@contextlib.contextmanager
def house_in_a_thread(
    folder: Path, prepare: Callable[[HouseTrial], Awaitable[None]] = _as_it_is
) -> Iterator[int]:
    """Its port; `prepare` is called before anybody comes."""
    ready, over, found = threading.Event(), asyncio.Event(), [0]
    loop = asyncio.new_event_loop()

    async def live() -> None:
        async with house_trial(folder) as trial:
            await prepare(trial)
            found[0] = trial.port
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@contextlib.contextmanager
def chromium_at(port: int, playwright: Playwright) -> Iterator[Browser]:
    """Chromium, which finds the site's public address there."""
    mapped = f"--host-resolver-rules=MAP {urlsplit(PUBLIC).netloc} 127.0.0.1:{port}"
    chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*CHROMIUM, mapped])
    yield chromium
    chromium.close()
