"""Modules of torch, equinox and flax nnx in evaluation mode, without dropout; none of these libraries is imported.

An object is one of theirs only where the user has imported the library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def is_equinox(given: Any) -> bool:
    """Return whether something is a module of equinox's."""
    library = sys.modules.get("equinox")
    return library is not None and isinstance(given, library.Module)


def is_nnx(given: Any) -> bool:
    """Return whether something is a module of flax nnx."""
    library = sys.modules.get("flax.nnx")
    return library is not None and isinstance(given, library.Module)


def in_evaluation(given: Any) -> Any:
    """Return a copy of a module of equinox or flax nnx in evaluation mode; anything else as it is."""
    if is_nnx(given):
        nnx = sys.modules["flax.nnx"]
        module = nnx.merge(*nnx.split(given))
        module.eval()
        return module
    return sys.modules["equinox"].nn.inference_mode(given) if is_equinox(given) else given


@contextmanager
def evaluating(given: Any) -> Iterator[Any]:
    """Yield a module in evaluation mode: torch's own, whose flags are put back afterwards, or a copy.

    Parameters
    ----------
    given : object
        A module, or anything else, which is yielded as it is.
    """
    if not all(callable(getattr(given, name, None)) for name in ("modules", "eval", "train")):
        yield in_evaluation(given)
        return
    modes = [(child, child.training) for child in given.modules()]
    given.eval()
    try:
        yield given
    finally:
        for child, mode in modes:
            child.training = mode
