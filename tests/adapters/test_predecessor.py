"""The predecessor's data root is read whole, safely, and left exactly as it was."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbhostd.adapters.predecessor import DataRoot
from nbhostd.core.errors import Refused, WorldError
from nbhostd.core.parcel import FILE, Entry
from tests.predecessor import EVENTS, Predecessor, snapshot


@pytest.fixture
def old(tmp_path: Path) -> Predecessor:
    old = Predecessor(tmp_path / "nbhosting")
    old.site()
    return old


def entries(parcel: Iterator[bytes]) -> dict[str, Entry]:
    data, found = b"".join(parcel), {}
    while data:
        line, _, data = data.partition(b"\n")
        entry = Entry.parse(line)
        found[entry.path] = entry
        data = data[entry.size if entry.kind == FILE else 0 :]
    return found


def test_the_database_is_read_whole(old: Predecessor) -> None:
    site = DataRoot(str(old.root))
    python, algo = site.courses
    assert (python.name, python.git_url, python.image, python.autopull, python.autobuild, python.archived) == (
        "python", "https://git.invalid/python.git", "nbhosting/scipy-notebook", True, True, False,
    )  # fmt: skip
    assert (algo.git_url, algo.archived) == (None, True)
    people = json.loads(site.people)
    assert (people["users"][0]["username"], people["users"][0]["groups"]) == ("alice", ["année 2020"])
    assert people["users"][0]["password"].startswith("pbkdf2_sha256$")
    assert people["courses"][0] == {"name": "python", "staff": ["alice", "@profs"], "groups": ["année 2020"]}


def test_the_same_site_is_known_wherever_it_lies(old: Predecessor, tmp_path: Path) -> None:
    before = DataRoot(str(old.root)).identity
    old.root.rename(tmp_path / "moved")
    assert DataRoot(str(tmp_path / "moved")).identity == before


def test_a_database_that_is_in_use_is_refused(old: Predecessor) -> None:
    (old.root / "db.sqlite3-journal").write_text("hot")
    with pytest.raises(WorldError, match="in use"):
        DataRoot(str(old.root))


def test_what_is_no_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="no data root"):
        DataRoot(str(tmp_path))
    (tmp_path / "db.sqlite3").write_text("not a database, though it has the name of one")
    with pytest.raises(WorldError, match="cannot be read"):
        DataRoot(str(tmp_path))
    (tmp_path / "db.sqlite3").unlink()
    sqlite3.connect(tmp_path / "db.sqlite3").close()
    with pytest.raises(WorldError, match="no courses"):
        DataRoot(str(tmp_path))


def test_the_accidents_of_eight_years_are_told_and_hurt_nobody(old: Predecessor) -> None:
    old.accidents()
    before = snapshot(old.root)
    site = DataRoot(str(old.root))
    survey = site.survey("student", "alice", "python")
    assert survey is not None
    problems = "\n".join(survey.problems)
    for sentence in ("pipe: is a pipe", "sock: is a socket", "huge: is larger than 16 GB", "lies too deep"):
        assert sentence in problems
    assert len(survey.problems) == 4
    notes = "\n".join(survey.notes)
    assert "out: is a link that leads out" in notes
    assert os.getuid() != 0 or "belong to root (DROPPED/exam/sujet d'été.txt, for one)" in notes
    assert "data" not in notes.replace("database", "")
    found = entries(site.parcel("student", "alice", "python"))
    assert ".port" not in found
    assert ".nbautoeval" in found
    assert (found["two"].kind, found["two"].to) == ("hard", "one")
    assert (found["loop"].kind, found["loop"].to) == ("link", "loop")
    assert os.fsdecode(b"latin-\xe9.txt") in found
    assert sum(name.startswith("many/") for name in found) == 2000
    assert snapshot(old.root) == before, "the source was changed"


def test_only_a_repositorys_content_is_taken_and_nothing_that_git_obeys(old: Predecessor) -> None:
    git = old.root / "courses-git/python/.git"
    (git / "hooks").mkdir(exist_ok=True)
    (git / "hooks/post-update").write_text("#!/bin/sh\n")
    (git / "objects/info").mkdir(exist_ok=True)
    (git / "objects/info/alternates").write_text("/etc\n")
    (git / "refs/link").symlink_to("/etc/passwd")
    found = entries(DataRoot(str(old.root)).parcel("git", "python"))
    tops = {name.split("/")[1] for name in found if "/" in name}
    assert tops == {"HEAD", "refs", "objects", "config"}
    assert not {"git/objects/info/alternates", "git/refs/link"} & set(found)


def test_a_fingerprint_differs_when_anything_does(old: Predecessor) -> None:
    site = DataRoot(str(old.root))

    def fingerprint() -> str:
        survey = site.survey("student", "alice", "python")
        assert survey is not None
        return survey.fingerprint

    seen = {fingerprint()}
    assert fingerprint() in seen
    file = old.root / "students/alice/python/w1/intro.ipynb"
    for change in (lambda: os.utime(file, (1, 1)), lambda: file.chmod(0o600), file.unlink):
        change()
        assert fingerprint() not in seen
        seen.add(fingerprint())


def test_a_link_in_the_place_of_a_students_tree_is_not_followed(old: Predecessor) -> None:
    (old.root / "students/eve").mkdir()
    (old.root / "students/eve/python").symlink_to("/etc")
    site = DataRoot(str(old.root))
    assert site.folders("students", "eve") == []
    assert site.survey("student", "eve", "python") is None


def test_a_file_that_shrinks_while_it_is_read_breaks_the_parcel_off(old: Predecessor) -> None:
    file = old.write("students/alice/python/a.bin", b"x" * 1000)
    parcel = DataRoot(str(old.root)).parcel("student", "alice", "python")
    with pytest.raises(WorldError, match="changed while it was read"):
        for piece in parcel:
            if b'"a.bin"' in piece:
                file.write_bytes(b"")


def test_events_are_gone_on_with_where_one_was(old: Predecessor) -> None:
    events = DataRoot(str(old.root)).events("python")
    assert events is not None
    first = list(events.lines(""))
    assert [line for line, _ in first] == EVENTS.splitlines(keepends=True)
    third = list(events.lines(""))[:3]
    rest = list(events.lines(_progress(events, 3)))
    assert [line for line, _ in third + rest] == [line for line, _ in first]
    with (old.root / "raw/python/events.raw").open("a") as file:
        file.write("half a li")
    assert list(events.lines(_progress(events, len(first)))) == []


def _progress(events: object, count: int) -> str:
    told = ""
    for number, (_, how_far) in enumerate(events.lines(""), 1):  # type: ignore[attr-defined]
        if number == count:
            told = how_far()
    return told


def test_events_that_are_others_now_are_refused(old: Predecessor) -> None:
    events = DataRoot(str(old.root)).events("python")
    assert events is not None
    progress = _progress(events, 3)
    (old.root / "raw/python/events.raw").write_text(EVENTS[5:])
    with pytest.raises(Refused):
        list(events.lines(progress))


def test_a_course_without_events_has_none(old: Predecessor) -> None:
    assert DataRoot(str(old.root)).events("algo") is None


def test_a_tree_that_changed_since_it_was_looked_at_breaks_the_parcel_off(old: Predecessor) -> None:
    site = DataRoot(str(old.root))
    survey = site.survey("student", "alice", "python")
    assert survey is not None
    assert list(site.parcel("student", "alice", "python", expect=survey.fingerprint))
    old.write("students/alice/python/later", "x")
    with pytest.raises(WorldError, match="changed while it was read"):
        list(site.parcel("student", "alice", "python", expect=survey.fingerprint))
