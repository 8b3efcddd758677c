"""The course's state again, for a clone that nothing else helps; all that the student had is kept.

The last commit, the files and every unfinished merge or rebase stay behind references; files that differ from the course's go
to `.nbhosting/before/STAMP/` too, where they are found without Git. A clone that Git cannot work in is put there whole, as
`git`. Files that are not the course's and that Git does not follow stay where they are.
"""

import os

from clone_adopt import begin, fill, repair
from clone_git import GitFailure
from clone_keep import BEFORE, WORKTREE
from clone_task import IN_THE_MIDDLE, Answer, Clone, Request
from clone_work import Tree, changed_files, show, tracked_files

# What a stash that Git made by itself hangs on while a merge or rebase is unfinished.
STASHES = ("MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-apply/autostash")
LEFTOVERS = (
    *IN_THE_MIDDLE,
    "MERGE_AUTOSTASH",
    "MERGE_MSG",
    "MERGE_MODE",
    "AUTO_MERGE",
    "SQUASH_MSG",
    "BISECT_START",
)


def resync(request: Request, clone: Clone, answer: Answer) -> None:
    """Make the clone as the course is: `resynced`, or `up-to-date` where it is so already, or `locked`."""
    answer.branch = clone.default_branch
    answer.upstream = clone.mirror_git.commit("HEAD")
    if answer.upstream is None:
        answer.outcome = "up-to-date"
        answer.note("The course has no commit yet.")
        return
    if clone.exists:
        lock = clone.fresh_lock(answer)
        if lock:
            answer.outcome = "locked"
            answer.note(f"Git holds {lock} in this clone: something is under way there.")
            return
        try:
            gently(clone, answer)
            return
        except GitFailure as failure:
            answer.note(f"Git cannot work in this clone: {failure}")
    if answer.dry_run:
        answer.foresee("resynced")
        return
    whole(clone, answer)


def gently(clone: Clone, answer: Answer) -> None:
    """In the clone itself, which keeps its history and the student's other branches."""
    git, files = clone.git, clone.files
    git.check_files()
    git.disarm()
    answer.before = answer.after = git.commit("HEAD")
    branch = clone.branch
    changed = changed_files(git)
    begun = clone.in_the_middle(changed)
    clone.fetch()
    upstream = git.commit(f"refs/remotes/origin/{clone.default_branch}") or ""
    answer.upstream = upstream
    at_home = branch == clone.default_branch and answer.before == upstream
    if at_home and not begun and not changed:
        answer.outcome = "up-to-date"
        return
    if answer.dry_run:
        answer.foresee("resynced")
        return
    repair(clone, answer)
    course = git.tree(upstream)
    tracked = tracked_files(git)
    obstacles = files.in_the_way(course, tracked)
    answer.kept += clone.keeper.keep(answer.before, [file.path for file in changed], obstacles)
    former = git.commit(f"refs/heads/{clone.default_branch}")
    if former not in (None, answer.before, upstream):
        answer.kept.append(clone.keeper.point(BEFORE, former or "", f"what {clone.default_branch} was"))
    leave_unfinished(clone, answer)
    base = git.ask("merge-base", answer.before, upstream) if answer.before else None
    carry_off(clone, obstacles, tracked, course, answer)
    carry_off(clone, theirs(clone, tracked, course, git.tree(base) if base else {}), (), course, answer)
    git.run("read-tree", "--reset", "-u", upstream)
    heads = f"refs/heads/{clone.default_branch}"
    git.run("update-ref", "-m", "nbhosting: resync", heads, upstream)
    git.run("symbolic-ref", "-m", "nbhosting: resync", "HEAD", heads)
    answer.after = git.commit("HEAD")
    answer.outcome = "resynced"


def whole(clone: Clone, answer: Answer) -> None:
    """With a new repository; the former one goes aside as it is."""
    git, files = clone.git, clone.files
    if files.state(b".git") is not None:
        there = files.move(b".git", files.before + b"/git")
        answer.kept.append(show(there))
    begin(clone, answer)
    repair(clone, answer)
    clone.fetch()
    upstream = git.commit(f"refs/remotes/origin/{clone.default_branch}") or ""
    course = git.tree(upstream)
    obstacles = files.in_the_way(course, ())
    carry_off(clone, obstacles, (), course, answer)
    fill(clone, answer)
    answer.after = git.commit("HEAD")
    answer.outcome = "resynced"


def theirs(clone: Clone, tracked: set[bytes], course: Tree, base: Tree) -> list[bytes]:
    """The tracked files that hold something of the student's: neither the course's bytes nor those that it once had here."""
    found = []
    for path in sorted(tracked):
        oid = clone.files.object_of(path)
        if oid is not None and oid not in (course.get(path, ("", ""))[1], base.get(path, ("", ""))[1]):
            found.append(path)
    return found


def carry_off(
    clone: Clone, paths: list[bytes], tracked: set[bytes] | tuple[()], course: Tree, answer: Answer
) -> None:
    """Move files to where they are kept; what the course has to the byte, and our own links, need no keeping."""
    files = clone.files
    for path in paths:
        if files.is_our_link(path) or files.object_of(path) == course.get(path, ("", ""))[1]:
            files.remove(path)
            continue
        files.put_aside(path, tracked, beside=False)
        place = show(files.before) + "/"
        if place not in answer.kept:
            answer.kept.append(place)


def leave_unfinished(clone: Clone, answer: Answer) -> None:
    """Put aside what Git remembers of a merge, a rebase or the like; references are left to what hangs on it alone."""
    top = clone.git.git_dir
    for name in (*STASHES, "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"):
        path = os.path.join(top, name)
        if os.path.isfile(path):
            with open(path, encoding="ascii", errors="replace") as file:
                words = file.read().split()
            for word in words:
                commit = clone.git.commit(word)
                if commit:
                    room = WORKTREE if name in STASHES else BEFORE
                    answer.kept.append(clone.keeper.point(room, commit, f"{name} of something unfinished"))
    for name in LEFTOVERS:
        if os.path.lexists(os.path.join(top, name)):
            there = clone.files.before + b"/git-unfinished/" + name.encode()
            clone.files.move(b".git/" + name.encode(), there)
