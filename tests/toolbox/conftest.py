"""A course with two weeks, and students of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copytree

import pytest

from tests.toolbox.classroom import Course, Repository, Student, notebook

FIRST: Mapping[str | bytes, bytes | str] = {
    "w1/intro.ipynb": notebook("print('hello')", "x = 1", "y = 2", "z = 3", "print(x + y + z)"),
    "w1/text.md": "".join(f"line {number}\n" for number in range(20)),
    "w2/data.csv": "a;b\n1;2\n",
    "modules/helper.py": "def helper():\n    return 1\n",
    "README.md": "# A course\n",
}


@pytest.fixture(scope="session")
def last_year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one commit, on the branch `main`, its mirror and a clone: made once, to be copied."""
    top = tmp_path_factory.mktemp("classroom")
    course = Course(top / "course", mirror=top / "mirror.git")
    course.path.mkdir()
    course.git("init", "--quiet", "--template=", "--initial-branch=main")
    Repository(top).git(
        "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(course.mirror)
    )
    course.publish(FIRST)
    student = Student(top / "work", mirror=course.mirror)
    student.path.mkdir()
    assert student.ask("adopt")["outcome"] == "cloned"
    return top


@pytest.fixture
def course(last_year: Path, tmp_path: Path) -> Course:
    """A course of this test's own."""
    copytree(last_year / "mirror.git", tmp_path / "mirror.git")
    copytree(last_year / "course", tmp_path / "course")
    return Course(tmp_path / "course", mirror=tmp_path / "mirror.git")


@pytest.fixture
def newcomer(course: Course, tmp_path: Path) -> Student:
    """A student whose workspace is empty."""
    path = tmp_path / "work"
    path.mkdir()
    return Student(path, mirror=course.mirror)


@pytest.fixture
def another(last_year: Path, course: Course, tmp_path: Path) -> Callable[[str], Student]:
    """Makes students, each with a clone that is as the course was at first."""

    def make(name: str) -> Student:
        student = Student(tmp_path / name, mirror=course.mirror)
        copytree(last_year / "work", student.path)
        student.git("config", "remote.origin.url", str(course.mirror))
        student.git("status")
        return student

    return make


@pytest.fixture
def student(another: Callable[[str], Student]) -> Student:
    """A student with a clone that is up to date."""
    return another("work")
