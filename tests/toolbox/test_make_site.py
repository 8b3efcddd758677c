"""images/sites/make.py, on this computer: it copies, runs the script, and packs what came of it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "images/sites/make.py"


@dataclass
class Made:
    code: int
    said: str
    files: dict[str, bytes]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    top = tmp_path / "course"
    (top / "notebooks").mkdir(parents=True)
    (top / "modules").mkdir()
    (top / "modules/helper.py").write_text("ANSWER = 42\n")
    (top / "notebooks/n.md").write_text("# one\n")
    return top


def make(source: Path, home: Path, script: str, **more: str) -> Made:
    request = {"directory": ".", "script": script, "result": "out", "entry": "index.html", **more}
    call = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import make;"
        " make.main(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))"
    )
    argv = (
        sys.executable,
        "-I",
        "-c",
        call,
        str(PROGRAM.parent),
        json.dumps(request),
        str(source),
        str(home),
    )
    home.mkdir(exist_ok=True)
    done = subprocess.run(argv, capture_output=True, check=False)
    files = {}
    if done.stdout:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                assert content is not None
                files[entry.name] = content.read()
    return Made(done.returncode, done.stderr.decode(), files)


def test_a_copy_is_worked_on_and_the_result_is_packed(source: Path, tmp_path: Path) -> None:
    script = "ls; cp n.md ../changed; rm n.md; mkdir -p out/sub; echo x > out/sub/x; echo loud; python -c 'print(6 * 7)' > out/y"
    made = make(source, tmp_path / "home", script, directory="notebooks")
    assert (made.code, made.files) == (0, {"sub/x": b"x\n", "y": b"42\n"})
    assert "loud" in made.said  # the log, never the archive
    assert "the site has 2 files" in made.said
    assert "no “index.html”" in made.said
    assert (source / "notebooks/n.md").exists()
    assert not (source / "changed").exists()


@pytest.mark.parametrize(
    ("script", "more", "sentence"),
    [
        ("mkdir out; false; true", {}, "exit status 1"),
        ("mkdir out; exit 7", {}, "exit status 7"),
        ("true", {}, "made no directory “out”"),
        ("touch out", {}, "made no directory “out”"),
        ("true", {"directory": "nowhere"}, "no directory “nowhere”"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    source: Path, tmp_path: Path, script: str, more: dict[str, str], sentence: str
) -> None:
    made = make(source, tmp_path / "home", script, **more)
    assert (made.code, made.files) == (1, {})
    assert sentence in made.said.splitlines()[-1]


def test_programs_and_modules_are_found_and_packages_have_a_place(source: Path, tmp_path: Path) -> None:
    script = (
        "mkdir out; python -c 'import helper, pip; print(helper.ANSWER)' > out/a; pip --version > out/pip;"
        " python -c 'import sys, sysconfig; print(sysconfig.get_paths()[\"purelib\"])' > out/place"
    )
    made = make(source, tmp_path / "home", script)
    assert made.code == 0, made.said
    assert made.files["a"] == b"42\n"
    assert made.files["pip"].startswith(b"pip ")
    assert made.files["place"].decode().startswith(str(tmp_path / "home/.site"))


def test_links_become_files_and_never_directories(source: Path, tmp_path: Path) -> None:
    links = "ln -s real out/again; ln -s real/x out/copy; ln -s nowhere out/torn; mkfifo out/pipe"
    script = f"mkdir -p out/real; echo x > out/real/x; {links}"
    made = make(source, tmp_path / "home", script)
    assert made.files == {"real/x": b"x\n", "copy": b"x\n"}


def test_pages_get_a_storage_that_the_sandbox_does_not_refuse(source: Path, tmp_path: Path) -> None:
    script = (
        "mkdir out; echo '<html><head lang=x><title>t</title></head>' > out/index.html; echo '<header>' > out/none.htm;"
        " echo '<head>' > out/x.js"
    )
    files = make(source, tmp_path / "home", script).files
    page = files["index.html"].decode()
    assert page.startswith("<html><head lang=x><script>try{localStorage}")
    assert page.endswith("</script><title>t</title></head>\n")
    assert files["none.htm"] == b"<header>\n"
    assert files["x.js"] == b"<head>\n"
