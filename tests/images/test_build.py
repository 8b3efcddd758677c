"""images/build: what it would run, and a course's own image for real."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.images.workspace import IMAGES, as_service_user

BUILD = IMAGES / "build"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader("nbhosting_build", str(BUILD))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    return module


def printed(*argv: str) -> list[str]:
    """The commands that images/build would run."""
    done = subprocess.run((str(BUILD), *argv, "--print"), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_without_a_registry_a_debian_is_made_first() -> None:
    made, imported, built, warmed = printed("minimal")
    assert made.startswith("+ mmdebstrap --mode=unshare")
    assert imported.startswith("+ podman import")
    assert "--build-arg=BASE=localhost/nbhosting/debian:trixie" in built
    assert re.search(r"--label=nbhosting\.lock=sha256:[0-9a-f]{64}", built)
    assert "--userns=nomap" in warmed


def test_with_a_registry_its_image_is_the_base() -> None:
    built, _ = printed("minimal", "--base=registry.example/debian:trixie")
    assert "--build-arg=BASE=registry.example/debian:trixie" in built


def test_only_our_own_recipes_run_in_the_hosts_network(tmp_path: Path) -> None:
    assert "--network=host" in printed("scipy")[0]
    course = printed("python-mooc", f"--context={tmp_path}")[0]
    # FROM and ADD are fetched by podman itself
    assert course.startswith("+ podman unshare --rootless-netns podman build ")
    assert "--tag=localhost/nbhosting/course-python-mooc" in course


def test_a_course_without_a_directory_is_refused() -> None:
    done = subprocess.run((str(BUILD), "python-mooc"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--context" in done.stderr


def test_a_containerfile_counts_before_a_dockerfile(build: ModuleType, tmp_path: Path) -> None:
    assert build.recipe(tmp_path).name == "Containerfile"
    (tmp_path / "Dockerfile").touch()
    assert build.recipe(tmp_path).name == "Dockerfile"
    (tmp_path / "Containerfile").touch()
    assert build.recipe(tmp_path).name == "Containerfile"


def test_other_peoples_repositories_stay_out_of_the_image(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        "http://mirror.example/debian/\ttrixie\tmain\tDebian",
        "http://mirror.example/debian/\ttrixie\tnon-free\tDebian",
        "http://mirror.example/debian/\ttrixie\tmain\tDebian",
        "http://mirror.example/debian/\ttrixie-updates\tmain\t$(ORIGIN)",
        "http://mirror.example/debian/\ttrixie-backports\tmain\tDebian",
        "http://other.example/\ttrixie\tmain\tOther",
    )
    answer = subprocess.CompletedProcess((), 0, stdout="\n".join(lines) + "\n")
    monkeypatch.setattr(build.subprocess, "run", lambda *_, **__: answer)
    assert build.debian_sources() == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
    ]


@pytest.fixture
def context() -> Iterator[Path]:
    """A directory that the service user can read; the image made from it is removed."""
    place = Path(as_service_user("mktemp", "--directory", "--tmpdir=/var/tmp").stdout.strip())
    place.chmod(0o755)
    yield place
    as_service_user("podman", "image", "rm", "--force", "localhost/nbhosting/course-imagetest", check=False)
    as_service_user("rm", "-r", str(place))


def test_a_courses_image_starts_from_ours_and_its_build_reaches_no_service_of_the_host(context: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        attempt = f"import socket, sys; sys.exit(socket.socket().connect_ex(('127.0.0.1', {port})) == 0)"
        (context / "Dockerfile").write_text(
            f'FROM nbhosting/minimal-notebook\nRUN python -c "{attempt}" && touch /usr/share/imagetest\n'
        )
        as_service_user(str(BUILD), "imagetest", f"--context={context}")
    names = as_service_user("podman", "images", "--format={{.Repository}}").stdout.split()
    assert "localhost/nbhosting/course-imagetest" in names


def test_what_a_recipe_adds_comes_from_no_service_of_the_host(context: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        (context / "Dockerfile").write_text(
            f"FROM nbhosting/minimal-notebook\nADD http://127.0.0.1:{server.getsockname()[1]}/ /x\n"
        )
        done = as_service_user(str(BUILD), "imagetest", f"--context={context}", check=False)
        assert done.returncode != 0
        assert "refused" in done.stderr
        with pytest.raises(BlockingIOError):
            server.accept()


def test_what_a_step_caches_is_no_other_courses(context: Path) -> None:
    (context / "Dockerfile").write_text(
        "FROM nbhosting/minimal-notebook\n"
        'RUN --mount=type=cache,target=/cache test -z "$(ls /cache)" && touch /cache/poison\n'
    )
    try:
        for what in ("imagetest", "imagetest2"):
            as_service_user(str(BUILD), what, f"--context={context}", "--fresh")
    finally:
        as_service_user(
            "podman", "image", "rm", "--force", "localhost/nbhosting/course-imagetest2", check=False
        )
        as_service_user("sh", "-c", "rm -rf ~/.cache/nbhosting-build/imagetest*")


def test_a_short_name_like_ours_goes_to_no_registry(context: Path) -> None:
    (context / "Containerfile").write_text("FROM nbhosting/other-notebook\n")
    done = as_service_user(str(BUILD), "imagetest", f"--context={context}", check=False)
    assert done.returncode != 0
    assert "short-name" in done.stderr
