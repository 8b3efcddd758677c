"""Passwords: the contract on the fake and on Argon2; what Django kept; what waits, and what was left in the database."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator

import pytest

from nbhostd.adapters.passwords import Argon2Passwords
from nbhostd.core.errors import NotNow
from nbhostd.core.passwords import Checked
from nbhostd.core.ports_people import Passwords
from tests.fakes.passwords import FakePasswords


@pytest.fixture
async def argon2() -> AsyncIterator[Argon2Passwords]:
    adapter = Argon2Passwords()
    yield adapter
    await adapter.close()


class PasswordsContract:
    async def test_the_right_password_is_good_and_another_is_not(self, passwords: Passwords) -> None:
        kept = await passwords.hash("le vélo à réaction")
        assert await passwords.verify("le vélo à réaction", kept) == Checked(True)
        assert await passwords.verify("le velo a reaction", kept) == Checked(False)
        assert await passwords.verify("", kept) == Checked(False)

    async def test_the_same_password_is_never_kept_the_same_way(self, passwords: Passwords) -> None:
        assert await passwords.hash("correct horse") != await passwords.hash("correct horse")

    @pytest.mark.parametrize("stored", ["", "!", "!fake:1:x", "x", "$argon2id$", "pbkdf2_sha256$1$"])
    async def test_what_is_no_kept_password_is_opened_by_none(
        self, passwords: Passwords, stored: str
    ) -> None:
        for text in ("", "!", stored, "x"):
            assert await passwords.verify(text, stored) == Checked(False)


class TestFakePasswords(PasswordsContract):
    @pytest.fixture
    def passwords(self) -> Passwords:
        return FakePasswords()


class TestArgon2Passwords(PasswordsContract):
    @pytest.fixture
    def passwords(self, argon2: Argon2Passwords) -> Passwords:
        return argon2


def djangos(text: str, iterations: int = 1000, salt: str = "seasalt") -> str:
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${salt}${base64.b64encode(digest).decode()}"


async def test_it_is_argon2id_with_the_second_recommended_parameters(argon2: Argon2Passwords) -> None:
    assert (await argon2.hash("correct horse")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_what_django_kept_is_good_and_outdated(argon2: Argon2Passwords) -> None:
    # What Django 4.2 makes of this password and this salt.
    of_django = "pbkdf2_sha256$600000$seasalt$OAXyhAQ/4ZDA9V5RMExt3C1OwQdUpLZ99vm1McFlLRA="
    assert await argon2.verify("lètmein", of_django) == Checked(True, outdated=True)
    assert await argon2.verify("correct horse", djangos("correct horse")) == Checked(True, outdated=True)
    assert await argon2.verify("wrong horse", djangos("correct horse")) == Checked(False)


async def test_djangos_argon2_is_understood(argon2: Argon2Passwords) -> None:
    kept = "argon2" + await argon2.hash("correct horse")
    assert await argon2.verify("correct horse", kept) == Checked(True, outdated=True)


async def test_a_password_kept_with_less_care_is_good_and_outdated(argon2: Argon2Passwords) -> None:
    from_before = (
        "$argon2id$v=19$m=8,t=1,p=1$UWD9R5j+q0PY8kCh2Hpvew$dES59ytSiADM0eqXG3B+26ZTvks7zZVahde2LdREAHI"
    )
    assert await argon2.verify("correct horse", from_before) == Checked(True, outdated=True)
    assert await argon2.verify("wrong horse", from_before) == Checked(False)


@pytest.mark.parametrize(
    "stored",
    [
        djangos("correct horse").replace("1000", "999999999999"),
        djangos("correct horse").replace("1000", "-1"),
        djangos("correct horse").replace("1000", "٣"),
        "pbkdf2_sha256$1000$salt$\udcff",
        "$argon2id$v=19$m=999999999,t=3,p=4$YWJjYWJjYWJj$YWJjYWJjYWJj",
        "$argon2id$v=19$m=65536,t=99999,p=4$YWJjYWJjYWJj$YWJjYWJjYWJj",
        "$argon2id$v=19$m=65536,t=3,p=4$YWJj$YWJj",
    ],
)
async def test_a_kept_password_that_would_cost_the_world_is_not_looked_at(
    argon2: Argon2Passwords, stored: str
) -> None:
    assert await argon2.verify("correct horse", stored) == Checked(False)


async def test_the_same_keys_are_the_same_password_on_every_computer(argon2: Argon2Passwords) -> None:
    kept = await argon2.hash("e\u0301tudiante en 2026")
    assert await argon2.verify("étudiante en 2026", kept) == Checked(True)


async def test_more_than_may_wait_are_told_to_come_back() -> None:
    passwords = Argon2Passwords(at_once=1, most_waiting=1)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(passwords.hash("correct horse")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(NotNow):
            await passwords.hash("correct horse")
    assert all(task.result() for task in waiting)
    assert await passwords.hash("correct horse")  # there is room again
    await passwords.close()


async def test_who_goes_away_makes_no_room_before_the_work_has_ended() -> None:
    passwords = Argon2Passwords(at_once=1, most_waiting=0)
    task = asyncio.create_task(passwords.hash("correct horse"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(NotNow):
        await passwords.hash("correct horse")
    await passwords.close()
