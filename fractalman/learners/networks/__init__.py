"""Networks in JAX: the only learners that need the extra; JAX is imported when one trains, never before."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fractalman.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

NEEDED = ("jax", "optax")


def require(what: str, *packages: str) -> None:
    """Raise MissingExtraError naming the command to use when one of ``packages`` cannot be imported."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtraError(
                f"{what} needs {package}, which cannot be imported ({error}); use pip install {package}"
            ) from None


def load() -> ModuleType:
    """Return the module of the networks; MissingExtraError naming the command to use when JAX is not installed."""
    require("the learner 'mlp'", *NEEDED)
    return importlib.import_module("fractalman.learners.networks.mlp")
