"""Learners by name; importing this room imports neither JAX nor scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fractalman.errors import RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.learners.kernel_ridge import KernelRidge
from fractalman.learners.neighbours import NearestNeighbour
from fractalman.learners.protocol import Learner, Outcome, Problem, refuse_unknown
from fractalman.learners.ridge import Ridge

__all__ = ["NAMES", "Learner", "Outcome", "Problem", "make"]

_PLAIN: dict[str, type[Learner]] = {cls.name: cls for cls in (NearestNeighbour, Ridge, KernelRidge)}

NAMES: tuple[str, ...] = (*_PLAIN, "mlp")
"""The learners of this version, as they are typed in a specification."""


def make(name: str, settings: Mapping[str, Any] | None = None) -> Learner:
    """Return the learner called ``name``.

    Args:
        name: one of `NAMES`.
        settings: its own settings: the ``[mlp]`` table for "mlp"; the others have none.
    Errors: RecipeError with the nearest match for an unknown name or key; MissingExtraError when "mlp" is asked for
        and JAX is not installed.
    """
    if name not in NAMES:
        raise RecipeError(f"unknown learner {name!r}: allowed are {', '.join(NAMES)}{nearest_word(str(name), NAMES)}")
    table = dict(settings or {})
    if name in _PLAIN:
        refuse_unknown(table, (), name)
        return _PLAIN[name]()
    from fractalman.learners import networks

    learner: Learner = networks.load().from_table(table)
    return learner
