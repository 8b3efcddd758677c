"""Command lines as tuples: what runs, and with which walls around it, in one audited place."""

from __future__ import annotations

from dataclasses import dataclass

from nbhostd.core.config import Limits

PODMAN = "/usr/bin/podman"
STUDENT_GID = 100
"""The group 'users' of the images: the same for every student, so nothing may be group-writable."""
# What the kernel counts for the whole host, or for the whole mapping, and one student could take alone.
_TERMINALS = 64
_SIGNALS = 2048


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


def container_name(number: int) -> str:
    """The container's name in podman, the same as its unit's."""
    return f"nbh-{number}"


def run_workspace(spec: ContainerSpec) -> tuple[str, ...]:
    """`podman run` for one workspace.

    No network, no capability, a read-only root, the student's own uid, our seccomp profile; --init keeps LISTEN_PID
    right and lets SIGTERM end the server at once; --cgroups=split makes the unit's limits hold for the container.
    """
    return (
        PODMAN, "--transient-store", "run", f"--name={container_name(spec.number)}",
        "--detach", "--rm", "--replace", "--init", "--pull=never",
        "--sdnotify=container", "--log-driver=passthrough", "--cgroups=split", "--pids-limit=0",
        "--network=none", "--no-hosts", "--hostname=notebook", "--http-proxy=false", "--systemd=false",
        "--userns=nomap", f"--user={spec.uid}:{STUDENT_GID}",
        f"--passwd-entry=jovyan:x:{spec.uid}:{STUDENT_GID}::/home/jovyan:/bin/bash",
        "--cap-drop=all", "--security-opt=no-new-privileges", f"--security-opt=seccomp={spec.seccomp}",
        "--ulimit=core=0", f"--ulimit=sigpending={_SIGNALS}:{_SIGNALS}", "--read-only", "--read-only-tmpfs=false", "--workdir=/",
        f"--mount=type=tmpfs,destination=/home/jovyan,tmpfs-size={spec.limits.home},tmpfs-mode=0755,chown=true",
        f"--mount=type=tmpfs,destination=/tmp,tmpfs-size={spec.limits.tmp},tmpfs-mode=1777",
        f"--mount=type=tmpfs,destination=/dev/shm,tmpfs-size={spec.limits.tmp},tmpfs-mode=1777",
        # As podman mounts it by default, but for `max`.
        f"--mount=type=devpts,destination=/dev/pts,mode=620,ptmxmode=0666,gid=5,max={_TERMINALS}",
        f"--mount=type=bind,source={spec.workspace_dir},destination=/home/jovyan/work",
        f"--mount=type=bind,source={spec.course_dir},destination=/srv/course,readonly",
        f"--env-file={spec.env_file}",
        spec.image,
    )  # fmt: skip
