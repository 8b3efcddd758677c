"""The command that builds an image, as a plain value: images/build does the rest, as the service user."""

from __future__ import annotations

from nbhostd.core.config import Config
from nbhostd.core.model import JobSpec

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
