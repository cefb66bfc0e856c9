"""The branching random walk: trees laid out in R^d with directions that come down their hierarchy.

The top latent of a cluster has a uniform unit vector; the children of a latent with vector v have √½(v ± w), w a
uniform unit vector orthogonal to v. The root of the edge tree sits at origin + step·(its vector), every other point at
its tree parent + step·(its vector). Sources: Brill & Ingebretsen Carlson, arXiv 2606.20347; docs/theory.md §1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, I64, AnyInt
from fractalman.families._forests import _embedding_kernels as _kernels
from fractalman.random.streams import Role, key64

# Subclusters and subtrees of at most n/64 points are spread over the threads; the few nodes above them come first.
_TASK_FRACTION = 64


Rooted = Callable[[], tuple[AnyInt, AnyInt]]
"""Makes the edge tree seen from its root, (parents, order) of `geometry.rooted_order`, while directions are drawn."""


def tree_coordinates(
    out: F32, parent: I64, size: I64, rooted: Rooted, step: float, seed: int, cluster: int = 0
) -> None:
    """Write the coordinates of one cluster whose origin is 0.

    Args:
        out: (n, d) float32, d ≥ 2, overwritten; unit: the walk's step is ``step``.
        parent, size: (2n−1,) int64 columns of the binary hierarchy.
        rooted: makes the edge tree seen from its root.
        step: length of an edge.
        seed: embedding seed.
        cluster: number of the cluster within its dataset, part of the address.
    """
    n = len(out)
    tops = np.array([n if n > 1 else 0])
    tree_parent, tree_order = _spread(out, parent, size, tops, key64(seed, Role.DIRECTION, cluster), rooted)
    _kernels.place_roots(np.uint64(0), tree_order[:1], 0, np.float32(step), np.float32(0.0), out)
    walk(out, tree_parent, tree_order, step)


def forest_coordinates(
    out: F32, parent: I64, size: I64, tops: I64, roots: I64, rooted: Rooted, step: float, ball: float, seed: int
) -> None:
    """Write the coordinates of K clusters with origins uniform in a ball.

    Args:
        out: (n, d) float32, d ≥ 2, overwritten.
        parent, size: (2n−K,) int64 columns of the binary hierarchies.
        tops: (K,) int64, the top node of every cluster, largest cluster first.
        roots: (K,) int64, the point at which every cluster's walk starts.
        rooted: makes the edge trees seen from their roots.
        step: length of an edge. ball: radius of the ball of origins.
        seed: embedding seed.
    """
    keys = np.uint64(key64(seed, Role.DIRECTION, 0)), np.uint64(key64(seed, Role.ORIGIN))
    (n, d), latents, steps = out.shape, parent.size - len(out), (np.float32(step), np.float32(ball))
    big = int(np.searchsorted(-size[tops], -_limit(n), side="left"))  # clusters larger than the limit
    starts = np.concatenate([[0], np.cumsum(size[tops])])

    def lay_out(children: AnyInt, seen: Rooted, a: int, b: int) -> None:
        tree_parent, tree_order = seen()
        _kernels.lay_out_clusters(
            keys[0], (latents + a) * ((d + 1) // 2), children, tops[a:b], size, out, keys[1], roots[a:b], a, *steps,
            tree_parent, tree_order[starts[a] : starts[b]],
        )  # fmt: skip

    ranges = [(big + a, big + b) for a, b in _ranges(size[tops[big:]], n)]
    tree_parent, tree_order = _spread(
        out, parent, size, tops[:big], int(keys[0]), rooted, [partial(lay_out, a=a, b=b) for a, b in ranges]
    )
    _kernels.place_roots(keys[1], roots[:big], 0, *steps, out)
    walk(out, tree_parent, tree_order[: starts[big]], step)


def _limit(n: int) -> int:
    return max(1, n // _TASK_FRACTION)


def _spread(
    out: F32, parent: I64, size: I64, tops: I64, key: int, rooted: Rooted,
    others: Sequence[Callable[[AnyInt, Rooted], None]] = (),
) -> tuple[AnyInt, AnyInt]:  # fmt: skip
    """Fill ``out`` with the directions of the clusters of ``tops``, the largest, and return what ``rooted`` makes.

    That is made on one of the threads meanwhile; ``others`` get the latents' children and what waits for it. Latent j
    draws pairs j·⌈d/2⌉ … of ``key``, the top of cluster c those of j = n − K + c.
    """
    n, d = out.shape
    latents, h = parent.size - n, (d + 1) // 2
    children = np.empty((latents, 2), np.int32 if 2 * n < 1 << 31 else np.int64)
    _kernels.children_of_latents(parent, n, children)

    limit = _limit(n)
    vectors = np.empty((tops.size, d), np.float32)
    for c in range(tops.size):
        _kernels.unit_vector(np.uint64(key), np.uint64((latents + c) * h), vectors[c])
    above = int(np.searchsorted(-size[n:], -limit, side="left"))  # latents larger than the limit
    kept = np.empty(above + tops.size, np.int64)
    kept_vectors = np.empty((above + tops.size, d), np.float32)
    n_kept = _kernels.cut_above(np.uint64(key), n, children, size, tops, vectors, limit, kept, kept_vectors)

    made: Future[tuple[AnyInt, AnyInt]] = Future()
    tasks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [(_promised, (made, rooted))]
    tasks += [
        (_kernels.spread_directions, (np.uint64(key), children, kept[a:b], kept_vectors[a:b], out))
        for a, b in _ranges(size[kept[:n_kept]], n)
    ]
    tasks += [(other, (children, made.result)) for other in others]
    run_tasks(lambda work, given: work(*given), tasks)
    return made.result()


def _promised(made: Future[tuple[AnyInt, AnyInt]], rooted: Rooted) -> None:
    """Keep a promise that other tasks wait for, an error too."""
    try:
        made.set_result(rooted())
    except BaseException as error:
        made.set_exception(error)
        raise


def _ranges(sizes: I64, n: int) -> list[tuple[int, int]]:
    """Cut a list of sizes into ranges of about n/64 points."""
    cuts = np.searchsorted(np.cumsum(sizes), np.arange(1, _TASK_FRACTION) * (n / _TASK_FRACTION))
    return [(a, b) for a, b in pairwise([0, *cuts.tolist(), sizes.size]) if b > a]


def walk(out: F32, tree_parent: AnyInt, tree_order: AnyInt, step: float) -> None:
    """Walk outwards from the roots, which are in place."""
    n = tree_order.size
    limit = n // _TASK_FRACTION
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
