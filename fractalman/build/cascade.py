"""Builder of cascades: every column by address, block by block on the threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from fractalman import embedding, geometry, labels
from fractalman._arrays import F32, F64, I64, U64
from fractalman._jit import run_tasks
from fractalman.build.family import BLOCK, Rows, Structure, by_address
from fractalman.dataset.memory import Dataset
from fractalman.hierarchy import Hierarchy, LabelTree
from fractalman.recipe import Cascade


def _paths(recipe: Cascade) -> geometry.CascadePaths:
    masses = None if recipe.masses is None else tuple(p for p, _ in recipe.kinds)
    return geometry.CascadePaths(recipe.seeds.geometry, recipe.branching_numbers, recipe.levels, masses)


def _ratios(recipe: Cascade) -> F64:
    """Ratios of the children of all kinds of node, in the order of `CascadePaths.steps`."""
    return np.concatenate([r for _, r in recipe.kinds]).astype(np.float64)


def _amplitudes(recipe: Cascade, paths: geometry.CascadePaths, points: I64) -> tuple[U64, F64]:
    """Addresses, and R_l^H of their levels: one row for all points where all cells of a level have one size."""
    if isinstance(recipe.contraction, tuple):
        addresses, steps = paths.steps(points)
        return addresses, labels.cascade_path_terms(steps, _ratios(recipe), recipe.hurst)
    return paths.addresses(points), labels.cascade_terms(recipe.contraction, recipe.hurst, recipe.levels)


def _norm(recipe: Cascade) -> float:
    """The constant by which every path sum is divided."""
    if isinstance(recipe.contraction, tuple):
        return labels.cascade_average_norm(recipe.kinds, recipe.hurst, recipe.levels)
    return labels.cascade_norm(recipe.contraction, recipe.hurst, recipe.levels)


def values(recipe: Cascade, points: I64, draw: int = 0) -> F64:
    """Labels of any points of a cascade, without noise, block by block on the threads."""
    paths, out, norm = _paths(recipe), np.empty(points.size), _norm(recipe)

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        addresses, amplitude = _amplitudes(recipe, paths, points[rows])
        first, last = np.zeros(len(addresses), np.int64), np.full(len(addresses), recipe.levels)
        out[rows] = labels.cascade_segments(addresses, first, last, amplitude, recipe.seeds.labels, draw)[0] / norm

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
    return out


def structure(recipe: Cascade, hierarchy: bool, draw: int) -> Structure:
    """Draw everything but the coordinates; without a hierarchy, the labels only."""
    n, seeds = recipe.n_points, recipe.seeds
    y = values(recipe, np.arange(n), draw)
    columns = label_tree = None
    if hierarchy:
        paths = _paths(recipe)
        tree = paths.induced_tree(n)
        value, variance = np.empty(tree.parent.size), np.empty(tree.parent.size)
        above = np.where(tree.parent >= 0, tree.level[tree.parent], -1)

        def work(start: int) -> None:
            rows = slice(start, start + BLOCK)
            addresses, amplitude = _amplitudes(recipe, paths, tree.example[rows])
            value[rows], variance[rows] = labels.cascade_segments(
                addresses, above[rows] + 1, tree.level[rows], amplitude, seeds.labels, draw
            )

        run_tasks(work, [(start,) for start in range(0, tree.parent.size, BLOCK)])
        columns = Hierarchy(tree.parent, value, variance, tree.size, tree.depth, n, tree.level)
        label_tree = LabelTree(tree.parent, value, variance, np.full(n, _norm(recipe)), np.arange(n))
    return Structure(recipe, y, np.zeros(n, np.int64), None, columns, label_tree)


def rows(recipe: Cascade, points: I64, X: F32) -> None:
    """Write the coordinates of any points of a cascade, by address: (len(points), d) float32."""
    paths, seed = _paths(recipe), recipe.seeds.embedding

    def work(start: int) -> None:
        part = slice(start, start + BLOCK)
        if isinstance(recipe.contraction, tuple):
            addresses, steps = paths.steps(points[part])
            embedding.cascade_coordinates(X[part], addresses, _ratios(recipe)[steps], seed)
        else:
            embedding.cascade_coordinates(X[part], paths.addresses(points[part]), recipe.contraction, seed)

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])


def coordinates(made: Structure, X: F32) -> None:
    """Write all coordinates into X."""
    assert isinstance(made.recipe, Cascade)
    rows(made.recipe, np.arange(made.recipe.n_points), X)


def labels_again(made: Dataset | Structure) -> Callable[[int], F64]:
    """Return what draws labels of the same points."""
    recipe = made.recipe
    assert isinstance(recipe, Cascade)
    return lambda draw: values(recipe, np.arange(recipe.n_points), draw)


def streamed(recipe: Cascade) -> Mapping[str, Rows]:
    """Return X, y and cluster as columns made by address."""
    return by_address(recipe, rows, values)
