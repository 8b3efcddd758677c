from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.machine.site import Browser, ctl, make_repository, run

HERE = Path(__file__).parent
NOTEBOOK = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
---

# A first notebook

```{code-cell} ipython3
print("hello from the course")
```
"""
COURSE_FILES: dict[str, str | bytes] = {
    "w1/intro.md": NOTEBOOK,
    "w1/1.2-suite.md": NOTEBOOK,
    "w1/un nom à espaces.md": NOTEBOOK,
    "w2/plain.py": "# %%\nprint('percent')\n",
    "media/logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "data/numbers.csv": "1,2,3\n",
    "modules/helper.py": "ANSWER = 42\n",
    "nbhosting/nbhosting.yaml": "tracks:\n- name: all\n  sections:\n  - name: one\n    notebooks: ['w1/*.md']\n",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.machine)


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = Path("/var/lib/nbhostd-tests") / uuid.uuid4().hex[:8]
    place.mkdir(parents=True)
    yield place
    run("rm", "-rf", str(place))


@pytest.fixture(scope="session")
def course(repositories: Path) -> Iterator[str]:
    """A course that exists for this session, and its repository."""
    name = f"t-{uuid.uuid4().hex[:6]}"
    make_repository(repositories / name, COURSE_FILES)
    ctl("course", "create", name, str(repositories / name), "--image", "minimal")
    yield name
    ctl("course", "delete", name, "--with-workspaces", "--yes")


@pytest.fixture
def student() -> str:
    return f"s{uuid.uuid4().hex[:10]}"


@pytest.fixture
async def new_browser() -> AsyncIterator[Callable[[], Browser]]:
    browsers: list[Browser] = []

    def make(**options: bool) -> Browser:
        browsers.append(Browser(**options))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.close()


@pytest.fixture
async def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()
