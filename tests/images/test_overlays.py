"""Layers of Jupyter's settings: which counts over which, and that none changes what the site decides."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.images.workspace import BASE_URL, ORIGIN, TOKEN, Workspace

LOW, HIGH = ".nbhosting/jupyter/", "nbhosting/jupyter/"

HOSTILE: dict[str, Any] = {
    "ServerApp": {
        "allow_origin": "*",
        "allow_origin_pat": ".*",
        "allow_credentials": True,
        "allow_unauthenticated_access": True,
        "base_url": "/elsewhere/",
        "root_dir": "/",
        "token": "known",
        "password": "known",
        "password_required": False,
        "default_url": "/tree",
        "identity_provider_class": "jupyter_server.auth.identity.PasswordIdentityProvider",
        "authorizer_class": "jupyter_server.auth.authorizer.AllowAllAuthorizer",
        "contents_manager_class": "jupyter_server.services.contents.largefilemanager.LargeFileManager",
        "tornado_settings": {"headers": {"Content-Security-Policy": "default-src *", "X-Course": "yes"}},
        "ip": "0.0.0.0",
        "port": 9999,
        "open_browser": True,
    },
    "IdentityProvider": {"token": "known"},
    "PasswordIdentityProvider": {"token": "known", "password_required": False},
    "ProxyIdentity": {"token": "known", "proxy_token": "known"},
}


def as_script(settings: dict[str, Any]) -> str:
    lines = [f"c.{name}.{key} = {value!r}" for name, part in settings.items() for key, value in part.items()]
    return "c = get_config()\n" + "\n".join(lines) + "\n"


FILES = ("jupyter_server_config", "jupyter_config", "jupyter_lab_config", "jupyter_notebook_config")


@pytest.mark.parametrize("kind", ["course", "administrator", "legacy"])
@pytest.mark.parametrize("suffix", ["json", "py"])
async def test_no_layer_changes_what_the_site_decides(fresh: Workspace, kind: str, suffix: str) -> None:
    text = as_script(HOSTILE) if suffix == "py" else json.dumps(HOSTILE)
    for name in (f"{file}.{suffix}" for file in FILES):
        match kind:
            case "course":
                fresh.publish(LOW + name, text)
                fresh.publish(HIGH + name, text)
            case "administrator":
                fresh.lay_over(name, text)
            case _:
                fresh.publish(".nbhosting/labconfig/default_setting_overrides.json", "{}")
                fresh.publish(f".nbhosting/{name}", text)
    fresh.give("mine.md", "# mine")
    started = fresh.start()
    assert started.returncode == 0, started.stderr + fresh.journal()
    await site_decides(fresh)


async def site_decides(workspace: Workspace) -> None:
    foreign = workspace.session(Origin="https://evil.test")
    async with foreign as session, session.get(f"{BASE_URL}api/contents") as answer:
        assert answer.status == 404
        assert answer.headers.get("Access-Control-Allow-Origin") in (None, ORIGIN)
    async with workspace.session() as session:
        async with session.get(f"{BASE_URL}api/contents") as answer:
            assert answer.status == 200
            assert answer.headers.get("Access-Control-Allow-Origin") == ORIGIN
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert answer.headers["Content-Security-Policy"].startswith("base-uri 'self'")
            assert "mine.md" in [entry["name"] for entry in (await answer.json())["content"]]
            assert "X-Course" not in answer.headers
        async with session.get("/elsewhere/api/status") as answer:
            assert answer.status == 404
        async with session.get(f"{BASE_URL}api/contents/etc") as answer:
            assert answer.status == 404
    for headers in ({"Authorization": ""}, {"Authorization": "token known"}):
        async with workspace.session(**headers) as session:
            for query in ("", "?token=known"):
                async with session.get(f"{BASE_URL}api/contents{query}") as answer:
                    assert answer.status == 403
    assert TOKEN not in workspace.journal()


async def default_kernel(workspace: Workspace) -> str:
    return str((await workspace.get_json("api/kernelspecs"))["default"])


def kernel_named(name: str) -> str:
    return json.dumps({"MappingKernelManager": {"default_kernel_name": name}})


async def test_the_administrator_counts_over_the_course(fresh: Workspace) -> None:
    fresh.publish(LOW + "jupyter_server_config.json", kernel_named("low"))
    fresh.publish(HIGH + "jupyter_server_config.json", kernel_named("high"))
    fresh.lay_over("jupyter_server_config.json", kernel_named("local"))
    assert fresh.start().returncode == 0, fresh.journal()
    assert await default_kernel(fresh) == "local"


async def test_the_plain_directory_counts_over_the_hidden_one(fresh: Workspace) -> None:
    fresh.publish(LOW + "jupyter_server_config.json", kernel_named("low"))
    fresh.publish(HIGH + "jupyter_server_config.json", kernel_named("high"))
    assert fresh.start().returncode == 0, fresh.journal()
    assert await default_kernel(fresh) == "high"


async def test_overrides_of_jupyterlab_are_layered_the_oldest_place_lowest(fresh: Workspace) -> None:
    name, plugin = "labconfig/default_setting_overrides.json", "@jupyterlab/docmanager-extension:plugin"
    for place, interval in ((".nbhosting/", 31), (LOW, 32), (HIGH, 33)):
        extra = {"renameUntitledFileOnSave": False} if place == ".nbhosting/" else {}
        fresh.publish(place + name, json.dumps({plugin: {"autosaveInterval": interval, **extra}}))
    assert fresh.start().returncode == 0, fresh.journal()
    settings = await fresh.get_json(f"lab/api/settings/{plugin}")
    properties = settings["schema"]["properties"]
    assert properties["autosaveInterval"]["default"] == 33
    assert properties["renameUntitledFileOnSave"]["default"] is False
    assert properties["defaultViewers"]["default"]["markdown"] == "Jupytext Notebook"


async def test_settings_that_are_broken_do_not_keep_notebooks_shut(fresh: Workspace) -> None:
    for name, text in {
        "jupyter_server_config.json": "{",
        "jupyter_server_config.py": "c = get_config(\n",
        "jupyter_config.py": "raise RuntimeError\n",
        "jupyter_server_config.d/x.json": "[",
    }.items():
        fresh.publish(LOW + name, text)
    fresh.give("mine.md", "# mine")
    assert fresh.start().returncode == 0, fresh.journal()
    await site_decides(fresh)
    assert re.search("(?i)exception|error|invalid", fresh.journal())
