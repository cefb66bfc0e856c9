"""An edge tree seen from a root: who is whose parent, and an order in which parents come first."""

from __future__ import annotations

import numpy as np

from fractalman._arrays import I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.geometry import _kernels


def rooted_order(edges: I64, n_points: int, root: int) -> tuple[AnyInt, AnyInt]:
    """Return (parent, order) of a tree seen from ``root``.

    Args:
        edges: (n−1, 2) int64 pairs of points 0 … n−1 forming a tree.
        n_points: n.
        root: the point without a parent (−1).
    Returns: two (n,) integer arrays (int32 where the ids fit): parents, and all points in depth-first order.
    Errors: RecipeError if the edges do not connect all points.
    """
    dtype = np.int32 if 2 * n_points < 1 << 31 else np.int64
    parent: AnyInt = np.empty(n_points, dtype)
    order: AnyInt = np.empty(n_points, dtype)
    if _kernels.rooted_order(edges, root, parent, order) != n_points:
        raise RecipeError(f"{len(edges)} edges do not make one tree of {n_points} points")
    return parent, order
