"""Sampler of sparse parities: every column by address; the hierarchy is that of tasks and of the bits they read."""

from __future__ import annotations

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I32, I64, AnyInt
from fractalman.families._strings.hierarchy import DerivationPaths
from fractalman.families._strings.sampler import Strings
from fractalman.families.blocks import BLOCK
from fractalman.families.sparse_parities import _kernels
from fractalman.families.sparse_parities.recipe import SparseParities, read_bits
from fractalman.random.streams import Role, key64


def tokens(recipe: SparseParities, points: I64) -> I32:
    """Task and bits of any points, (k, 1 + n_bits)."""
    points = np.ascontiguousarray(points, np.int64)
    key = np.uint64(key64(recipe.seeds.labels, Role.PARITY_POINT))
    cumulated, out = np.cumsum(recipe.task_probabilities), np.empty((points.size, 1 + recipe.n_bits), np.int32)
    run_tasks(
        _kernels.parity_points,
        [(key, points[a : a + BLOCK], cumulated, out[a : a + BLOCK]) for a in range(0, points.size, BLOCK)],
    )
    return out


def drawn(recipe: SparseParities, points: I64) -> tuple[I32, F64]:
    """Return tokens and parities of any points."""
    strings = tokens(recipe, points)
    return strings, (read_bits(strings, recipe.task_bits).sum(axis=1) % 2).astype(np.float64)


def write(recipe: SparseParities, strings: AnyInt, X: F32) -> None:
    """Write the coordinates of points: 1 for the task, then the bits."""
    X[:, : recipe.n_tasks] = 0.0
    X[np.arange(len(strings)), strings[:, 0]] = 1.0
    X[:, recipe.n_tasks :] = strings[:, 1:]


def _paths(recipe: SparseParities) -> DerivationPaths:
    def symbols(points: I64) -> AnyInt:
        strings = tokens(recipe, points)
        return np.concatenate([strings[:, :1], read_bits(strings, recipe.task_bits)], axis=1)

    return DerivationPaths(symbols, (1, 1 + recipe.task_size), max(2, recipe.n_tasks))


SAMPLER = Strings[SparseParities](
    drawn=drawn,
    write=write,
    paths=_paths,
    redrawn=lambda _recipe, _tokens, y, _draw: y.copy(),  # points decide their labels
).sampler()
