"""The student's home: a fresh tmpfs at every start, in which courses expect a few names."""

import os
from pathlib import Path


def arrange(home: Path, course: Path) -> None:
    """Make ~/static and ~/modules lead to the course's current content; what is there already stays."""
    for name, target in (("static", course), ("modules", course / "modules")):
        link = home / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(target)


def environment(home: Path, course: Path) -> dict[str, str]:
    """Return what kernels and terminals find in their environment beyond what the container gives.

    A course's own Jupyter settings are read from the directory `jupyter` beside its nbhosting.yaml.
    """
    overlays = [course / "nbhosting/jupyter", course / ".nbhosting/jupyter"]
    found = [str(overlay) for overlay in overlays if overlay.is_dir()]
    return {
        "PYTHONPATH": str(home / "modules"),
        "NBAUTOEVAL_LOG": str(home / "work/.nbautoeval"),
        "SHELL": "/bin/bash",
        **({"JUPYTER_CONFIG_PATH": os.pathsep.join(found)} if found else {}),
    }
