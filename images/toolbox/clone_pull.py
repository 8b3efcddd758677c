"""A student's clone brought up to date, step by step, each step only where the one before cannot be.

1. Nothing new: `up-to-date`, or `ahead` where the student has commits on top.
2. Fast-forward (`fast-forwarded`). A course whose history was rewritten is followed in the same way by a clone without
   commits of the student's own.
3. A merge (`merged`). Files that the student changed and the course did not stay as they are.
4. Only with reset "if-needed": `reset` to the course's commit.
5. The outputs of changed notebooks are stripped, the changed files are committed in the student's name, and that is merged
   (`committed-and-merged`). A notebook that was only run is the course's again.
6. `conflict`: the commit of step 5 stays, the merge is left undone, and each file in conflict is named.

Every merge is computed beside the student's files, and reaches them finished or not at all. References to what was there
are left first (`clone_keep.py`). A file that the student removed without telling Git comes back when the course changed
it. A file unknown to Git where the course now has one of its own is renamed, `n.ipynb` to `n.mine-STAMP.ipynb`, and never
stops the others.

Reset "always" does not ask whether there is a better way. `resync` is for the hopeless, `clone_resync.py`.
"""

import os

from clone_git import GitFailure
from clone_keep import BEFORE
from clone_resync import resync
from clone_situation import Situation, difference, look, merged, overlap, untouched
from clone_strip import LARGEST, stripped
from clone_task import Answer, Clone, Request
from clone_work import Tree, changed_files, nul_ended, show, tracked_files


def pull(request: Request, clone: Clone, answer: Answer) -> None:
    """Bring the clone up to date with the course, by the ladder above."""
    if request.resync:
        resync(request, clone, answer)
    else:
        climb(request, clone, answer)


def climb(request: Request, clone: Clone, answer: Answer) -> None:
    """Find out how things are; then step by step."""
    if not clone.exists:
        answer.outcome = "no-clone"
        if clone.files.state(b".git") is not None:
            answer.note("What is at .git is not a repository of this workspace.")
        return
    lock = clone.fresh_lock(answer)
    if lock:
        answer.outcome = "locked"
        answer.note(f"Git holds {lock} in this clone: something is under way there.")
        return
    at = look(request, clone, answer)
    if at is None:
        return
    ladder(request.reset, at)
    if not answer.dry_run:
        clone.keeper.forget_needless()


def ladder(reset: str, at: Situation) -> None:
    """The steps, in order."""
    git, answer = at.git, at.answer
    if at.head == at.upstream and at.branch is not None:
        answer.outcome = "up-to-date"
        return
    if reset == "always" or at.branch is None:
        hard_reset(at)
        return
    if git.is_ancestor(at.upstream, at.head):
        answer.outcome = "ahead"
        return
    new, _ = merged(at, at.head)
    outcome = "fast-forwarded" if new == at.upstream else "merged"
    if new and not overlap(at, at.head, new):
        advance(at, at.head, new, outcome)
    elif reset == "if-needed":
        hard_reset(at)
    else:
        commit_and_merge(at)


def advance(at: Situation, old: str, new: str, outcome: str) -> None:
    """Bring files, index and branch from `old` to `new`, whose difference no changed file is in."""
    answer, files, git = at.answer, at.clone.files, at.git
    if answer.dry_run:
        answer.foresee(outcome)
        tell_asides(at, difference(at, old, new)[1])
        return
    written, wanted = difference(at, old, new)
    tracked = tracked_files(git)
    obstacles = files.in_the_way(wanted, tracked)
    at.keep(obstacles)
    git.run("update-index", "-q", "--refresh", good=(0, 1))
    modified = [file.path for file in at.changed if file.path in written and file.working == "M"]
    same = untouched(at, modified)
    for path in same:
        files.remove(path)  # it comes again with the course's bytes; Git would not write over it
    moves = [move for path in obstacles for move in files.put_aside(path, tracked, beside=True)]
    try:
        git.run("read-tree", "-m", "-u", old, new)
    except GitFailure as failure:
        for here, there in reversed(moves):
            if files.state(here) is None:
                files.move(there, here)
        git.run("checkout-index", "--quiet", "-z", "--stdin", stdin=nul_ended(same), good=(0, 1, 128))
        answer.outcome = "conflict"
        answer.note(str(failure))
        return
    git.run("update-ref", "-m", f"nbhosting: {outcome}", "HEAD", new, old)
    settle(at, moves, wanted)
    answer.outcome, answer.after = outcome, new


def settle(at: Situation, moves: list[tuple[bytes, bytes]], wanted: Tree) -> None:
    """Of what was put aside, drop what the course has to the byte and what was ours; name the rest."""
    files = at.clone.files
    for here, there in moves:
        if files.is_our_link(there) or (here in wanted and files.object_of(there) == wanted[here][1]):
            files.remove(there)
        else:
            at.answer.kept.append(show(there))
            at.answer.note(
                f"{show(here)} was the student's and is now the course's; the student's is {show(there)}."
            )


def tell_asides(at: Situation, wanted: Tree) -> None:
    """Say which files would get another name."""
    for path in at.clone.files.in_the_way(wanted, tracked_files(at.git)):
        if (
            not at.clone.files.is_our_link(path)
            and at.clone.files.object_of(path) != wanted.get(path, ("", ""))[1]
        ):
            at.answer.note(f"{show(path)} is the student's and would get another name.")


def hard_reset(at: Situation) -> None:
    """Give the branch and all of the course's files the state that the course has; references to the former one are left."""
    answer, files, git = at.answer, at.clone.files, at.git
    wanted = git.tree(at.upstream)
    if answer.dry_run:
        answer.foresee("reset")
        tell_asides(at, wanted)
        return
    tracked = tracked_files(git)
    obstacles = files.in_the_way(wanted, tracked)
    at.keep(obstacles)
    moves = [move for path in obstacles for move in files.put_aside(path, tracked, beside=True)]
    git.run("read-tree", "--reset", "-u", at.upstream)
    point_branch(at)
    settle(at, moves, wanted)
    answer.outcome, answer.after = "reset", at.upstream


def point_branch(at: Situation) -> None:
    """Let the checked-out branch, or the course's when there was none, be at the course's commit."""
    git = at.git
    branch = at.branch or at.clone.default_branch
    former = git.commit(f"refs/heads/{branch}")
    if at.branch is None and former not in (None, at.upstream):
        at.answer.kept.append(at.clone.keeper.point(BEFORE, former or "", f"what {branch} was"))
    git.run("update-ref", "-m", "nbhosting: reset", f"refs/heads/{branch}", at.upstream)
    git.run("symbolic-ref", "-m", "nbhosting: reset", "HEAD", f"refs/heads/{branch}")
    at.answer.branch = branch


def commit_and_merge(at: Situation) -> None:
    """Steps 5 and 6: what the student changed becomes a commit, and that is merged."""
    answer, git, keeper = at.answer, at.git, at.clone.keeper
    paths = at.overwritten
    index = keeper.index_copy("work")
    keeper.take_in(paths, index)
    clean = strip_into(at, paths, index)
    tree = git.run("write-tree", env=index).word
    mine = at.head
    if tree != git.ask("rev-parse", f"{at.head}^{{tree}}"):
        mine = keeper.commit(
            tree, [at.head], f"Work in progress: {len(paths)} files, committed before a merge"
        )
    answer.stripped = [show(path) for path in clean]
    new, conflicts = merged(at, mine)
    answer.committed = [show(path) for path in sorted(difference(at, at.head, mine)[0])]
    if answer.dry_run:
        if new:
            advance(at, mine, new, "fast-forwarded" if new == at.upstream else "committed-and-merged")
        else:
            conflict(at, conflicts)
        return
    if paths:
        obstacles = files_in_the_way(at, mine, new)
        at.keep(obstacles)
        put_down(at, paths, clean, mine)
    if new is None:
        conflict(at, conflicts)
    else:
        advance(at, mine, new, "fast-forwarded" if new == at.upstream else "committed-and-merged")


def files_in_the_way(at: Situation, old: str, new: str | None) -> list[bytes]:
    """What the way to the new commit, if there is one, cannot write over."""
    if new is None:
        return []
    return at.clone.files.in_the_way(difference(at, old, new)[1], tracked_files(at.git))


def strip_into(at: Situation, paths: list[bytes], index: dict[str, str]) -> dict[bytes, bytes]:
    """Put the changed notebooks without their outputs into an index; which, and their new bytes."""
    committed = at.git.tree(at.head)
    clean: dict[bytes, bytes] = {}
    for path in paths:
        state = at.clone.files.state(path)
        if not path.endswith(b".ipynb") or not at.clone.files.is_plain(path):
            continue
        if state is None or state.st_size > LARGEST or os.path.islink(at.clone.files.at(path)):
            continue
        with open(at.clone.files.at(path), "rb") as file:
            content = file.read()
        mode, oid = committed.get(path, ("", ""))
        former = at.git.run("cat-file", "blob", oid).out if mode.startswith("100") else None
        new = stripped(content, former)
        if new is None:
            continue
        clean[path] = new
        blob = at.git.run("hash-object", "-w", "--stdin", stdin=new).word
        entry = f"{'100755' if state.st_mode & 0o100 else '100644'} {blob}\t".encode() + path + b"\0"
        at.git.run("update-index", "-z", "--index-info", stdin=entry, env=index)
    return clean


def put_down(at: Situation, paths: list[bytes], clean: dict[bytes, bytes], mine: str) -> None:
    """Make the commit the student's: stripped notebooks into the files, changed files into the index, the branch moved."""
    for path, content in clean.items():
        at.clone.files.write(path, content)
    at.clone.keeper.take_in(paths)
    if mine != at.head:
        at.git.run("update-ref", "-m", "nbhosting: work in progress", "HEAD", mine, at.head)
        at.answer.after = mine
    at.changed = changed_files(at.git)


def conflict(at: Situation, paths: list[bytes]) -> None:
    """Say which files are in conflict; the merge was never begun."""
    at.answer.conflicts = [show(path) for path in paths]
    at.answer.outcome = "conflict"
