"""Trees of some of the points: what a hierarchy and a label tree are when the other points are left out.

A node stays what it was, with fewer points below it: the subcluster of a latent is that of the whole, restricted. A
latent without any of the points is *empty*; one with a single child splits nothing any more, and such chains may be
*collapsed* into their lowest node, whose value and variance become the sums over the chain, so that sums over paths
from the root keep their values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fractalman._typing import F64, I64
from fractalman.trees import _restriction_kernels as _kernels
from fractalman.trees.columns import Hierarchy, LabelTree
from fractalman.trees.trees import depths, topological_order

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Restriction:
    """Which nodes of a tree are left, and how they hang together.

    Parameters
    ----------
    node : (k,) int64
        The nodes that are left, as numbers of the whole tree, in their new order.
    parent : (k,) int64
        Their parents among these, −1 at roots.
    below : (k,) int64
        How many of the points are at or below each.
    """

    node: I64
    parent: I64
    below: I64
    _parent: I64
    _order: I64
    _single: Bools | None

    def chain(self, column: F64) -> F64:
        """Return a column for the nodes that are left, summed over collapsed chains."""
        if self._single is None:
            return column[self.node]
        total = np.array(column, np.float64)
        _kernels.add_chains(self._parent, self._order, self._single, total)
        return total[self.node]


def restriction_of_hierarchy(
    parent: I64, n_points: int, rows: I64, drop_empty: bool = False, collapse: bool = False
) -> Restriction:
    """Return what is left of a hierarchy of whose points only ``rows`` stay.

    Parameters
    ----------
    parent : (k,) int64
        Of the whole hierarchy.
    n_points : int
        Points of the whole.
    rows : (n,) int64
        Points that stay, each once; they become 0 … n − 1 in this order.
    drop_empty : bool, default False
        Leave out latents without any of the points.
    collapse : bool, default False
        Join chains of latents with a single child into their lowest node; empty latents go as well.

    Returns
    -------
    Restriction
        Points first, then latents by falling number of points, equal ones in the order of the whole.
    """
    order = np.concatenate([np.arange(n_points, parent.size), np.arange(n_points)])
    ends = np.zeros(parent.size, np.int64)
    ends[rows] = 1
    kept, up, below, single = _thinned(parent, order, ends, drop_empty, collapse)
    kept[:n_points] = False
    latents = np.flatnonzero(kept)
    latents = latents[np.argsort(-below[latents], kind="stable")]
    return _numbered(np.concatenate([rows, latents]), parent, order, up, below, single)


def _thinned(
    parent: I64, order: I64, ends: I64, drop_empty: bool, collapse: bool
) -> tuple[Bools, I64, I64, Bools | None]:
    """Which nodes stay, their nearest ancestors that do, points below them, and which nodes are links of chains."""
    below = ends.copy()
    _kernels.add_upwards(parent, order, below)
    kept = below > 0 if drop_empty or collapse else np.ones(parent.size, np.bool_)
    if not collapse:
        return kept, parent, below, None
    inner = np.flatnonzero(kept & (parent >= 0))
    children = np.bincount(parent[inner], minlength=parent.size)
    single = kept & (ends == 0) & (children == 1)
    up = parent.copy()
    _kernels.skip_chains(parent, order, single, up)
    return kept & ~single, up, below, single


def _numbered(node: I64, parent: I64, order: I64, up: I64, below: I64, single: Bools | None) -> Restriction:
    number = np.full(parent.size + 1, -1, np.int64)  # the last entry answers for parent −1
    number[node] = np.arange(node.size)
    return Restriction(node, number[up[node]], below[node], parent, order, single)


def restricted_hierarchy(h: Hierarchy, rows: I64, drop_empty: bool = False, collapse: bool = False) -> Hierarchy:
    """Return the hierarchy of some points.

    Parameters
    ----------
    h : Hierarchy
        Of the whole.
    rows : (n,) int64
        Points that stay, each once; they become 0 … n − 1 in this order.
    drop_empty : bool, default False
        Leave out latents without any of the points.
    collapse : bool, default False
        Join chains of latents with a single child into their lowest node; empty latents go as well.

    Returns
    -------
    Hierarchy
        Latents by falling number of points, equal ones in the order of the whole.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> h = fm.generate(fm.PercolationCluster(n_points=100, ambient_dim=2)).hierarchy
    >>> small = restricted_hierarchy(h, np.arange(0, 100, 2), collapse=True)
    >>> small.n_points, small.n_latents, h.n_latents
    (50, 49, 99)
    """
    left = restriction_of_hierarchy(h.parent, h.n_points, rows, drop_empty, collapse)
    level = None if h.level is None else h.level[left.node]
    value, variance = left.chain(h.value), left.chain(h.variance)
    return Hierarchy(left.parent, value, variance, left.below, depths(left.parent), rows.size, level)


def restricted_label_tree(
    tree: LabelTree, rows: I64, hierarchy_parent: I64 | None, drop_empty: bool = False, collapse: bool = False
) -> LabelTree:
    """Return the label tree of some points, whose labels and prior variances are those that they had.

    Parameters
    ----------
    tree : LabelTree
        Of the whole.
    rows : (n,) int64
        Points that stay, each once.
    hierarchy_parent : (k,) int64 or None
        Of the whole hierarchy: a label tree on its very nodes stays on the nodes of the restricted hierarchy.
    drop_empty, collapse : bool, default False
        As for `restriction_of_hierarchy`.

    Returns
    -------
    LabelTree
        Norms are those of the whole.
    """
    left = label_restriction(tree.parent, tree.leaf, rows, hierarchy_parent, drop_empty, collapse)
    number = np.full(tree.parent.size, -1, np.int64)
    number[left.node] = np.arange(left.node.size)
    value, variance = left.chain(tree.value), left.chain(tree.variance)
    return LabelTree(left.parent, value, variance, tree.norm[rows], number[tree.leaf[rows]])


def label_restriction(
    parent: I64, leaf: I64, rows: I64, hierarchy_parent: I64 | None, drop_empty: bool, collapse: bool
) -> Restriction:
    """Return what is left of the nodes of a label tree; parameters as for `restricted_label_tree`."""
    n = leaf.size
    on_it = hierarchy_parent is not None and np.array_equal(parent, hierarchy_parent)
    if on_it and np.array_equal(leaf, np.arange(n)):
        return restriction_of_hierarchy(parent, n, rows, drop_empty, collapse)
    order = topological_order(parent)
    ends = np.bincount(leaf[rows], minlength=parent.size).astype(np.int64)
    kept, up, below, single = _thinned(parent, order, ends, drop_empty, collapse)
    return _numbered(np.flatnonzero(kept), parent, order, up, below, single)
