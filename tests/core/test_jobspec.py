"""Jobs as units: what is described, and how an end is read off a unit."""

import pytest

from nbhostd.adapters.unit_types import typed
from nbhostd.core.jobspec import SLICE, describe_job, job_end, job_number, job_unit, why_it_failed
from nbhostd.core.model import JobSpec, JobState, UnitState, UnitStatus


def test_a_job_is_a_service_with_typed_properties() -> None:
    spec = JobSpec("build", "python", ("/usr/bin/podman", "build"), 90.5, (("A", "1"),), "/var/tmp")
    unit = describe_job(3, spec, "/var/lib/nbhostd/jobs/3.log")
    properties = dict(unit.properties)
    assert unit.name == "nbhjob-3.service"
    assert properties["ExecStartEx"] == ("/usr/bin/podman", "build")
    assert properties["RuntimeMaxUSec"] == 90_500_000
    assert properties["StandardErrorFileToAppend"] == "/var/lib/nbhostd/jobs/3.log"
    assert properties["WorkingDirectory"] == "/var/tmp"
    assert (properties["MemoryMaxScale"], properties["TasksMax"], properties["OOMScoreAdjust"]) == (
        1 << 31,
        4096,
        900,
    )
    for name, value in (*unit.properties, *SLICE.properties):
        typed(name, value)


@pytest.mark.parametrize(
    "unit", ["nbh-3.service", "nbhjob-x.service", "nbhjob-3.socket", "nbhjob-.service", ""]
)
def test_only_jobs_units_have_a_job_number(unit: str) -> None:
    assert job_number(unit) is None
    assert job_number(job_unit(12)) == 12


@pytest.mark.parametrize(
    ("state", "sub_state", "cancelled", "end"),
    [
        (UnitState.ACTIVE, "running", False, None),
        (UnitState.ACTIVATING, "start", False, None),
        (UnitState.DEACTIVATING, "stop-sigterm", True, None),
        (UnitState.ACTIVE, "exited", False, JobState.SUCCEEDED),
        (UnitState.ACTIVE, "exited", True, JobState.SUCCEEDED),
        (UnitState.FAILED, "failed", False, JobState.FAILED),
        (UnitState.FAILED, "failed", True, JobState.CANCELLED),
        (UnitState.INACTIVE, "dead", True, JobState.CANCELLED),
        (UnitState.ABSENT, "", True, JobState.CANCELLED),
        (UnitState.ABSENT, "", False, JobState.LOST),
    ],
)
def test_the_end_of_a_job(state: UnitState, sub_state: str, cancelled: bool, end: JobState | None) -> None:
    assert job_end(UnitStatus("nbhjob-1.service", state, sub_state), cancelled=cancelled) is end


@pytest.mark.parametrize(
    ("result", "status", "word"),
    [
        ("timeout", 15, "too long"),
        ("oom-kill", 9, "memory"),
        ("exit-code", 203, "could not be started"),
        ("exit-code", 3, "exit status 3"),
        ("signal", 9, "signal 9"),
        ("resources", 0, "resources"),
    ],
)
def test_a_failure_is_said_in_a_sentence(result: str, status: int, word: str) -> None:
    said = why_it_failed(UnitStatus("nbhjob-1.service", UnitState.FAILED, result=result, main_status=status))
    assert word in said
    assert said.endswith(".")
