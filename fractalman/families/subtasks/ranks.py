"""Which subtasks points fall to, by address."""

from __future__ import annotations

import numpy as np

from fractalman._jit import run_tasks
from fractalman._typing import I64
from fractalman.families.blocks import BLOCK
from fractalman.families.subtasks._kernels import zipf_ranks
from fractalman.random.streams import Role, key64


def drawn_ranks(n_points: int, alpha: float, most: int, seed: int) -> tuple[I64, I64]:
    """Return ranks and sizes of the subtasks that points fall to, by falling size, then rising rank.

    Args:
        n_points: how many. alpha: exponent, probabilities ∝ k^−(1+α). most: the last rank. seed: of the geometry.
    """
    shares = 2.0 ** (-alpha * np.arange(most.bit_length()))
    cumulated = np.cumsum(shares / shares.sum())
    points, ranks = np.arange(n_points), np.empty(n_points, np.int64)
    key = np.uint64(key64(seed, Role.SUBTASK_POINT))
    run_tasks(
        zipf_ranks,
        [(key, points[a : a + BLOCK], alpha, most, cumulated, ranks[a : a + BLOCK]) for a in range(0, n_points, BLOCK)],
    )
    found, sizes = np.unique(ranks, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    return found[order], sizes[order].astype(np.int64)
