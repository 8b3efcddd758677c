"""The notebook extension in the built image: listed, enabled, and served as the browser wants it."""

from __future__ import annotations

import json
import re

from tests.images.workspace import BASE_URL, IMAGES, Workspace

STATIC = IMAGES / "minimal/labextension/static"


async def page_config(workspace: Workspace, page: str) -> dict[str, object]:
    async with workspace.session() as session, session.get(BASE_URL + page) as answer:
        assert answer.status == 200
        text = await answer.text()
    found = re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', text, re.S)
    assert found is not None
    config: dict[str, object] = json.loads(found[1])
    return config


async def test_both_programs_load_it(workspace: Workspace) -> None:
    ours = {"name": "nbhosting", "load": "static/remoteEntry.js", "extension": "./extension"}
    for page in ("lab", "notebooks/plain.ipynb", "tree"):
        config = await page_config(workspace, page)
        extensions = config["federated_extensions"]
        assert isinstance(extensions, list)
        (found,) = [one for one in extensions if one["name"] == "nbhosting"]
        assert ours.items() <= found.items()
        disabled = config["disabledExtensions"]
        assert isinstance(disabled, list)
        assert not [name for name in disabled if name.startswith("nbhosting")]
        assert "@jupyterlab/apputils-extension:resolver" in disabled


async def test_every_file_is_served_as_it_is_in_the_source(workspace: Workspace) -> None:
    async with workspace.session() as session:
        for path in sorted(STATIC.iterdir()):
            url = f"{BASE_URL}lab/extensions/nbhosting/static/{path.name}"
            async with session.get(url) as answer:
                assert answer.status == 200, path.name
                # A browser takes a module only as JavaScript.
                wanted = "css" if path.suffix == ".css" else "javascript"
                assert answer.content_type.partition("/")[2] == wanted
                assert await answer.read() == path.read_bytes(), f"{path.name}: build the image again"


async def test_its_tools_are_among_the_settings(workspace: Workspace) -> None:
    answer = await workspace.get_json("lab/api/settings/nbhosting:plugin")
    assert answer["schema"]["title"] == "nbhosting"


async def test_what_is_read_only_opens_no_editor_and_saving_is_every_twenty_seconds(
    workspace: Workspace,
) -> None:
    tracker = await workspace.get_json("lab/api/settings/@jupyterlab/notebook-extension:tracker")
    assert tracker["schema"]["properties"]["showEditorForReadOnlyMarkdown"]["default"] is False
    documents = await workspace.get_json("lab/api/settings/@jupyterlab/docmanager-extension:plugin")
    assert documents["schema"]["properties"]["autosaveInterval"]["default"] == 20
