"""Hierarchies and label trees seen at a scale: fragments become points, what lies inside them is summed up."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.trees import _range_kernels
from fractalman.trees.columns import Hierarchy, LabelTree
from fractalman.trees.queries import Cut
from fractalman.trees.trees import depths, topological_order

_COLUMNS = 16  # of X at once, so that the sums in double precision stay small beside X


def fragment_means(X: F32, fragment: I64, count: I64) -> F32:
    """Return the mean row of every fragment, summed in float64 in point order.

    Parameters
    ----------
    X : (n, d) float32
        The rows.
    fragment : (n,) int64
        The fragment of every row, 0 … f − 1.
    count : (f,) int64
        Rows in each fragment.

    Returns
    -------
    (f, d) float32
        Mean rows.
    """
    out = np.empty((count.size, X.shape[1]), np.float32)
    for first in range(0, X.shape[1], _COLUMNS):
        columns = slice(first, first + _COLUMNS)
        total = np.empty((count.size, out[:, columns].shape[1]))
        _range_kernels.row_means(X[:, columns], fragment, total, count, out[:, columns])
    return out


def coarse_label_tree(tree: LabelTree, fragment: I64, n_fragments: int) -> tuple[LabelTree, I64] | None:
    """Return the label tree of the fragments' mean labels, or None where those means are on no tree.

    The mean label of fragment F is Σ_u value_u·w_u/|F|, w_u = Σ 1/norm_i over its points i below u. Nodes below which
    other fragments have no points enter one independent term; if all points of F share the rest of their paths, that
    rest enters as (Σ value)·w_F/|F|: a path sum with norm |F|/w_F, to which the own term is the last step.

    Parameters
    ----------
    tree : LabelTree
        The points' label tree.
    fragment : (n,) int64
        The fragment of every point, 0 … n_fragments − 1.
    n_fragments : int
        How many.

    Returns
    -------
    tuple of LabelTree and (m,) int64, or None
        The tree whose leaf f is fragment f, and the nodes of ``tree`` that come after the fragments, in rising id; None
        where points of one fragment leave the shared part of the tree at different nodes.
    """
    parent, order = tree.parent, topological_order(tree.parent)
    owner, shared = np.empty(parent.size, np.int64), np.empty(parent.size, np.int64)
    _range_kernels.label_owners(parent, order, tree.leaf, fragment, owner)
    _range_kernels.shared_above(parent, order, owner, shared)
    joint = shared[tree.leaf]  # where each point's path meets the shared part
    above = np.empty(n_fragments, np.int64)
    above[fragment] = joint
    if (above[fragment] != joint).any():
        return None
    share = 1.0 / tree.norm
    count = np.bincount(fragment, minlength=n_fragments).astype(np.float64)
    norm = count / np.bincount(fragment, share, n_fragments)
    weight = np.bincount(tree.leaf, share, parent.size)
    term, spread = np.zeros(n_fragments), np.zeros(n_fragments)
    _range_kernels.own_terms(parent, tree.value, tree.variance, order, owner, weight, term, spread)
    scale = norm / count
    kept = np.flatnonzero(owner == -2)
    number = np.full(parent.size + 1, -1, np.int64)  # the last entry answers for parent −1
    number[kept] = n_fragments + np.arange(kept.size)
    return (
        LabelTree(
            np.concatenate([number[above], number[parent[kept]]]),
            np.concatenate([term * scale, tree.value[kept]]),
            np.concatenate([spread * scale * scale, tree.variance[kept]]),
            norm,
            np.arange(n_fragments, dtype=np.int64),
        ),
        kept,
    )


def coarse_hierarchy(h: Hierarchy, cut: Cut, number: I64, value: F64 | None, variance: F64 | None) -> Hierarchy:
    """Return the hierarchy above a cut, whose points are the fragments.

    Parameters
    ----------
    h : Hierarchy
        The fine hierarchy.
    cut : Cut
        A cut of it.
    number : (n_fragments,) int64
        The coarse point that each of the cut's fragments becomes.
    value : float64 array or None
        The coarse points' own columns, or None for those of the fragments' nodes.
    variance : float64 array or None
        The coarse points' own columns, or None for those of the fragments' nodes.

    Returns
    -------
    Hierarchy
        With size = fragments below a node; latents by decreasing size, then by id in ``h``.
    """
    n, latents = cut.node.size, np.flatnonzero(h.size > cut.size)
    node = np.empty(n, np.int64)
    node[number] = cut.node
    name = np.full(h.n_nodes + 1, -1, np.int64)
    name[latents] = np.arange(latents.size)
    below = np.zeros(latents.size, np.int64)
    above = name[h.parent[node]]
    np.add.at(below, above[above >= 0], 1)
    _range_kernels.add_upwards(name[h.parent[latents]], below)
    latents = latents[np.argsort(-below, kind="stable")]
    size = np.concatenate([np.ones(n, np.int64), -np.sort(-below)])
    nodes = np.concatenate([node, latents])
    name[nodes] = np.arange(nodes.size)
    parent = name[h.parent[nodes]]
    columns = h.value[nodes], h.variance[nodes]
    if value is not None and variance is not None:
        columns[0][:n], columns[1][:n] = value, variance
    level = None if h.level is None else h.level[nodes]
    return Hierarchy(parent, *columns, size, depths(parent), n, level)
