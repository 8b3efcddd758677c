"""Keeps out of the server's start what it never or rarely needs; kernels are other processes and see none of this.

Measure with `python -X importtime -m nbhosting_launcher`. Packages stay installed, so that `pip check` holds and a
course that brings one back as somebody's dependency does not make its students' starts slower.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# Optional imports of jsonschema, for format checks that no schema of Jupyter relies on; importing the first compiles a
# grammar, which takes longer than all the rest of the start.
BLOCKED = ("rfc3987_syntax", "rfc3986_validator", "isoduration")

# A module that JupyterLab imports for one name, and the name: the extension manager here is the read-only one.
STUBBED = {"jupyterlab.extensions.pypi": "PyPIExtensionManager"}

# Packages that one module of the server imports by name and uses only inside functions.
POSTPONED = frozenset({"requests"})


class Postponing(MetaPathFinder):
    """Finds the packages in POSTPONED so that they are executed at their first use, not at their import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a lazy spec for a postponed package, None for everything else."""
        if fullname not in POSTPONED:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def apply() -> None:
    """Block, stub and postpone imports from here on."""
    for name in BLOCKED:
        sys.modules[name] = None  # type: ignore[assignment]
    for name, wanted in STUBBED.items():
        stub = ModuleType(name, "Not wanted in a workspace: see nbhosting_launcher.trim.")
        setattr(stub, wanted, None)
        sys.modules[name] = stub
    sys.meta_path.insert(0, Postponing())
