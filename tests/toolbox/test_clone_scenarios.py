"""What users of systems that pull into clones reported, one by one: each time nothing of the student's is lost."""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.toolbox.classroom import LATER, STAMP, Course, Repository, Student, notebook

LINES = [f"line {number}" for number in range(20)]
TEXT = "\n".join(LINES) + "\n"


def test_the_course_deletes_a_file_that_the_student_left_alone(course: Course, student: Student) -> None:
    (course.path / "w2/data.csv").unlink()
    course.publish()
    assert student.pull()["outcome"] == "fast-forwarded"
    assert not (student.path / "w2").exists()


def test_the_course_deletes_a_file_that_the_student_changed(course: Course, student: Student) -> None:
    student.write({"w2/data.csv": "my;own\n"})
    (course.path / "w2/data.csv").unlink()
    course.publish({"w3/new.md": "new"})
    answer = student.pull()
    assert (answer["outcome"], answer["conflicts"]) == ("conflict", ["w2/data.csv"])
    assert student.read("w2/data.csv") == "my;own\n"


def test_a_file_that_the_student_deleted_comes_back_when_the_course_changes_it(
    course: Course, student: Student
) -> None:
    (student.path / "w2/data.csv").unlink()
    (student.path / "README.md").unlink()
    course.publish({"w2/data.csv": "a;b\n3;4\n"})
    assert student.pull()["outcome"] == "fast-forwarded"
    assert student.read("w2/data.csv") == "a;b\n3;4\n"
    assert student.status == ["D README.md"]


def test_a_deletion_is_not_committed_with_other_changes(course: Course, student: Student) -> None:
    (student.path / "w2/data.csv").unlink()
    student.write({"w1/text.md": "mine at the top\n" + TEXT})
    course.publish({"w1/text.md": TEXT + "theirs at the end\n", "w2/data.csv": "a;b\n3;4\n"})
    answer = student.pull()
    assert (answer["outcome"], answer["committed"]) == ("committed-and-merged", ["w1/text.md"])
    assert student.read("w2/data.csv") == "a;b\n3;4\n"


def test_a_file_that_the_student_removed_from_git_and_the_course_changed_is_a_conflict(
    course: Course, student: Student
) -> None:
    student.git("rm", "--quiet", "w2/data.csv")
    course.publish({"w2/data.csv": "a;b\n3;4\n"})
    answer = student.pull()
    assert (answer["outcome"], answer["conflicts"]) == ("conflict", ["w2/data.csv"])


def test_an_untracked_file_where_the_course_has_one_now_is_renamed(course: Course, student: Student) -> None:
    student.write({"w3/exercise.ipynb": notebook("mine"), "w3/same.md": "same"})
    course.publish({"w3/exercise.ipynb": notebook("theirs"), "w3/same.md": "same"})
    answer = student.pull()
    aside = f"w3/exercise.mine-{STAMP}.ipynb"
    assert answer["outcome"] == "fast-forwarded"
    assert aside in answer["kept"]
    assert student.read(aside) == notebook("mine").decode()
    assert student.read("w3/exercise.ipynb") == notebook("theirs").decode()
    assert student.status == [f"?? {aside}"]
    assert (
        student.git("show", f"refs/nbhosting/worktree/{STAMP}:w3/exercise.ipynb")
        == notebook("mine").decode().strip()
    )


def test_an_ignored_file_is_as_dear_as_any_other(course: Course, student: Student) -> None:
    course.publish({".gitignore": "*.csv\n"})
    student.pull()
    student.write({"w3/results.csv": "mine"})
    course.write({"w3/results.csv": "theirs"})
    course.git("add", "--force", "w3/results.csv")
    course.publish()
    assert student.pull(stamp=LATER)["outcome"] == "fast-forwarded"
    assert student.read(f"w3/results.mine-{LATER}.csv") == "mine"


def test_files_and_directories_in_each_other_s_place(course: Course, student: Student) -> None:
    student.write({"w3": "a file", "w4/x/mine.md": "in a directory", "w2/mine.md": "beside the course's"})
    (course.path / "w2/data.csv").unlink()
    (course.path / "w2").rmdir()
    course.publish({"w3/new.md": "new", "w4": "now a file", "w2": "also"})
    answer = student.pull()
    assert answer["outcome"] == "fast-forwarded"
    assert student.read(f"w3.mine-{STAMP}") == "a file"
    assert student.read(f"w4.mine-{STAMP}/x/mine.md") == "in a directory"
    assert student.read(f"w2.mine-{STAMP}/mine.md") == "beside the course's"
    assert (student.read("w4"), student.read("w2"), student.read("w3/new.md")) == (
        "now a file",
        "also",
        "new",
    )


def test_a_file_and_a_directory_that_were_both_committed_are_a_conflict_by_their_name(
    course: Course, student: Student
) -> None:
    student.commit({"w3": "a file"})
    course.publish({"w3/new.md": "new"})
    answer = student.pull()
    assert (answer["outcome"], answer["conflicts"]) == ("conflict", ["w3"])


def test_a_tracked_file_that_the_student_made_a_directory_or_a_link(course: Course, student: Student) -> None:
    (student.path / "w1/text.md").unlink()
    student.write({"w1/text.md/inside.md": "mine"})
    (student.path / "w2").rename(student.path / "moved")
    (student.path / "w2").symlink_to("moved")
    course.publish({"w1/text.md": "theirs", "w2/data.csv": "theirs"})
    answer = student.pull()
    assert answer["outcome"] == "fast-forwarded"
    assert student.read(f"w1/text.mine-{STAMP}.md/inside.md") == "mine"
    assert student.read("w1/text.md") == student.read("w2/data.csv") == "theirs"
    assert student.read("moved/data.csv") == "a;b\n1;2\n"
    assert os.readlink(student.path / f"w2.mine-{STAMP}") == "moved"


def test_a_rewritten_course_is_followed_by_those_without_commits(course: Course, student: Student) -> None:
    course.publish({"w1/text.md": TEXT + "a secret\n"})
    student.pull()
    student.write({"README.md": "mine", "w2/data.csv": "mine too"})
    course.write({"w1/text.md": TEXT})
    course.git("add", "--all")
    course.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "without the secret")
    course.pulled()
    answer = student.pull(stamp=LATER)
    assert answer["outcome"] == "fast-forwarded"
    assert student.head == course.head
    assert student.status == ["M README.md", "M w2/data.csv"]


def test_a_rewritten_course_is_merged_with_what_the_student_did_and_no_more(
    course: Course, student: Student
) -> None:
    course.publish({"w1/text.md": TEXT + "a secret\n", "w3/new.md": "one\n"})
    student.pull()
    student.commit({"README.md": "mine"})
    student.write({"w1/text.md": "MINE\n" + TEXT + "a secret\n"})
    course.git("reset", "--quiet", "--hard", "HEAD~1")
    course.publish({"w3/new.md": "two\n"})
    answer = student.pull(stamp=LATER)
    assert (answer["outcome"], answer["committed"]) == ("committed-and-merged", ["w1/text.md"])
    assert student.read("w1/text.md") == "MINE\n" + TEXT
    assert student.read("w3/new.md") == "two\n"
    assert student.read("README.md") == "mine"
    course.publish({"w1/text.md": TEXT + "another end\n"})
    assert student.pull(stamp="20261125T000000Z")["outcome"] == "merged"
    assert student.read("w1/text.md") == "MINE\n" + TEXT + "another end\n"


def test_a_course_that_began_anew_has_nothing_in_common_with_a_student_s_commits(
    course: Course, student: Student
) -> None:
    student.commit({"README.md": "mine"})
    course.git("checkout", "--quiet", "--orphan", "other")
    course.commit({"README.md": "theirs"})
    course.git("branch", "--force", "main", "other")
    course.git("checkout", "--quiet", "main")
    course.git("branch", "--quiet", "-D", "other")
    course.pulled()
    answer = student.pull()
    assert (answer["outcome"], answer["conflicts"]) == ("conflict", ["README.md"])
    assert student.pull(reset="if-needed", stamp=LATER)["outcome"] == "reset"
    assert student.head == course.head


def test_a_file_that_the_course_renamed_takes_the_student_s_changes_along(
    course: Course, student: Student
) -> None:
    student.write({"w1/text.md": TEXT.replace("line 3", "MINE")})
    course.git("mv", "w1/text.md", "w1/story.md")
    course.publish()
    assert student.pull()["outcome"] == "committed-and-merged"
    assert student.read("w1/story.md") == TEXT.replace("line 3", "MINE")
    assert not (student.path / "w1/text.md").exists()


def test_a_file_that_the_student_renamed_takes_the_course_s_changes_along(
    course: Course, student: Student
) -> None:
    student.git("mv", "w1/text.md", "w1/mine.md")
    student.commit()
    course.publish({"w1/text.md": TEXT.replace("line 3", "THEIRS")})
    assert student.pull()["outcome"] == "merged"
    assert student.read("w1/mine.md") == TEXT.replace("line 3", "THEIRS")


def test_a_directory_that_the_course_renamed_leaves_the_student_s_files_where_they_are(
    course: Course, student: Student
) -> None:
    student.commit({"w1/mine.md": "mine"})
    course.git("mv", "w1", "week1")
    course.publish()
    assert student.pull()["outcome"] == "merged"
    assert student.read("w1/mine.md") == "mine"


def test_binary_files(course: Course, student: Student) -> None:
    course.publish({"picture.png": bytes(range(256)) * 40})
    student.pull()
    student.write({"picture.png": b"\x89PNG mine" + bytes(range(256)) * 40})
    course.publish({"picture.png": b"\x89PNG theirs" + bytes(range(256)) * 40})
    answer = student.pull(stamp=LATER)
    assert (answer["outcome"], answer["conflicts"]) == ("conflict", ["picture.png"])
    assert (student.path / "picture.png").read_bytes().startswith(b"\x89PNG mine")


def test_a_submodule_is_a_directory_that_nobody_minds(
    course: Course, student: Student, another: Callable[[str], Student]
) -> None:
    course.git("update-index", "--add", "--cacheinfo", f"160000,{course.head},extra")
    course.write({".gitmodules": '[submodule "extra"]\n\tpath = extra\n\turl = https://nowhere.invalid/x\n'})
    course.git("add", ".gitmodules")
    course.git("commit", "--quiet", "--message", "a submodule")
    course.pulled()
    student.write({"extra/mine.md": "there before"})
    assert student.pull()["outcome"] == "fast-forwarded"
    assert student.read("extra/mine.md") == "there before"
    fresh = another("fresh")
    assert fresh.pull()["outcome"] == "fast-forwarded"
    assert fresh.status == []
    course.git("update-index", "--cacheinfo", f"160000,{course.head},extra")
    course.git("commit", "--quiet", "--message", "a newer submodule")
    course.pulled()
    inside = Repository(student.path / "extra")
    inside.git("init", "--quiet", "--initial-branch=main")
    inside.commit()
    for clone in (student, fresh):
        assert clone.pull(stamp=LATER)["outcome"] == "fast-forwarded"


def test_line_endings_of_windows(course: Course, student: Student) -> None:
    course.publish({"w1/text.md": TEXT.replace("\n", "\r\n")})
    student.pull()
    student.write({"w1/text.md": TEXT.replace("line 3", "MINE").replace("\n", "\r\n")})
    course.publish({"w1/text.md": TEXT.replace("line 15", "THEIRS").replace("\n", "\r\n")})
    assert student.pull(stamp=LATER)["outcome"] == "committed-and-merged"
    both = TEXT.replace("line 3", "MINE").replace("line 15", "THEIRS")
    assert student.read("w1/text.md") == both.replace("\n", "\r\n")


def test_line_endings_that_git_was_told_to_refuse(course: Course, student: Student) -> None:
    student.git("config", "core.autocrlf", "input")
    student.git("config", "core.safecrlf", "true")
    student.write({"w1/text.md": TEXT.replace("line 3", "MINE").replace("\n", "\r\n")})
    course.publish({"w1/text.md": TEXT.replace("line 15", "THEIRS")})
    answer = student.ask("pull")
    assert answer["outcome"] == "committed-and-merged"
    assert (
        student.git("show", "HEAD:w1/text.md")
        == TEXT.replace("line 3", "MINE").replace("line 15", "THEIRS").strip()
    )


def test_line_endings_that_the_course_s_own_rules_call_changed(course: Course, student: Student) -> None:
    course.publish({"w1/windows.md": TEXT.replace("\n", "\r\n")})
    course.write({".gitattributes": "*.md text\n"})
    course.git("add", ".gitattributes")
    course.git("commit", "--quiet", "--message", "rules, and files that do not keep them")
    course.pulled()
    student.pull()
    (student.path / "w1/windows.md").touch()
    course.git("rm", "--quiet", "--cached", "w1/windows.md")
    course.publish({"w1/windows.md": TEXT + "theirs\n"})
    assert student.pull(stamp=LATER)["outcome"] == "fast-forwarded"
    assert student.read("w1/windows.md") == TEXT + "theirs\n"


def test_names_that_are_no_text_or_look_like_something_else(course: Course, student: Student) -> None:
    names = [
        b"caf\xe9.md",
        "déjà vu.md".encode(),
        b"new\nline.md",
        b"-rf",
        b":(top)magic.md",
        b'quote".md',
        b"tab\t.md",
        b"*",
    ]
    course.publish(dict.fromkeys(names, "course\n" + TEXT))
    answer = student.pull()
    assert answer["outcome"] == "fast-forwarded"
    student.write(dict.fromkeys(names, "mine\n" + TEXT))
    course.publish(dict.fromkeys(names, "theirs\n" + TEXT))
    answer = student.pull(stamp=LATER)
    assert answer["outcome"] == "conflict"
    assert len(answer["conflicts"]) == len(names)
    assert "caf\\xe9.md" in answer["conflicts"]
    assert student.status == []


def test_untracked_files_with_such_names(course: Course, student: Student) -> None:
    long = b"n" * 250 + b".md"
    names = [b"caf\xe9.md", b"new\nline.md", b"-rf", long]
    student.write(dict.fromkeys(names, b"mine"))
    course.publish(dict.fromkeys(names, "theirs"))
    assert student.pull()["outcome"] == "fast-forwarded"
    assert student.read(os.fsdecode(b"caf\xe9.mine-" + STAMP.encode() + b".md")) == "mine"
    assert student.read(f".nbhosting/before/{STAMP}/{long.decode()}") == "mine"


def test_a_detached_head_is_left_alone_and_led_home_by_a_reset(course: Course, student: Student) -> None:
    student.git("checkout", "--quiet", "--detach")
    mine = student.commit({"mine.md": "mine"})
    course.publish({"w3/new.md": "new"})
    assert student.pull()["outcome"] == "unfinished"
    answer = student.pull(reset="if-needed")
    assert (answer["outcome"], answer["branch"]) == ("reset", "main")
    assert student.git("branch", "--show-current") == "main"
    assert student.git("rev-parse", f"refs/nbhosting/before/{STAMP}") == mine


def test_a_branch_of_the_student_s_own_gets_the_course_s_branch(course: Course, student: Student) -> None:
    student.git("checkout", "--quiet", "-b", "try")
    student.commit({"mine.md": "mine"})
    main = student.git("rev-parse", "main")
    course.publish({"w3/new.md": "new"})
    answer = student.pull()
    assert (answer["outcome"], answer["branch"]) == ("merged", "try")
    assert student.git("rev-parse", "main") == main


def test_a_tag_of_the_branch_s_name_changes_nothing(course: Course, student: Student) -> None:
    student.git("tag", "main")
    student.commit({"w1/text.md": "mine"})
    new = course.publish({"w1/text.md": "theirs"})
    answer = student.pull(reset="if-needed")
    assert (answer["outcome"], answer["branch"]) == ("reset", "main")
    assert student.git("rev-parse", "refs/heads/main") == new
    assert student.git("for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"


def test_a_branch_that_the_course_has_too_gets_that_one(course: Course, student: Student) -> None:
    course.git("checkout", "--quiet", "-b", "year2")
    year2 = course.publish({"w9/new.md": "second year"})
    course.git("checkout", "--quiet", "main")
    course.publish({"w3/new.md": "new"})
    student.git("fetch", "--quiet")
    student.git("checkout", "--quiet", "-b", "year2", "main")
    assert student.pull()["after"] == year2


def test_huge_and_odd_files(course: Course, student: Student) -> None:
    with open(student.path / "w2/data.csv", "wb") as file:
        file.truncate(8 << 20)
    os.mkfifo(student.path / "pipe.ipynb")
    (student.path / "w1/intro.ipynb").unlink()
    os.mkfifo(student.path / "w1/intro.ipynb")
    os.mkfifo(student.path / "w3")
    student.write({"w1/text.md": "mine at the top\n" + TEXT})
    course.publish({"w1/text.md": TEXT + "theirs at the end\n", "w3/new.md": "new"})
    answer = student.pull()
    assert answer["outcome"] == "committed-and-merged"
    assert answer["committed"] == ["w1/text.md", "w2/data.csv"]
    assert (student.path / "w2/data.csv").stat().st_size == 8 << 20
    course.publish({"w1/intro.ipynb": notebook("theirs")})
    assert student.pull(stamp=LATER)["outcome"] == "merged"
    assert student.read("w1/intro.ipynb") == notebook("theirs").decode()
    assert (student.path / f"w1/intro.mine-{LATER}.ipynb").is_fifo()


def test_a_file_that_git_was_told_to_overlook(course: Course, student: Student) -> None:
    student.git("update-index", "--assume-unchanged", "w1/text.md")
    student.git("update-index", "--skip-worktree", "README.md")
    student.write({"w1/text.md": "mine", "README.md": "mine too"})
    course.publish({"w1/text.md": "theirs", "README.md": "theirs"})
    before = student.contents()
    answer = student.ask("pull")
    assert answer["outcome"] == "conflict"
    assert sorted(student.contents()) == sorted(before)


def test_an_update_that_git_refuses_leaves_all_names_as_they_were(course: Course, student: Student) -> None:
    student.git("update-index", "--assume-unchanged", "w1/text.md")
    student.write({"w1/text.md": "mine", "w3/new.md": "mine too"})
    course.publish({"w1/text.md": "theirs", "w3/new.md": "theirs"})
    answer = student.ask("pull")
    assert answer["outcome"] == "conflict"
    assert "w1/text.md" in answer["notes"][0]
    assert (student.read("w1/text.md"), student.read("w3/new.md")) == ("mine", "mine too")
    assert student.status == ["?? w3/"]
