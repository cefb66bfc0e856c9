"""Which computation gives a learner's curve on which family, and up to which training-set size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fractalman.prediction import draws
from fractalman.prediction.draws import Compute
from fractalman.prediction.splits import Splits
from fractalman.prediction.structures import Structures, annealed
from fractalman.recipe import Cascade, LatticePercolation, SmoothManifold


@dataclass(frozen=True)
class Method:
    """How a curve is computed.

    Args:
        kind: in words.
        compute: sizes → risks, (draws, sizes).
        largest: the largest training set that it can bear.
        affordable: the largest that takes seconds, shown unless others are asked for.
    """

    kind: str
    compute: Compute
    largest: float = math.inf
    affordable: float = math.inf


_SECONDS = 10_000
"""Training sets of an addressed family that are drawn in seconds, structure by structure."""


def method_of(source: Structures | Splits, learner: str) -> Method | None:
    """Return how a learner's curve is computed from structures or splits; None where it is not known how."""
    if learner == "1-nn":
        return _one_neighbour(source)
    if learner == "bayes":
        return _floor(source)
    return None


def _one_neighbour(source: Structures | Splits) -> Method:
    if isinstance(source, Splits):
        kind = "1-nn in this X, exact over labels, averaged over splits"
        return Method(kind, draws.averaged(source, draws.nearest_in_space))
    recipe = source.recipe
    if isinstance(recipe, Cascade):
        return Method("1-nn in the hierarchy, exact annealed series", annealed(recipe))
    if isinstance(recipe, (LatticePercolation, SmoothManifold)):
        kind = "1-nn in X, exact over labels, averaged over structures"
        affordable = _SECONDS if recipe.addressed else math.inf
        return Method(kind, draws.averaged(source, draws.nearest_in_space), affordable=affordable)
    kind = "1-nn in graph distance, exact over labels, averaged over clusters"
    return Method(kind, draws.averaged(source, draws.nearest_in_graph))


def _floor(source: Structures | Splits) -> Method | None:
    recipe = source.recipe if isinstance(source, Structures) else source.data.recipe
    if isinstance(recipe, SmoothManifold):
        return None
    affordable = _SECONDS if isinstance(source, Structures) and recipe.addressed else math.inf
    return Method("Bayes floor by belief propagation", draws.averaged(source, draws.bayes_floor), affordable=affordable)
