"""The container in which a course's script makes a static site: described here, as a plain value."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nbhostd.core.argv import PODMAN, STUDENT_GID
from nbhostd.core.model import Build, JobSpec

KIND = "site"
"""Of the jobs."""

UID = 99_999
"""Who a build is, inside the container: a number that no student has, so its files are nobody's."""

LARGEST = 512 << 20
"""Bytes of a site, and of any other file that its script writes."""

TIMEOUT = 3600.0
"""Seconds."""

_HOME = 2 << 30
_TMP = 1 << 30
_SIGNALS = 2048


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """Everything that the container of one build is made of. Paths are the host's, absolute."""

    subject: str
    """'COURSE/BUILD'."""
    image: str
    """Digest 'sha256:…'."""
    build: Build
    tree: str
    """The published tree of the commit, mounted read-only at /srv/course."""
    output: str
    """The file that takes the site, as a tar archive."""
    tools: str
    seccomp: str
    authorities: str
    """The host's certificate authorities; '' when it has none."""


def build_site(spec: SiteSpec) -> JobSpec:
    """The job: `images/sites/make.py` in a throw-away container of the course's image.

    The script is the course's, the container is the wall: an own user who is no student, no capability, a read-only root,
    the course's content read-only, all that it may write in memory (tmpfs, counted to the job), every file limited. It
    reaches the internet, since sites install their tools, and nothing that listens on this host: pasta maps neither
    its loopback nor its own address.
    """
    request = {
        "directory": spec.build.directory,
        "script": spec.build.script,
        "result": spec.build.result_folder,
        "entry": spec.build.entry_point,
    }
    authorities = "/etc/ssl/certs/ca-certificates.crt"
    argv = (
        PODMAN, "--transient-store", "run", "--rm", "--init", "--pull=never", "--sdnotify=ignore",
        "--log-driver=passthrough", "--cgroups=split", "--pids-limit=0",
        "--network=pasta:--no-map-gw,--map-guest-addr,none", "--hostname=site", "--systemd=false", "--http-proxy=false",
        "--userns=nomap", f"--user={UID}:{STUDENT_GID}",
        f"--passwd-entry=jovyan:x:{UID}:{STUDENT_GID}::/home/jovyan:/bin/bash",
        "--cap-drop=all", "--security-opt=no-new-privileges", f"--security-opt=seccomp={spec.seccomp}",
        "--ulimit=core=0", f"--ulimit=sigpending={_SIGNALS}:{_SIGNALS}", f"--ulimit=fsize={LARGEST}:{LARGEST}",
        "--read-only", "--read-only-tmpfs=false", "--workdir=/home/jovyan",
        f"--mount=type=tmpfs,destination=/home/jovyan,tmpfs-size={_HOME},tmpfs-mode=0755,chown=true",
        f"--mount=type=tmpfs,destination=/tmp,tmpfs-size={_TMP},tmpfs-mode=1777",
        f"--mount=type=tmpfs,destination=/dev/shm,tmpfs-size={_TMP},tmpfs-mode=1777",
        f"--mount=type=bind,source={spec.tree},destination=/srv/course,readonly",
        f"--mount=type=bind,source={spec.tools},destination=/opt/nbhosting-sites,readonly",
        *((f"--mount=type=bind,source={spec.authorities},destination={authorities},readonly",) if spec.authorities else ()),
        # From podman's own environment, where the site has set it: an index of its own.
        "--env=PIP_INDEX_URL",
        "--entrypoint=/opt/nbhosting/bin/python", spec.image,
        "-I", "/opt/nbhosting-sites/make.py", json.dumps(request),
    )  # fmt: skip
    return JobSpec(KIND, spec.subject, argv, TIMEOUT, output=spec.output)
