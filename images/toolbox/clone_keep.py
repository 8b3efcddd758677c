"""References to what was there: taken before each step that changes something, so that nothing of a student's is ever lost.

`refs/nbhosting/before/STAMP` is the last commit, `refs/nbhosting/worktree/STAMP` a commit of the files as they were (on
top of it, with the index as a second parent when that held something else). The student's own index is only read.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clone_git import Git, GitFailure
from clone_work import WorkingTree, nul_ended

BEFORE = "refs/nbhosting/before"
WORKTREE = "refs/nbhosting/worktree"
NEW = "0" * 40  # what a reference is that is not there yet
NEWEST_BEFORE = 30  # references to commits that are in the student's history anyway


@dataclass(frozen=True)
class Keeper:
    """Makes the references of one run, named by its stamp."""

    git: Git
    files: WorkingTree
    stamp: str
    identity: Mapping[str, str]

    def keep(self, head: str | None, changed: Iterable[bytes], more: Iterable[bytes] = ()) -> list[str]:
        """Leave references to the last commit and, when files differ from it, to the files; `more` are untracked files."""
        kept = [self.point(BEFORE, head, "before an update of the clone")] if head else []
        paths = [*changed, *(path for path in more if self.files.is_plain(path))]
        if paths:
            commit = self.snapshot(paths, head)
            kept.append(self.point(WORKTREE, commit, "the files before an update of the clone"))
        return kept

    def point(self, room: str, commit: str, why: str) -> str:
        """A new reference of this run in that room."""
        for number in range(1, 100):
            name = f"{room}/{self.stamp}" + (f"-{number}" if number > 1 else "")
            argv = ("update-ref", "--create-reflog", "-m", f"nbhosting: {why}", name, commit, NEW)
            if self.git.run(*argv, good=(0, 128)).code == 0:
                return name
        raise GitFailure(f"no reference could be made in {room} for {self.stamp}")

    def snapshot(self, paths: Iterable[bytes], head: str | None) -> str:
        """A commit of those files as they are (a missing one is missing in it), on top of `head`."""
        index = self.index_copy("snapshot")
        parents = [head] if head else []
        staged = self.git.run("write-tree", env=index, good=(0, 128))  # 128: a merge is not finished
        if staged.code == 0 and (not head or staged.word != self.git.ask("rev-parse", f"{head}^{{tree}}")):
            parents.append(self.commit(staged.word, parents, "The index before an update of the clone"))
        self.take_in(paths, index)
        tree = self.git.run("write-tree", env=index).word
        return self.commit(tree, parents, "The files before an update of the clone")

    def index_copy(self, name: str) -> dict[str, str]:
        """The environment for commands on a copy of the student's index."""
        index, copy = os.path.join(self.git.git_dir, "index"), os.path.join(self.git.scratch, f"index-{name}")
        if os.path.exists(index):
            shutil.copy2(index, copy)  # as young as the student's: Git looks at that
        return {"GIT_INDEX_FILE": copy}

    def take_in(self, paths: Iterable[bytes], index: Mapping[str, str] | None = None) -> None:
        """Put those files into an index as they are in the working tree; what is no file any more is taken out."""
        present: list[bytes] = []
        missing: list[bytes] = []
        for path in paths:
            (present if self.files.is_plain(path) else missing).append(path)
        if missing:
            self.git.run(
                "update-index", "-z", "--force-remove", "--stdin", stdin=nul_ended(missing), env=index
            )
        if present:
            argv = ("update-index", "-z", "--add", "--replace", "--stdin")
            self.git.run(*argv, stdin=nul_ended(present), env=index)

    def commit(self, tree: str, parents: Iterable[str], message: str) -> str:
        """A commit in the student's name."""
        argv = [word for parent in parents for word in ("-p", parent)]
        return self.git.run("commit-tree", tree, *argv, stdin=message.encode(), env=self.identity).word

    def forget_needless(self) -> None:
        """Of the references to commits that the student's branch holds anyway, keep the newest few."""
        loose = os.path.join(self.git.git_dir, BEFORE)
        if not os.path.isdir(loose) or len(os.listdir(loose)) <= NEWEST_BEFORE:
            return
        argv = ("for-each-ref", "--merged=HEAD", "--sort=-refname", "--format=%(refname)", BEFORE)
        names = self.git.run(*argv).word.split()
        for name in names[NEWEST_BEFORE:]:
            self.git.run("update-ref", "-d", name)
