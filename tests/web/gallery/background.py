"""The gallery in a thread of its own, for browsers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp.test_utils import TestServer

from tests.web.gallery.serve import Gallery


@contextmanager
def served() -> Iterator[tuple[Gallery, str]]:
    """A gallery, and its address until the end."""
    gallery = Gallery()
    loop = asyncio.new_event_loop()
    server = TestServer(gallery.application())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start_server(), loop).result()
        yield gallery, f"http://localhost:{server.port}"
        asyncio.run_coroutine_threadsafe(server.close(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
