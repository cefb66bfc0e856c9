"""Sampler of sparse parities: every column by address; the hierarchy is that of tasks and of the bits they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from fractalman._jit import run_tasks
from fractalman._typing import F32, F64, I32, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families._strings.hierarchy import DerivationPaths, hierarchy_columns, hierarchy_of
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import BLOCK, ComputedColumn, by_address
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


def _parities(recipe: SparseParities, strings: AnyInt) -> F64:
    parity: F64 = (read_bits(strings, recipe.task_bits).sum(axis=1) % 2).astype(np.float64)
    return parity


def values(recipe: SparseParities, points: I64) -> F64:
    """Labels of any points."""
    return _parities(recipe, tokens(recipe, points))


def _write(recipe: SparseParities, strings: AnyInt, X: F32) -> None:
    X[:, : recipe.n_tasks] = 0.0
    X[np.arange(len(strings)), strings[:, 0]] = 1.0
    X[:, recipe.n_tasks :] = strings[:, 1:]


def rows(recipe: SparseParities, points: I64, X: F32) -> None:
    """Write the coordinates of any points."""
    _write(recipe, tokens(recipe, points), X)


def _paths(recipe: SparseParities) -> DerivationPaths:
    def symbols(points: I64) -> AnyInt:
        strings = tokens(recipe, points)
        return np.concatenate([strings[:, :1], read_bits(strings, recipe.task_bits)], axis=1)

    return DerivationPaths(symbols, (1, 1 + recipe.task_size), max(2, recipe.n_tasks))


def structure(recipe: SparseParities, hierarchy: bool, _draw: int) -> Structure[SparseParities]:
    """Draw everything but the coordinates; every label draw is the same, for points decide their labels."""
    n = recipe.n_points
    strings = tokens(recipe, np.arange(n))
    tree = hierarchy_of(_paths(recipe).tree(n)) if hierarchy else None
    return Structure(recipe, _parities(recipe, strings), np.zeros(n, np.int64), None, tree, tokens=strings)


def coordinates(made: Structure[SparseParities], X: F32) -> None:
    """Write all coordinates into X."""
    if made.tokens is None:
        raise RecipeError("this dataset has no column of tokens: use generate for one with its strings")
    _write(made.recipe, made.tokens, X)


def label_sampler(_recipe: SparseParities, made: Dataset | Structure[SparseParities]) -> Callable[[int], F64]:
    """Return what draws labels of the same points: theirs again, for points decide them."""
    y = made.y
    return lambda _: y.copy()


def _columns(recipe: SparseParities) -> dict[str, ComputedColumn]:
    shape = (recipe.n_points, 1 + recipe.n_bits)
    made = ComputedColumn(shape, np.dtype(np.int32), lambda points: tokens(recipe, points))
    return {**by_address(recipe, rows, values), "tokens": made}


def streamed(recipe: SparseParities, hierarchy: bool, _folder: Path) -> Mapping[str, ComputedColumn]:
    """Return all columns made by address, those of the tree from a compact induced tree."""
    columns = _columns(recipe)
    return {**columns, **hierarchy_columns(_paths(recipe).tree(recipe.n_points))} if hierarchy else columns


SAMPLER = Sampler[SparseParities](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=lambda made, _: _columns(made.recipe)["X"],
    streamed=streamed,
)
