"""scripts/linear_theory.py as a module: the regressions that tests of linear theory run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load() -> ModuleType:
    """Return the script, imported once."""
    name = "linear_theory_script"
    if name not in sys.modules:
        path = Path(__file__).resolve().parents[2] / "scripts" / "linear_theory.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
