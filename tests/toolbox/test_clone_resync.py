"""The course's state again, for clones that nothing else helps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.toolbox.classroom import LATER, STAMP, Course, Student, notebook

BEFORE = f".nbhosting/before/{STAMP}"


def hopeless(course: Course, student: Student) -> str:
    """Give the student commits, changes and files of all kinds, in conflict with the course; the course's commit."""
    student.commit({"w1/text.md": "committed", "mine/committed.md": "mine"})
    student.write({"README.md": "dirty", "w3/new.md": "in the way", "mine/untracked.md": "untracked"})
    student.write({"w1/text.md": "staged"})
    student.git("add", "w1/text.md")
    student.write({"w1/text.md": "committed, staged, changed"})
    return course.publish(
        {"w1/text.md": "theirs", "w3/new.md": "theirs", "w2/data.csv": "changed by the course"}
    )


def test_what_differs_is_kept_beside_and_the_rest_is_the_course_s(course: Course, student: Student) -> None:
    new = hopeless(course, student)
    answer = student.pull(resync=True)
    assert (answer["outcome"], answer["after"], student.head) == ("resynced", new, new)
    assert student.status == ["?? mine/untracked.md"] or student.status == ["?? mine/"]
    assert student.read(f"{BEFORE}/w1/text.md") == "committed, staged, changed"
    assert student.read(f"{BEFORE}/README.md") == "dirty"
    assert student.read(f"{BEFORE}/w3/new.md") == "in the way"
    assert student.read(f"{BEFORE}/mine/committed.md") == "mine"
    assert not (student.path / BEFORE / "w2").exists()
    assert (student.read("w3/new.md"), student.read("README.md")) == ("theirs", "# A course\n")
    assert set(answer["kept"]) == {
        f"refs/nbhosting/before/{STAMP}",
        f"refs/nbhosting/worktree/{STAMP}",
        f"{BEFORE}/",
    }


def test_a_clone_that_is_as_the_course_is_stays(student: Student) -> None:
    student.write({"own.md": "untracked"})
    assert student.pull(resync=True)["outcome"] == "up-to-date"


def test_changes_alone_are_a_reason(student: Student) -> None:
    student.write({"README.md": "dirty"})
    assert student.pull(resync=True)["outcome"] == "resynced"
    assert student.read(f"{BEFORE}/README.md") == "dirty"
    assert student.status == []


@pytest.mark.parametrize("begun", ["merge", "rebase", "cherry-pick"])
def test_something_unfinished_ends_and_is_kept(course: Course, student: Student, begun: str) -> None:
    student.git("config", "rebase.autoStash", "true")
    student.git("config", "merge.autoStash", "true")
    student.commit({"w1/text.md": "mine"})
    if begun != "cherry-pick":
        student.write({"README.md": "in a stash of Git's own"})
    new = course.publish({"w1/text.md": "theirs"})
    student.git("fetch", "--quiet")
    student.git(begun, "origin/main", check=False)
    assert student.pull()["outcome"] == "unfinished"
    stashed = student.read("README.md") == "# A course\n" and begun != "cherry-pick"
    answer = student.pull(resync=True, stamp=LATER)
    assert (answer["outcome"], student.head) == ("resynced", new)
    assert "<<<<<<<" in student.read(f".nbhosting/before/{LATER}/w1/text.md")
    if stashed:
        kept = student.git("for-each-ref", "--format=%(refname)", "refs/nbhosting/worktree").splitlines()
        assert "in a stash of Git's own" in [student.git("show", f"{ref}:README.md") for ref in kept]
    assert student.git("branch", "--show-current") == "main"
    assert student.pull()["outcome"] == "up-to-date"


def test_other_branches_stay(course: Course, student: Student) -> None:
    student.commit({"mine.md": "on main"})
    main = student.head
    student.git("checkout", "--quiet", "-b", "try")
    student.commit({"mine.md": "on a branch"})
    new = course.publish({"w3/new.md": "new"})
    answer = student.pull(resync=True)
    assert (answer["branch"], student.git("rev-parse", "main")) == ("main", new)
    assert student.git("show", "try:mine.md") == "on a branch"
    assert main in student.git("for-each-ref", "--format=%(objectname)", "refs/nbhosting/before").splitlines()


def broken_head(student: Student) -> None:
    (student.path / ".git/HEAD").write_text("nonsense\n")


def broken_index(student: Student) -> None:
    (student.path / ".git/index").write_bytes(b"nonsense")


def broken_config(student: Student) -> None:
    (student.path / ".git/config").write_text("[nonsense")


def broken_objects(student: Student) -> None:
    for path in (student.path / ".git/objects").glob("*/*"):
        if path.is_file():
            path.unlink()


def unknown_format(student: Student) -> None:
    student.git("config", "core.repositoryFormatVersion", "99")


def no_git(student: Student) -> None:
    (student.path / ".git").rename(student.path / "was-git")


def a_file(student: Student) -> None:
    no_git(student)
    (student.path / ".git").write_text("gitdir: was-git")


@pytest.mark.parametrize(
    "breaking", [broken_head, broken_index, broken_config, broken_objects, unknown_format, no_git, a_file]
)
def test_a_repository_that_git_cannot_work_in_goes_aside_whole(
    course: Course, student: Student, breaking: Callable[[Student], None]
) -> None:
    new = hopeless(course, student)
    breaking(student)
    objects = sorted(path.name for path in student.path.rglob("objects/*/*") if path.is_file())
    contents = student.contents()
    answer = student.ask("pull", resync=True)
    assert answer["outcome"] == "resynced", answer
    assert student.head == new
    assert student.git("fsck", "--no-dangling") == ""
    assert student.read(f"{BEFORE}/w1/text.md") == "committed, staged, changed"
    assert student.read(f"{BEFORE}/w3/new.md") == "in the way"
    assert student.read("mine/untracked.md") == "untracked"
    assert not set(contents) - set(student.contents()) - {b"a;b\n1;2\n"}
    assert not set(objects) - {path.name for path in student.path.rglob("objects/*/*")}
    assert student.pull(stamp=LATER)["outcome"] == "up-to-date"


def test_a_resync_of_a_workspace_that_never_was_a_clone(course: Course, newcomer: Student) -> None:
    newcomer.write({"w1/intro.ipynb": notebook("mine"), "own.md": "own"})
    answer = newcomer.pull(resync=True)
    assert (answer["outcome"], newcomer.head) == ("resynced", course.head)
    assert newcomer.read(f"{BEFORE}/w1/intro.ipynb") == notebook("mine").decode()
    assert newcomer.status == ["?? own.md"]


def test_a_second_resync_with_the_same_stamp_overwrites_nothing(course: Course, student: Student) -> None:
    student.write({"README.md": "first"})
    student.pull(resync=True)
    student.write({"README.md": "second"})
    student.pull(resync=True)
    assert student.read(f"{BEFORE}/README.md") == "first"
    assert "second" in [path.read_text() for path in (student.path / ".nbhosting/before").rglob("README*")]


def test_a_lock_of_now_is_respected(student: Student) -> None:
    student.write({"README.md": "dirty"})
    (student.path / ".git/index.lock").touch()
    assert student.pull(resync=True)["outcome"] == "locked"
