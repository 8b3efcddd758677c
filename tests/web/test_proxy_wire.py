"""Answers as bytes: what is well-formed is understood, whatever the pieces it comes in; the rest is refused."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhostd.web.proxy_wire import BadAnswer, Dechunker, parse_head


def test_a_plain_head() -> None:
    head = parse_head(b"HTTP/1.1 200 All right\r\nContent-Length: 5\r\nX-A:  b c \r\n")
    assert (head.status, head.reason, head.length, head.chunked, head.keep_alive) == (
        200,
        "All right",
        5,
        False,
        True,
    )
    assert head.headers == [(b"Content-Length", b"5"), (b"X-A", b"b c")]


@pytest.mark.parametrize(
    ("start", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200\r\nConnection: keep-alive, Close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_whether_the_connection_stays(start: bytes, kept: bool) -> None:
    assert parse_head(start).keep_alive is kept


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"HTTP/2 200 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"HTTP/1.1 099 OK\r\n",
        b"HTTP/1.1  200 OK\r\n",
        b"ICY 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon\r\n",
        b"HTTP/1.1 200 OK\r\nName : value\r\n",
        b"HTTP/1.1 200 OK\r\n: value\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\nSet-Cookie: x=y\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: x=y\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 129,
    ],
)
def test_what_two_readers_could_read_differently_is_refused(block: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_head(block)


@given(st.binary(max_size=200))
def test_no_head_is_worse_than_refused(block: bytes) -> None:
    with contextlib.suppress(BadAnswer):
        parse_head(b"HTTP/1.1 200 OK\r\n" + block)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    st.lists(st.integers(0), max_size=10),
    st.binary(max_size=5),
)
def test_chunks_come_apart_wherever_they_are_cut(chunks: list[bytes], cuts: list[int], after: bytes) -> None:
    data = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    data += b"0\r\nTrailer: dropped\r\n\r\n" + after
    dechunker = Dechunker()
    found = [part for piece in pieces(data, cuts) for part in dechunker.feed(piece)]
    # what comes after the end is kept apart, even when it is fed later
    assert b"".join(found) == b"".join(chunks)
    assert dechunker.done
    assert after.startswith(dechunker.rest)


@pytest.mark.parametrize(
    "data",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"\r\n",
        b"g\r\n",
        b"5;\x01\r\n",
        b"1" * 16 + b"\r\n",
        b"1" * 400,
        b"0\r\n" + b"A: b\r\n" * 3000,
        b"0\r\n" + b"A" * 9000,
    ],
)
def test_malformed_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        Dechunker().feed(data)


def test_tiny_chunks_without_end_do_not_keep_the_daemon_busy() -> None:
    """256 kB of one-byte chunks once took seconds, in which nobody was served."""
    with pytest.raises(BadAnswer, match="tiny chunks"):
        Dechunker().feed(b"1\r\nA\r\n" * 40_000)
    some = Dechunker()
    assert b"".join(some.feed(b"1\r\nA\r\n" * 5_000 + b"0\r\n\r\nrest")) == b"A" * 5_000
    assert (some.done, some.rest) == (True, b"rest")
