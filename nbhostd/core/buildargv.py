"""The commands about images, as plain values: images/build does what is long, as the service user."""

from __future__ import annotations

from nbhostd.core.argv import PODMAN
from nbhostd.core.config import Config
from nbhostd.core.model import JobSpec

# Workspaces live in the transient store: a podman that does not know them takes the image from under them.
_PODMAN = (PODMAN, "--transient-store")
_NOBODY = "99998:100"
"""Who looks into an image: a number that is no student's."""

TIMEOUT = 2 * 3600.0
"""Seconds; a course's image may compile things."""


def build_image(
    config: Config, target: str, what: str, *, context: str | None = None, fresh: bool = False
) -> JobSpec:
    """The job that builds 'minimal', 'scipy' or, from the recipe in the directory `context`, a course's image.

    `target` is what people call it, `what` how it stands in the image's name.
    """
    options = (f"--base={config.images.base}",) if context is None else (f"--context={context}",)
    return JobSpec(
        kind="build",
        subject=target,
        argv=(f"{config.paths.share}/images/build", what, *options, *(("--fresh",) if fresh else ())),
        timeout=TIMEOUT,
    )


def prune_images() -> JobSpec:
    """The job that removes images which have lost their name to a newer build and that no container uses."""
    return JobSpec("prune", "images", (*_PODMAN, "image", "prune", "--force"), timeout=600)


def remove_image(name: str, subject: str) -> JobSpec:
    """The job that removes an image by its name; not being there is success, being used is not."""
    return JobSpec("prune", subject, (*_PODMAN, "image", "rm", "--ignore", name), timeout=600)


_LOOK = """\
import importlib.metadata, platform
print("python", platform.python_version(), sep="\\t")
for known in importlib.metadata.distributions():
    print(known.metadata["Name"], known.version, sep="\\t")
"""


def look_into(image: str, subject: str, seccomp: str) -> JobSpec:
    """The job that prints Python's version and each package's, 'name<tab>version', from a container that has nothing else."""
    return JobSpec(
        "details",
        subject,
        (
            *_PODMAN, "run", "--rm", "--init", "--pull=never", "--network=none", "--no-hosts", "--log-driver=passthrough",
            "--cgroups=split", "--pids-limit=0", "--userns=nomap", f"--user={_NOBODY}", "--cap-drop=all",
            "--security-opt=no-new-privileges", f"--security-opt=seccomp={seccomp}", "--read-only", "--workdir=/",
            "--entrypoint=/opt/nbhosting/bin/python", image, "-I", "-c", _LOOK,
        ),
        timeout=120,
    )  # fmt: skip
