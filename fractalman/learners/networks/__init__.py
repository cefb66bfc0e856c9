"""Networks in JAX: the only learners that need the extra; imported when one is asked for, never before."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fractalman.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

NEEDED = ("jax", "optax")


def load() -> ModuleType:
    """Return the module of the networks; MissingExtraError naming the command to type when JAX is not installed."""
    for package in NEEDED:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtraError(
                f"the learner 'mlp' needs {package}, which cannot be imported ({error}); "
                "type pip install 'fractalman[learners]'"
            ) from None
    return importlib.import_module("fractalman.learners.networks.mlp")
