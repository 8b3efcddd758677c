"""How a clone and the course stand to each other, and what a merge of them would be.

No merge here touches a file of the student's.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from clone_adopt import fill, is_unborn, repair
from clone_git import Git
from clone_task import Answer, Clone, Request
from clone_work import Changed, Tree, changed_files

NO_COURSE = "The course has no commit yet."
# What a merge calls a file that a directory has the place of.
OTHER_NAME = re.compile(rb"~[0-9a-f]{40,64}(_\d+)?$")
MERGE_MESSAGE = "Merge what is new in the course"


@dataclass
class Situation:
    """A clone that can be brought up to date, and what with."""

    clone: Clone
    answer: Answer
    head: str
    branch: str | None
    upstream: str
    forked_at: str | None
    changed: list[Changed]
    differences: dict[tuple[str, str], tuple[set[bytes], Tree]] = field(default_factory=dict)

    @property
    def git(self) -> Git:
        """The clone's Git."""
        return self.clone.git

    @cached_property
    def rewritten(self) -> bool:
        """Whether the course's history no longer holds what this clone was made from."""
        return self.forked_at is not None and not self.git.is_ancestor(self.forked_at, self.upstream)

    @property
    def overwritten(self) -> list[bytes]:
        """The changed files that are there, or whose removal the student told Git."""
        return [
            file.path
            for file in self.changed
            if file.index != "." or (file.working != "D" and self.clone.files.is_plain(file.path))
        ]

    def keep(self, obstacles: list[bytes]) -> None:
        """Leave the references of this run, once."""
        if not self.answer.kept:
            paths = [file.path for file in self.changed]
            self.answer.kept += self.clone.keeper.keep(self.head, paths, obstacles)


def look(request: Request, clone: Clone, answer: Answer) -> Situation | None:
    """Say how things are; None when the answer is known without the course's commits."""
    git = clone.git
    git.check_files()
    git.disarm()
    changed = changed_files(git)
    begun = clone.in_the_middle(changed)
    answer.branch = clone.branch
    answer.before = answer.after = git.commit("HEAD")
    if begun or (answer.branch is None and request.reset == "no"):
        answer.outcome = "unfinished"
        answer.note(
            f"The student is in the middle of {begun}."
            if begun
            else "HEAD is detached: no branch is checked out."
        )
        return None
    if request.dry_run:
        clone.introduce(git.own_settings())
    else:
        repair(clone, answer)
    if answer.before is None and is_unborn(clone):
        be_born(clone, answer)
        return None
    clone.fetch()
    upstream, forked_at = find_upstream(clone, answer)
    if upstream is None or answer.before is None:
        answer.outcome = "unfinished" if upstream else "up-to-date"
        answer.note("The branch has no commit yet." if upstream else NO_COURSE)
        return None
    answer.upstream = upstream
    if request.dry_run:
        git.quarantine()
    return Situation(clone, answer, answer.before, answer.branch, upstream, forked_at, changed)


def find_upstream(clone: Clone, answer: Answer) -> tuple[str | None, str | None]:
    """The course's commit for this branch, and the one of the course's that the student started from."""
    for name in dict.fromkeys((answer.branch or clone.default_branch, clone.default_branch)):
        remote = f"refs/remotes/origin/{name}"
        commit = clone.git.commit(remote)
        if commit:
            known = answer.before and clone.git.ask("merge-base", "--fork-point", remote, answer.before)
            return commit, known or None
    return None, None


def be_born(clone: Clone, answer: Answer) -> None:
    """The first commit of a course reaches a clone that was made before it."""
    if clone.mirror_git.commit("HEAD") is None:
        answer.outcome = "up-to-date"
        answer.note(NO_COURSE)
    elif answer.dry_run:
        answer.foresee("fast-forwarded")
    else:
        answer.outcome = "fast-forwarded"
        fill(clone, answer)
        answer.after = clone.git.commit("HEAD")


def merged(at: Situation, mine: str) -> tuple[str | None, list[bytes]]:
    """The commit in which `mine` and the course's are one, or None and the files in conflict. Touches no file.

    Where the course's history was rewritten, the base is the course's commit that the student really started from.
    """
    git = at.git
    if git.is_ancestor(mine, at.upstream) or (at.rewritten and mine == at.forked_at):
        return at.upstream, []
    ours, theirs = mine, at.upstream
    if at.rewritten and at.forked_at:
        base = bare(at, at.forked_at, [])
        ours, theirs = bare(at, mine, [base]), bare(at, at.upstream, [base])
    said = git.run(
        "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs, good=(0, 1, 128)
    )
    if said.code == 128:
        at.answer.note("The course's history and the student's have nothing in common.")
        return None, []
    tree, *conflicts = said.items
    if said.code == 1:
        return None, list(dict.fromkeys(OTHER_NAME.sub(b"", path) for path in conflicts))
    return at.clone.keeper.commit(tree.decode(), [mine, at.upstream], MERGE_MESSAGE), []


def bare(at: Situation, commit: str, parents: list[str]) -> str:
    """A commit of the same files with another past."""
    return at.clone.keeper.commit(f"{commit}^{{tree}}", parents, "")


def difference(at: Situation, old: str, new: str) -> tuple[set[bytes], Tree]:
    """The paths that differ between two commits, and of those the files that the new one has."""
    known = at.differences.get((old, new))
    if known is not None:
        return known
    items = at.git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).items
    changed: set[bytes] = set()
    wanted: dict[bytes, tuple[str, str]] = {}
    for words, path in zip(items[::2], items[1::2], strict=True):
        _, mode, _, oid, state = words.decode().split(" ")
        changed.add(path)
        if state != "D":
            wanted[path] = (mode, oid)
    at.differences[old, new] = changed, wanted
    return changed, wanted


def overlap(at: Situation, old: str, new: str) -> list[bytes]:
    """The files that the student changed and that the way from `old` to `new` would write."""
    written, _ = difference(at, old, new)
    hit = [path for path in at.overwritten if path in written]
    same = untouched(at, hit)
    return [path for path in hit if path not in same]


def untouched(at: Situation, paths: list[bytes]) -> set[bytes]:
    """Of files that Git calls changed, those that are as committed to the byte: only line endings' rules differ."""
    committed = at.git.tree(at.head) if paths else {}
    return {path for path in paths if at.clone.files.object_of(path) == committed.get(path, ("", ""))[1]}
