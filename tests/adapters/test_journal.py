"""What reaches the journal, and how it looks there."""

from __future__ import annotations

import logging
from asyncio import open_connection
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nbhostd.adapters.journal import JournalFormatter, log_to_journal


@pytest.fixture
def restored() -> Iterator[None]:
    """The root logger as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("restored")
async def test_a_strangers_nonsense_writes_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_journal()
    server = TestServer(web.Application())
    await server.start_server()
    try:
        for nonsense in (
            b"no HTTP at all\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n\r\n",
        ):
            reader, writer = await open_connection(server.host, server.port)
            writer.write(nonsense)
            assert b" 400 " in await reader.read()
            writer.close()
    finally:
        await server.close()
    logging.getLogger("aiohttp.server").error("a bug", exc_info=ValueError("of ours"))
    said = capsys.readouterr().err
    assert said.startswith("<3>a bug\n") and "ValueError: of ours" in said
    assert "400" not in said


def test_no_control_character_survives() -> None:
    record = logging.makeLogRecord(
        {"msg": "a\x1b[2Jb\u202ec\nd", "levelno": logging.WARNING, "levelname": "WARNING"}
    )
    assert JournalFormatter("%(message)s").format(record) == "<4>a\\x1b[2Jb\\x202ec\n<4>d"
