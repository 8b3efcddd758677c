"""A course that changes a notebook's suffix: the student's work is found, offered, converted, and never lost."""

from __future__ import annotations

import pytest

from nbhostd.core.errors import NotNow, Refused
from nbhostd.core.lookup import other_suffixes
from nbhostd.core.model import Earlier, Opening, Phase, ToolOutcome, ToolTask, Visit
from nbhostd.core.names import NotebookPath, WorkspaceId
from tests.services.cast import Cast

ALICE = WorkspaceId.parse("python/alice")
MD, IPYNB, PY = (NotebookPath(f"w1/a{suffix}") for suffix in (".md", ".ipynb", ".py"))


class Scene(Cast):
    number = 0

    async def visit(
        self, earlier: Earlier = Earlier.ASK, *, forcecopy: bool = False, notebook: str = MD
    ) -> Opening:
        opening = await self.workspaces.open(
            Visit(ALICE, NotebookPath(notebook), forcecopy=forcecopy, earlier=earlier)
        )
        await self.settle()
        return opening

    def has(self, *notebooks: str) -> None:
        """Files of the student's, oldest first."""
        for age, notebook in enumerate(notebooks, 1):
            self.desk.files[self.number, notebook] = age

    def convert(self, task: ToolTask) -> ToolOutcome:
        self.desk.files[task.workspace, NotebookPath(str(task.request["notebook"]))] = 0
        return ToolOutcome(0, b'{"converted": true}\n')

    @property
    def files(self) -> set[str]:
        return {path for number, path in self.desk.files if number == self.number}


@pytest.fixture
async def scene() -> Scene:
    this = Scene()
    await this.add_course("python")
    await this.open("python/alice", "w1/b.ipynb")
    await this.settle()
    await this.workspaces.stop(ALICE, "test")
    workspace = await this.store.workspace(ALICE)
    assert workspace is not None
    this.number = workspace.number
    this.desk.files.clear()
    this.toolbox.tools["convert"] = this.convert
    return this


async def test_the_student_is_asked_first_and_nothing_happens(scene: Scene) -> None:
    scene.has(IPYNB)
    for _ in range(2):
        opening = await scene.visit()
        assert (opening.prepared.notebook, opening.prepared.earlier) == (MD, IPYNB)
    assert scene.files == {IPYNB}
    assert scene.workspaces.place(ALICE).phase is Phase.ASLEEP
    assert scene.toolbox.ran == []


async def test_the_work_goes_on_under_the_new_suffix(scene: Scene) -> None:
    scene.has(IPYNB)
    opening = await scene.visit(Earlier.CONVERT)
    (task,) = scene.toolbox.ran
    assert (task.tool, task.request) == ("convert", {"earlier": IPYNB, "notebook": MD})
    assert (task.image, task.workspace, task.hurried) == ("sha256:1", scene.number, True)
    assert (opening.prepared.copied, opening.prepared.earlier) == (False, None)
    assert opening.notebook_url == "notebooks/w1/a.md"
    assert scene.files == {IPYNB, MD}
    assert scene.workspaces.place(ALICE).phase is Phase.READY
    assert (await scene.visit()).prepared.earlier is None
    await scene.visit(Earlier.CONVERT)
    assert len(scene.toolbox.ran) == 1


async def test_the_new_version_leaves_the_work_beside_it(scene: Scene) -> None:
    scene.has(IPYNB)
    opening = await scene.visit(Earlier.NEW)
    assert opening.prepared.copied
    assert scene.files == {IPYNB, MD}
    assert (await scene.visit()).prepared.earlier is None
    assert scene.toolbox.ran == []


async def test_a_reset_means_the_new_version(scene: Scene) -> None:
    scene.has(IPYNB)
    opening = await scene.visit(forcecopy=True)
    assert (opening.prepared.copied, opening.prepared.earlier) == (True, None)


async def test_the_newest_of_several_is_offered(scene: Scene) -> None:
    scene.has(PY, IPYNB)
    assert (await scene.visit()).prepared.earlier == IPYNB
    scene.has(IPYNB, PY)
    assert (await scene.visit()).prepared.earlier == PY


async def test_a_course_that_goes_back_to_ipynb(scene: Scene) -> None:
    scene.has(NotebookPath("w1/b.md"))
    opening = await scene.visit(notebook="w1/b.ipynb")
    assert (opening.prepared.notebook, opening.prepared.earlier) == ("w1/b.ipynb", "w1/b.md")


async def test_what_the_course_has_itself_is_no_earlier_version(scene: Scene) -> None:
    scene.courses.notebooks |= {PY}
    scene.has(PY)
    opening = await scene.visit()
    assert (opening.prepared.earlier, opening.prepared.copied) == (None, True)


async def test_a_notebook_of_the_students_own_is_opened_as_it_is(scene: Scene) -> None:
    scene.has("w1/mine.ipynb", "w1/mine.md")
    assert (await scene.visit(notebook="w1/mine.md")).prepared.earlier is None


async def test_work_that_cannot_be_converted_stays(scene: Scene) -> None:
    scene.has(IPYNB)
    scene.toolbox.tools["convert"] = lambda task: ToolOutcome(4, b"", "not a notebook: /home/jovyan")
    with pytest.raises(Refused) as refusal:
        await scene.visit(Earlier.CONVERT)
    assert (refusal.value.reason, "jovyan" in str(refusal.value)) == ("not-converted", False)
    assert scene.files == {IPYNB}

    def busy(_: ToolTask) -> ToolOutcome:
        raise NotNow("Too many students wait for this just now.")

    scene.toolbox.tools["convert"] = busy
    with pytest.raises(NotNow):
        await scene.visit(Earlier.CONVERT)
    assert (await scene.visit()).prepared.earlier == IPYNB


def test_other_suffixes() -> None:
    assert other_suffixes(MD) == (IPYNB, PY)
    assert other_suffixes(NotebookPath("w1/1.2-x.py")) == ("w1/1.2-x.ipynb", "w1/1.2-x.md")
    longest = NotebookPath("n" * 252 + ".py")
    assert other_suffixes(longest) == ("n" * 252 + ".md",)
