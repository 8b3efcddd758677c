"""A clone where there is none, also around work that is there already; the remote of one that is there repaired.

A file that was there and differs from the course's is the student's: it stays, as a local modification. Only what no file of
the course can live beside (a file where the course has a directory, or the other way round) gets another name. An
interrupted adoption is taken up again by the next one: the branch is born last.
"""

import os

from clone_git import GitFailure
from clone_task import Answer, Clone, Request
from clone_work import changed_files, nul_ended, show

FETCHED = "+refs/heads/*:refs/remotes/origin/*"
NOT_FOR_GIT = (".nbhosting/", ".nbautoeval", "/DROPPED/", ".ipynb_checkpoints/")
# What a directory without any work of a student's may hold.
OURS = frozenset({".git", ".nbhosting", ".nbautoeval", "DROPPED", "lost+found"})


def adopt(request: Request, clone: Clone, answer: Answer) -> None:
    """See that there is a clone in the workspace whose remote is the course's mirror.

    `cloned` into an empty workspace, `adopted` what was there, or `present`.
    """
    answer.branch = clone.default_branch
    answer.upstream = clone.mirror_git.commit("HEAD")
    was_empty = set(os.listdir(request.work)) <= OURS
    if request.dry_run:
        answer.outcome = "present" if clone.exists else "cloned" if was_empty else "adopted"
        return
    new = begin(clone, answer)
    lock = clone.fresh_lock(answer)
    if lock:
        answer.outcome = "locked"
        answer.note(f"Git holds {lock} in this clone.")
        return
    try:
        clone.git.check_files()
        clone.git.disarm()
        repair(clone, answer)
        new = new or is_unborn(clone)
    except GitFailure as failure:
        if new:
            raise
        answer.outcome = "present"
        answer.note(f"The clone's settings could not be read: {failure}")
        return
    answer.before = clone.git.commit("HEAD")
    if new:
        fill(clone, answer)
    answer.after = clone.git.commit("HEAD")
    answer.outcome = "present" if not new else "cloned" if was_empty else "adopted"


def begin(clone: Clone, answer: Answer) -> bool:
    """Make a repository where there is none; whether there was none. What is no repository is put aside whole."""
    if clone.exists:
        return False
    if clone.files.state(b".git") is not None:
        answer.kept.append(show(clone.files.move(b".git", clone.files.before + b"/git")))
        answer.note("What was at .git was not a repository of this workspace; it was put aside.")
    argv = ("init", "--quiet", "--template=", f"--initial-branch={clone.default_branch}")
    clone.git.run(*argv)
    return True


def is_unborn(clone: Clone) -> bool:
    """Whether nothing was ever committed or checked out: a clone of an empty course, or one that was interrupted."""
    git = clone.git
    return git.commit("HEAD") is None and not git.run("for-each-ref", "--count=1", "refs/heads").out


def repair(clone: Clone, answer: Answer) -> None:
    """Make the mirror the clone's `origin`; give the settings that are missing, and no other."""
    git = clone.git
    own = git.own_settings()
    urls = own.get("remote.origin.url", [])
    if urls != [clone.mirror]:
        for url in urls:
            git.run("config", "--local", "--add", "nbhosting.formerOrigin", url)
            answer.note("The remote origin led elsewhere; where, is kept in nbhosting.formerOrigin.")
        git.run("config", "--local", "--replace-all", "remote.origin.url", clone.mirror)
    if own.get("remote.origin.fetch") != [FETCHED]:
        git.run("config", "--local", "--replace-all", "remote.origin.fetch", FETCHED)
    clone.introduce(own)
    settings = {
        "user.name": clone.identity["GIT_AUTHOR_NAME"],
        "user.email": clone.identity["GIT_AUTHOR_EMAIL"],
        "pull.rebase": "false",
        f"branch.{clone.default_branch}.remote": "origin",
        f"branch.{clone.default_branch}.merge": f"refs/heads/{clone.default_branch}",
    }
    for key, value in settings.items():
        if key not in own:
            git.run("config", "--local", key, value)
    exclude(git.git_dir)


def exclude(git_dir: str) -> None:
    """Keep what is ours, and Jupyter's checkpoints, out of the student's list of untracked files."""
    path = os.path.join(git_dir, "info", "exclude")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lines: list[str] = []
    if os.path.isfile(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    missing = [pattern for pattern in NOT_FOR_GIT if pattern not in lines]
    if missing:
        with open(path, "a", encoding="utf-8") as file:
            file.write("".join(f"{pattern}\n" for pattern in missing))


def fill(clone: Clone, answer: Answer) -> None:
    """Fetch, and check out the course's branch around the files that are there."""
    git, files = clone.git, clone.files
    clone.fetch()
    branch = clone.default_branch
    upstream = git.commit(f"refs/remotes/origin/{branch}")
    answer.upstream = upstream
    if upstream is None:
        answer.note("The course has no commit yet.")
        return
    if git.run("ls-files", "--cached", "-z").out:
        answer.kept += clone.keeper.keep(None, [file.path for file in changed_files(git)])
    course = git.tree(upstream)
    for path in course:
        if files.is_our_link(path):
            files.remove(path)
    for path in files.in_the_way(course, course):
        make_room(clone, path, answer)
    git.run("read-tree", upstream)
    missing = git.run("ls-files", "--deleted", "-z").items
    git.run("checkout-index", "--quiet", "-z", "--stdin", stdin=nul_ended(missing))
    git.run("update-index", "-q", "--refresh", good=(0, 1))
    git.run("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}")
    git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    git.run("update-ref", "-m", "nbhosting: clone of the course", f"refs/heads/{branch}", upstream)


def make_room(clone: Clone, path: bytes, answer: Answer) -> None:
    """Give another name to what no file of the course can live beside."""
    if clone.files.is_our_link(path):
        clone.files.remove(path)
        return
    for _, there in clone.files.put_aside(path, (), beside=True):
        answer.kept.append(show(there))
