"""An edge tree seen from a root: who is whose parent, and an order in which parents come first."""

from __future__ import annotations

import numpy as np

from fractalman._typing import I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.families._forests import _kernels


def rooted_order(edges: I64, n_points: int, root: int | I64) -> tuple[AnyInt, AnyInt]:
    """Return (parent, order) of a tree seen from ``root``, or of a forest seen from one root in every tree.

    Args:
        edges: (n−K, 2) int64 pairs of points 0 … n−1 forming K trees.
        n_points: n.
        root: the point without a parent (−1), or (K,) such points, one in every tree.
    Returns: two (n,) integer arrays (int32 where the ids fit): parents, and all points in depth-first order, one tree
        after the other in the order of the roots.
    Errors: RecipeError if the edges do not connect all points to the roots.
    """
    dtype = np.int32 if 2 * n_points < 1 << 31 else np.int64
    parent: AnyInt = np.empty(n_points, dtype)
    order: AnyInt = np.empty(n_points, dtype)
    roots = np.atleast_1d(np.asarray(root, np.int64))
    if roots.size + len(edges) != n_points or _kernels.rooted_order(edges, roots, parent, order) != n_points:
        trees = "one tree" if roots.size == 1 else f"{roots.size} trees"
        raise RecipeError(f"{len(edges)} edges do not make {trees} of {n_points} points")
    return parent, order
