"""What is asked of the clone tool, what it answers, and the clone that both are about."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clone_git import Git, is_repository
from clone_keep import Keeper
from clone_work import Changed, WorkingTree, show

STAMP = re.compile(r"\d{8}T\d{6}Z")
STALE_LOCK = 600.0  # seconds; a Git that lives holds one for moments
NOBODY = {"name": "student", "email": "student@nbhosting.invalid"}
# A student who is in the middle of something, by what Git leaves in its directory.
IN_THE_MIDDLE = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
    "sequencer": "a series of cherry-picks",
}


@dataclass(frozen=True)
class Request:
    """One request, as the daemon writes it."""

    do: str
    work: str = "/home/jovyan/work"
    mirror: str = "/srv/course.git"
    user: Mapping[str, str] = field(default_factory=lambda: NOBODY)
    stamp: str = ""
    reset: str = "no"
    resync: bool = False
    dry_run: bool = False
    paths: tuple[str, ...] = ()

    @classmethod
    def read(cls, said: Any) -> "Request":
        """The request in that JSON; ValueError or TypeError for anything else."""
        if not isinstance(said, dict):
            raise ValueError("an object is needed")
        request = cls(**{**said, "paths": tuple(said.get("paths") or ())})
        if request.do not in ("adopt", "pull", "has"):
            raise ValueError("do: adopt, pull or has")
        if request.reset not in ("no", "if-needed", "always"):
            raise ValueError("reset: no, if-needed or always")
        if request.do != "has" and not STAMP.fullmatch(request.stamp):
            raise ValueError("stamp: like 20261123T181500Z")
        return request


@dataclass
class Answer:
    """The answer, filled in on the way."""

    dry_run: bool = False
    outcome: str = ""
    would: str | None = None
    before: str | None = None
    after: str | None = None
    upstream: str | None = None
    branch: str | None = None
    kept: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    stripped: list[str] = field(default_factory=list)
    committed: list[str] = field(default_factory=list)
    has: list[bool] = field(default_factory=list)
    has_upstream: list[bool] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Say something more to whoever reads the report."""
        self.notes.append(sentence)

    def foresee(self, outcome: str) -> None:
        """Say what would happen without the dry run."""
        self.outcome, self.would = "behind", outcome
        self.note(f"An update would end as: {outcome}.")

    def as_json(self) -> dict[str, Any]:
        """The answer as it is printed."""
        return dict(vars(self))


@dataclass(frozen=True)
class Clone:
    """A workspace with, perhaps, a clone in it."""

    git: Git
    files: WorkingTree
    mirror: str
    mirror_git: Git
    stamp: str
    user: Mapping[str, str]
    identity: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request, scratch: str) -> "Clone":
        """The clone that a request is about; nothing is looked at yet."""
        git = Git(os.path.join(request.work, ".git"), request.work, scratch)
        files = WorkingTree(request.work, request.stamp)
        mirror = Git(request.mirror, None, scratch)
        return cls(git, files, request.mirror, mirror, request.stamp, request.user)

    @property
    def exists(self) -> bool:
        """Whether there is a repository of the workspace's own."""
        return is_repository(self.git.git_dir)

    @property
    def keeper(self) -> Keeper:
        """Who makes this run's references."""
        return Keeper(self.git, self.files, self.stamp, self.identity)

    @cached_property
    def default_branch(self) -> str:
        """The course's branch."""
        head = self.mirror_git.ask("symbolic-ref", "--quiet", "HEAD") or "refs/heads/main"
        return head.removeprefix("refs/heads/")

    @property
    def branch(self) -> str | None:
        """The branch that is checked out; not its short name, which a tag may make another."""
        head = self.git.ask("symbolic-ref", "--quiet", "HEAD") or ""
        return head.removeprefix("refs/heads/") if head.startswith("refs/heads/") else None

    def fetch(self) -> None:
        """Bring the course's branches as last pulled into `refs/remotes/origin`."""
        self.git.fetch(self.mirror, "+refs/heads/*:refs/remotes/origin/*")

    def introduce(self, settings: Mapping[str, Sequence[str]]) -> None:
        """Say to Git who the student is: as the clone's settings say, else as the request does."""
        for part in ("name", "email"):
            own = settings.get(f"user.{part}", [""])[-1]
            value = plain(own) or plain(str(self.user.get(part, ""))) or NOBODY[part]
            for role in ("AUTHOR", "COMMITTER"):
                self.identity[f"GIT_{role}_{part.upper()}"] = value

    def fresh_lock(self, answer: Answer) -> str | None:
        """A lock that a Git of the student's holds now; stale ones of a Git that died are taken away."""
        for path in self._locks():
            try:
                age = time.time() - os.lstat(path).st_mtime
            except FileNotFoundError:
                continue
            name = os.path.relpath(path, self.git.git_dir)
            if age < STALE_LOCK:
                return name
            if not answer.dry_run:
                os.unlink(path)
                answer.note(f"Removed the lock {show(os.fsencode(name))} of a Git that is gone.")
        return None

    def in_the_middle(self, changed: Sequence[Changed]) -> str | None:
        """What the student has begun and not finished, in words, or None."""
        for name, words in IN_THE_MIDDLE.items():
            if os.path.lexists(os.path.join(self.git.git_dir, name)):
                return words
        return "a merge" if any(file.index == "U" for file in changed) else None

    def _locks(self) -> list[str]:
        top = self.git.git_dir
        found = [os.path.join(top, name) for name in os.listdir(top) if name.endswith(".lock")]
        for directory, _, names in os.walk(os.path.join(top, "refs")):
            found += [os.path.join(directory, name) for name in names if name.endswith(".lock")]
        return found


def plain(name: str) -> str:
    """A name or address as Git takes it: printable, without what separates the two."""
    printable = "".join(char for char in name if char.isprintable() and char not in "<>")
    return printable.strip(" .,:;\"'\\")[:200]
