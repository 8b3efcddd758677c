"""A year in a few steps: whatever student, teacher and pulls do, in whatever order, nothing of the student's is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.toolbox.classroom import Course, Repository, Student, notebook

PATHS = ["a.md", "b.ipynb", "d", "d/c.md", "d/e.ipynb"]
TEXTS = ["one\ntwo\nthree\n", "one\nTWO\nthree\n", "one\ntwo\nTHREE\n", "other\r\n", ""]


def content(path: str, text: str, mark: str) -> bytes:
    """A file's content; what a student writes is marked as such, so that each loss is seen."""
    if path.endswith(".ipynb"):
        return notebook(text or "pass", mark, outputs=bool(mark))
    return (text + mark).encode()


def remove(repository: Repository, path: str) -> None:
    """Take away what is at that path."""
    place = repository.path / path
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    elif os.path.lexists(place):
        place.unlink()


def write(repository: Repository, path: str, text: str, mark: str = "") -> None:
    """A file there, even where a directory was or where a directory is to be a file."""
    if path.startswith("d/") and (repository.path / "d").is_file():
        remove(repository, "d")
    remove(repository, path)
    repository.write({path: content(path, text, mark)})


words = st.tuples(st.sampled_from(PATHS), st.sampled_from(TEXTS))
Step = tuple[str, tuple[str, str]]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "add", "commit", "delete", "teach", "teach", "unteach", "rewrite", "branch", "detach"]
        ),
        words,
    ),
    min_size=1,
    max_size=6,
)
requests = st.sampled_from([{}, {}, {}, {"reset": "if-needed"}, {"reset": "always"}, {"resync": True}])


def take(step: Step, number: int, course: Course, student: Student) -> None:
    """One step of the story."""
    deed, (path, text) = step
    mark = f"mine {number}"
    if deed == "write":
        write(student, path, text, mark)
    elif deed == "add":
        write(student, path, text, mark)
        student.git("add", "--all", check=False)
    elif deed == "commit":
        write(student, path, text, mark)
        student.git("add", "--all", check=False)
        student.git("commit", "--quiet", "--message", mark, check=False)
    elif deed == "delete":
        # A file that is only there is really gone then, by the student's own hand.
        remove(student, path)
    elif deed == "teach":
        write(course, path, text)
        course.publish()
    elif deed == "unteach":
        remove(course, path)
        course.publish()
    elif deed == "rewrite":
        write(course, path, text)
        course.git("add", "--all")
        course.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "rewritten")
        course.pulled()
    else:
        student.git(
            "checkout",
            "--quiet",
            *(["--detach"] if deed == "detach" else ["-b", f"try-{number}"]),
            check=False,
        )


@settings(
    max_examples=8,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a story takes seconds: too long to be made short
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=st.lists(st.tuples(steps, requests), min_size=1, max_size=3))
def test_nothing_of_the_student_s_is_ever_lost(
    course: Course, another: Callable[[str], Student], story: list[tuple[list[Step], dict[str, object]]]
) -> None:
    with tempfile.TemporaryDirectory(dir=course.path.parent) as directory:
        top = Path(directory)
        shutil.copytree(course.path, top / "course")
        shutil.copytree(course.mirror, top / "mirror.git")
        own = Course(top / "course", mirror=top / "mirror.git")
        student = another(f"{top.name}/work")
        student.mirror = own.mirror
        for chapter, (deeds, request) in enumerate(story):
            for number, step in enumerate(deeds):
                take(step, 10 * chapter + number, own, student)
            answer = student.pull(stamp=f"2026010{chapter + 1}T000000Z", **request)
            if request:
                assert answer["outcome"] not in ("conflict", "unfinished", "no-clone", "locked")
            if answer["outcome"] not in ("conflict", "unfinished"):
                assert student.git("merge-base", "--is-ancestor", own.head, "HEAD", check=False) == ""
