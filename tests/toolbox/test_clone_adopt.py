"""A clone where there was none, around whatever there is."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from tests.toolbox.classroom import STAMP, Course, Repository, Student


def test_an_empty_workspace_gets_the_course(course: Course, newcomer: Student) -> None:
    answer = newcomer.adopt()
    assert (answer["outcome"], answer["before"], answer["after"]) == ("cloned", None, course.head)
    assert newcomer.status == []
    assert newcomer.git("branch", "--show-current") == "main"
    assert newcomer.git("rev-parse", "--abbrev-ref", "main@{upstream}") == "origin/main"
    assert newcomer.git("config", "remote.origin.url") == str(course.mirror)
    assert newcomer.git("config", "user.name") == "Alice"
    assert newcomer.git("config", "pull.rebase") == "false"


def test_what_is_ours_in_a_workspace_is_nobody_s_work_and_git_does_not_see_it(newcomer: Student) -> None:
    newcomer.write(
        {".nbhosting/reset/w1/intro.ipynb": "old", ".nbautoeval": "{}", "DROPPED/sheet/a.pdf": "pdf"}
    )
    assert newcomer.adopt()["outcome"] == "cloned"
    newcomer.write({"w1/.ipynb_checkpoints/intro-checkpoint.ipynb": "{}"})
    assert newcomer.status == []


def test_work_that_is_there_stays_as_a_local_modification(newcomer: Student) -> None:
    newcomer.write({"w1/text.md": "my own text", "mine.md": "mine", "README.md": "# A course\n"})
    answer = newcomer.adopt()
    assert answer["outcome"] == "adopted"
    assert newcomer.status == ["M w1/text.md", "?? mine.md"]
    assert newcomer.read("w2/data.csv") == "a;b\n1;2\n"


def test_links_that_a_mooc_made_give_way_and_other_links_stay(
    course: Course, newcomer: Student, tmp_path: Path
) -> None:
    (newcomer.path / "w2").symlink_to("/home/jovyan/static/w2")
    (newcomer.path / "modules").mkdir()
    (newcomer.path / "modules/helper.py").symlink_to("/home/jovyan/static/modules/helper.py")
    (newcomer.path / "README.md").symlink_to("elsewhere")
    assert newcomer.adopt()["outcome"] == "adopted"
    assert newcomer.status == ["T README.md"]
    assert (newcomer.path / "w2").is_dir()
    assert not (newcomer.path / "w2").is_symlink()


def test_what_no_file_of_the_course_can_live_beside_gets_another_name(newcomer: Student) -> None:
    newcomer.write(
        {"w2": "a file where the course has a directory", "README.md/deep/mine.md": "the other way round"}
    )
    answer = newcomer.adopt()
    assert sorted(answer["kept"]) == [f"README.mine-{STAMP}.md", f"w2.mine-{STAMP}"]
    assert newcomer.read(f"README.mine-{STAMP}.md/deep/mine.md") == "the other way round"
    assert newcomer.read("w2/data.csv") == "a;b\n1;2\n"


def test_a_clone_that_is_there_only_has_its_origin_repaired(course: Course, student: Student) -> None:
    student.git("config", "remote.origin.url", "/srv/old/courses-git/c")
    student.git("config", "--add", "remote.origin.url", "https://example.org/x")
    student.git("config", "remote.origin.fetch", "+refs/heads/main:refs/remotes/origin/main")
    student.git("config", "user.name", "Me")
    student.git("config", "pull.rebase", "true")
    student.write({"w1/text.md": "mine"})
    course.publish({"w3/new.md": "new"})
    head = student.head
    answer = student.adopt()
    assert (answer["outcome"], student.head) == ("present", head)
    assert student.git("config", "--get-all", "remote.origin.url") == str(course.mirror)
    assert student.git("config", "--get-all", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    assert student.git("config", "--get-all", "nbhosting.formerOrigin").splitlines() == [
        "/srv/old/courses-git/c",
        "https://example.org/x",
    ]
    assert student.git("config", "user.name") == "Me"
    assert student.git("config", "pull.rebase") == "true"
    assert student.status == ["M w1/text.md"]


def test_a_student_who_deleted_the_clone_s_git_gets_one_again(course: Course, student: Student) -> None:
    student.write({"w1/text.md": "mine"})
    shutil.rmtree(student.path / ".git")
    assert student.pull()["outcome"] == "no-clone"
    assert student.adopt()["outcome"] == "adopted"
    assert student.status == ["M w1/text.md"]
    assert student.pull()["outcome"] == "up-to-date"


def test_a_git_that_is_a_link_or_a_file_is_put_aside_and_its_target_left(
    course: Course, student: Student, tmp_path: Path
) -> None:
    student.commit({"mine.md": "mine"})
    (student.path / ".git").rename(student.path / "elsewhere")
    (student.path / ".git").symlink_to("elsewhere")
    assert student.pull()["outcome"] == "no-clone"
    answer = student.ask("adopt")
    assert answer["outcome"] == "adopted"
    assert answer["kept"] == [f".nbhosting/before/{STAMP}/git"]
    assert (student.path / "elsewhere/HEAD").is_file()
    (student.path / "elsewhere").rename(student.path.parent / "gone")
    shutil.rmtree(student.path / ".git")
    (student.path / ".git").write_text("gitdir: ../gone")
    again = student.ask("adopt", stamp="20261124T000000Z")
    assert again["kept"] == [".nbhosting/before/20261124T000000Z/git"]
    assert student.read("mine.md") == "mine"
    assert (tmp_path / "gone/HEAD").is_file()


def test_an_empty_course_is_cloned_and_filled_by_the_first_pull(tmp_path: Path, course: Course) -> None:
    mirror = tmp_path / "empty.git"
    Repository(tmp_path).git("init", "--quiet", "--bare", "--initial-branch=main", str(mirror))
    path = tmp_path / "early"
    path.mkdir()
    early = Student(path, mirror=mirror)
    answer = early.adopt()
    assert (answer["outcome"], answer["upstream"]) == ("cloned", None)
    assert early.pull()["outcome"] == "up-to-date"
    early.write({"README.md": "written before the course was"})
    course.git("push", "--quiet", str(mirror), "main")
    assert early.pull()["outcome"] == "fast-forwarded"
    assert early.status == ["M README.md"]
    assert early.head == course.head


def test_an_adoption_that_was_interrupted_is_taken_up_again(newcomer: Student, course: Course) -> None:
    newcomer.git("init", "--quiet", "--initial-branch=main")
    newcomer.write({"w1/text.md": "mine"})
    newcomer.git("add", "w1/text.md")
    newcomer.write({"w1/text.md": "mine, later"})
    answer = newcomer.adopt()
    assert answer["outcome"] == "adopted"
    assert newcomer.read("w1/text.md") == "mine, later"
    assert newcomer.head == course.head


def test_a_dry_adoption_changes_nothing(newcomer: Student) -> None:
    newcomer.write({"mine.md": "mine"})
    before = newcomer.everything()
    assert newcomer.ask("adopt", dry_run=True)["outcome"] == "adopted"
    assert newcomer.everything() == before
    assert not (newcomer.path / ".git").exists()


def test_settings_that_git_cannot_read_do_not_keep_a_student_out(student: Student) -> None:
    (student.path / ".git/config").write_text("[nonsense")
    answer = student.ask("adopt")
    assert answer["outcome"] == "present"
    assert "settings could not be read" in answer["notes"][0]
    assert student.run("pull").returncode == 1


def test_has_says_which_files_there_are_here_and_in_the_course(course: Course, student: Student) -> None:
    (student.path / "w2/data.csv").unlink()
    student.write({"mine.md": "mine"})
    course.publish({"w3/new.md": "new"})
    paths = [
        "README.md",
        "w2/data.csv",
        "mine.md",
        "w3/new.md",
        "w1",
        "../course/README.md",
        "/etc/passwd",
        "",
    ]
    answer = student.ask("has", paths=paths)
    assert answer["has"] == [True, False, True, False, False, False, False, False]
    assert answer["has_upstream"] == [True, True, False, True, False, False, False, False]
    assert answer["outcome"] == "present"


def test_two_at_once_do_not_meet(student: Student) -> None:
    directory = os.open(student.path, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_SH)
        assert student.ask("pull")["outcome"] == "locked"
        assert student.ask("adopt")["outcome"] == "locked"
    finally:
        os.close(directory)


def test_what_is_no_request_is_said_on_stderr(student: Student) -> None:
    assert student.run("dance").returncode == 2
    assert student.run("pull", stamp="../../x").returncode == 2
    assert b"stamp" in student.run("pull", stamp="now").stderr
