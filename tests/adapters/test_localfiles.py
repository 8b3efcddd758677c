"""What an administrator lays over a course: the directory, and the fake that stories use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nbhostd.adapters.localfiles import LocalDirectory
from nbhostd.core import ports
from nbhostd.core.errors import WorldError
from nbhostd.core.names import CourseName
from tests.fakes.localfiles import FakeLocalFiles

ALGO, OTHER = CourseName("algo"), CourseName("other")
Write = Callable[[str, bytes], None]


@pytest.fixture(params=["directory", "fake"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ports.LocalFiles, Write]:
    fake = FakeLocalFiles()

    def write(path: str, content: bytes) -> None:
        course, _, name = path.partition("/")
        fake.files[course, name] = content
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)

    return (LocalDirectory(tmp_path) if request.param == "directory" else fake), write


async def test_a_file_is_read_up_to_a_limit(place: tuple[ports.LocalFiles, Write]) -> None:
    local, write = place
    assert await local.read(ALGO, "nbhosting.yaml") is None
    assert local.path(ALGO, "nbhosting.yaml") is None
    write("algo/nbhosting.yaml", b"tracks: []")
    assert await local.read(ALGO, "nbhosting.yaml") == b"tracks: []"
    assert await local.read(ALGO, "nbhosting.yaml", limit=4) == b"trac"
    assert (local.path(ALGO, "nbhosting.yaml") or "").endswith("/algo/nbhosting.yaml")
    assert await local.read(OTHER, "nbhosting.yaml") is None


async def test_a_directory_has_a_path_and_no_content(place: tuple[ports.LocalFiles, Write]) -> None:
    local, write = place
    write("algo/jupyter/jupyter_server_config.json", b"{}")
    assert (local.path(ALGO, "jupyter") or "").endswith("/algo/jupyter")
    assert await local.read(ALGO, "jupyter") is None


async def test_the_version_follows_the_file(place: tuple[ports.LocalFiles, Write]) -> None:
    local, write = place
    assert local.version(ALGO, "nbhosting.yaml") == ""
    write("algo/nbhosting.yaml", b"one")
    one = local.version(ALGO, "nbhosting.yaml")
    write("algo/nbhosting.yaml", b"two!")
    assert "" != one != local.version(ALGO, "nbhosting.yaml")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("algo/nbhosting.yaml", "/etc/passwd"),
        ("algo/nbhosting.yaml", "../other/nbhosting.yaml"),
        ("algo", "/etc"),
        ("algo/jupyter", "/"),
    ],
)
async def test_no_link_leads_out(tmp_path: Path, link: str, target: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/nbhosting.yaml").write_bytes(b"other")
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(target)
    local = LocalDirectory(tmp_path)
    for name in ("nbhosting.yaml", "passwd", "jupyter", "jupyter/etc/passwd", "../other/nbhosting.yaml"):
        assert local.path(ALGO, name) is None
        assert await local.read(ALGO, name) is None


async def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "algo").mkdir()
    os.mkfifo(tmp_path / "algo/nbhosting.yaml")
    assert await LocalDirectory(tmp_path).read(ALGO, "nbhosting.yaml") is None


async def test_what_the_service_may_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "algo").mkdir()
    (tmp_path / "algo/nbhosting.yaml").write_bytes(b"")

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # root, which runs the tests, may read anything
    with pytest.raises(WorldError, match=r"cannot read .*/algo/nbhosting\.yaml: Permission denied"):
        await LocalDirectory(tmp_path).read(ALGO, "nbhosting.yaml")
