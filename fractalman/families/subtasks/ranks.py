"""Which subtasks points fall to, by address."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import I64
from fractalman.families.blocks import BLOCK
from fractalman.families.subtasks._kernels import zipf_ranks
from fractalman.random.streams import Role, key64


@dataclass(frozen=True)
class Arrival:
    """Who falls to which subtask, subtasks numbered in the order in which they open.

    Args:
        ranks: (K,) int64, of every subtask. sizes: (K,) int64, its points.
        cluster: (n,) int64, number of every point's subtask.
        before: (n,) int64, points of the same subtask that came before.
        rows: (n,) int64, points subtask by subtask, each subtask's in order.
    """

    ranks: I64
    sizes: I64
    cluster: I64
    before: I64
    rows: I64


def arrivals(n_points: int, alpha: float, most: int, seed: int) -> Arrival:
    """Return points in order of arrival; those of fewer points are the first of more.

    Args:
        n_points, alpha, most, seed: as of `drawn_ranks`.
    """
    found, first, which = np.unique(point_ranks(n_points, alpha, most, seed), return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(found.size, np.int64)
    number[order] = np.arange(found.size)
    cluster = number[which]
    sizes, rows = np.bincount(cluster), np.argsort(cluster, kind="stable")
    before = np.empty(n_points, np.int64)
    before[rows] = np.arange(n_points) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Arrival(found[order], sizes, cluster, before, rows)


def drawn_ranks(n_points: int, alpha: float, most: int, seed: int) -> tuple[I64, I64]:
    """Return ranks and sizes of the subtasks that points fall to, by falling size, then rising rank.

    Args:
        n_points: how many. alpha: exponent, probabilities ∝ k^−(1+α). most: the last rank. seed: of the geometry.
    """
    found, sizes = np.unique(point_ranks(n_points, alpha, most, seed), return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    return found[order], sizes[order].astype(np.int64)


def point_ranks(n_points: int, alpha: float, most: int, seed: int) -> I64:
    """Return the rank of every point's subtask, (n,).

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
    return ranks
