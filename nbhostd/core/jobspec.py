"""A job described as a transient service: properties as plain values, nothing touched."""

from __future__ import annotations

from nbhostd.core.model import JobSpec, JobState, UnitState, UnitStatus
from nbhostd.core.unitspec import UnitSpec

SLICE = UnitSpec(
    "nbhjobs.slice",
    (("Description", "Builds and pulls of nbhostd"), ("CPUWeight", 20), ("IOWeight", 20)),
)
"""Jobs give way to students: a fifth of a workspace's weight, for all of them together."""

HURRIED = UnitSpec(
    "nbhtools.slice",
    (("Description", "What nbhostd does to files while a student waits"), ("CPUWeight", 100)),
)
"""The others' place: somebody is looking at a page that waits."""

_TOOL_MEMORY = 2 << 30
_TOOL_TASKS = 256
_STOP_TIMEOUT = 10_000_000
_HALF = 1 << 31
"""As systemd writes a share of the computer's memory: of 2 to the 32nd."""
_TASKS = 4096


def job_unit(number: int) -> str:
    """The name of a job's service."""
    return f"nbhjob-{number}.service"


def job_number(unit: str) -> int | None:
    """The number of the job that a unit belongs to, or None."""
    digits = unit.removeprefix("nbhjob-").removesuffix(".service")
    return int(digits) if unit == f"nbhjob-{digits}.service" and digits.isdecimal() else None


def describe_job(number: int, spec: JobSpec, log: str) -> UnitSpec:
    """The transient service of a job whose output is appended to the file `log` (absolute).

    Output goes to a file, not through the daemon, so that a daemon that restarts ends no build. The unit
    outlives its program (`RemainAfterExit`, and failed units stay loaded) until somebody has asked how it ended.
    """
    directory = (("WorkingDirectory", spec.working_directory),) if spec.working_directory else ()
    return UnitSpec(
        job_unit(number),
        (
            ("Description", f"nbhostd job {number}: {spec.kind} {spec.subject}"),
            ("Type", "exec"),
            # Unlike ExecStart, with a word to systemd that a "$" in it is just a character.
            ("ExecStartEx", spec.argv),
            ("Environment", tuple(f"{name}={value}" for name, value in spec.environment)),
            *directory,
            ("Slice", SLICE.name),
            ("Delegate", True),
            # A course's recipe may take much, by mistake or not; when memory ends, it ends before any student's kernel.
            ("MemoryMaxScale", _HALF),
            ("TasksMax", _TASKS),
            ("OOMScoreAdjust", 900),
            ("RuntimeMaxUSec", round(spec.timeout * 1_000_000)),
            ("TimeoutStopUSec", _STOP_TIMEOUT),
            ("RemainAfterExit", True),
            ("CollectMode", "inactive"),
            ("SyslogIdentifier", f"nbh/job/{number}"),
            ("StandardInput", "null"),
            ("StandardOutputFileToAppend", spec.output or log),
            ("StandardErrorFileToAppend", log),
        ),
    )


def tool_unit(id: str) -> str:
    """The name of a tool's service."""
    return f"nbhtool-{id}.service"


def describe_tool(
    id: str, argv: tuple[str, ...], *, title: str, output: str, log: str, timeout: float, hurried: bool
) -> UnitSpec:
    """The transient service of a program of ours on a workspace's files; like a job's, and within the limits of one student."""
    return UnitSpec(
        tool_unit(id),
        (
            ("Description", f"nbhostd tool: {title}"),
            ("Type", "exec"),
            ("ExecStartEx", argv),
            ("Slice", (HURRIED if hurried else SLICE).name),
            ("Delegate", True),
            ("MemoryMax", _TOOL_MEMORY),
            ("MemorySwapMax", 0),
            ("TasksMax", _TOOL_TASKS),
            ("OOMScoreAdjust", 900),
            ("RuntimeMaxUSec", round(timeout * 1_000_000)),
            ("TimeoutStopUSec", _STOP_TIMEOUT),
            ("RemainAfterExit", True),
            ("CollectMode", "inactive"),
            ("SyslogIdentifier", f"nbh/tool/{id}"),
            ("StandardInput", "null"),
            ("StandardOutputFileToAppend", output),
            ("StandardErrorFileToAppend", log),
        ),
    )


def job_end(status: UnitStatus, *, cancelled: bool) -> JobState | None:
    """How a job ended, going by its unit; None while it runs."""
    if status.state is UnitState.FAILED:
        return JobState.CANCELLED if cancelled else JobState.FAILED
    if status.state in (UnitState.ABSENT, UnitState.INACTIVE):
        return JobState.CANCELLED if cancelled else JobState.LOST
    if status.state is UnitState.ACTIVE and status.sub_state == "exited":
        return JobState.SUCCEEDED
    return None


def why_it_failed(status: UnitStatus) -> str:
    """One sentence about a failed unit, for the end of its log."""
    match status.result:
        case "timeout":
            return "It ran for too long and was stopped."
        case "oom-kill":
            return "It was killed because the computer ran out of memory."
        case "exit-code" if status.main_status == 203:
            return "Its program could not be started."
        case "exit-code":
            return f"It ended with exit status {status.main_status}."
        case "signal" | "core-dump":
            return f"It was killed by signal {status.main_status}."
        case other:
            return f"It failed ({other})."
