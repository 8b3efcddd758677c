"""A course, its mirror, a student with a clone, with the real Git; and the promise that nothing of the student's is lost."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "images/toolbox/clone.py"
STAMP = "20261123T181500Z"
LATER = "20261124T090000Z"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.org",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org",
    "GIT_EDITOR": "true",
}


def notebook(*sources: str, outputs: bool = False, indent: int = 1, **metadata: object) -> bytes:
    """A notebook with code cells of these sources; with outputs, each has been run."""
    shown = [{"output_type": "stream", "name": "stdout", "text": ["so much\n"]}]
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": number if outputs else None,
            "metadata": {},
            "outputs": shown if outputs else [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources, 1)
    ]
    whole = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3"}, **metadata},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return (json.dumps(whole, indent=indent) + "\n").encode()


def name_of(content: bytes) -> str:
    """The name that Git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


@dataclass
class Repository:
    """A working tree with Git in it, used as a person does."""

    path: Path
    extra: dict[str, str] = field(default_factory=dict)

    def git(self, *argv: str | bytes, stdin: bytes = b"", check: bool = True) -> str:
        """Run Git in it; its output, stripped."""
        done = subprocess.run(
            ("/usr/bin/git", *argv),
            cwd=self.path,
            env={**ENVIRONMENT, **self.extra},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, (argv, done.stderr)
        return done.stdout.decode("utf-8", "backslashreplace").strip()

    def write(self, files: Mapping[str | bytes, bytes | str]) -> None:
        """Files with that content, their directories made."""
        for name, content in files.items():
            path = os.path.join(os.fsencode(self.path), os.fsencode(name))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())

    def read(self, name: str) -> str:
        """A file's text, or "" for none."""
        path = self.path / name
        return path.read_bytes().decode("utf-8", "backslashreplace") if path.is_file() else ""

    def commit(self, files: Mapping[str | bytes, bytes | str] | None = None, message: str = "work") -> str:
        """Write files and commit all there is; the commit."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    @property
    def status(self) -> list[str]:
        """What Git tells of changed and untracked files."""
        return [line.strip() for line in self.git("status", "--porcelain").splitlines()]


@dataclass
class Course(Repository):
    """The teacher's repository, and the mirror that students clone."""

    mirror: Path = field(default_factory=Path)

    def publish(self, files: Mapping[str | bytes, bytes | str] | None = None) -> str:
        """A new commit, in the mirror too."""
        commit = self.commit(files, "course")
        self.pulled()
        return commit

    def pulled(self) -> None:
        """The mirror has what the repository has, also after a forced push."""
        self.git("push", "--quiet", "--force", "--prune", str(self.mirror), "refs/heads/*:refs/heads/*")


@dataclass
class Student(Repository):
    """A student's workspace, and our tool in it."""

    mirror: Path = field(default_factory=Path)

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """What the tool answers."""
        done = self.run(do, **request)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    def run(self, do: str, **request: Any) -> subprocess.CompletedProcess[bytes]:
        """One run of the tool."""
        whole = {
            "do": do,
            "work": str(self.path),
            "mirror": str(self.mirror),
            "user": {"name": "Alice", "email": "alice@nbhosting.invalid"},
            "stamp": STAMP,
            **request,
        }
        # Without the packages that the tool does without too, and compiled once: many runs of it are short.
        quick = ("-S", "-X", f"pycache_prefix={self.path.parent.parent / 'compiled'}")
        argv = (sys.executable, "-I", *quick, str(TOOL), json.dumps(whole))
        return subprocess.run(
            argv, env=ENVIRONMENT, capture_output=True, check=False, timeout=120, cwd=self.path
        )

    def pull(self, **request: Any) -> dict[str, Any]:
        """A pull that loses nothing, or the test fails; asked dry before, it said the same and changed nothing."""
        before, exactly = self.holdings(), self.everything()
        dry = self.ask("pull", **{**request, "dry_run": True})
        assert self.everything() == exactly, "a dry run changed something"
        answer = self.ask("pull", **request)
        lost = before - self.holdings()
        assert not lost, f"lost: {lost}"
        assert (dry["would"] or dry["outcome"]) == answer["outcome"], dry
        assert dry["conflicts"] == answer["conflicts"]
        assert dry["stripped"] == answer["stripped"]
        assert dry["committed"] == answer["committed"]
        return answer

    def adopt(self, **request: Any) -> dict[str, Any]:
        """An adoption that loses nothing, or the test fails."""
        before = self.holdings()
        answer = self.ask("adopt", **request)
        lost = before - self.holdings()
        assert not lost, f"lost: {lost}"
        return answer

    def holdings(self) -> set[str]:
        """All that the student has: the contents of the files, what is in the index, and the commits and files of every
        reference that is not the course's; also of repositories that were put aside."""
        found = {name_of(content) for content in self.contents()}
        for git_dir in [self.path / ".git", *self.path.glob(".nbhosting/before/*/git")]:
            if (git_dir / "HEAD").is_file() and (git_dir / "objects").is_dir():
                found |= self.kept_in(git_dir)
        return found

    def kept_in(self, git_dir: Path) -> set[str]:
        """What that repository keeps from Git's own collector of garbage, and its index; of a broken one what can be read."""
        aside = Repository(self.path, {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(self.path)})
        argv = ("rev-list", "--objects", "--no-object-names", "--exclude=refs/remotes/*", "--all")
        staged = aside.git("ls-files", "--stage", check=False).splitlines()
        of_index = {line.split()[1] for line in staged if line[:6] != "160000"}
        return {*aside.git(*argv, check=False).split(), *of_index}

    def contents(self) -> list[bytes]:
        """The contents of all files in the workspace but Git's own; of links where they lead, but of ours."""
        found = []
        for directory, directories, names in os.walk(self.path):
            if "HEAD" in names and "objects" in directories:
                directories.clear()
                continue
            for name in [*names, *directories]:
                path = os.path.join(directory, name)
                if os.path.islink(path):
                    if not os.readlink(path).startswith("/home/jovyan/static/"):
                        found.append(os.fsencode(os.readlink(path)))
                elif os.path.isfile(path) and name not in (".git", "exclude"):
                    found.append(Path(path).read_bytes())
        return found

    def everything(self) -> dict[str, bytes | str]:
        """The student's files, index and references to the byte; the course's references and loose objects aside."""
        found: dict[str, bytes | str] = {}
        for directory, directories, names in os.walk(os.fsencode(self.path)):
            directories[:] = [name for name in directories if name not in (b"objects", b"remotes", b"info")]
            for name in [*names, *directories]:
                path = os.path.join(directory, name)
                key = os.fsdecode(path)
                if os.path.islink(path):
                    found[key] = os.readlink(path)
                elif os.path.isfile(path) and name != b"FETCH_HEAD":
                    with open(path, "rb") as file:
                        found[key] = file.read()
        return found
