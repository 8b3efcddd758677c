"""The steps that bring a clone up to date, one by one."""

from __future__ import annotations

import os
import time

import pytest

from tests.toolbox.classroom import LATER, STAMP, Course, Student, notebook

TEXT = [f"line {number}\n" for number in range(20)]


def text(**lines: str) -> str:
    """The course's text with other words on some lines: `_3="…"`."""
    return "".join(lines.get(f"_{number}", line.rstrip()) + "\n" for number, line in enumerate(TEXT))


def test_nothing_new_is_up_to_date_and_leaves_no_reference(student: Student) -> None:
    student.write({"w1/text.md": "mine"})
    answer = student.pull()
    assert answer["outcome"] == "up-to-date"
    assert answer["kept"] == []
    assert student.read("w1/text.md") == "mine"


def test_up_to_date_is_so_even_with_reset_always(student: Student) -> None:
    student.write({"w1/text.md": "mine"})
    assert student.pull(reset="always")["outcome"] == "up-to-date"
    assert student.read("w1/text.md") == "mine"


def test_own_commits_on_top_are_ahead(student: Student) -> None:
    student.commit({"mine.md": "mine"})
    assert student.pull()["outcome"] == "ahead"


def test_an_untouched_clone_is_fast_forwarded(course: Course, student: Student) -> None:
    before = student.head
    new = course.publish({"w3/new.md": "new"})
    answer = student.pull()
    assert (answer["outcome"], answer["before"], answer["after"]) == ("fast-forwarded", before, new)
    assert answer["upstream"] == student.head == new
    assert answer["branch"] == "main"
    assert answer["kept"] == [f"refs/nbhosting/before/{STAMP}"]
    assert student.read("w3/new.md") == "new"
    assert student.status == []


def test_changes_that_the_course_did_not_make_survive_a_fast_forward_as_they_are(
    course: Course, student: Student
) -> None:
    student.write({"w1/text.md": "mine", "own.md": "untracked"})
    course.publish({"w3/new.md": "new"})
    assert student.pull()["outcome"] == "fast-forwarded"
    assert student.status == ["M w1/text.md", "?? own.md"]


def test_own_commits_and_the_course_s_are_merged(course: Course, student: Student) -> None:
    mine = student.commit({"mine.md": "mine", "w1/text.md": text(_2="mine")})
    student.write({"README.md": "changed, not committed"})
    theirs = course.publish({"w1/text.md": text(_15="theirs")})
    answer = student.pull()
    assert answer["outcome"] == "merged"
    assert student.git("log", "-1", "--format=%P").split() == [mine, theirs]
    assert student.git("log", "-1", "--format=%an <%ae>") == "Alice <alice@nbhosting.invalid>"
    assert student.read("w1/text.md") == text(_2="mine", _15="theirs")
    assert student.status == ["M README.md"]


def test_a_file_that_both_changed_is_committed_and_merged(course: Course, student: Student) -> None:
    student.write({"w1/text.md": text(_2="mine"), "README.md": "mine too"})
    course.publish({"w1/text.md": text(_15="theirs")})
    answer = student.pull()
    assert answer["outcome"] == "committed-and-merged"
    assert answer["committed"] == ["README.md", "w1/text.md"]
    assert student.read("w1/text.md") == text(_2="mine", _15="theirs")
    assert student.status == []
    assert f"refs/nbhosting/worktree/{STAMP}" in answer["kept"]


def test_outputs_are_stripped_before_a_commit(course: Course, student: Student) -> None:
    base = ["print('hello')", "x = 1", "y = 2", "z = 3", "print(x + y + z)"]
    student.write({"w1/intro.ipynb": notebook("print('MINE')", *base[1:], outputs=True)})
    course.publish({"w1/intro.ipynb": notebook(*base[:4], "print(x * y * z)")})
    answer = student.pull()
    assert answer["outcome"] == "committed-and-merged"
    assert answer["stripped"] == answer["committed"] == ["w1/intro.ipynb"]
    assert (
        student.read("w1/intro.ipynb") == notebook("print('MINE')", *base[1:4], "print(x * y * z)").decode()
    )
    kept = student.git("show", f"refs/nbhosting/worktree/{STAMP}:w1/intro.ipynb")
    assert "so much" in kept


def test_a_notebook_that_was_only_run_is_the_course_s_again(course: Course, student: Student) -> None:
    base = ["print('hello')", "x = 1", "y = 2", "z = 3", "print(x + y + z)"]
    student.write({"w1/intro.ipynb": notebook(*base, outputs=True, language_info={"version": "3.13"})})
    new = course.publish({"w1/intro.ipynb": notebook(*base[:4], "print(x * y * z)")})
    answer = student.pull()
    assert answer["outcome"] == "fast-forwarded"
    assert (answer["stripped"], answer["committed"]) == (["w1/intro.ipynb"], [])
    assert student.head == new
    assert student.status == []


def test_a_conflict_leaves_the_commit_and_names_the_file(course: Course, student: Student) -> None:
    before = student.head
    student.write({"w1/text.md": text(_2="mine"), "README.md": "mine"})
    course.publish({"w1/text.md": text(_2="theirs"), "w3/new.md": "new"})
    answer = student.pull()
    assert answer["outcome"] == "conflict"
    assert answer["conflicts"] == ["w1/text.md"]
    assert student.read("w1/text.md") == text(_2="mine")
    assert student.git("log", "-1", "--format=%P") == before
    assert student.status == []
    assert not (student.path / ".git/MERGE_HEAD").exists()


def test_a_second_pull_after_a_conflict_finds_the_same_and_adds_nothing(
    course: Course, student: Student
) -> None:
    student.write({"w1/text.md": text(_2="mine")})
    course.publish({"w1/text.md": text(_2="theirs")})
    student.pull()
    head, refs = student.head, student.git("for-each-ref")
    answer = student.pull(stamp=LATER)
    assert (answer["outcome"], answer["conflicts"]) == ("conflict", ["w1/text.md"])
    assert (student.head, student.git("for-each-ref")) == (head, refs)


def test_a_student_can_solve_a_conflict_with_a_plain_pull(course: Course, student: Student) -> None:
    student.write({"w1/text.md": text(_2="mine")})
    course.publish({"w1/text.md": text(_2="theirs")})
    student.pull()
    student.git("pull", "--quiet", check=False)
    assert "<<<<<<<" in student.read("w1/text.md")
    assert student.pull(stamp=LATER)["outcome"] == "unfinished"
    student.commit({"w1/text.md": text(_2="both")})
    assert student.pull(stamp=LATER)["outcome"] == "ahead"


@pytest.mark.parametrize("reset", ["if-needed", "always"])
def test_a_reset_on_request_keeps_what_was_there_behind_references(
    course: Course, student: Student, reset: str
) -> None:
    mine = student.commit({"w1/text.md": text(_2="mine")})
    student.write({"README.md": "dirty", "own.md": "untracked"})
    new = course.publish({"w1/text.md": text(_2="theirs")})
    answer = student.pull(reset=reset)
    assert (answer["outcome"], student.head) == ("reset", new)
    assert student.status == ["?? own.md"]
    assert student.git("rev-parse", f"refs/nbhosting/before/{STAMP}") == mine
    assert student.git("show", f"refs/nbhosting/worktree/{STAMP}:README.md") == "dirty"


def test_a_reset_that_is_not_needed_is_not_done(course: Course, student: Student) -> None:
    student.commit({"mine.md": "mine"})
    course.publish({"w3/new.md": "new"})
    assert student.pull(reset="if-needed")["outcome"] == "merged"
    assert student.read("mine.md") == "mine"


def test_reset_always_takes_away_own_commits_on_top(course: Course, student: Student) -> None:
    new = student.head
    mine = student.commit({"mine.md": "mine"})
    assert student.pull(reset="always")["outcome"] == "reset"
    assert student.head == new
    assert student.git("rev-parse", f"refs/nbhosting/before/{STAMP}") == mine


@pytest.mark.parametrize("begun", ["merge", "rebase", "cherry-pick"])
def test_a_student_in_the_middle_of_something_is_left_alone(
    course: Course, student: Student, begun: str
) -> None:
    student.commit({"w1/text.md": text(_2="mine")})
    course.publish({"w1/text.md": text(_2="theirs")})
    student.git("fetch", "--quiet", "origin")
    student.git(begun, "origin/main", check=False)
    before = student.everything()
    answer = student.pull()
    assert answer["outcome"] == "unfinished"
    assert begun in answer["notes"][0]
    assert student.everything() == before


def test_a_lock_of_now_is_respected_and_one_of_yesterday_removed(course: Course, student: Student) -> None:
    course.publish({"w3/new.md": "new"})
    lock = student.path / ".git/index.lock"
    lock.touch()
    assert student.pull()["outcome"] == "locked"
    assert lock.exists()
    old = time.time() - 86_400
    os.utime(lock, (old, old))
    answer = student.pull()
    assert answer["outcome"] == "fast-forwarded"
    assert "index.lock" in answer["notes"][0]


def test_without_a_clone_there_is_nothing_to_pull(newcomer: Student) -> None:
    newcomer.write({"w1/text.md": "mine"})
    assert newcomer.pull()["outcome"] == "no-clone"


def test_staged_changes_stay_staged_where_the_course_is_elsewhere(course: Course, student: Student) -> None:
    student.write({"w1/text.md": "staged", "fresh.md": "added"})
    student.git("add", "w1/text.md", "fresh.md")
    student.write({"w1/text.md": "and changed again"})
    course.publish({"w3/new.md": "new"})
    assert student.pull()["outcome"] == "fast-forwarded"
    assert student.status == ["A  fresh.md", "MM w1/text.md"]


def test_staged_changes_to_what_the_course_changed_are_not_lost(course: Course, student: Student) -> None:
    student.write({"w1/text.md": text(_2="staged")})
    student.git("add", "w1/text.md")
    student.write({"w1/text.md": text(_3="and changed again")})
    course.publish({"w1/text.md": text(_15="theirs")})
    assert student.pull()["outcome"] == "committed-and-merged"
    assert student.read("w1/text.md") == text(_3="and changed again", _15="theirs")


def test_a_commit_is_the_student_s_own_name_when_the_clone_knows_it(course: Course, student: Student) -> None:
    student.git("config", "user.name", "Alice Liddell")
    student.write({"w1/text.md": text(_2="mine")})
    course.publish({"w1/text.md": text(_15="theirs")})
    student.pull()
    assert student.git("log", "-1", "--format=%an, %cn") == "Alice Liddell, Alice Liddell"


def test_needless_references_are_forgotten_and_needed_ones_never(course: Course, student: Student) -> None:
    mine = student.commit({"mine.md": "lost otherwise"})
    assert student.pull(reset="always", stamp="20250101T000000Z")["outcome"] == "reset"
    refs = [f"create refs/nbhosting/before/202601{day:02}T000000Z {student.head}\n" for day in range(1, 32)]
    student.git("update-ref", "--stdin", stdin="".join(refs).encode())
    course.publish({"w3/new.md": "new"})
    assert student.pull()["outcome"] == "fast-forwarded"
    kept = student.git(
        "for-each-ref", "--format=%(objectname) %(refname)", "refs/nbhosting/before"
    ).splitlines()
    assert len(kept) == 31
    assert kept[0] == f"{mine} refs/nbhosting/before/20250101T000000Z"
    assert kept[-1].endswith(STAMP)


def test_a_dry_run_leaves_no_objects_in_the_clone(course: Course, student: Student) -> None:
    student.write({"w1/text.md": text(_2="mine")})
    course.publish({"w1/text.md": text(_15="theirs")})
    student.git("fetch", "--quiet")
    before = student.git("count-objects", "--verbose")
    assert student.ask("pull", dry_run=True)["would"] == "committed-and-merged"
    assert student.git("count-objects", "--verbose") == before


def test_a_change_in_the_same_moment_as_a_git_add_is_seen(course: Course, student: Student) -> None:
    """Git compares contents where a file is as young as the index: a copy of the index must look as young as that."""
    student.git("config", "core.trustctime", "false")
    student.git("config", "core.checkStat", "minimal")
    moment = (1_700_000_000, 1_700_000_000)
    for words in ("mine 1", "mine 2"):
        student.write({"w1/text.md": text(_2=words)})
        os.utime(student.path / "w1/text.md", moment)
        if words == "mine 1":
            student.git("add", "w1/text.md")
            os.utime(student.path / ".git/index", moment)
    course.publish({"w1/text.md": text(_15="theirs")})
    assert student.pull()["outcome"] == "committed-and-merged"
    assert student.read("w1/text.md") == text(_2="mine 2", _15="theirs")


def test_a_file_that_was_added_and_removed_again_is_no_obstacle(course: Course, student: Student) -> None:
    student.write({"w3/new.md": "mine"})
    student.git("add", "w3/new.md")
    (student.path / "w3/new.md").unlink()
    course.publish({"w3/new.md": "theirs"})
    assert student.pull()["outcome"] == "fast-forwarded"
    assert student.read("w3/new.md") == "theirs"
