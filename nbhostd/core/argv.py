"""Command lines as tuples: what runs, and with which walls around it, in one audited place."""

from __future__ import annotations

from dataclasses import dataclass

from nbhostd.core.config import Limits
from nbhostd.core.unitspec import unit_name

PODMAN = "/usr/bin/podman"
STUDENT_GID = 100
"""The group 'users' of the images: the same for every student, so nothing may be group-writable."""
# What the kernel counts for the whole host, or for the whole mapping, and one student could take alone.
_TERMINALS = 64
_SIGNALS = 2048
LARGEST_OUTPUT = 64 << 20
"""Bytes that a tool may write into one file, its output included."""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """Everything a workspace's container is made of. Paths are the host's, absolute."""

    number: int
    uid: int
    image: str
    """Digest 'sha256:…': a workspace keeps the image that it was started with."""
    workspace_dir: str
    course_dir: str
    """The published trees of the course, mounted read-only at /srv/course."""
    env_file: str
    seccomp: str
    limits: Limits
    mirror_dir: str = ""
    """The course's repository, for those who work in a clone of it: read-only at /srv/course.git."""
    jupyter_dir: str = ""
    """What the administrator adds to Jupyter's settings for this course: read-only at /srv/local/jupyter."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """Everything that the container of one program of ours is made of. Paths are the host's, absolute."""

    name: str
    """The container's name in podman."""
    tool: str
    request: str
    """JSON, its one argument."""
    uid: int
    image: str
    workspace_dir: str
    course_dir: str
    mirror_dir: str
    tools_dir: str
    seccomp: str
    limits: Limits


def run_workspace(spec: ContainerSpec) -> tuple[str, ...]:
    """`podman run` for one workspace.

    --init keeps LISTEN_PID right and lets SIGTERM end the server at once; --cgroups=split makes the unit's limits
    hold for the container.
    """
    return (
        PODMAN, "--transient-store", "run", f"--name={unit_name(spec.number)}",
        "--detach", "--replace", "--sdnotify=container", "--workdir=/",
        *_walls(spec.uid, spec.seccomp, spec.limits),
        _bind(spec.workspace_dir, "/home/jovyan/work", writable=True),
        _bind(spec.course_dir, "/srv/course"),
        *((_bind(spec.mirror_dir, "/srv/course.git"),) if spec.mirror_dir else ()),
        *((_bind(spec.jupyter_dir, "/srv/local/jupyter"),) if spec.jupyter_dir else ()),
        f"--env-file={spec.env_file}",
        spec.image,
    )  # fmt: skip


def run_tool(spec: ToolSpec) -> tuple[str, ...]:
    """`podman run` for one program of ours on one workspace's files: the same walls as the workspace's own server.

    What the image says of its entry point does not count: a course's image may say anything.
    """
    return (
        PODMAN, "--transient-store", "run", f"--name={spec.name}", "--sdnotify=ignore", "--workdir=/home/jovyan/work",
        *_walls(spec.uid, spec.seccomp, spec.limits),
        f"--ulimit=fsize={LARGEST_OUTPUT}:{LARGEST_OUTPUT}",
        _bind(spec.workspace_dir, "/home/jovyan/work", writable=True),
        _bind(spec.course_dir, "/srv/course"),
        _bind(spec.mirror_dir, "/srv/course.git"),
        _bind(spec.tools_dir, "/opt/nbhosting-toolbox"),
        "--entrypoint=/opt/nbhosting/bin/python",
        spec.image,
        "-I", f"/opt/nbhosting-toolbox/{spec.tool}.py", spec.request,
    )  # fmt: skip


def _walls(uid: int, seccomp: str, limits: Limits) -> tuple[str, ...]:
    """What holds for every container that touches students' files.

    No network, no capability, a read-only root, the student's own uid, our seccomp profile, no more than one student's
    share of what the kernel counts for all.
    """
    return (
        "--rm", "--init", "--pull=never", "--log-driver=passthrough", "--cgroups=split", "--pids-limit=0",
        "--network=none", "--no-hosts", "--hostname=notebook", "--http-proxy=false", "--systemd=false",
        "--userns=nomap", f"--user={uid}:{STUDENT_GID}",
        f"--passwd-entry=jovyan:x:{uid}:{STUDENT_GID}::/home/jovyan:/bin/bash",
        "--cap-drop=all", "--security-opt=no-new-privileges", f"--security-opt=seccomp={seccomp}",
        "--ulimit=core=0", f"--ulimit=sigpending={_SIGNALS}:{_SIGNALS}", "--read-only", "--read-only-tmpfs=false",
        f"--mount=type=tmpfs,destination=/home/jovyan,tmpfs-size={limits.home},tmpfs-mode=0755,chown=true",
        f"--mount=type=tmpfs,destination=/tmp,tmpfs-size={limits.tmp},tmpfs-mode=1777",
        f"--mount=type=tmpfs,destination=/dev/shm,tmpfs-size={limits.tmp},tmpfs-mode=1777",
        # As podman mounts it by default, but for `max`.
        f"--mount=type=devpts,destination=/dev/pts,mode=620,ptmxmode=0666,gid=5,max={_TERMINALS}",
    )  # fmt: skip


def _bind(source: str, destination: str, *, writable: bool = False) -> str:
    return f"--mount=type=bind,source={source},destination={destination}{'' if writable else ',readonly'}"
