"""What the gallery shows: people, courses and jobs that nobody has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

NOW = datetime(2026, 3, 4, 15, 6, tzinfo=UTC)
STATES = (("running", "good"), ("asleep", "plain"), ("queued", "note"), ("failed", "bad"))
NAMES = ("Ada <Lovelace>", "Émilie du Châtelet", "Grace Hopper", "A" * 60, "Sofia", "Z")


def site(here: str, *, anonymous: bool = False) -> SimpleNamespace:
    """The variable of the layout, for an administrator or for nobody."""
    entries = ("Courses", "Manage", "People", "Workspaces", "Images", "Computer", "Audit")
    nav = [_item(text, here, current=text == "Manage") for text in entries]
    user = SimpleNamespace(name="ada", full_name="Ada Lovelace", is_admin=True, is_staff=True)
    flashes = [
        SimpleNamespace(tone="good", text="The course is saved."),
        SimpleNamespace(tone="bad", text="No."),
    ]
    return SimpleNamespace(
        product="nbhostd", version="0.1.0", csrf="a-token", here=here,
        user=None if anonymous else user,
        nav=[] if anonymous else nav,
        crumbs=[] if anonymous else [_item("Manage", here), _item("Python", here, current=True)],
        flashes=[] if anonymous else flashes,
    )  # fmt: skip


def values(here: str, *, anonymous: bool = False) -> dict[str, object]:
    """All variables of the gallery's pages."""
    titles = (
        "Overview",
        "Students",
        "Notebooks",
        "Statistics",
        "Drop areas",
        "Static sites",
        "Jobs",
        "Settings",
    )
    return {
        "site": site(here, anonymous=anonymous),
        "now": NOW,
        "sample_tabs": [_item(text, here, current=text == "Students") for text in titles],
        "students": [
            SimpleNamespace(
                name=name, group=f"group {number}", opened=number * 977, disk=number * 700 * 1024**2,
                seen=NOW - timedelta(hours=7 * number) if number else None, state=STATES[number % 4],
            )
            for number, name in enumerate(NAMES)
        ],
    }  # fmt: skip


def page(name: str, notebook: str) -> dict[str, object]:
    """The variables of a page of ours."""
    pages: dict[str, dict[str, object]] = {
        "classroom": {"classroom": classroom(notebook)},
        "login": {
            "error": "The name or the password is wrong.", "bye": "", "target": "/courses?x=<y>", "name": "ada<",
            "by_mail": True, "ways": [("/openid?next=%2Fcourses", "Log in with the university")],
        },
    }  # fmt: skip
    return pages[name]


def classroom(chosen: str) -> SimpleNamespace:
    """What classroom.html shows: three sections, and `chosen` in the frame; "" for nothing."""
    titles = (
        "What it is <about>",
        "Installing the standard distribution",
        "Values and variables",
        "A" * 50,
        "Lists",
    )
    notebooks = [
        SimpleNamespace(
            href=f"/classroom?notebook=n{number}", frame=f"/notebook/n{number}", text=titles[number % 5],
            state=("changed", "opened", "untouched")[min(2, number // 3)], current=chosen == f"n{number}",
            notebook=f"w1/n{number}", version="2.0" if number % 2 else "",
        )
        for number in range(12)
    ]  # fmt: skip
    shown = next((notebook for notebook in notebooks if notebook.current), None)
    lab = SimpleNamespace(
        href="/classroom?notebook=lab",
        frame="/notebook/lab",
        text="JupyterLab",
        icon="folder",
        current=chosen == "lab",
    )
    book = SimpleNamespace(href="/builds", frame="", text="The course as a book", icon="book", current=False)
    return SimpleNamespace(
        course=SimpleNamespace(name="python", title="Python, from the first line on"),
        title=shown.text if shown else lab.text if lab.current else "",
        frame=shown.frame if shown else lab.frame if lab.current else "",
        tracks=[_item("Lessons", "/classroom", current=True), _item("Exercises", "/classroom?track=exercises")],
        sections=[
            SimpleNamespace(title=f"Week {week + 1}", notebooks=notebooks[week * 4 : week * 4 + 4])
            for week in range(3)
        ],
        views=[lab, book],
        progress="/notebooks/progress",
    )  # fmt: skip


def _item(text: str, href: str, *, current: bool = False) -> SimpleNamespace:
    return SimpleNamespace(text=text, href=href, current=current)
