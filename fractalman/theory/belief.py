"""What the hierarchy alone says about the labels: the Bayes floor and the exact risk of one neighbour in a graph.

Labels are y_i = (Σ of independent N(0, variance_u) over the path root → leaf_i) / norm_i, so every expectation over
labels is a sum over shared paths; no label is drawn here. Units: the label's prior variance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64, Bool
from fractalman.config import is_word, shown
from fractalman.errors import RecipeError, nearest
from fractalman.theory import _kernels
from fractalman.theory.covariance import (
    Source,
    TreeCovariance,
    check_points,
    check_sizes,
    induced_tree,
    tree_of,
    walk_order,
)
from fractalman.trees import LabelTree
from fractalman.trees._kernels import adjacency

UNSEEN = ("raise", "zero", "other")
"""What one neighbour in the graph may answer at a point that no training point is connected to."""

# ---------------------------------------------------------------------------------------------------- Bayes floor


def _resistances(tree: LabelTree, parent: I64, order: I64, observed: I64) -> F64:
    """Posterior variance of every node's path sum, the labels of the points ``observed`` being known."""
    grounded = np.zeros(parent.size, np.bool_)
    grounded[tree.leaf[observed]] = True
    out = np.empty(parent.size)
    variance = np.ascontiguousarray(tree.variance, np.float64)
    _kernels.posterior_variances(parent, variance, order, grounded, out)
    return out


def bayes_risk(source: Source, observed: Bool) -> F64:
    """Return the posterior variance of every unseen point's label, given the labels of the observed points.

    No learner has a smaller expected squared error. Gaussian belief propagation on the label tree, exact, O(nodes).

    Parameters
    ----------
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree.
    observed : (n,) bool
        True where the label is known exactly. A dataset's tree is that of its clean labels; for noisy ones pass
        ``data.label_tree.noisy(recipe.noise)``: the risk is then that of predicting noisy labels.

    Returns
    -------
    (unseen,) float64
        In point order, in units of the label (after the norm): prior variance 1. Nothing observed gives the prior
        variances; everything observed gives an empty array.

    Raises
    ------
    RecipeError
        For a mask of another shape or type, or a dataset without a label tree.

    Notes
    -----
    Source: docs/theory.md §4 (the posterior variance is an effective resistance).

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> bayes_risk(tree, np.array([True, False])).round(6).tolist()
    [0.75]
    """
    tree = tree_of(source)
    mask = np.asarray(observed)
    if mask.dtype != np.bool_ or mask.shape != tree.leaf.shape:
        raise RecipeError(
            f"observed is {mask.dtype} of shape {mask.shape}: expected a bool array of shape {tree.leaf.shape}"
        )
    parent = np.ascontiguousarray(tree.parent, np.int64)
    resistance = _resistances(tree, parent, walk_order(parent, tree.n_points), np.flatnonzero(mask))
    unseen = np.flatnonzero(~mask)
    return np.asarray(resistance[tree.leaf[unseen]] / np.square(tree.norm[unseen]), np.float64)


def bayes_curve(source: Source, order: I64, sizes: Sequence[int] | I64, test: I64) -> F64:
    """Return the Bayes floor at every test point for nested training sets order[:n].

    The tree is walked once for all sizes; each of them then costs O(max(sizes) + t), whatever the population.

    Parameters
    ----------
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree.
    order : (≥ max(sizes),) int64
        Points in training order.
    sizes : array or sequence of int
        Training-set sizes n ≥ 0.
    test : (t,) int64
        Test points; one that is in order[:n] has risk 0 there.

    Returns
    -------
    (len(sizes), t) float64
        In units of the prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> bayes_curve(tree, np.array([0]), [0, 1], np.array([1])).round(6).tolist()
    [[1.0], [0.75]]
    """
    tree = tree_of(source)
    seen, points = check_points("order", order, tree.n_points), check_points("test", test, tree.n_points)
    wanted = check_sizes(sizes, seen.size, least=0)
    largest = max(wanted, default=0)
    small = induced_tree(tree, np.concatenate([seen[:largest], points]))
    steps = np.arange(small.parent.size)
    out = np.empty((len(wanted), points.size))
    for row, n in enumerate(wanted):
        resistance = _resistances(small, small.parent, steps, np.arange(n))
        out[row] = resistance[small.leaf[largest:]] / np.square(small.norm[largest:])
    return out


# ---------------------------------------------------------------------------------------------------- one neighbour


def one_nn_curve_on_tree(
    edges: I64, source: Source, order: I64, sizes: Sequence[int] | I64, test: I64, unseen: str = "raise"
) -> tuple[F64, I64]:
    """Return the exact expected 1-NN risk in graph distance for nested training sets order[:n].

    Distances are those of the graph, loops included: a tree, an ensemble of trees, the clusters of a lattice.

    Parameters
    ----------
    edges : (m, 2) int64
        Point pairs of the graph.
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree.
    order : (≥ max(sizes),) int64
        Points in training order; ties go to the earliest.
    sizes : array or sequence of int
        Training-set sizes n ≥ 1.
    test : (t,) int64
        Test points.
    unseen : {"raise", "zero", "other"}, default "raise"
        What is answered at a test point that no training point is connected to: "zero" (its risk is the prior
        variance), "other" (the label of the first training point, which lies in another cluster), or an error.

    Returns
    -------
    risk : (len(sizes), t) float64
        In units of the prior variance.
    distance : (len(sizes), t) int64
        Graph distance, −1 where no training point is connected.

    Raises
    ------
    RecipeError
        If points, sizes or edges lie outside; with "raise" also when a test point is not connected to any training
        point.

    Notes
    -----
    Source: docs/theory.md §4: a linear smoother's risk from the covariance alone.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> risk, distance = one_nn_curve_on_tree(np.array([[0, 1]]), tree, np.array([0]), [1], np.array([1]))
    >>> risk.round(6).tolist(), distance.tolist()
    ([[1.0]], [[1]])
    """
    tree = tree_of(source)
    n = tree.n_points
    if not is_word(unseen, UNSEEN):
        raise RecipeError(f"unseen = {shown(unseen)}: expected {', '.join(UNSEEN)}{nearest(unseen, UNSEEN)}")
    train, points = check_points("order", order, n), check_points("test", test, n)
    pairs = np.ascontiguousarray(edges, np.int64).reshape(-1, 2)
    if pairs.size and (pairs.min() < 0 or pairs.max() >= n):
        raise RecipeError(f"edges: expected pairs of point numbers from 0 to {n - 1}")
    sizes = check_sizes(sizes, train.size)
    start, neighbour = np.empty(n + 1, np.int64), np.empty(2 * pairs.shape[0], np.int64)
    adjacency(pairs, start, neighbour)
    labels = TreeCovariance(tree)
    distance, owner = np.empty(n, np.int64), np.empty(n, np.int64)
    risk, steps = np.empty((len(sizes), points.size)), np.empty((len(sizes), points.size), np.int64)
    for row, size in enumerate(sizes):
        _kernels.nearest_sources(start, neighbour, train[:size], distance, owner)
        steps[row] = distance[points]
        lost = steps[row] < 0
        if unseen == "raise" and lost.any():
            raise RecipeError(
                f"test point {int(points[np.argmax(lost)])} is not connected to any of the {size} training points: "
                "say what is answered there, unseen = 'zero' or 'other'"
            )
        risk[row] = labels.pairs(train[np.maximum(owner[points], 0)], points)
        if unseen == "zero":
            risk[row, lost] = labels.prior(points[lost])
    return risk, steps


def one_nn_on_tree(edges: I64, source: Source, train: I64, test: I64, unseen: str = "raise") -> tuple[F64, I64]:
    """Return (risk, graph distance) of every test point's nearest training point in the graph.

    Ties go to the point that stands first in ``train``; let it be a random order.

    Parameters
    ----------
    edges : (m, 2) int64
        Point pairs of the graph.
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree.
    train : (n,) int64
        Training points, at least one.
    test : (t,) int64
        Test points.
    unseen : {"raise", "zero", "other"}, default "raise"
        What is answered at a test point that no training point is connected to: "zero" (its risk is the prior
        variance), "other" (the label of the first training point, which lies in another cluster), or an error.

    Returns
    -------
    risk : (t,) float64
        Exact over labels, in units of the prior variance.
    distance : (t,) int64
        Graph distance, −1 where no training point is connected.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> risk, distance = one_nn_on_tree(np.array([[0, 1]]), tree, np.array([0]), np.array([1]))
    >>> risk.round(6).tolist(), distance.tolist()
    ([1.0], [1])
    """
    risk, steps = one_nn_curve_on_tree(edges, source, train, [len(train)], test, unseen)
    return risk[0], steps[0]
