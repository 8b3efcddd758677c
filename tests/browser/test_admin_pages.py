"""An administrator's day in Chromium on the real site: a course from its making to its end, people, and what runs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.people import Person, person
from tests.browser.site import ctl, ctl_json, eventually, home, inside, knock, launch_url, phase
from tests.browser.test_classroom import publish
from tests.browser.test_pages import inspect

Visitor = Callable[..., BrowserContext]
Shot = Callable[[Page, str], None]
NOTEBOOK = {"w1/hello.py": "# %%\n1 + 1\n"}


@pytest.fixture(scope="module")
def admin() -> Iterator[Person]:
    with person("admin", "--admin") as admin:
        yield admin


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor(locale="en-GB").new_page()


@pytest.fixture
def name() -> Iterator[str]:
    """Of a course, with a repository on the machine; nothing of either is left."""
    name = f"adm-{uuid.uuid4().hex[:6]}"
    inside("git", "init", "-q", "-b", "main", f"/var/lib/nbhostd-tests/{name}")
    publish(name, "The first week", NOTEBOOK)
    yield name
    for left in (name, f"{name}-new"):
        inside(
            "nbhostctl", "course", "delete", left, "--with-workspaces", "--with-files", "--yes", check=False
        )
    inside("rm", "-rf", f"/var/lib/nbhostd-tests/{name}")


def make(page: Page, name: str, git_url: str) -> None:
    page.goto(f"{home()}admin/courses")
    page.locator("#new").get_by_label("Name").fill(name)
    page.locator("#git_url").fill(git_url)
    page.locator("#image").fill("minimal")
    page.get_by_role("button", name="Make the course").click()
    page.wait_for_url("**/jobs/*")


def courses() -> dict[str, dict[str, object]]:
    return {course["name"]: course for course in ctl_json("course", "list")}


def test_a_course_from_its_making_to_its_end(admin: Person, name: str, page: Page, shot: Shot) -> None:
    admin.log_in(page, "/admin/courses")
    make(page, name, f"/var/lib/nbhostd-tests/{name}")
    expect(page.locator("[data-state]")).to_have_text("succeeded")
    inspect(page)
    shot(page, "made")
    assert knock(launch_url(name, "w1/hello", "alice")) == 303
    eventually(lambda: phase(name, "alice") == "ready", "alice works")

    page.goto(f"{home()}admin/courses/{name}")
    expect(page.locator("#belongings")).to_contain_text(re.compile(r"Awake now\s*1"))
    inspect(page)
    shot(page, "course")
    page.locator("#to").fill(f"{name}-new")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("alert").first).to_be_visible()  # somebody works in it
    assert name in courses()
    page.locator("#to").fill(f"{name}-new")
    page.get_by_label("Stop the workspaces that run").check()
    page.get_by_role("button", name="Rename").click()
    page.wait_for_url("**/admin/courses")
    expect(page.get_by_role("link", name=f"{name}-new", exact=True)).to_be_visible()
    assert name not in courses()

    page.goto(f"{home()}admin/courses/{name}-new")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("button", name="Bring it back")).to_be_visible()
    assert courses()[f"{name}-new"]["archived"] is True
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_role("button", name="Archive")).to_be_visible()

    page.get_by_label("All workspaces with all files").check()
    page.locator("#delete input[name=typed]").fill("something else")
    page.get_by_role("button", name="Delete this course").click()
    assert page.locator("#delete input[name=typed]").evaluate("input => input.validity.customError")
    assert f"{name}-new" in courses()
    shot(page, "delete")
    page.locator("#delete input[name=typed]").fill(f"{name}-new")
    page.get_by_role("button", name="Delete this course").click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("[data-state]")).to_have_text("succeeded")
    assert f"{name}-new" not in courses()

    page.goto(f"{home()}admin/audit")
    for word in ("course.create", "course.rename", "course.archive", "course.delete"):
        expect(page.locator("tbody tr", has_text=name).filter(has_text=word).first).to_contain_text(
            admin.name
        )
    inspect(page)
    shot(page, "audit")


def test_a_repository_that_is_not_there_makes_no_course(
    admin: Person, name: str, page: Page, shot: Shot
) -> None:
    admin.log_in(page, "/admin/courses")
    make(page, name, f"/var/lib/nbhostd-tests/{name}-nowhere")
    expect(page.locator("[data-state]")).to_have_text("failed")
    expect(page.locator("[data-message]")).not_to_be_empty()
    inspect(page)
    shot(page, "failed")
    assert name not in courses()


def test_somebody_new_is_made_let_in_and_shut_out(
    admin: Person, name: str, page: Page, visitor: Visitor, shot: Shot
) -> None:
    group = f"class-{name}"
    ctl("course", "create", name, f"/var/lib/nbhostd-tests/{name}", "--image", "minimal")
    admin.log_in(page, "/admin/groups")
    page.locator("#new").get_by_label("Name").fill(group)
    page.get_by_role("button", name="Make the group").click()
    expect(page.get_by_role("link", name=group, exact=True)).to_be_visible()
    page.goto(f"{home()}teach/{name}/settings")
    page.locator("textarea[name=groups]").fill(group)
    page.get_by_role("button", name="Save the groups").click()
    expect(page.get_by_role("status").first).to_be_visible()

    page.goto(f"{home()}admin/people")
    page.locator("#new").get_by_label("Name of the account").fill(f"zoe-{name}")
    page.locator("#new").get_by_label("First name").fill("Zoé")
    page.locator("#new").get_by_label("Groups, one a line").fill(group)
    page.get_by_role("button", name="Make the account").click()
    link = page.locator("#link").inner_text()
    inspect(page)
    shot(page, "link")

    zoe = visitor(locale="en-GB").new_page()
    zoe.goto(link)
    zoe.locator("#new").fill("une phrase assez longue")
    zoe.locator("#again").fill("une phrase assez longue")
    zoe.locator("main form button").first.click()
    zoe.wait_for_url("**/courses")
    expect(zoe.get_by_role("link", name=name, exact=True)).to_be_visible()

    page.goto(f"{home()}admin/groups/{group}")
    page.locator("#members tr", has_text=f"zoe-{name}").get_by_role("button", name="Take out").click()
    expect(page.get_by_text("Nobody is in this group yet.")).to_be_visible()
    zoe.reload()
    expect(zoe.get_by_role("link", name=name, exact=True)).to_have_count(0)
    answer = zoe.goto(f"{home()}auditor/notebook/{name}")
    assert answer is not None
    assert answer.status == 404

    page.goto(f"{home()}admin/people/zoe-{name}")
    page.get_by_label("Active: may log in").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("shut", exact=True)).to_be_visible()
    zoe.goto(f"{home()}account")
    assert "/login" in zoe.url
    page.locator("#delete").get_by_text("Delete this account").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete this account").click()
    page.wait_for_url("**/admin/people")
    assert f"zoe-{name}" not in {user["name"] for user in ctl_json("user", "list")}
    ctl("group", "delete", group, "--yes")


def test_what_runs_is_seen_coming_and_stopped(admin: Person, name: str, page: Page, shot: Shot) -> None:
    ctl("course", "create", name, f"/var/lib/nbhostd-tests/{name}", "--image", "minimal")
    admin.log_in(page, f"/admin/workspaces?q={name}")
    expect(page.get_by_text("Nothing runs.")).to_be_visible()
    assert knock(launch_url(name, "w1/hello", "alice")) == 303
    row = page.locator("#awake tbody tr", has_text=f"{name}/alice")
    expect(row).to_contain_text("ready")  # the page renews itself
    expect(row).to_contain_text(re.compile(r"\d.s"))
    inspect(page)
    shot(page, "live")
    row.get_by_role("button", name="Stop").click()
    eventually(lambda: phase(name, "alice") == "asleep", "it is stopped")
    expect(page.get_by_text("Nothing runs.")).to_be_visible()

    assert knock(launch_url(name, "w1/hello", "alice")) == 303
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Stop the selected ones").click()
    eventually(lambda: phase(name, "alice") == "asleep", "it is stopped, although it came after the page")


def test_images_are_listed_and_what_nothing_uses_is_removed(admin: Person, page: Page, shot: Shot) -> None:
    admin.log_in(page, "/admin/images")
    expect(page.locator("#images tbody tr", has_text="minimal")).to_contain_text(re.compile(r"\d.(MB|GB)"))
    page.get_by_role("button", name="Remove those that nothing uses").click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("[data-state]")).to_have_text("succeeded")
    inspect(page)
    shot(page, "pruned")
