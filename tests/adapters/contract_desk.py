"""What every implementation of core.ports.Desk keeps: on the fake, on the real desk as root, and in the machine."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbhostd.adapters.desk import SocketDesk
from nbhostd.core.errors import Refused
from nbhostd.core.gist import gist
from nbhostd.core.model import Mapping
from nbhostd.core.names import CourseName, NotebookPath
from nbhostd.core.students import Listing
from tests.fakes.desk import FakeDesk

COURSE = CourseName("python")
UID = 100_007
FOLLOWED = 1_600_000_000


@dataclass
class Office:
    """The desk under test and the state directory that it works in, as the tests (root, there) see it."""

    desk: SocketDesk | FakeDesk
    state: Path
    owner: int | None = None
    """Who owns what the desk makes, seen from here; None when the desk has no identities."""
    workspace: int = 12
    identity: Callable[[], AbstractContextManager[None]] = nullcontext
    """Who asks: entered around a connection to the real desk."""

    @property
    def space(self) -> Path:
        return self.state / "workspaces" / str(self.workspace)

    @property
    def tree(self) -> Path:
        return self.state / "courses" / COURSE / "public" / "c0ffee"

    def publish(self, path: str, text: str = "original", mode: int = 0o644) -> Path:
        """A file of the course's current tree."""
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        os.utime(file, (FOLLOWED, FOLLOWED))
        current = self.tree.parent / "current"
        if not current.is_symlink():
            current.symlink_to("c0ffee")
        return file

    def plant(self, path: str, text: str = "work") -> Path:
        """A file of the student's."""
        file = self.space / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.own()
        return file

    def own(self) -> None:
        """Whatever the test put into the space becomes the student's."""
        if self.owner is None:
            return
        group = self.owner - UID + 100
        for folder, folders, files in os.walk(self.space):
            os.chown(folder, self.owner, group)
            for name in (*folders, *files):
                os.chown(os.path.join(folder, name), self.owner, group, follow_symlinks=False)

    async def open(
        self,
        path: str | None,
        *,
        force: bool = False,
        links: tuple[Mapping, ...] = (),
        aside: str | None = None,
    ) -> bool:
        notebook = None if path is None else NotebookPath.parse(path)
        return await self.desk.prepare(
            self.workspace, UID, COURSE, notebook=notebook, force=force, links=links, aside=aside
        )

    async def reset(self, path: str, *, aside: str = "now") -> str | None:
        links = (Mapping("data", "data"),)
        return await self.desk.reset(
            self.workspace, UID, COURSE, NotebookPath.parse(path), links=links, aside=aside
        )


class DeskContract:
    """Needs a fixture `office`."""

    async def test_the_first_opening_copies_and_later_ones_do_not(self, office: Office) -> None:
        office.publish("w1/intro.ipynb")
        assert await office.open("w1/intro.ipynb") is True
        copy = office.space / "w1/intro.ipynb"
        assert copy.read_text() == "original"
        copy.write_text("work")
        assert await office.open("w1/intro.ipynb") is False
        assert copy.read_text() == "work"

    async def test_a_copy_keeps_its_time_and_is_writable_by_its_owner(self, office: Office) -> None:
        office.publish("a.py", mode=0o555)
        await office.open("a.py")
        found = (office.space / "a.py").stat()
        assert (found.st_mode & 0o7777, found.st_mtime) == (0o755, FOLLOWED)

    async def test_a_notebook_that_the_course_has_not_is_404(self, office: Office) -> None:
        office.publish("a.ipynb")
        for path in ("b.ipynb", "w1/a.ipynb", "a.ipynb/c"):
            with pytest.raises(Refused) as caught:
                await office.open(path)
            assert (caught.value.status, caught.value.reason) == (404, "no-such-notebook")
        assert not office.space.exists()

    async def test_a_course_without_content_is_404(self, office: Office) -> None:
        with pytest.raises(Refused) as caught:
            await office.open("a.ipynb")
        assert caught.value.status == 404

    async def test_a_notebook_that_left_the_course_stays_open_to_who_has_it(self, office: Office) -> None:
        office.publish("a.ipynb").unlink()
        office.plant("a.ipynb")
        assert await office.open("a.ipynb") is False
        with pytest.raises(Refused):
            await office.open("a.ipynb", force=True)
        assert (office.space / "a.ipynb").read_text() == "work"

    async def test_a_link_inside_the_course_is_followed_and_one_that_leads_out_is_not(
        self, office: Office
    ) -> None:
        office.publish("real.ipynb", "through the link")
        (office.tree / "inside.ipynb").symlink_to("real.ipynb")
        (office.state / "secret").write_text("secret")
        (office.tree / "outside.ipynb").symlink_to("../../../../secret")
        (office.tree / "absolute.ipynb").symlink_to(office.state / "secret")
        assert await office.open("inside.ipynb") is True
        assert (office.space / "inside.ipynb").read_text() == "through the link"
        assert not (office.space / "inside.ipynb").is_symlink()
        for path in ("outside.ipynb", "absolute.ipynb"):
            with pytest.raises(Refused):
                await office.open(path)

    async def test_a_folder_is_no_notebook(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        with pytest.raises(Refused) as caught:
            await office.open("w1")
        assert caught.value.status == 404

    async def test_a_pipe_in_the_course_is_no_notebook_and_hangs_nobody(self, office: Office) -> None:
        office.publish("a.ipynb")
        os.mkfifo(office.tree / "pipe.ipynb")
        with pytest.raises(Refused) as caught:
            await office.open("pipe.ipynb")
        assert caught.value.status == 404

    async def test_a_reset_restores_the_original_and_keeps_the_work_aside(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        office.plant("w1/a.ipynb", "my work")
        assert await office.open("w1/a.ipynb", force=True, aside="2026-11-23T15.30.00") is True
        assert (office.space / "w1/a.ipynb").read_text() == "original"
        assert (office.space / "before-reset/w1/a-2026-11-23T15.30.00.ipynb").read_text() == "my work"

    async def test_a_reset_says_where_the_work_is_now(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        assert await office.reset("w1/a.ipynb") is None
        office.plant("w1/a.ipynb", "my work")
        kept = await office.reset("w1/a.ipynb")
        assert kept == "before-reset/w1/a-now.ipynb"
        assert (office.space / kept).read_text() == "my work"
        assert (office.space / "w1/a.ipynb").read_text() == "original"
        assert (office.space / "w1/data").is_symlink()
        with pytest.raises(Refused) as caught:
            await office.reset("w1/nowhere.ipynb")
        assert caught.value.status == 404

    async def test_a_reset_without_aside_keeps_nothing(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.plant("a.ipynb", "my work")
        assert await office.open("a.ipynb", force=True) is True
        assert sorted(path.name for path in office.space.iterdir()) == ["a.ipynb"]

    async def test_a_reset_of_what_was_never_opened_is_a_copy(self, office: Office) -> None:
        office.publish("a.ipynb")
        assert await office.open("a.ipynb", force=True, aside="now") is True
        assert sorted(path.name for path in office.space.iterdir()) == ["a.ipynb"]

    async def test_a_planted_link_is_never_followed(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.space.mkdir(parents=True)
        victim = office.state / "victim"
        victim.write_text("untouched")
        (office.space / "a.ipynb").symlink_to(victim)
        office.own()
        with pytest.raises(Refused) as caught:
            await office.open("a.ipynb")
        assert caught.value.status == 409
        assert await office.open("a.ipynb", force=True, aside="now") is True
        assert victim.read_text() == "untouched"
        assert (office.space / "a.ipynb").read_text() == "original"
        assert not (office.space / "a.ipynb").is_symlink()

    async def test_a_planted_folder_link_is_never_followed(self, office: Office) -> None:
        office.publish("w1/deep/a.ipynb")
        outside = office.state / "outside"
        outside.mkdir()
        outside.chmod(0o777)
        office.space.mkdir(parents=True)
        (office.space / "w1").symlink_to(outside)
        office.own()
        for force in (False, True):
            with pytest.raises(Refused) as caught:
                await office.open("w1/deep/a.ipynb", force=force)
            assert caught.value.status == 409
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("planted", ["a.ipynb/in/it", "a.ipynb/"])
    async def test_a_folder_in_the_place_of_a_notebook_is_refused(self, office: Office, planted: str) -> None:
        office.publish("a.ipynb")
        office.plant(f"{planted.rstrip('/')}/x")
        for force in (False, True):
            with pytest.raises(Refused) as caught:
                await office.open("a.ipynb", force=force)
            assert (caught.value.status, caught.value.reason) == (409, "not-plain")

    async def test_a_file_in_the_place_of_a_folder_is_refused(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        office.plant("w1")
        with pytest.raises(Refused) as caught:
            await office.open("w1/a.ipynb")
        assert caught.value.status == 409
        assert (office.space / "w1").read_text() == "work"

    async def test_a_pipe_in_the_place_of_a_notebook_hangs_nobody(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.space.mkdir(parents=True)
        os.mkfifo(office.space / "a.ipynb")
        office.own()
        with pytest.raises(Refused):
            await office.open("a.ipynb")
        assert await office.open("a.ipynb", force=True, aside="now") is True
        assert (office.space / "a.ipynb").read_text() == "original"

    async def test_static_links_are_made_beside_the_notebook(self, office: Office) -> None:
        office.publish("w1/a.ipynb")
        links = (Mapping("data", "data"), Mapping("rise.css", "media/rise.css"))
        await office.open("w1/a.ipynb", links=links)
        await office.open("w1/a.ipynb", links=links)
        assert (office.space / "w1/data").readlink() == Path("/home/jovyan/static/data")
        assert (office.space / "w1/rise.css").readlink() == Path("/home/jovyan/static/media/rise.css")
        assert sorted(path.name for path in (office.space / "w1").iterdir()) == [
            "a.ipynb",
            "data",
            "rise.css",
        ]

    async def test_a_link_is_made_anew_and_a_file_of_the_students_stays(self, office: Office) -> None:
        office.publish("a.ipynb")
        office.plant("data/mine.csv")
        (office.space / "media").symlink_to("/home/jovyan/static/old")
        office.own()
        await office.open("a.ipynb", links=(Mapping("data", "data"), Mapping("media", "new")))
        assert (office.space / "data/mine.csv").read_text() == "work"
        assert (office.space / "media").readlink() == Path("/home/jovyan/static/new")

    async def test_a_workspace_can_be_made_without_a_notebook(self, office: Office) -> None:
        assert await office.open(None) is False
        assert office.space.is_dir()

    async def test_only_plain_files_exist(self, office: Office) -> None:
        paths = [
            NotebookPath(name)
            for name in ("a.ipynb", "b.ipynb", "link.ipynb", "w1", "w1/c.ipynb", "out/c.ipynb")
        ]
        assert await office.desk.exists(office.workspace, UID, paths) == [False] * 6
        office.plant("a.ipynb")
        office.plant("w1/c.ipynb")
        (office.space / "link.ipynb").symlink_to("a.ipynb")
        (office.space / "out").symlink_to("w1")
        office.own()
        assert await office.desk.exists(office.workspace, UID, paths) == [
            True,
            False,
            False,
            False,
            True,
            False,
        ]

    async def test_ages_tell_which_file_is_newer(self, office: Office) -> None:
        paths = [NotebookPath(name) for name in ("old.ipynb", "new.md", "link.py", "w1", "absent.py")]
        assert await office.desk.ages(office.workspace, UID, paths) == [None] * 5
        os.utime(office.plant("old.ipynb"), (FOLLOWED, FOLLOWED))
        os.utime(office.plant("new.md"), (FOLLOWED + 1, FOLLOWED + 1))
        office.plant("w1/c.ipynb")
        (office.space / "link.py").symlink_to("old.ipynb")
        office.own()
        ages = await office.desk.ages(office.workspace, UID, paths)
        assert ages == [FOLLOWED, FOLLOWED + 1, None, None, None]

    async def test_fingerprints_are_gits_names_and_a_file_whose_stamp_is_known_is_not_read(
        self, office: Office
    ) -> None:
        paths = [
            NotebookPath(name) for name in ("a.ipynb", "w1/é.md", "link.py", "pipe.py", "w1", "absent.py")
        ]
        asked = [(path, "") for path in paths]
        assert await office.desk.fingerprints(office.workspace, UID, asked) == [None] * 6
        office.plant("a.ipynb", "hello\n")
        office.plant("w1/é.md", "")
        (office.space / "link.py").symlink_to("a.ipynb")
        os.mkfifo(office.space / "pipe.py")
        office.own()
        found = await office.desk.fingerprints(office.workspace, UID, asked)
        assert [one.blob if one else None for one in found] == [
            "ce013625030ba8dba906f756967f9e9ca394464a",  # git hash-object says so
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            None, None, None, None,
        ]  # fmt: skip
        known = [(path, one.stamp if one else "") for path, one in zip(paths, found, strict=True)]
        assert [one and one.blob for one in await office.desk.fingerprints(office.workspace, UID, known)][
            :2
        ] == ["", ""]
        office.plant("a.ipynb", "other\n")
        again = await office.desk.fingerprints(office.workspace, UID, known)
        assert again[0] is not None and again[0].stamp != known[0][1]
        assert again[0].blob == "e45c9c2666d44e0327c1f9c239a74c508336053e"

    async def test_gists_are_of_plain_notebooks_and_of_nothing_else(self, office: Office) -> None:
        names = ("a.py", "w1/é.md", "b.ipynb", "bad.ipynb", "link.py", "pipe.py", "w1", "absent.py")
        paths = [NotebookPath(name) for name in names]
        assert await office.desk.gists(office.workspace, UID, paths) == [""] * 8
        office.plant("a.py", "# %%\n1\n")
        office.plant("w1/é.md", "text\n")
        office.plant("b.ipynb", '{"cells": [{"cell_type": "code", "source": "1"}]}')
        office.plant("bad.ipynb", "[" * 100_000)
        (office.space / "link.py").symlink_to("a.py")
        os.mkfifo(office.space / "pipe.py")
        office.own()
        gists = await office.desk.gists(office.workspace, UID, paths)
        assert gists[:2] == [gist(".py", b"# %% [code]\n1"), gist(".md", b"text")]
        assert gists[2] not in ("", *gists[:2])
        assert gists[3:] == [""] * 5

    async def test_many_paths_can_be_asked_for(self, office: Office) -> None:
        office.plant("n400.ipynb")
        paths = [NotebookPath(f"n{i}.ipynb") for i in range(1000)]
        found = await office.desk.exists(office.workspace, UID, paths)
        assert [i for i, there in enumerate(found) if there] == [400]

    async def test_a_workspace_is_measured(self, office: Office) -> None:
        assert await office.desk.measure(office.workspace, UID) == (0, 0)
        office.plant("a", "x" * 100_000)
        office.plant("w1/b", "y")
        size, files = await office.desk.measure(office.workspace, UID)
        assert files == 2
        assert 100_000 < size < 200_000

    async def test_files_are_listed_and_nothing_else(self, office: Office) -> None:
        assert await office.desk.files(office.workspace, UID) == Listing()
        for name in ("b.md", "w1/data.csv", ".hidden/c.md", "w1/.d.md", "DROPPED/exam/e.md"):
            office.plant(name)
        os.utime(office.plant("w1/é à.ipynb"), (FOLLOWED, FOLLOWED))
        (office.state / "secret.md").write_text("secret")
        (office.space / "link.md").symlink_to(office.state / "secret.md")
        (office.space / "out").symlink_to(office.state)
        os.mkfifo(office.space / "pipe.md")
        office.own()
        found = await office.desk.files(office.workspace, UID, suffixes=(".md", ".ipynb"))
        assert [(file.path, file.size) for file in found.files] == [
            ("DROPPED/exam/e.md", 4), ("b.md", 4), ("w1/é à.ipynb", 4),
        ]  # fmt: skip
        assert found.files[2].changed_at == datetime.fromtimestamp(FOLLOWED, UTC)
        assert not found.more
        below = await office.desk.files(office.workspace, UID, below="w1")
        assert [file.path for file in below.files] == ["w1/data.csv", "w1/é à.ipynb"]
        for elsewhere in ("out", "nowhere", "b.md"):
            assert (await office.desk.files(office.workspace, UID, below=elsewhere)).files == ()

    async def test_a_workspace_is_deleted_whole_and_nothing_else(self, office: Office) -> None:
        victim = office.state / "victim"
        victim.mkdir()
        (victim / "kept").write_text("kept")
        office.plant("a")
        office.plant("w1/w2/b")
        (office.space / "out").symlink_to(victim)
        office.own()
        await office.desk.delete(office.workspace, UID)
        assert not office.space.exists()
        assert (victim / "kept").exists()
        await office.desk.delete(office.workspace, UID)
