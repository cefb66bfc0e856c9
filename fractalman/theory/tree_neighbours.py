"""The exact risk of one neighbour in a hierarchy: the training point that shares most levels, whatever X says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractalman._typing import F64, I64
from fractalman.theory.covariance import Source, TreeCovariance, check_points, check_sizes, induced_tree, tree_of
from fractalman.trees import depths


def one_nn_in_hierarchy(source: Source, order: I64, sizes: Sequence[int] | I64, test: I64) -> F64:
    """Return the expected 1-NN risk at every test point, nearest meaning: shares most levels of the label tree.

    It is what one neighbour does in X when the ambient dimension is unlimited, on one structure.

    Parameters
    ----------
    source : Dataset, File or LabelTree
        For noisy labels ``data.label_tree.noisy(recipe.noise)``.
    order : (≥ max(sizes),) int64
        Points in training order.
    sizes : sequence of int
        Training-set sizes n ≥ 1; the sets are order[:n].
    test : (t,) int64
        Test points.

    Returns
    -------
    (len(sizes), t) float64
        In units of the label's prior variance; of several training points that share equally many levels the average.

    Raises
    ------
    RecipeError
        For sizes or points outside, or a source without a label tree.

    Notes
    -----
    docs/theory.md §3.1. With a the deepest node above the test point that also lies above training points, the risk is
    the average over these points of what the two labels do not share below a.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=200, branching=4, hurst=0.5))
    >>> risk = one_nn_in_hierarchy(data, np.arange(150), [10, 100], np.arange(150, 200))
    >>> bool(risk[1].mean() < risk[0].mean())
    True
    """
    tree = tree_of(source)
    seen, points = check_points("order", order, tree.n_points), check_points("test", test, tree.n_points)
    wanted = check_sizes(sizes, seen.size)
    largest = max(wanted, default=0)
    small = TreeCovariance(induced_tree(tree, np.concatenate([seen[:largest], points])))
    leaf, scale = small.tree.leaf, 1.0 / small.tree.norm
    own = small.sums[leaf] * np.square(scale)
    out, levels = np.empty((len(wanted), points.size)), _by_depth(small)
    for row, n in enumerate(wanted):
        above = np.zeros((small.parent.size, 3))  # training points below a node: their number, Σ Var y, Σ 1/norm
        np.add.at(above, leaf[:n], np.stack([np.ones(n), own[:n], scale[:n]], axis=1))
        for nodes in levels:
            np.add.at(above, small.parent[nodes], above[nodes])
        out[row] = _risk(small, above, leaf[largest:], own[largest:], scale[largest:], own[:n], scale[:n])
    return out


def _by_depth(small: TreeCovariance) -> list[I64]:
    """Return the nodes below the roots, deepest level first."""
    depth = depths(small.parent, small.order)
    nodes = np.argsort(-depth, kind="stable")
    nodes = nodes[depth[nodes] > 0]
    return np.split(nodes, np.flatnonzero(np.diff(depth[nodes])) + 1) if nodes.size else []


def _risk(small: TreeCovariance, above: F64, leaf: I64, own: F64, scale: F64, train: F64, train_scale: F64) -> F64:
    """Return E(y_t − y_j)² averaged over the training points j below the deepest node shared with t."""
    node = leaf.copy()
    while True:
        climbing = (node >= 0) & (above[node, 0] == 0)
        if not climbing.any():
            break
        node[climbing] = small.parent[node[climbing]]
    shared = np.where(node >= 0, small.sums[node], 0.0)  # nothing is shared with another root's points
    count = np.where(node >= 0, above[node, 0], train.size)
    variance = np.where(node >= 0, above[node, 1], train.sum()) / count
    inverse = np.where(node >= 0, above[node, 2], train_scale.sum()) / count
    return np.asarray(own + variance - 2.0 * shared * scale * inverse, np.float64)
