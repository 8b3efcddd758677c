"""Git run on a clone that its owner may have arranged in any way: it neither hangs nor asks nor runs what the owner set up.

Everything here happens with the student's own rights: what is kept away is what would make a pull hang, lie or fail, not
an intrusion. What cannot be switched off (an enormous file, a pipe in place of a file) ends at a time limit.
"""

import os
import re
import secrets
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GIT = "/usr/bin/git"
LONGEST_COMMAND = 300.0  # seconds: the first fetch of a large course on a busy computer

# A merge driver of the student's is a program; this is what Git itself does with text.
TEXT_MERGE = f"{GIT} merge-file -q --marker-size=%L %A %O %B"
PROGRAMS = re.compile(
    r"(?P<filter>filter\..*\.(?:clean|smudge|process))|filter\..*\.required|merge\..*\.driver", re.S
)

FILES = (
    *("HEAD", "config", "config.worktree", "index", "packed-refs", "shallow", "commondir", "logs/HEAD"),
    *("info/attributes", "info/exclude", "info/grafts", "info/sparse-checkout", "objects/info/alternates"),
)

# What the clone's own configuration may say otherwise, and does not.
CALM: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.alternateRefsCommand": "true",
    "core.safecrlf": "false",
    "core.sparseCheckout": "false",
    "core.logAllRefUpdates": "true",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "i18n.commitEncoding": "utf-8",
    "merge.default": "text",
    "merge.renames": "true",
    "merge.directoryRenames": "false",  # a student's file stays where the student put it
    "merge.renormalize": "true",
}


class GitFailure(Exception):
    """Git could not do it; the sentence is Git's own, with the command."""


@dataclass(frozen=True)
class Said:
    """What a Git command answered."""

    code: int
    out: bytes
    err: bytes

    @property
    def word(self) -> str:
        """The output as one line of text: a commit, a branch, a path of Git's own."""
        return self.out.decode("utf-8", "backslashreplace").strip()

    @property
    def items(self) -> list[bytes]:
        """The output of a command that ends each of its items by a NUL."""
        return self.out.split(b"\0")[:-1]


def as_config(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as the environment that gives them to Git above every file, alternates of the clone included."""
    environment = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


@dataclass
class Git:
    """Git commands on one repository; `work` is None for a bare one. `scratch` is a directory of this run alone."""

    git_dir: str
    work: str | None
    scratch: str
    settings: dict[str, str] = field(default_factory=lambda: dict(CALM))
    extra: dict[str, str] = field(default_factory=dict)

    def run(
        self,
        *argv: str | bytes,
        stdin: bytes = b"",
        good: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> Said:
        """Run one command to its end; GitFailure when it ends with another status than the `good` ones, or never."""
        process = subprocess.Popen(
            (GIT, *argv),
            env={**self._environment(), **self.extra, **(env or {})},
            cwd=self.work or self.git_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        name = os.fsdecode(argv[0])
        try:
            out, err = process.communicate(stdin, LONGEST_COMMAND)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its helpers too: they hold our pipes
            process.communicate()
            raise GitFailure(f"git {name} was given up after {LONGEST_COMMAND:.0f} seconds") from None
        said = Said(process.returncode, out, err)
        if said.code not in good:
            complaint = err.decode("utf-8", "backslashreplace").strip() or f"ended with status {said.code}"
            raise GitFailure(f"git {name}: {complaint}")
        return said

    def ask(self, *argv: str, env: Mapping[str, str] | None = None) -> str | None:
        """The one word that a command answers, or None when it has no answer (status 1 or 128)."""
        said = self.run(*argv, good=(0, 1, 128), env=env)
        return said.word if said.code == 0 else None

    def commit(self, name: str) -> str | None:
        """The commit that a name stands for, or None."""
        return self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")

    def tree(self, commit: str) -> dict[bytes, tuple[str, str]]:
        """Every file of a commit: path → (mode, object)."""
        found: dict[bytes, tuple[str, str]] = {}
        for item in self.run("ls-tree", "-r", "-z", "--full-tree", commit).items:
            words, _, path = item.partition(b"\t")
            mode, _, oid = words.decode().split(" ")
            found[path] = (mode, oid)
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether everything in `older` is in `newer`."""
        return self.run("merge-base", "--is-ancestor", older, newer, good=(0, 1)).code == 0

    def own_settings(self) -> dict[str, list[str]]:
        """What the clone's own configuration file says, without what that includes; names as Git writes them."""
        found: dict[str, list[str]] = {}
        for item in self.run("config", "--local", "--list", "-z").items:
            key, _, value = item.partition(b"\n")
            found.setdefault(os.fsdecode(key), []).append(os.fsdecode(value))
        return found

    def disarm(self) -> None:
        """Overrule the programs that the clone's configuration names for filters and merges, whatever they are called.

        An empty filter is no filter. The attributes stay in force: line endings depend on them.
        """
        for item in self.run("config", "--list", "--name-only", "-z").items:
            key = item.decode("utf-8", "surrogateescape")
            match = PROGRAMS.fullmatch(key)
            if match:
                off = "" if match["filter"] else TEXT_MERGE if key.endswith(".driver") else "false"
                self.settings[key] = off

    def check_files(self) -> None:
        """GitFailure when something that Git would wait for for ever, a pipe say, is where it has a file."""
        for name in FILES:
            try:
                mode = os.stat(os.path.join(self.git_dir, name)).st_mode
            except OSError:
                continue
            if not stat.S_ISREG(mode):
                raise GitFailure(f"{name} is not a file")

    def quarantine(self) -> None:
        """From here on, new objects go where this run ends, not into the clone."""
        objects = os.path.join(self.scratch, "objects")
        os.makedirs(objects, exist_ok=True)
        self.extra |= {
            "GIT_OBJECT_DIRECTORY": objects,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.join(self.git_dir, "objects"),
        }

    def fetch(self, mirror: str, *refspecs: str) -> None:
        """Fetch from the mirror itself, whatever `insteadOf` the clone's configuration holds.

        The address is a word that nobody can have foreseen: the longest match counts, and this one is whole.
        """
        word = f"nbhosting-{secrets.token_hex(16)}:"
        self.run(
            *("fetch", "--quiet", "--force", "--prune", "--no-recurse-submodules", "--no-write-fetch-head"),
            *("--no-auto-maintenance", "--end-of-options", word, *refspecs),
            env=as_config({**self.settings, f"url.{mirror}.insteadOf": word}),
        )

    def _environment(self) -> dict[str, str]:
        rules = os.path.join(self.scratch, "gitconfig")
        if not os.path.exists(rules):
            # A file and not the environment: the other end of a fetch, which reads the mirror of
            # another owner, is told nothing by the environment.
            with open(rules, "w", encoding="utf-8") as file:
                file.write("[safe]\n\tdirectory = *\n")
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": self.scratch,
            "TMPDIR": self.scratch,
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": self.git_dir,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": rules,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_EDITOR": "true",
            "GIT_SEQUENCE_EDITOR": "true",
            "GIT_ASKPASS": "true",
            "GIT_PAGER": "cat",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            **as_config(self.settings),
        }
        if self.work is not None:
            environment["GIT_WORK_TREE"] = self.work  # over any core.worktree and core.bare
        return environment


def is_repository(git_dir: str) -> bool:
    """Whether it is a directory (no link, no file that leads elsewhere) with what Git asks of a repository."""
    if os.path.islink(git_dir) or not os.path.isdir(git_dir):
        return False
    parts = ("objects", "refs")
    return os.path.lexists(os.path.join(git_dir, "HEAD")) and all(
        os.path.isdir(os.path.join(git_dir, part)) for part in parts
    )
