"""A drawn structure or a split of a dataset, ready to be asked for risks: training order, test points, covariances.

Whatever a learner does, its expected risk needs three things of the data: who the training and test points are, how
their labels covary, and where the points lie. `Draw` holds them; structures (`structures.py`) and splits (`splits.py`)
make them; the functions here turn a draw into rows of a curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fractalman import labels, theory
from fractalman._arrays import F64, I64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.hierarchy import LabelTree
from fractalman.nearest import nearest
from fractalman.recipe import Recipe

TEST_POINTS = 1024
"""Test points per drawn structure: their average varies less than structures do."""

Compute = Callable[[tuple[int, ...]], F64]
"""Training-set sizes → risks, (draws, sizes) float64."""


def n_tests(population: float) -> int:
    """Test points of a population: TEST_POINTS, but no more than a quarter of it."""
    return int(max(1, min(TEST_POINTS, population // 4))) if np.isfinite(population) else TEST_POINTS


@dataclass(frozen=True)
class Draw:
    """One structure with its training order and test points; no labels are drawn.

    Args:
        order: (m,) int64 points in training order, the test points not among the first m − t.
        test: (t,) int64 test points.
        cluster: (n,) int64 cluster of every point.
        edges: (n_edges, 2) int64, or None for families without a graph.
        tree: the label tree, noise included, or None for a field.
        field_at: for a field, (places, hurst, noise σ): covariances come from distances.
        coordinates: makes X, (n, d), when it is needed.
    """

    order: I64
    test: I64
    cluster: I64
    edges: I64 | None
    tree: LabelTree | None
    field_at: tuple[F64, float, float] | None
    coordinates: Callable[[], AnyFloat] = field(repr=False)

    def pairs(self, i: I64, j: I64) -> F64:
        """Return E(y_i − y_j)² of pairs of different points, prior units."""
        if self.tree is not None:
            return theory.pair_risk(self.tree, i, j)
        assert self.field_at is not None
        places, hurst, sigma = self.field_at
        r = np.sqrt(np.square(places[i] - places[j]).sum(axis=1))
        return np.asarray(2.0 - 2.0 * labels.field_covariance(r, hurst) + 2.0 * sigma**2, np.float64)


class Draws(Protocol):
    """What makes draws: a family's structures, or the splits of a dataset."""

    def draws(self, sizes: tuple[int, ...]) -> Iterator[Draw]:
        """Yield draws with training orders of at least max(sizes); the same ones whatever the sizes are."""
        ...


def noisy(tree: LabelTree | None, recipe: Recipe) -> LabelTree:
    """The tree of the labels as they are, label noise included."""
    if tree is None:
        raise RecipeError("this dataset carries no label tree: predict from its recipe instead")
    return tree.noisy(recipe.noise) if recipe.noise else tree


# ---------------------------------------------------------------------------------------------------- rows of curves


def averaged(source: Draws, row: Callable[[Draw, tuple[int, ...]], Sequence[float]]) -> Compute:
    """Return the computation that asks every draw for a row of risks."""

    def compute(sizes: tuple[int, ...]) -> F64:
        return np.array([row(draw, sizes) for draw in source.draws(sizes)], np.float64)

    return compute


def nearest_in_graph(draw: Draw, sizes: tuple[int, ...]) -> list[float]:
    """1-NN in graph distance, exact over labels; points of unseen clusters get another cluster's label."""
    assert draw.edges is not None
    assert draw.tree is not None
    row = []
    for n in sizes:
        seen = np.zeros(int(draw.cluster.max()) + 1, np.bool_)
        seen[draw.cluster[draw.order[:n]]] = True
        known = seen[draw.cluster[draw.test]]
        total = 0.0
        if known.any():
            risk, _ = theory.one_nn_curve_on_tree(draw.edges, draw.tree, draw.order, [n], draw.test[known])
            total += float(risk.sum())
        if not known.all():
            lost = draw.test[~known]
            total += float(draw.pairs(np.full(lost.size, draw.order[0]), lost).sum())
        row.append(total / draw.test.size)
    return row


def nearest_in_space(draw: Draw, sizes: tuple[int, ...]) -> list[float]:
    """1-NN in the points' own coordinates, exact over labels."""
    X = draw.coordinates()
    row = []
    for n in sizes:
        found = draw.order[:n][nearest(X[draw.order[:n]], X[draw.test])]
        row.append(float(draw.pairs(found, draw.test).mean()))
    return row


def bayes_floor(draw: Draw, sizes: tuple[int, ...]) -> list[float]:
    """Posterior variance of the test points' labels, those of the training points being known."""
    assert draw.tree is not None
    row = []
    for n in sizes:
        observed = np.zeros(draw.tree.n_points, np.bool_)
        observed[draw.order[:n]] = True
        posterior = np.zeros(draw.tree.n_points)
        posterior[~observed] = theory.bayes_risk(draw.tree, observed=observed)
        row.append(float(posterior[draw.test].mean()))
    return row
