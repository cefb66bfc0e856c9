"""The branching random walk: a tree laid out in R^d with directions that come down its hierarchy.

The top latent has a uniform unit vector; the children of a latent with vector v have √½(v ± w), w a uniform unit
vector orthogonal to v. The root of the edge tree sits at origin + step·(its vector), every other point at its tree
parent + step·(its vector). Sources: Brill & Ingebretsen Carlson, arXiv 2606.20347; docs/theory.md §1.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fractalman._arrays import F32, I64, AnyInt
from fractalman._jit import run_tasks
from fractalman.embedding import _kernels
from fractalman.seeds import Role, key64

# Subclusters and subtrees of at most n/64 points are spread over the threads; the few nodes above them come first.
_TASK_FRACTION = 64


def tree_coordinates(
    out: F32,
    parent: I64,
    size: I64,
    tree_parent: AnyInt,
    tree_order: AnyInt,
    step: float,
    seed: int,
    cluster: int = 0,
) -> None:
    """Write the coordinates of one cluster whose origin is 0.

    Args:
        out: (n, d) float32, d ≥ 2, overwritten; unit: the walk's step is ``step``.
        parent, size: (2n−1,) int64 columns of the binary hierarchy.
        tree_parent, tree_order: the edge tree seen from its root (`geometry.rooted_order`).
        step: length of an edge.
        seed: embedding seed.
        cluster: number of the cluster within its dataset, part of the address.
    """
    n, d = out.shape
    key = key64(seed, Role.DIRECTION, cluster)
    children = np.empty((n - 1, 2), np.int32 if 2 * n < 1 << 31 else np.int64)
    _kernels.children_of_latents(parent, n, children)
    top = np.array([n if n > 1 else 0])
    vector = np.empty((1, d), np.float32)
    _kernels.unit_vector(np.uint64(key), np.uint64((n - 1) * ((d + 1) // 2)), vector[0])

    limit = n // _TASK_FRACTION
    above = int(np.searchsorted(-size[n:], -limit, side="left"))  # latents larger than the limit
    kept = np.empty(above + 1, np.int64)
    kept_vectors = np.empty((above + 1, d), np.float32)
    arguments = (np.uint64(key), children, size)
    n_kept = _kernels.spread_directions(*arguments, top, vector, limit, out, kept, kept_vectors)
    cuts = np.searchsorted(np.cumsum(size[kept[:n_kept]]), np.arange(1, _TASK_FRACTION) * (n / _TASK_FRACTION))
    bounds = [0, *cuts.tolist(), n_kept]
    run_tasks(
        _kernels.spread_directions,
        [
            (*arguments, kept[a:b], kept_vectors[a:b], 0, out, kept[:0], kept_vectors[:0])
            for a, b in pairwise(bounds)
            if b > a
        ],
    )
    below = np.empty(n, tree_order.dtype)
    _kernels.subtree_sizes(tree_parent, tree_order, below)
    starts = np.empty(n, tree_order.dtype)
    n_starts = _kernels.walk_above(out, tree_parent, tree_order, below, limit, np.float32(step), starts)
    starts = starts[:n_starts]
    cuts = np.searchsorted(starts, np.arange(1, _TASK_FRACTION) * (n / _TASK_FRACTION))
    run_tasks(
        _kernels.walk_subtrees,
        [
            (out, tree_parent, tree_order, below, starts[a:b], np.float32(step))
            for a, b in pairwise([0, *cuts.tolist(), n_starts])
            if b > a
        ],
    )
