"""Learners by name; importing this room imports neither JAX nor scikit-learn."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from fractalman.errors import RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.learners.boosting import GradientBoosting
from fractalman.learners.kernel_ridge import GaussianKernel, LaplaceKernel, MaternKernel, TangentKernel
from fractalman.learners.neighbours import NearestNeighbour, Neighbours
from fractalman.learners.protocol import DIVERGED, Learner, Outcome, Problem, refuse_unknown
from fractalman.learners.random_features import RandomFeatures
from fractalman.learners.ridge import Ridge

__all__ = ["DIVERGED", "NAMES", "Learner", "Outcome", "Problem", "make", "settings_of"]

_PLAIN: dict[str, type[Learner]] = {
    cls.name: cls
    for cls in (
        NearestNeighbour,
        Neighbours,
        Ridge,
        RandomFeatures,
        LaplaceKernel,
        GaussianKernel,
        MaternKernel,
        TangentKernel,
        GradientBoosting,
    )
}

NAMES: tuple[str, ...] = (*_PLAIN, "mlp")
"""The learners of this version, as they are typed in a specification; "5-nn" and the like mean k-nn with that k."""

_NUMBER_NN = re.compile(r"([1-9][0-9]*)-nn")


def settings_of(name: str) -> tuple[str, ...]:
    """Return the keys that the table of a learner may have; those of "mlp" are checked by the network's own room."""
    cls = _PLAIN.get(name)
    if cls is None or "__init__" not in vars(cls):
        return ()
    return tuple(key for key in inspect.signature(cls).parameters)


def make(name: str, settings: Mapping[str, Any] | None = None) -> Learner:
    """Return the learner called ``name``.

    Args:
        name: one of `NAMES`, or "5-nn" for the mean over 5 neighbours (any number).
        settings: the learner's own table, e.g. ``[mlp]``, ``[random-features]``; keys as in `settings_of`.
    Errors: RecipeError with the nearest match for an unknown name or key; MissingExtraError when a learner is asked for
        whose library is not installed.
    """
    table = dict(settings or {})
    numbered = _NUMBER_NN.fullmatch(str(name))
    if numbered and name not in _PLAIN:
        refuse_unknown(table, (), name)
        return Neighbours(int(numbered[1]))
    if name not in NAMES:
        raise RecipeError(f"unknown learner {name!r}: allowed are {', '.join(NAMES)}{nearest_word(str(name), NAMES)}")
    if name in _PLAIN:
        refuse_unknown(table, settings_of(name), name)
        return _PLAIN[name](**table)
    from fractalman.learners import networks

    learner: Learner = networks.load().from_table(table)
    return learner
