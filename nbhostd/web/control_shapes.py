"""What the control API shows of courses, jobs, workspaces and units: plain JSON, without secrets."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from nbhostd.core import imagenames
from nbhostd.core.giturl import redacted
from nbhostd.core.model import Course, CourseSettings, Job, Phase
from nbhostd.core.names import WorkspaceId
from nbhostd.core.unitspec import SocketServiceSpec, UnitSpec
from nbhostd.services.courses import PullReport
from nbhostd.web.moments import iso

Shape = dict[str, Any]


class StatusRow(Protocol):
    """What is shown of a workspace that is not asleep."""

    @property
    def id(self) -> WorkspaceId: ...
    @property
    def number(self) -> int: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def reason(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def memory(self) -> int | None: ...
    @property
    def cpu(self) -> float | None: ...
    @property
    def tasks(self) -> int | None: ...
    @property
    def last_activity(self) -> datetime: ...
    @property
    def connections(self) -> int: ...
    @property
    def usage(self) -> str: ...


def course_shape(course: Course) -> Shape:
    """A course, as the administrator described it."""
    return {
        "number": course.number,
        "name": course.name,
        "git_url": redacted(course.git_url),
        "branch": course.branch,
        "image": imagenames.OWN
        if course.image == imagenames.course_image(course.name)
        else imagenames.shown(course.image),
        "autopull": course.autopull,
        "archived": course.archived,
        "autobuild": course.autobuild,
        "public_builds": course.public_builds,
        "commit": course.commit,
        "pulled_at": iso(course.pulled_at),
    }


def settings_shape(settings: CourseSettings) -> Shape:
    """What a course says of itself."""
    return {
        "notebook_url_format": settings.notebook_url_format,
        "static_mappings": [asdict(mapping) for mapping in settings.static_mappings],
        "tracks": [asdict(track) for track in settings.tracks],
        "builds": [asdict(build) for build in settings.builds],
        "warnings": list(settings.warnings),
    }


def report_shape(report: PullReport) -> Shape:
    """What a pull brought."""
    return {**asdict(report), "changed": report.changed, "summary": report.summary}


def job_shape(job: Job) -> Shape:
    """A job."""
    return {
        "number": job.number,
        "kind": job.kind,
        "subject": job.subject,
        "state": job.state.value,
        "started_at": iso(job.started_at),
        "ended_at": iso(job.ended_at),
        "message": job.message,
    }


def row_shape(row: StatusRow) -> Shape:
    """A workspace that is not asleep. Memory in bytes, CPU in seconds."""
    return {
        "course": row.id.course,
        "student": row.id.student,
        "number": row.number,
        "phase": row.phase.value,
        "reason": row.reason,
        "position": row.position,
        "since": iso(row.since),
        "memory": row.memory,
        "cpu": row.cpu,
        "tasks": row.tasks,
        "last_activity": iso(row.last_activity),
        "connections": row.connections,
        "usage": row.usage,
    }


def units_shape(spec: SocketServiceSpec) -> Shape:
    """A workspace's units, each with its properties in order."""
    return {
        "digest": spec.digest,
        "units": [_unit_shape(unit) for unit in (*spec.slices, spec.socket, spec.service)],
    }


def _unit_shape(unit: UnitSpec) -> Shape:
    return {"name": unit.name, "properties": [[name, value] for name, value in unit.properties]}
