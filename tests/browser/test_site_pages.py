"""Every page of people with an account, in Chromium on the real site: in both languages, both sizes and both colours.

tests/test_site.py fails when a page of the house is not in PAGES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.people import Person, person
from tests.browser.site import ctl, home, knock, launch_url
from tests.browser.test_pages import inspect
from tests.walk import PAGES

VIEWS = {
    "wide-fr": {"locale": "fr-FR", "color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "wide-en": {"locale": "en-GB", "color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone-fr": {"locale": "fr-FR", "color_scheme": "dark", "viewport": {"width": 360, "height": 780}},
    "phone-en": {"locale": "en-GB", "color_scheme": "light", "viewport": {"width": 360, "height": 780}},
}


@dataclass(frozen=True)
class Class:
    """A course with its people; the student has opened a notebook."""

    course: str
    group: str
    people: dict[str, Person]

    def address(self, path: str) -> str:
        names = {
            "course": self.course,
            "student": self.people["student"].name,
            "group": self.group,
            "path": "week1/1-hello",
        }
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        return path


@pytest.fixture(scope="module")
def classroom(sample: str) -> Iterator[Class]:
    group = f"group-{sample}"
    with (
        person("admin", "--admin") as admin,
        person("teacher") as teacher,
        person("student", "--group", group) as student,
    ):
        ctl("course", "people", sample, "--group", group, "--staff", teacher.name)
        assert knock(launch_url(sample, "week1/1-hello", student.name)) == 303
        yield Class(sample, group, {"admin": admin, "teacher": teacher, "student": student})
        ctl("group", "delete", group, "--yes")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("role", sorted({role for role, _ in PAGES}))
def test_every_page_is_for_everybody(
    role: str, view: str, classroom: Class, visitor: Callable[..., BrowserContext], shot: Callable[[Page, str], None]
) -> None:  # fmt: skip
    page = visitor(**VIEWS[view]).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    classroom.people[role].log_in(page)
    for wanted, path in PAGES:
        if wanted != role:
            continue
        address = classroom.address(path)
        answer = page.goto(home().rstrip("/") + address)
        assert answer is not None
        assert answer.status == 200, address
        page.wait_for_load_state("load")
        assert page.locator("html").get_attribute("lang") == VIEWS[view]["locale"][:2]  # type: ignore[index]
        try:
            inspect(page)
        finally:
            shot(page, address.strip("/").replace(classroom.course, "COURSE").replace("/", "-"))
    assert complaints == []
