from __future__ import annotations

from pathlib import Path

from nbhostd.adapters.cgroups import ControlGroups

GROUP = "/user.slice/user-989.slice/user@989.service/nbh.slice/nbh-c1.slice/nbh-7.service"


def test_kills_for_want_of_memory_are_counted(tmp_path: Path) -> None:
    directory = tmp_path / GROUP.lstrip("/")
    directory.mkdir(parents=True)
    groups = ControlGroups(tmp_path)
    assert groups.memory_kills(GROUP) == 0
    (directory / "memory.events").write_text("low 0\nhigh 0\nmax 214\noom 3\noom_kill 2\noom_group_kill 0\n")
    assert groups.memory_kills(GROUP) == 2


def test_where_nobody_counts_there_are_none(tmp_path: Path) -> None:
    assert ControlGroups(tmp_path).memory_kills(GROUP) == 0
    (tmp_path / "memory.events").write_bytes(b"\xff")
    assert ControlGroups(tmp_path).memory_kills("/") == 0
