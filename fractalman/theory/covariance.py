"""The covariance of labels, from the hierarchy alone: pairs, blocks, products and the risk of any linear smoother.

Σ_ij = E y_i y_j. On a label tree it is the variance of the path that i and j share over both norms, and a linear
combination Σ_i w_i y_i is Σ_u value_u·c_u with c_u the sum of w_i/norm_i over the points below u. Its variance is
Σ_u variance_u·c_u²: one walk up the tree, no matrix, only positive terms.

`LabelCovariance` is what a smoother's risk needs to know; a label tree (here) and a Gaussian field
(`theory.fields`) provide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.theory import _kernels
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.trees import (
    CommonAncestors,
    LabelTree,
    depths,
    lowest_common_ancestors,
    path_sums,
    topological_order,
)

_FEW = 8  # up to so many steps of climbing per node of the tree, pairs are climbed; beyond, heavy paths are prepared
_STEPS = 1 << 18  # nodes and training points that a task meets in all its rows, at least: half a millisecond
_COLUMNS = 64  # columns of a block in one task
_LANES = 16  # columns of a product, or smoothers, that are walked at once


class HasLabelTree(Protocol):
    """Anything with a label tree: a dataset, an open file."""

    @property
    def label_tree(self) -> LabelTree | None:
        """The tree from which the labels come."""


Source: TypeAlias = HasLabelTree | LabelTree


def tree_of(source: Source) -> LabelTree:
    """Return the label tree of a dataset, an open file, or the tree itself; RecipeError where there is none."""
    tree = source if isinstance(source, LabelTree) else source.label_tree
    if tree is None:
        raise RecipeError(
            "this dataset carries no label tree: it was written with hierarchy=False, or its family has no hierarchy "
            "and so no Bayes floor; write it with its hierarchy or take another family"
        )
    return tree


def check_points(name: str, ids: I64 | Sequence[int], n_points: int) -> I64:
    """Return point numbers as a contiguous int64 array; RecipeError when they leave 0 … n_points − 1."""
    array = np.asarray(ids)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n_points:
        raise RecipeError(f"{name}: expected a 1-d array of point numbers from 0 to {n_points - 1}")
    return np.ascontiguousarray(array, np.int64)


def check_sizes(sizes: Sequence[int] | I64, most: int, least: int = 1) -> list[int]:
    """Return training-set sizes as integers; RecipeError when they leave least … most."""
    if any(int(size) != size or not least <= size <= most for size in sizes):
        raise RecipeError(f"sizes = {list(sizes)}: expected training-set sizes from {least} to {most}")
    return [int(size) for size in sizes]


def walk_order(parent: I64, n_points: int) -> I64:
    """Return all nodes with every ancestor before its descendants, whatever order the columns are in.

    Two orders are seen at a glance: parents with smaller ids, and that of a hierarchy (points first, then latents by
    decreasing size), where walking by id also meets neighbours in memory one after the other.

    Parameters
    ----------
    parent : (m,) int64
        −1 at roots.
    n_points : int
        Points at the front of a hierarchy's columns.

    Raises
    ------
    RecipeError
        If the column has a cycle or points outside.
    """
    m = parent.size
    if _kernels.parents_first(parent):
        return np.arange(m)
    if n_points <= m and _kernels.points_then_latents(parent, n_points):
        return np.concatenate([np.arange(n_points, m), np.arange(n_points)])
    return topological_order(parent)


# ---------------------------------------------------------------------------------------------------- label trees


def induced_tree(source: Source, points: I64 | Sequence[int]) -> LabelTree:
    """Return the smallest label tree on which these points have the same covariance, numbered in the order given.

    Nodes that no two of the paths part at are merged into the next below; what leads to none of the points is left
    out. At most two nodes a point, parents with smaller ids, values 0: theory needs none.

    Parameters
    ----------
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree.
    points : (points,) array or sequence of int
        Point numbers, each at most once.

    Returns
    -------
    LabelTree
        Smallest label tree on which these points have the same covariance, numbered in the order given.

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
    >>> induced_tree(tree, [1]).n_points
    1
    """
    tree = tree_of(source)
    ids = check_points("points", points, tree.n_points)
    parent = np.ascontiguousarray(tree.parent, np.int64)
    variance = np.ascontiguousarray(tree.variance, np.float64)
    name, above, own = _induced(parent, variance, walk_order(parent, tree.n_points), tree.leaf[ids])
    return LabelTree(above, np.zeros(above.size), own, tree.norm[ids], name[tree.leaf[ids]])


def _induced(parent: I64, variance: F64, order: I64, leaves: I64) -> tuple[I64, I64, F64]:
    """Return the number of every node that these leaves keep, else −1; the kept ones' parents and variances."""
    marked = np.zeros(parent.size, np.bool_)
    marked[leaves] = True
    most = min(parent.size, 2 * leaves.size)
    name, above, own = np.empty(parent.size, np.int64), np.empty(most, np.int64), np.empty(most)
    kept = _kernels.induced(parent, variance, order, marked, name, above, own)
    return name, above[:kept], own[:kept]


@dataclass(frozen=True)
class _Joined:
    """The tree that training points keep, and where test points join it (`_kernels.attached`)."""

    above: I64
    own: F64
    train: I64
    test: tuple[I64, F64, F64, F64]


class TreeCovariance(LabelCovariance):
    """The labels' covariance on a label tree; depths, path sums and tables are made once, when they are needed.

    Parameters
    ----------
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree; for noisy labels ``data.label_tree.noisy(recipe.noise)``.

    Raises
    ------
    RecipeError
        For a dataset without a label tree.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> TreeCovariance(tree).block(np.array([0]), np.array([0, 1])).round(6).tolist()
    [[1.0, 0.5]]
    """

    def __init__(self, source: Source) -> None:
        self.tree = tree_of(source)
        self.parent = np.ascontiguousarray(self.tree.parent, np.int64)
        self.variance = np.ascontiguousarray(self.tree.variance, np.float64)
        self._last: tuple[I64, I64, _Joined] | None = None  # asked for last: every ridge asks for the same points

    def _joined(self, train: I64, test: I64) -> _Joined:
        """What the residuals of these points need, kept until others are asked for."""
        last = self._last
        if last is None or not (np.array_equal(last[0], train) and np.array_equal(last[1], test)):
            name, above, own = _induced(self.parent, self.variance, self.order, self.tree.leaf[train])
            at = np.empty(self.parent.size, np.int64)
            lower, upper, private = np.empty((3, self.parent.size))
            _kernels.attached(self.parent, self.variance, self.order, name, at, lower, upper, private)
            leaf = self.tree.leaf[test]
            places = at[leaf], lower[leaf], upper[leaf], private[leaf]
            last = self._last = train, test, _Joined(above, own, name[self.tree.leaf[train]], places)
        return last[2]

    @cached_property
    def _has_own_leaves(self) -> bool:
        """Whether no two paths end at one node."""
        return self.n_points == 0 or int(np.bincount(self.tree.leaf).max()) <= 1

    @property
    def n_points(self) -> int:
        """Number of points."""
        return self.tree.n_points

    @cached_property
    def order(self) -> I64:
        """All nodes, ancestors first."""
        return walk_order(self.parent, self.n_points)

    @cached_property
    def sums(self) -> F64:
        """The variance of every node's path sum."""
        return path_sums(self.parent, self.variance, self.order)

    @cached_property
    def _depth(self) -> I64:
        return depths(self.parent, self.order)

    @cached_property
    def _deepest(self) -> int:
        return int(self._depth.max(initial=0))

    @cached_property
    def _common(self) -> CommonAncestors:
        return CommonAncestors(self.parent, self._depth)

    def restricted(self, points: I64) -> TreeCovariance:
        """Return the covariance on the tree that these points induce: O(nodes) once, then O(points) for everything.

        Parameters
        ----------
        points : (points,) int64
            Point numbers, each at most once; they are numbered 0, 1, … in this order.

        Returns
        -------
        TreeCovariance
            On the tree that these points induce.
        """
        return TreeCovariance(induced_tree(self.tree, points))

    def prior(self, points: I64) -> F64:
        """Return Σ_ii, (points,) float64.

        Parameters
        ----------
        points : (points,) int64
            Point numbers.

        Returns
        -------
        (points,) float64
            Σ_ii, in units of the label's prior variance.
        """
        return np.asarray(self.sums[self.tree.leaf[points]] / np.square(self.tree.norm[points]), np.float64)

    def pairs(self, i: I64, j: I64) -> F64:
        """Return E(y_i − y_j)² of point pairs, (pairs,) float64; absolute error about 1e-15.

        Parameters
        ----------
        i : (pairs,) int64
            First points.
        j : (pairs,) int64
            Second points.

        Returns
        -------
        (pairs,) float64
            E(y_i − y_j)² in units of the label's prior variance.
        """
        a, b = self.tree.leaf[i], self.tree.leaf[j]
        if a.size * self._deepest <= _FEW * self.parent.size:
            top = lowest_common_ancestors(self.parent, self._depth, a, b)
        else:
            top = self._common.of(a, b)
        shared = np.where(top >= 0, self.sums[top], 0.0)
        # Never 1 + 1 − 2·covariance: close pairs would lose their digits.
        inverse_i, inverse_j = 1.0 / self.tree.norm[i], 1.0 / self.tree.norm[j]
        own = (self.sums[a] - shared) * np.square(inverse_i) + (self.sums[b] - shared) * np.square(inverse_j)
        return np.asarray(own + shared * np.square(inverse_i - inverse_j), np.float64)

    def block(self, i: I64, j: I64) -> F64:
        """Return Σ between two lists of points, (len(i), len(j)) float64, O((len(i) + len(j))·len(j)).

        Parameters
        ----------
        i : (a,) int64
            Points of the rows.
        j : (b,) int64
            Points of the columns.

        Returns
        -------
        (a, b) float64
            Σ_ij in units of the label's prior variance.
        """
        first, second = check_points("i", i, self.n_points), check_points("j", j, self.n_points)
        points, place = np.unique(np.concatenate([first, second]), return_inverse=True)
        small = self.restricted(points)
        rows, columns = small.tree.leaf[place[: first.size]], small.tree.leaf[place[first.size :]]
        out = np.empty((first.size, second.size))
        run_tasks(
            _kernels.shared_sums,
            [
                (small.parent, small.sums, rows, columns[a : a + _COLUMNS], out[:, a : a + _COLUMNS])
                for a in range(0, second.size, _COLUMNS)
            ],
        )
        out /= self.tree.norm[first][:, None]
        out /= self.tree.norm[second][None, :]
        return out

    def times(self, vectors: F64) -> F64:
        """Return Σ·v for every column, matrix-free: one walk up and one down, O(nodes) each.

        Parameters
        ----------
        vectors : (n_points,) or (n_points, k) float64
            Vectors v, one a column.

        Returns
        -------
        float64, shaped as vectors
            Σ·v for every column.

        Raises
        ------
        RecipeError
            If the vectors have another length than the number of points.
        """
        given = np.asarray(vectors, np.float64)
        if given.ndim not in (1, 2) or given.shape[0] != self.n_points:
            raise RecipeError(f"vectors of shape {given.shape}: expected ({self.n_points},) and ({self.n_points}, k)")
        scaled = given.reshape(self.n_points, -1) / self.tree.norm[:, None]
        out = np.empty(scaled.shape)
        for a in range(0, scaled.shape[1], _LANES):  # a node's sums of so many columns share a few lines of memory
            columns = scaled[:, a : a + _LANES]
            weight = np.zeros((self.parent.size, columns.shape[1]))
            if self._has_own_leaves:
                weight[self.tree.leaf] = columns
            else:
                np.add.at(weight, self.tree.leaf, columns)
            _kernels.covariance_products(self.parent, self.variance, self.order, weight)
            out[:, a : a + _LANES] = weight[self.tree.leaf] / self.tree.norm[:, None]
        return out.reshape(given.shape)

    def residuals(self, weights: F64, train: I64, test: I64) -> F64:
        """Return the expected squared residual of every test point, matrix-free: O(train + test) a row.

        Parameters
        ----------
        weights : (t, n) float64
            Weights of the training points' labels in every prediction.
        train : (n,) int64
            Training points.
        test : (t,) int64
            Test points.

        Returns
        -------
        (t,) float64
            E(y_t − Σ_i weights[t, i]·y_train[i])² in units of the label's prior variance.

        Raises
        ------
        RecipeError
            If the weights have another shape than (test, train).
        """
        train, test = check_points("train", train, self.n_points), check_points("test", test, self.n_points)
        H = np.ascontiguousarray(weights, np.float64)
        if H.shape != (test.size, train.size):
            raise RecipeError(f"weights of shape {H.shape}: expected {(test.size, train.size)}, (test, train)")
        joined, out = self._joined(train, test), np.empty(test.size)
        known = (joined.above, joined.own, joined.train, 1.0 / self.tree.norm[train])
        asked = (*joined.test, 1.0 / self.tree.norm[test], H, out)
        rows = -(-_STEPS // (train.size + joined.above.size + 1))
        run_tasks(
            _kernels.residual_risks,
            [(*known, *(array[a : a + rows] for array in asked), _LANES) for a in range(0, test.size, rows)],
        )
        return out


def pair_risk(source: Source, i: I64, j: I64) -> F64:
    """Return E(y_i − y_j)² of point pairs, the risk of answering at i with the label of j.

    Parameters
    ----------
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree.
    i : (pairs,) int64
        Point numbers.
    j : (pairs,) int64
        Point numbers.

    Returns
    -------
    (pairs,) float64
        In units of the label's prior variance; absolute error about 1e-15.

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
    >>> pair_risk(tree, np.array([0]), np.array([1])).round(6).tolist()
    [1.0]
    """
    tree = tree_of(source)
    first, second = check_points("i", i, tree.n_points), check_points("j", j, tree.n_points)
    if first.shape != second.shape:
        raise RecipeError(f"i has {first.size} points and j has {second.size}: expected pairs, equally many of both")
    return TreeCovariance(tree).pairs(first, second)


def within_variance(source: Source) -> float:
    """Return V_in, the expected variance of the labels within their own population: the risk of the best constant.

    V_in = trΣ/N − 1ᵀΣ1/N² with Σ the labels' prior covariance; O(nodes).

    Parameters
    ----------
    source : dataset, open file or LabelTree
        A dataset, an open file or a label tree, with at least one point.

    Returns
    -------
    float
        V_in, in units of the label's prior variance.

    Notes
    -----
    Source: docs/theory.md, units.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> round(within_variance(tree), 6)
    0.25
    """
    labels = TreeCovariance(source)
    tree, n = labels.tree, labels.n_points
    shared = np.bincount(tree.leaf, weights=1.0 / tree.norm, minlength=tree.parent.size)
    prior = labels.prior(np.arange(n))
    _kernels.sums_below(labels.parent, labels.order, shared)
    return float(prior.mean() - np.sum(tree.variance * np.square(shared / n)))
