"""Clusters of the Bethe lattice: trees in which every site has z places for a neighbour, all such trees equally likely.

Given its size, a finite cluster's shape does not depend on the bond probability: every embedded tree of s sites has the
weight p^(s−1) (1−p)^((z−2)s+2). It is drawn by the cycle lemma in (z−1)s steps. The infinite cluster above p_c is shown
through a window: its first sites, breadth first from a random one, so inside the window it branches as it does
everywhere, and at the window's rim it is cut.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import I64
from fractalman.families._forests import _size_kernels as _kernels
from fractalman.families._forests.forest import _TASKS, cluster_starts
from fractalman.families._forests.sizes import ClusterSizes, bethe_extinction, binomial_law
from fractalman.random.streams import Role, key64


def bethe_trees(sizes: ClusterSizes, coordination: int, bond_probability: float, seed: int) -> I64:
    """Draw the edges of Bethe clusters of given sizes.

    Args:
        sizes: of the clusters; cluster c's points follow those of cluster c − 1, in random order.
        coordination: z ≥ 3.
        bond_probability: p, which matters for the shape of the infinite cluster's window only.
        seed: geometry seed.
    Returns: (n − K, 2) int64 pairs of points.
    Source: docs/theory.md §1, Bethe lattice.
    """
    start = cluster_starts(sizes.size)
    n, clusters, z = int(start[-1]), sizes.size.size, int(coordination)
    edges = np.empty((n - clusters, 2), np.int64)
    root, child = binomial_law(z, bond_probability), binomial_law(z - 1, bond_probability)
    extinction = bethe_extinction(z, bond_probability) if sizes.giant >= 0 else 1.0
    keys = np.uint64(key64(seed, Role.ORDER)), np.uint64(key64(seed, Role.SHAPE))
    cuts = np.searchsorted(start, np.arange(1, _TASKS) * (n / _TASKS)).clip(0, clusters)
    run_tasks(
        _kernels.bethe_trees,
        [
            (*keys, z, root, child, extinction, start, a, b, sizes.giant, edges)
            for a, b in pairwise([0, *cuts.tolist(), clusters])
            if b > a
        ],
    )
    return edges
