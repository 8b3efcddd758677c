"""Passwords kept as Argon2id says (RFC 9106), off the loop and few at once: each takes 64 MiB while it is looked at.

What Django keeps of passwords is understood too, so that imported accounts need no new one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, exceptions, extract_parameters, profiles

from nbhostd.core.errors import NotNow
from nbhostd.core.passwords import LONGEST, Checked

_AT_ONCE = 2
_MOST_WAITING = 100
_OURS = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_DJANGO = "pbkdf2_sha256$"
_MOST_ITERATIONS = 5_000_000
_MOST_MEMORY = 256 << 10  # KiB
_MOST_PASSES = 16
_NO_MEMORY = "Memory allocation"

_T = TypeVar("_T")


class Argon2Passwords:
    """Satisfies core.ports_people.Passwords."""

    def __init__(self, *, at_once: int = _AT_ONCE, most_waiting: int = _MOST_WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._most = at_once + most_waiting
        self._under_way = 0

    async def hash(self, text: str) -> str:
        """What to keep of a password."""
        return await self._run(lambda: _OURS.hash(_bytes(text)))

    async def verify(self, text: str, stored: str) -> Checked:
        """Whether it is the password of which `stored` was kept."""
        return await self._run(lambda: _verify(text, stored))

    async def _run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns. A caller who goes away frees no place before its work has ended."""
        if self._under_way >= self._most:
            raise NotNow("Many people are logging in. Try again in a moment.", retry_after=5)
        self._under_way += 1
        done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        done.add_done_callback(self._ended)
        try:
            return await asyncio.shield(done)
        except (exceptions.HashingError, exceptions.VerificationError) as error:
            raise NotNow("No memory for logins now. Try again in a moment.", detail=str(error)) from error

    def _ended(self, done: asyncio.Future[_T]) -> None:
        self._under_way -= 1
        if not done.cancelled():
            done.exception()  # seen, also when whoever asked has gone

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


def _bytes(text: str) -> bytes:
    """One spelling of what the same keys give on different computers."""
    return unicodedata.normalize("NFC", text).encode(errors="surrogatepass")


def _verify(text: str, stored: str) -> Checked:
    if len(text) > LONGEST:
        return Checked(False)
    if stored.startswith(_DJANGO):
        good = _is_djangos(text, stored)
    else:
        good = _is_argon2s(text, stored.removeprefix("argon2") if stored.startswith("argon2$") else stored)
    if good is None:
        _OURS.hash(
            _bytes(text)
        )  # as long as a wrong password takes: nobody learns whether there is an account
        return Checked(False)
    return Checked(good, good and _is_outdated(stored))


def _is_argon2s(text: str, stored: str) -> bool | None:
    """Whether it is right; None for what is no hash that we would look at."""
    try:
        costs = extract_parameters(stored)
        if costs.memory_cost > _MOST_MEMORY or max(costs.time_cost, costs.parallelism) > _MOST_PASSES:
            return None
        return _OURS.verify(stored, _bytes(text))
    except exceptions.VerifyMismatchError:
        return False
    except exceptions.VerificationError as error:
        if _NO_MEMORY in str(error):
            raise
        return None
    except (exceptions.InvalidHashError, ValueError):
        return None


def _is_djangos(text: str, stored: str) -> bool | None:
    """Whether it is right, as django.contrib.auth.hashers.PBKDF2PasswordHasher has it."""
    _, iterations, salt, kept = stored.split("$", 3) if stored.count("$") == 3 else ("", "", "", "")
    if not iterations.isascii() or not iterations.isdecimal() or not 0 < int(iterations) <= _MOST_ITERATIONS:
        return None
    given = hashlib.pbkdf2_hmac(
        "sha256", text.encode(errors="surrogatepass"), salt.encode(errors="surrogatepass"), int(iterations)
    )
    return hmac.compare_digest(base64.b64encode(given), kept.encode(errors="surrogatepass"))


def _is_outdated(stored: str) -> bool:
    return not stored.startswith("$argon2") or _OURS.check_needs_rehash(stored)
