"""A workspace's server: when it is ready, whom it lets in, what its pages say, how it ends."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import pytest
from yarl import URL

from tests.images.conftest import NOTEBOOKS
from tests.images.workspace import BASE_URL, ORIGIN, SECRETS, TOKEN, Workspace, execute_request

# PyDLL keeps the interpreter's lock during the call: no thread of the kernel can take the request to shut down.
DEAF = """
import ctypes, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('in', flush=True)
ctypes.PyDLL(None).sleep(600)
"""


async def test_ready_means_that_it_answers(workspace: Workspace) -> None:
    assert workspace.show("ActiveState") == "active"
    assert workspace.show("StatusText") == "serving"
    assert (await workspace.get_json("api"))["version"].startswith("2.")


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [("NBH_TOKEN", "", "NBH_TOKEN is missing"), ("NBH_BASE_URL", "/w/x", "must begin and end with /")],
)
def test_a_server_that_would_be_open_or_lost_does_not_start(
    fresh: Workspace, variable: str, value: str, complaint: str
) -> None:
    fresh.variables[variable] = value
    assert fresh.start().returncode != 0
    assert complaint in fresh.journal()


@pytest.mark.parametrize(
    ("header", "query"),
    [("", ""), ("token wrong", ""), ("", f"?token={TOKEN}"), (f"Bearer {TOKEN}", "")],
)
async def test_only_the_proxys_header_lets_in(workspace: Workspace, header: str, query: str) -> None:
    async with (
        workspace.session(Authorization=header) as session,
        session.get(f"{BASE_URL}api/contents{query}") as answer,
    ):
        assert answer.status == 403


async def test_another_site_is_refused_a_web_socket(workspace: Workspace) -> None:
    async with workspace.session() as session:
        kernel = await workspace.new_kernel(session)
        path = f"{BASE_URL}api/kernels/{kernel}/channels"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(path, headers={"Origin": "http://other.example"})
        async with session.ws_connect(path, headers={"Origin": ORIGIN}):
            pass
        await session.delete(f"{BASE_URL}api/kernels/{kernel}")


@pytest.mark.parametrize("page", ["lab", "tree", "notebooks/myst.md", "lab/tree/percent.py"])
async def test_a_page_leaves_framing_to_the_proxy_and_holds_no_token(workspace: Workspace, page: str) -> None:
    async with workspace.session() as session, session.get(BASE_URL + page) as answer:
        assert answer.status == 200
        assert "frame-ancestors" not in answer.headers["Content-Security-Policy"]
        assert "username" not in str(answer.headers.getall("Set-Cookie", []))
        text = await answer.text()
    assert TOKEN not in text
    settings = json.loads(text.split('type="application/json">', 1)[1].split("</script>", 1)[0])
    names = {one["name"] for one in settings["federated_extensions"]}
    assert "jupyterlab-jupytext" in names
    assert ("@jupyterlab/git" in names) == page.startswith("lab")
    assert settings["token"] == ""


async def test_every_jupytext_format_is_a_notebook_and_knows_its_kernel(workspace: Workspace) -> None:
    listing = (await workspace.get_json("api/contents"))["content"]
    assert {one["name"]: one["type"] for one in listing}.items() >= {
        "myst.md": "notebook",
        "markdown.md": "notebook",
        "percent.py": "notebook",
        "light.py": "notebook",
        "plain.ipynb": "notebook",
        "un dossier": "directory",
        "media": "directory",
    }.items()
    for path in NOTEBOOKS:
        model = await workspace.get_json(f"api/contents/{path}")
        assert model["content"]["metadata"]["kernelspec"]["name"] == "python3", path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("media/logo.svg", 200),
        ("plain.ipynb", 200),
        ("media/nowhere.svg", 404),
        ("outside/hostname", 403),
        ("../../../etc/hostname", 403),
        ("..%2f..%2f..%2fsrv/course/current/media/logo.svg", 403),
        ("media/../../../../etc/hostname", 403),
    ],
)
async def test_a_link_leads_into_the_course_and_nowhere_else(
    workspace: Workspace, path: str, status: int
) -> None:
    async with workspace.session() as session:
        url = URL(f"http://workspace.example{BASE_URL}files/{path}", encoded=True)
        async with session.get(url) as answer:
            assert answer.status == status
            assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_the_courses_files_are_listed_through_a_link(workspace: Workspace) -> None:
    listing = (await workspace.get_json("api/contents/media"))["content"]
    assert [one["name"] for one in listing] == ["logo.svg"]
    assert "svg" in (await workspace.get_json("api/contents/media/logo.svg"))["content"]


async def test_the_journal_holds_no_capability(workspace: Workspace) -> None:
    async with workspace.session() as session, session.get(f"{BASE_URL}api/contents/nowhere.md") as answer:
        assert answer.status == 404
    journal = workspace.journal()
    assert "nowhere.md" in journal
    assert not [secret for secret in SECRETS if secret in journal]


async def test_stopping_is_quick_even_with_a_kernel_that_hears_nothing(fresh: Workspace) -> None:
    assert fresh.start().returncode == 0, fresh.journal()
    async with fresh.session() as session:
        kernel = await fresh.new_kernel(session)
        async with session.ws_connect(f"{BASE_URL}api/kernels/{kernel}/channels") as web_socket:
            await web_socket.send_str(json.dumps(execute_request(DEAF)))
            async for message in web_socket:
                if json.loads(message.data)["msg_type"] == "stream":
                    break
    began = time.monotonic()
    fresh.stop()
    assert time.monotonic() - began < 2
    assert fresh.show("ActiveState") == "inactive"
    assert fresh.show("Result") == "success"


async def test_settings_are_validated_although_their_schemas_are_trusted(workspace: Workspace) -> None:
    plugin = f"{BASE_URL}lab/api/settings/@jupyterlab/docmanager-extension:plugin"
    async with workspace.session() as session:
        async with session.put(plugin, json={"raw": '{"autosaveInterval": "soon"}'}) as answer:
            assert answer.status == 400
        async with session.put(plugin, json={"raw": '{"autosaveInterval": 30}'}) as answer:
            assert answer.status == 204
        async with session.get(f"{BASE_URL}lab/api/settings") as answer:
            settings = {one["id"]: one for one in (await answer.json())["settings"]}
        async with session.put(plugin, json={"raw": "{}"}):
            pass
    documents = settings["@jupyterlab/docmanager-extension:plugin"]
    assert documents["settings"] == {"autosaveInterval": 30}
    defaults = {name: one.get("default") for name, one in documents["schema"]["properties"].items()}
    assert defaults["autosaveInterval"] == 20
    assert defaults["defaultViewers"]["markdown"] == "Jupytext Notebook"


async def test_the_export_menu_and_an_export(workspace: Workspace) -> None:
    async with workspace.session() as session:
        async with session.get(f"{BASE_URL}api/nbconvert") as answer:
            formats = await answer.json()
        assert formats["html"] == {"output_mimetype": "text/html"}
        assert "slides" in formats
        async with session.get(f"{BASE_URL}nbconvert/html/plain.ipynb") as answer:
            assert answer.status == 200
            assert "<html" in await answer.text()


async def test_a_terminal_is_a_shell_in_the_workspace_and_knows_no_secret(workspace: Workspace) -> None:
    async with workspace.session() as session:
        async with session.post(f"{BASE_URL}api/terminals", json={}) as answer:
            name = (await answer.json())["name"]
        path = f"{BASE_URL}terminals/websocket/{name}"
        async with asyncio.timeout(30), session.ws_connect(path) as web_socket:
            await web_socket.send_json(["stdin", "pwd; env; git --version; echo do''ne\r"])
            said = ""
            async for message in web_socket:
                kind, *rest = json.loads(message.data)
                said += rest[0] if kind == "stdout" else ""
                if "done" in said:
                    break
        await session.delete(f"{BASE_URL}api/terminals/{name}")
    assert "/home/jovyan/work" in said
    assert "git version" in said
    assert not [secret for secret in (*SECRETS, "NBH_") if secret in said]
