"""Programs of images/toolbox, loaded as modules."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parents[2] / "images/toolbox"


def loaded(name: str) -> Any:
    """The program as a module, with the interpreter's settings as they were."""
    path, bytecode = list(sys.path), sys.dont_write_bytecode
    spec = importlib.util.spec_from_file_location(f"toolbox_{name}", TOOLS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that it imports
            spec.loader.exec_module(module)
    finally:
        sys.path[:], sys.dont_write_bytecode = path, bytecode
    return module
