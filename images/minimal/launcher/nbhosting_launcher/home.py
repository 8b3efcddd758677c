"""The student's home: a fresh tmpfs at every start, in which courses expect a few names."""

import os
from pathlib import Path


def arrange(home: Path, course: Path) -> None:
    """Make ~/static and ~/modules lead to the course's current content; what is there already stays."""
    for name, target in (("static", course), ("modules", course / "modules")):
        link = home / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(target)


def environment(home: Path, course: Path, local: Path) -> dict[str, str]:
    """Return what kernels and terminals find in their environment beyond what the container gives."""
    found = [str(layer) for layer in layers(course, local)]
    return {
        "PYTHONPATH": str(home / "modules"),
        "NBAUTOEVAL_LOG": str(home / "work/.nbautoeval"),
        "SHELL": "/bin/bash",
        **({"JUPYTER_CONFIG_PATH": os.pathsep.join(found)} if found else {}),
    }


def layers(course: Path, local: Path) -> list[Path]:
    """Return the directories with Jupyter settings, the one that counts most first: the administrator's, then the course's.

    What the site decides (server.settings) is not among them and counts over all.
    """
    wanted = [local, course / "nbhosting/jupyter", course / ".nbhosting/jupyter"]
    # Where courses had their settings of JupyterLab's before there was a directory jupyter.
    if (course / ".nbhosting/labconfig").is_dir():
        wanted.append(course / ".nbhosting")
    return [layer for layer in wanted if layer.is_dir()]
