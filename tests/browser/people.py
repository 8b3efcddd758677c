"""People of the real site: their accounts are made by an administrator's commands, and they log in as people do."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.site import ctl, home, inside

PASSWORD = "une phrase assez longue"
KEEPER = "keeper"
"""An administrator that a site keeps: the last one cannot be deleted."""


@dataclass(frozen=True)
class Person:
    """An account, and its password."""

    name: str
    password: str = PASSWORD

    def log_in(self, page: Page, target: str = "/account") -> None:
        """Log in, on the way to a page."""
        page.goto(f"{home()}login?next={target}")
        page.locator("#name").fill(self.name)
        page.locator("#password").fill(self.password)
        page.locator("main form button").first.click()
        page.wait_for_url(f"**{target}")


@contextlib.contextmanager
def person(role: str, *options: str) -> Iterator[Person]:
    """Somebody with an account for a while; `options` are those of `nbhostctl user create`."""
    name = f"{role}-{uuid.uuid4().hex[:6]}"
    if "--admin" in options:
        inside("nbhostctl", "user", "create", KEEPER, "--admin", check=False)
    ctl("user", "create", name, "--first-name", role.title(), "--last-name", "Martin", *options)
    inside("nbhostctl", "user", "password", name, input=f"{PASSWORD}\n")
    try:
        yield Person(name)
    finally:
        ctl("user", "delete", name, "--yes")


@contextlib.contextmanager
def class_of(course: str) -> Iterator[tuple[Person, Person, Person]]:
    """The teacher of a course, and two students who are its members, Alice and Bob."""
    group = f"class-{course}"
    with (
        person("teacher") as teacher,
        person("alice", "--group", group) as alice,
        person("bob", "--group", group) as bob,
    ):
        ctl("course", "people", course, "--group", group, "--staff", teacher.name)
        yield teacher, alice, bob
        ctl("group", "delete", group, "--yes")
