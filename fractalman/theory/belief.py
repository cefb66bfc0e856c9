"""What the hierarchy alone says about the labels: the Bayes floor, variances and the exact risk of one neighbour.

Labels are y_i = (Σ of independent N(0, variance_u) over the path root → leaf_i) / norm_i, so every expectation over
labels is a sum over shared paths; no label is drawn here. Units: the label's prior variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fractalman._arrays import F64, I64, Bool
from fractalman.errors import RecipeError
from fractalman.hierarchy import LabelTree, depths, lowest_common_ancestors, path_sums, topological_order
from fractalman.theory import _kernels


class HasLabelTree(Protocol):
    """Anything with a label tree: a dataset, an open file."""

    @property
    def label_tree(self) -> LabelTree | None:
        """The tree from which the labels come."""


def _tree_of(source: HasLabelTree | LabelTree) -> LabelTree:
    tree = source if isinstance(source, LabelTree) else source.label_tree
    if tree is None:
        raise RecipeError(
            "this dataset carries no label tree: it was written with hierarchy=False, or its family has no hierarchy "
            "and so no Bayes floor; write it with its hierarchy or take another family"
        )
    return tree


def _check_points(name: str, ids: I64 | Sequence[int], n_points: int) -> I64:
    array = np.asarray(ids)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n_points:
        raise RecipeError(f"{name}: allowed is a 1-d array of point numbers from 0 to {n_points - 1}")
    return np.ascontiguousarray(array, np.int64)


# ---------------------------------------------------------------------------------------------------- Bayes floor


def bayes_risk(source: HasLabelTree | LabelTree, observed: Bool) -> F64:
    """Return the posterior variance of every unseen point's label, given the labels of the observed points.

    No learner has a smaller expected squared error. Gaussian belief propagation on the label tree, exact, O(nodes).

    Args:
        source: a dataset, an open file or a label tree.
        observed: (n,) bool, True where the label is known exactly. A dataset's tree is that of its clean labels; for
            noisy ones pass ``data.label_tree.noisy(recipe.noise)``: the risk is then that of predicting noisy labels.
    Returns: (unseen,) float64 in point order, in units of the label (after the norm): prior variance 1. Nothing
        observed gives the prior variances; everything observed gives an empty array.
    Errors: RecipeError for a mask of another shape or type, or a dataset without a label tree.
    Source: docs/theory.md §4 (the posterior variance is an effective resistance).
    """
    tree = _tree_of(source)
    mask = np.asarray(observed)
    if mask.dtype != np.bool_ or mask.shape != tree.leaf.shape:
        raise RecipeError(
            f"observed is {mask.dtype} of shape {mask.shape}: allowed is a bool array of shape {tree.leaf.shape}"
        )
    unseen = ~mask
    grounded = np.zeros(tree.parent.size, np.bool_)
    grounded[tree.leaf[mask]] = True
    resistance = np.empty(tree.parent.size, np.float64)
    parent = np.ascontiguousarray(tree.parent, np.int64)
    variance = np.ascontiguousarray(tree.variance, np.float64)
    _kernels.posterior_variances(parent, variance, topological_order(parent), grounded, resistance)
    return np.asarray(resistance[tree.leaf[unseen]] / np.square(tree.norm[unseen]), np.float64)


def within_variance(source: HasLabelTree | LabelTree) -> float:
    """Return V_in, the expected variance of the labels within their own population: the risk of the best constant.

    V_in = trΣ/N − 1ᵀΣ1/N² with Σ the labels' prior covariance; O(nodes).

    Args:
        source: a dataset, an open file or a label tree, with at least one point.
    Source: docs/theory.md, units.
    """
    tree = _tree_of(source)
    n = tree.n_points
    order = topological_order(tree.parent)
    inverse_norm = 1.0 / tree.norm
    prior = path_sums(tree.parent, tree.variance, order)[tree.leaf] * np.square(inverse_norm)
    shared = np.bincount(tree.leaf, weights=inverse_norm, minlength=tree.parent.size)
    _kernels.sums_below(np.ascontiguousarray(tree.parent, np.int64), order, shared)
    return float(prior.mean() - np.sum(tree.variance * np.square(shared / n)))


# ---------------------------------------------------------------------------------------------------- pairs


class _Pairs:
    """Expected squared differences of labels on one tree; keeps depths and path sums between calls."""

    def __init__(self, tree: LabelTree) -> None:
        order = topological_order(tree.parent)
        self.tree = tree
        self.parent = np.ascontiguousarray(tree.parent, np.int64)
        self.depth = depths(self.parent, order)
        self.sums = path_sums(self.parent, tree.variance, order)

    def risk(self, i: I64, j: I64) -> F64:
        a, b = self.tree.leaf[i], self.tree.leaf[j]
        top = lowest_common_ancestors(self.parent, self.depth, a, b)
        shared = np.where(top >= 0, self.sums[top], 0.0)
        # Never 1 + 1 − 2·covariance: close pairs would lose their digits.
        inverse_i, inverse_j = 1.0 / self.tree.norm[i], 1.0 / self.tree.norm[j]
        own = (self.sums[a] - shared) * np.square(inverse_i) + (self.sums[b] - shared) * np.square(inverse_j)
        return np.asarray(own + shared * np.square(inverse_i - inverse_j), np.float64)


def pair_risk(source: HasLabelTree | LabelTree, i: I64, j: I64) -> F64:
    """Return E(y_i − y_j)² of point pairs, the risk of answering at i with the label of j.

    Args:
        source: a dataset, an open file or a label tree.
        i, j: (pairs,) int64 point numbers.
    Returns: (pairs,) float64 in units of the label's prior variance; absolute error about 1e-15.
    Errors: RecipeError. Source: docs/theory.md §4.
    """
    tree = _tree_of(source)
    first, second = _check_points("i", i, tree.n_points), _check_points("j", j, tree.n_points)
    if first.shape != second.shape:
        raise RecipeError(f"i has {first.size} points and j has {second.size}: allowed are pairs, equally many of both")
    return _Pairs(tree).risk(first, second)


# ---------------------------------------------------------------------------------------------------- one neighbour


def one_nn_curve_on_tree(
    edges: I64, source: HasLabelTree | LabelTree, order: I64, sizes: Sequence[int], test: I64
) -> tuple[F64, I64]:
    """Return the exact expected 1-NN risk in graph distance for nested training sets order[:n].

    Args:
        edges: (m, 2) int64 point pairs of the graph.
        source: a dataset, an open file or a label tree.
        order: (≥ max(sizes),) int64 points in training order; ties go to the earliest.
        sizes: training-set sizes n ≥ 1.
        test: (t,) int64 test points.
    Returns: risk (len(sizes), t) float64 in units of the prior variance, graph distance (len(sizes), t) int64.
    Errors: RecipeError; also when a test point is not connected to any training point.
    Source: docs/theory.md §4: a linear smoother's risk from the covariance alone.
    """
    tree = _tree_of(source)
    n = tree.n_points
    train, points = _check_points("order", order, n), _check_points("test", test, n)
    pairs = np.ascontiguousarray(edges, np.int64).reshape(-1, 2)
    if pairs.size and (pairs.min() < 0 or pairs.max() >= n):
        raise RecipeError(f"edges: allowed are pairs of point numbers from 0 to {n - 1}")
    if any(not 1 <= size <= train.size for size in sizes):
        raise RecipeError(f"sizes = {list(sizes)}: allowed are training-set sizes from 1 to {train.size}")
    start, neighbour = np.empty(n + 1, np.int64), np.empty(2 * pairs.shape[0], np.int64)
    _kernels.adjacency(pairs, start, neighbour)
    labels = _Pairs(tree)
    distance, owner = np.empty(n, np.int64), np.empty(n, np.int64)
    risk, steps = np.empty((len(sizes), points.size)), np.empty((len(sizes), points.size), np.int64)
    for row, size in enumerate(sizes):
        _kernels.nearest_sources(start, neighbour, train[:size], distance, owner)
        steps[row] = distance[points]
        if (steps[row] < 0).any():
            lost = int(points[np.argmin(steps[row])])
            raise RecipeError(f"test point {lost} is not connected to any of the {size} training points")
        risk[row] = labels.risk(train[owner[points]], points)
    return risk, steps


def one_nn_on_tree(edges: I64, source: HasLabelTree | LabelTree, train: I64, test: I64) -> tuple[F64, I64]:
    """Return (risk, graph distance) of every test point's nearest training point in the graph.

    Ties go to the point that stands first in ``train``; let it be a random order.

    Args:
        edges, source, test: as in `one_nn_curve_on_tree`.
        train: (n,) int64 training points, at least one.
    Returns: risk (t,) float64, exact over labels, in units of the prior variance; distance (t,) int64.
    Errors: RecipeError. Source: docs/theory.md §4.
    """
    risk, steps = one_nn_curve_on_tree(edges, source, train, [len(train)], test)
    return risk[0], steps[0]
