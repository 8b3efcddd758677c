"""A student's clone of a course, in the hands of the student: made, adopted, brought up to date.

Runs in a throw-away container as the student, with one request (JSON) as its argument; the answer is JSON on stdout. Exit
status 0 for everything that could be decided, conflicts included; else a sentence on stderr.

- `adopt`: a clone where there is none, in a directory that may hold work already; the remote of one that is there repaired.
- `pull`: the course's newest commit into the clone; see `clone_pull.py`.
- `has`: which paths there are, in the workspace and in the course.

With `dry_run` nothing of the student's changes: neither files nor index nor branches.
"""

import fcntl
import json
import os
import sys
import tempfile

sys.path.insert(
    0, os.path.dirname(os.path.abspath(__file__))
)  # -I leaves it out; before the imports from there

from clone_adopt import adopt
from clone_git import Git, GitFailure
from clone_pull import pull
from clone_task import Answer, Clone, Request


def has(request: Request, clone: Clone, answer: Answer) -> None:
    """Say of each path whether it is a file here, and whether the course's newest commit has it."""
    answer.outcome = "present" if clone.exists else "no-clone"
    answer.has = [clone.files.has(path) for path in request.paths]
    mirror = Git(request.mirror, None, clone.git.scratch)
    tree = mirror.tree("HEAD") if mirror.commit("HEAD") else {}
    answer.has_upstream = [os.fsencode(path) in tree for path in request.paths]


def work(request: Request, scratch: str) -> Answer:
    """Do what is asked, alone in the workspace; `locked` when another of us is at work in it."""
    answer = Answer(dry_run=request.dry_run)
    clone = Clone.of(request, scratch)
    directory = os.open(request.work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        answer.outcome = "locked"
        answer.note("Another update of this clone is under way.")
        return answer
    # The lock ends with the program.
    {"adopt": adopt, "pull": pull, "has": has}[request.do](request, clone, answer)
    return answer


def main(argv: list[str]) -> int:
    """One request, one answer."""
    try:
        request = Request.read(json.loads(argv[1]))
    except (IndexError, ValueError, KeyError, TypeError) as error:
        print(f"clone: not a request: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="nbhosting-clone-", ignore_cleanup_errors=True) as scratch:
        try:
            answer = work(request, scratch)
        except (GitFailure, OSError) as error:
            print(f"clone: {error}".encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
            return 1
    print(json.dumps(answer.as_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
