"""Clones whose owner arranged them so that a pull would hang, run programs, or go elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import clone_git
import pytest

from tests.toolbox.classroom import Course, Repository, Student

TEXT = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that must never run: it leaves a trace, and does not end."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nsleep 20\n")
    trap.chmod(0o755)
    return trap


SETTINGS = {
    "fsmonitor": [("core.fsmonitor", "{trap}")],
    "hooks": [("core.hooksPath", "{hooks}")],
    "pager and editor": [("core.pager", "{trap}"), ("core.editor", "{trap}"), ("sequence.editor", "{trap}")],
    "credentials": [
        ("credential.helper", "!{trap}"),
        ("core.askPass", "{trap}"),
        ("core.sshCommand", "{trap}"),
    ],
    "gpg": [("commit.gpgSign", "true"), ("gpg.program", "{trap}"), ("merge.verifySignatures", "true")],
    "diff": [("diff.external", "{trap}"), ("diff.bad.textconv", "{trap}"), ("diff.bad.command", "{trap}")],
    "filters": [
        ("filter.bad.clean", "{trap}"),
        ("filter.bad.smudge", "{trap}"),
        ("filter.bad.required", "true"),
        ("filter.Worse.process", "{trap}"),
        ("filter.Worse.required", "true"),
    ],
    "merge driver": [
        ("merge.bad.driver", "{trap} %A"),
        ("merge.default", "bad"),
        ("merge.text.driver", "{trap}"),
    ],
    "aliases": [("alias.status", "!{trap}"), ("alias.fetch", "!{trap}")],
    "worktree": [("core.worktree", "/etc"), ("core.bare", "true")],
    "elsewhere": [
        ("url./nowhere/.insteadOf", "/"),
        ("url.ext::{trap} .insteadOf", ""),
        ("protocol.ext.allow", "always"),
    ],
    "alternates": [("core.alternateRefsCommand", "{trap}")],
    "merge options": [("branch.main.mergeOptions", "-s ours"), ("merge.ff", "only"), ("pull.ff", "only")],
    "upload-pack": [("remote.origin.uploadpack", "{trap}")],
    "include": [("include.path", "{include}"), ("includeIf.gitdir:**.path", "{include}")],
    "collection": [("gc.auto", "1"), ("gc.autoDetach", "false"), ("maintenance.auto", "true")],
    "line endings": [("core.safecrlf", "true"), ("core.autocrlf", "input")],
    "names": [("user.useConfigOnly", "true"), ("user.name", "<>"), ("user.email", "")],
    "submodules": [
        ("submodule.recurse", "true"),
        ("fetch.recurseSubmodules", "true"),
        ("submodule.x.update", "!{trap}"),
    ],
    "rename limits": [
        ("merge.renames", "false"),
        ("diff.renameLimit", "1"),
        ("status.showUntrackedFiles", "all"),
    ],
}


@pytest.mark.parametrize("kind", sorted(SETTINGS))
def test_settings_of_the_student_s_are_not_obeyed(
    course: Course, student: Student, trap: Path, tmp_path: Path, kind: str
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in (
        "post-checkout",
        "post-merge",
        "pre-commit",
        "reference-transaction",
        "post-index-change",
        "pre-auto-gc",
    ):
        (hooks / name).symlink_to(trap)
        (student.path / ".git/hooks").mkdir(exist_ok=True)
        (student.path / ".git/hooks" / name).symlink_to(trap)
    (tmp_path / "include").write_text(
        f'[core]\n\tfsmonitor = {trap}\n[filter "inc"]\n\tclean = {trap}\n\tsmudge = {trap}\n'
    )
    (student.path / ".git/objects/info").mkdir(exist_ok=True)
    (student.path / ".git/objects/info/alternates").write_text(f"{course.path}/.git/objects\n")
    (student.path / ".git/info/attributes").write_text(
        "*.md filter=bad diff=bad\n*.csv filter=Worse merge=bad\nREADME.md filter=inc\n"
    )
    student.write({"w1/text.md": TEXT.replace("line 3", "MINE"), "w2/data.csv": "mine\na;b\n1;2\n"})
    for key, value in SETTINGS[kind]:
        with open(student.path / ".git/config", "a", encoding="utf-8") as file:
            section, _, rest = key.partition(".")
            subsection, _, name = rest.rpartition(".")
            filled = [
                part.format(trap=trap, hooks=hooks, include=tmp_path / "include")
                for part in (subsection, value)
            ]
            heading = f'{section} "{filled[0]}"' if subsection else section
            file.write(f'[{heading}]\n\t{name} = "{filled[1]}"\n')
    course.publish(
        {
            "w1/text.md": TEXT.replace("line 15", "THEIRS"),
            "w2/data.csv": "a;b\n1;2\n" + TEXT,
            "w3/new.md": "new",
        }
    )
    answer = student.ask("pull")
    assert not (tmp_path / "sprung").exists()
    assert answer["outcome"] in ("committed-and-merged", "conflict"), answer
    assert student.read("w1/text.md").startswith("line 0\nline 1\nline 2\nMINE\n")
    if answer["outcome"] == "committed-and-merged":
        assert "THEIRS" in student.read("w1/text.md")
        assert student.read("w3/new.md") == "new"
    else:
        assert answer["conflicts"] == ["w2/data.csv"]


def test_an_address_that_leads_elsewhere_does_not_bring_another_course(
    course: Course, student: Student, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    Repository(tmp_path).git("clone", "--quiet", str(course.mirror), str(other))
    Repository(other).commit({"evil.md": "evil"})
    student.git("config", f"url.{other}.insteadOf", str(course.mirror))
    student.git("config", "--add", f"url.{other}.insteadOf", "")
    student.git("config", "--add", f"url.{other}.insteadOf", "nbhosting-")
    new = course.publish({"w3/new.md": "new"})
    assert student.pull()["after"] == new
    assert not (student.path / "evil.md").exists()


@pytest.mark.parametrize(
    "name", ["config", "index", "HEAD", "packed-refs", "info/attributes", "logs/HEAD", "config.worktree"]
)
def test_a_pipe_in_place_of_a_file_of_git_s_own_holds_nobody_up(
    course: Course, student: Student, name: str
) -> None:
    course.publish({"w3/new.md": "new"})
    path = student.path / ".git" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    answer = student.run("pull")
    assert answer.returncode == 1
    assert f"{name} is not a file".encode() in answer.stderr
    assert student.ask("pull", resync=True)["outcome"] == "resynced"
    assert student.read("w3/new.md") == "new"


def test_a_git_that_does_not_end_is_given_up_with_its_helpers(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clone_git, "LONGEST_COMMAND", 0.5)
    git = clone_git.Git(str(student.path / ".git"), str(student.path), str(tmp_path))
    git.settings["core.alternateRefsCommand"] = f"mkfifo {tmp_path}/never; read x < {tmp_path}/never; true"
    (student.path / ".git/objects/info/alternates").write_text(f"{student.mirror}/objects\n")
    with pytest.raises(clone_git.GitFailure, match="given up"):
        git.fetch(str(student.mirror), "+refs/heads/*:refs/heads/other-*")
