"""nbhostctl course lint: walks through a checked-out course, without any daemon, and has it judged."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nbhostd.core import gitindex
from nbhostd.core.lint import ERROR, WARNING, Checkout, Finding, judge
from nbhostd.ctl.command import Call, SubParsers, WrongUsage, add_command
from nbhostd.ctl.console import FAILED, OK

_MORE = """\
examples:
  nbhostctl course lint                     the course that is checked out here
  nbhostctl course lint --strict ~/course   warnings count as errors

Each fault is one line, FILE:LINE: LEVEL: SENTENCE. No daemon is asked and nothing is changed, so it can be
a step of the course's own continuous integration. Of a git checkout only what git tracks is looked at.

exit codes: 0 no error, 1 errors (with --strict also warnings), 2 wrong usage"""

_UNTRACKED = frozenset(
    (".git", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv", "venv", "_build")
)
_LARGEST_INDEX = 64 << 20
_MOST_FILES = 200_000


def add(group: SubParsers) -> None:
    """The parser."""
    lint = add_command(
        group, "lint", _lint, "say what is wrong in a course's repository before it is pushed", more=_MORE
    )
    lint.add_argument("directory", metavar="PATH", nargs="?", default=".", help="where it is checked out (.)")
    lint.add_argument("--strict", action="store_true", help="warnings count as errors")


def _lint(call: Call) -> int:
    top = Path(call.args.directory)
    if not top.is_dir():
        raise WrongUsage(f"{top} is not a directory.")
    walk = _Walk(Path(os.path.realpath(top)))
    findings = sorted({*judge(walk.checkout()), *walk.faults})
    errors = sum(finding.level == ERROR for finding in findings)
    if call.console.as_json:
        call.console.json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            call.console.line(str(finding))
        call.console.line(_summary(errors, len(findings) - errors))
    return FAILED if errors or (findings and call.args.strict) else OK


def _summary(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return "Nothing is wrong."
    counts = ((errors, "error"), (warnings, "warning"))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count)


@dataclass
class _Walk:
    """What is in a directory; no link is followed out of it."""

    top: Path
    files: dict[str, int] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)

    def checkout(self) -> Checkout:
        tracked = self._tracked()
        names = sorted(tracked) if tracked is not None else sorted(self._names())
        for raw in names[:_MOST_FILES]:
            try:
                name = raw.decode()
            except UnicodeDecodeError:
                shown = raw.decode(errors="backslashreplace")
                self._fault(shown, ERROR, "is left out, its name is not UTF-8")
                continue
            if tracked is not None and tracked[raw] == gitindex.SUBMODULE:
                self._fault(name, WARNING, "is a submodule, which is not fetched")
            else:
                self._enter(name)
        if len(names) > _MOST_FILES:
            self._fault(".", ERROR, f"has more than {_MOST_FILES} files: no site takes it")
        return Checkout(self.files, self._read)

    def _tracked(self) -> dict[bytes, int] | None:
        """What git tracks; None where that is not known."""
        git = self.top / ".git"
        if git.is_file():  # a worktree or a submodule
            text = git.read_text(encoding="utf-8", errors="replace")
            git = self.top / text.removeprefix("gitdir:").strip()
        try:
            with (git / "index").open("rb") as file:
                return gitindex.tracked(file.read(_LARGEST_INDEX))
        except OSError:
            return None

    def _names(self) -> Iterator[bytes]:
        top = os.fsencode(self.top)
        for directory, inner, names in os.walk(top):
            linked = [name for name in inner if os.path.islink(os.path.join(directory, name))]
            inner[:] = [name for name in inner if os.fsdecode(name) not in _UNTRACKED and name not in linked]
            for name in (*names, *linked):
                yield os.path.relpath(os.path.join(directory, name), top)

    def _enter(self, name: str) -> None:
        path = self.top / name
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                real = Path(os.path.realpath(path))
                if Path(os.readlink(path)).is_absolute() or not real.is_relative_to(self.top):
                    self._fault(name, ERROR, "is left out, this link leads out of the course")
                    return
                if real.is_dir():
                    return
                status = path.stat()
        except OSError:
            if path.is_symlink():
                self._fault(name, ERROR, "is left out, this link leads nowhere in the course")
            return  # or deleted here, and not yet in git
        if stat.S_ISREG(status.st_mode):
            self.files[name] = status.st_size

    def _fault(self, file: str, level: str, text: str) -> None:
        self.faults.append(Finding(file, 0, level, text))

    def _read(self, name: str, limit: int) -> bytes | None:
        try:
            with (self.top / name).open("rb") as file:
                return file.read(limit)
        except OSError as error:
            self._fault(name, ERROR, f"cannot be read: {error.strerror}")
            return None
