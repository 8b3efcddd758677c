from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.workspace import Workspace

HERE = Path(__file__).parent
MYST = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
---
# Title

```{code-cell}
print("myst")
```
"""
NOTEBOOKS = {
    "myst.md": MYST,
    "markdown.md": "# Title\n\n```python\nprint('markdown')\n```\n",
    "percent.py": "# %% [markdown]\n# # Title\n# %%\nprint('percent')\n",
    "light.py": "# # Title\n\nprint('light')\n",
    "un dossier/été 1.2.md": MYST,
    "plain.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.machine)


@pytest.fixture(scope="session")
def workspace() -> Iterator[Workspace]:
    """A running workspace that all tests of this session look at."""
    one = Workspace(800_001)
    one.prepare()
    for name, text in NOTEBOOKS.items():
        one.give(name, text)
    one.link("media", "/home/jovyan/static/media")
    one.link("outside", "/etc")
    started = one.start()
    assert started.returncode == 0, started.stderr + one.journal()
    yield one
    one.remove()


@pytest.fixture
def fresh() -> Iterator[Workspace]:
    """A workspace that the test starts, and may spoil."""
    one = Workspace(800_002)
    one.prepare()
    yield one
    one.remove()
