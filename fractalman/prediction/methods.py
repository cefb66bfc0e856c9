"""Which computation gives a learner's curve on which family, and up to which training-set size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fractalman import theory
from fractalman._typing import F64
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.cascade.recipe import Cascade
from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.percolation_cluster.recipe import PercolationCluster
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.prediction import draws
from fractalman.prediction.draws import Compute
from fractalman.prediction.splits import Splits
from fractalman.prediction.structures import Structures, annealed
from fractalman.recipes import Recipe

SMOOTHERS = (
    "k-nn",
    "ridge",
    "random-features",
    "laplace-kernel",
    "gaussian-kernel",
    "matern-kernel",
    "ntk-kernel",
)
"""Learners whose curve is that of a linear smoother of this name; so is "5-nn", with any number."""

_SECONDS = 10_000
"""Training sets of an addressed family that are drawn in seconds, structure by structure."""
_DENSE = 8  # structures for computations that cost n³ each
_KERNEL_LARGEST, _KERNEL_SECONDS = 4096, 1000
_FIELD_LARGEST, _FIELD_SECONDS = 8192, 1000
_EXACT_COVERAGE = 200_000  # points of an ensemble whose expected cluster numbers take seconds


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


def method_of(source: Structures | Splits, learner: str, smoother: theory.Smoother | None = None) -> Method | None:
    """Return how a learner's curve is computed from structures or splits; None where it is not known how.

    ``smoother`` is what the learner is to theory where it has settings of its own.
    """
    if smoother is not None:
        return _smoother(source, learner, smoother)
    if learner == "1-nn":
        return _one_neighbour(source)
    if learner == "bayes":
        return _floor(source)
    if learner in SMOOTHERS or learner.endswith("-nn"):
        return _smoother(source, learner)
    return None


def _recipe_of(source: Structures | Splits) -> Recipe:
    return source.recipe if isinstance(source, Structures) else source.data.recipe


def _seconds(source: Structures | Splits) -> float:
    return _SECONDS if isinstance(source, Structures) and source.recipe.addressed else math.inf


def _over(source: Structures | Splits) -> str:
    return "averaged over splits" if isinstance(source, Splits) else "averaged over structures"


def _one_neighbour(source: Structures | Splits) -> Method:
    recipe = _recipe_of(source)
    if isinstance(source, Splits) or isinstance(recipe, (LatticePercolation, SmoothManifold)):
        kind = f"1-nn in X, exact over labels, {_over(source)}"
        return Method(kind, draws.averaged(source, draws.smoothed("1-nn")), affordable=_seconds(source))
    if isinstance(recipe, Cascade):
        return Method("1-nn in the hierarchy, exact annealed series", annealed(recipe))
    if _coverage_is_exact(source):
        return Method("1-nn by coverage, exact", _coverage(recipe, "1-nn"))
    what = "clusters" if isinstance(recipe, PercolationCluster) else "structures, another cluster's label where unseen"
    kind = f"1-nn in graph distance, exact over labels, averaged over {what}"
    return Method(kind, draws.averaged(source, draws.nearest_in_graph))


def _floor(source: Structures | Splits) -> Method:
    if isinstance(_recipe_of(source), SmoothManifold):
        few = replace(source, most=_DENSE) if isinstance(source, Structures) else source
        kind = f"best linear smoother by conditioning the field, {_over(source)}"
        return Method(kind, draws.averaged(few, draws.bayes_floor), _FIELD_LARGEST, _FIELD_SECONDS)
    if _coverage_is_exact(source):
        return Method("Bayes floor by coverage, exact", _coverage(_recipe_of(source), "bayes"))
    kind = f"Bayes floor by belief propagation, {_over(source)}"
    return Method(kind, draws.averaged(source, draws.bayes_floor), affordable=_seconds(source))


def _smoother(source: Structures | Splits, learner: str, smoother: theory.Smoother | None = None) -> Method:
    """A linear smoother in X; kernels cost n³, so fewer structures and sizes."""
    few = replace(source, most=_DENSE) if isinstance(source, Structures) else source
    kind = f"{learner} in X, expected over labels, {_over(source)}"
    compute = draws.averaged(few, draws.smoothed(smoother or learner))
    if learner == "ridge" or learner.endswith("-nn"):
        return Method(kind, compute, affordable=_seconds(source))
    return Method(kind, compute, _KERNEL_LARGEST, _KERNEL_SECONDS)


# ---------------------------------------------------------------------------------------------------- coverage


def _coverage_is_exact(source: Structures | Splits) -> bool:
    """Whether labels are constant on clusters whose expected numbers are known exactly."""
    recipe = _recipe_of(source)
    return (
        isinstance(source, Structures)
        and isinstance(recipe, (PercolationEnsemble, BetheLattice))
        and recipe.label == "cluster-constant"
        and not recipe.noise
        and recipe.n_points <= _EXACT_COVERAGE
    )


def _coverage(recipe: Recipe, learner: str) -> Compute:
    known: list[F64] = []

    def compute(sizes: tuple[int, ...]) -> F64:
        if not known:
            known.append(theory.cluster_numbers(recipe))
        return theory.constant_label_risk(known[0], recipe.max_points, np.array(sizes), learner)[None, :]

    return compute
