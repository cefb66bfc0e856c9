"""A drawn structure or a split of a dataset, ready to be asked for risks: training order, test points, covariances.

Whatever a learner does, its expected risk needs three things of the data: who the training and test points are, how
their labels covary, and where the points lie. `Realization` holds them; drawn structures (`drawn.py`) and splits
(`splits.py`) make them; the functions here turn a draw into rows of a curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fractalman import theory
from fractalman._typing import F32, F64, I64, AnyFloat
from fractalman.errors import RecipeError
from fractalman.recipes import Recipe
from fractalman.theory.smoothers import smoother_named
from fractalman.trees import LabelTree

TEST_POINTS = 1024
"""Test points per drawn structure: their average varies less than structures do."""

_LABELS_DRAWN, _CLASS_DRAWS = 20_000_000, (8, 64)
"""Labels that are drawn for one row of a vote's risks, and the fewest and most draws that they make."""

RESOLVED = 0.05
"""A floor is not resolved where rounding may have moved it by more than this share of it."""

Compute = Callable[[tuple[int, ...], int, int], F64]
"""Training-set sizes, first draw, last draw → risks of the draws first … last − 1, (draws, sizes) float64."""


def n_tests(population: float) -> int:
    """Test points of a population: TEST_POINTS, but no more than a quarter of it."""
    return int(max(1, min(TEST_POINTS, population // 4))) if np.isfinite(population) else TEST_POINTS


def class_vectors(points: float) -> int:
    """Class vectors on a draw of so many points, over which votes are averaged."""
    return int(np.clip(_LABELS_DRAWN // points, *_CLASS_DRAWS))


@dataclass(frozen=True)
class Realization:
    """One structure with its training order and test points; no labels are drawn.

    Attributes
    ----------
    order : (m,) int64
        Points in training order, the test points not among the first m − t.
    test : (t,) int64
        Test points.
    covariance : LabelCovariance
        Of the labels, noise included.
    tree : LabelTree or None
        The label tree, noise included, or None for a field.
    edges : (n_edges, 2) int64
        or None for families without a graph.
    coordinates : function
        Makes X, (n, d), when it is needed.
    labels : function
        (m, k) → m label vectors drawn on this structure, (n, m) float64; where it is dear to draw all, those of the
        test points and of the first k points of ``order`` alone, nan elsewhere. k = None: of all.
    key : int
        Of what is random in a learner.
    threshold : float or None
        Where labels are classes, what their values are compared with; None = labels are values.
    embedded : function or None
        Makes X itself where ``coordinates`` makes others at the same distances; None = they are X.
    """

    order: I64
    test: I64
    covariance: theory.LabelCovariance
    tree: LabelTree | None
    edges: I64 | None
    coordinates: Callable[[], AnyFloat] = field(repr=False)
    labels: Callable[[int, int | None], F64] = field(repr=False)
    key: int = 0
    threshold: float | None = None
    embedded: Callable[[], AnyFloat] | None = field(repr=False, default=None)

    def seen_by(self, learner: str | theory.Smoother) -> AnyFloat:
        """Return the coordinates for a smoother: X itself for one that a rotation changes.

        Parameters
        ----------
        learner : str or Smoother
            Whose inputs they are.

        Returns
        -------
        (n, d) float array
            Of all points of the draw.
        """
        if self.embedded is None or smoother_named(learner).turns:
            return self.coordinates()
        return self.embedded()

    def pair_risk(self, i: I64, j: I64) -> F64:
        """Return the expected risk of answering at the points i with the labels of the points j.

        Parameters
        ----------
        i, j : (pairs,) int64
            Points of the draw.

        Returns
        -------
        (pairs,) float64
            In units of the labels' prior variance; of classes, shares of wrong answers.
        """
        if self.threshold is None:
            return self.covariance.pairs(i, j)
        return theory.neighbour_class_risk(self.covariance, i, j, self.threshold)


@dataclass(frozen=True)
class Symbols:
    """Points whose labels are symbols, which have no covariance, with their training order and test points.

    Attributes
    ----------
    X : (n, d) float32
        All points.
    y : (n,) float64
        Their classes.
    order : (m,) int64
        Points in training order, the test points not among the first m − t.
    test : (t,) int64
        Test points.
    key : int
        Of what is random in a learner.
    """

    X: F32 = field(repr=False)
    y: F64 = field(repr=False)
    order: I64 = field(repr=False)
    test: I64 = field(repr=False)
    key: int = 0


class Realizations(Protocol):
    """What makes draws: a family's structures, or the splits of a dataset."""

    def draws(self, sizes: tuple[int, ...], first: int = 0, last: int | None = None) -> Iterator[Realization]:
        """Yield the draws first … last − 1, with training orders of at least max(sizes).

        The same ones whatever the sizes are; last = None stands for as many as are drawn by default.
        """
        ...


def noisy(tree: LabelTree | None, recipe: Recipe) -> LabelTree:
    """The tree of the labels as they are, label noise included."""
    if tree is None:
        raise RecipeError("this dataset carries no label tree: predict from its recipe instead")
    return tree.noisy(recipe.noise) if recipe.noise else tree


# ---------------------------------------------------------------------------------------------------- rows of curves


def averaged(source: Realizations, row: Callable[[Realization, tuple[int, ...]], Sequence[float]]) -> Compute:
    """Return the computation that asks every draw for a row of risks."""

    def compute(sizes: tuple[int, ...], first: int, last: int) -> F64:
        return np.array([row(draw, sizes) for draw in source.draws(sizes, first, last)], np.float64)

    return compute


def nearest_in_graph(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
    """1-NN in graph distance, exact over labels; points of unseen clusters get another cluster's label."""
    if draw.edges is None or draw.tree is None:
        raise RecipeError("one neighbour in the graph: expected a family that draws edges and a label tree")
    risk, _ = theory.one_nn_curve_on_tree(draw.edges, draw.tree, draw.order, list(sizes), draw.test, unseen="other")
    return [float(value) for value in risk.mean(axis=1)]


def nearest_in_hierarchy(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
    """1-NN among levels of the label tree, exact over labels."""
    if draw.tree is None:
        raise RecipeError("one neighbour in the hierarchy: expected a family that draws a label tree")
    risk = theory.one_nn_in_hierarchy(draw.tree, draw.order, list(sizes), draw.test)
    return [float(value) for value in risk.mean(axis=1)]


def smoothed(learner: str | theory.Smoother) -> Callable[[Realization, tuple[int, ...]], Sequence[float]]:
    """Return the row of a linear smoother in the points' own coordinates, exact over labels."""

    def row(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
        X = draw.seen_by(learner)
        risk = theory.smoother_curve(draw.covariance, X, draw.order, list(sizes), draw.test, learner, draw.key)
        return [float(value) for value in risk]

    return row


def class_neighbour(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
    """0–1 risk of one neighbour in the points' own coordinates, exact over labels."""
    if draw.threshold is None:
        raise RecipeError('the 0–1 risk of one neighbour: expected classes; use target = "sign" or "threshold"')
    X = draw.coordinates()
    risk = theory.neighbour_class_curve(draw.covariance, X, draw.order, list(sizes), draw.test, draw.threshold)
    return [float(value) for value in risk]


def voted(learner: str | theory.Smoother) -> Callable[[Realization, tuple[int, ...]], Sequence[float]]:
    """Return the row of a smoother of classes, its 0–1 risk over drawn labels."""

    def row(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
        if draw.threshold is None:
            raise RecipeError('the 0–1 risk of a vote: expected classes; use target = "sign" or "threshold"')
        count = 1 + class_vectors(draw.covariance.n_points)  # the first may be a dataset's
        classes = np.nan_to_num(draw.labels(count, max(sizes))[:, 1:])
        risk = theory.vote_curve(
            draw.covariance, classes, draw.seen_by(learner), draw.order, list(sizes), draw.test,
            learner, draw.threshold, draw.key,
        )  # fmt: skip
        return [float(value) for value in risk]

    return row


def bayes_floor(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
    """Posterior variance of the test points' labels, those of the training points being known."""
    return [float(value) for value in _posterior(draw, sizes).mean(axis=1)]


def class_bayes_floor(nats: bool) -> Callable[[Realization, tuple[int, ...]], Sequence[float]]:
    """Return the row of the risk of who answers the side on which the posterior mean lies, or its chance, in nats."""
    of = theory.class_entropy_floor if nats else theory.class_floor

    def row(draw: Realization, sizes: tuple[int, ...]) -> list[float]:
        if draw.threshold is None:
            raise RecipeError('a floor of classes: expected classes; use target = "sign" or "threshold"')
        left = _posterior(draw, sizes)
        known = np.isfinite(left)
        prior = np.broadcast_to(draw.covariance.prior(draw.test), left.shape)
        risk = np.where(known, of(prior, np.where(known, left, 0.0), draw.threshold), np.nan)
        return [float(value) for value in risk.mean(axis=1)]

    return row


def _posterior(draw: Realization, sizes: tuple[int, ...]) -> F64:
    """Return posterior variances (sizes, test points), nan at sizes that double precision does not resolve."""
    if draw.tree is not None:
        return np.asarray(theory.bayes_curve(draw.tree, draw.order, list(sizes), draw.test))
    risk, error = theory.gaussian_floor_with_error(draw.covariance, draw.order, list(sizes), draw.test)
    unresolved = error.mean(axis=1) > RESOLVED * risk.mean(axis=1)
    return np.where(unresolved[:, None], np.nan, risk)
