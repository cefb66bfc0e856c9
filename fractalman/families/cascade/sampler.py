"""Sampler of cascades: every column by address, block by block on the threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I64, U64
from fractalman.datasets.memory import Dataset
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import BLOCK, ComputedColumn, by_address
from fractalman.families.cascade.coordinates import cascade_coordinates
from fractalman.families.cascade.induced import InducedTree
from fractalman.families.cascade.labels import (
    cascade_average_norm,
    cascade_norm,
    cascade_path_terms,
    cascade_segments,
    cascade_terms,
    cascade_variances,
    sums_are_exact,
)
from fractalman.families.cascade.paths import CascadePaths
from fractalman.families.cascade.recipe import Cascade
from fractalman.trees import Hierarchy, LabelTree, path_sums


def cascade_paths(recipe: Cascade) -> CascadePaths:
    """Return the paths of a cascade's points."""
    masses = None if recipe.masses is None else tuple(p for p, _ in recipe.kinds)
    return CascadePaths(recipe.seeds.geometry, recipe.branching_numbers, recipe.levels, masses)


def step_ratios(recipe: Cascade) -> F64:
    """Ratios of the children of all kinds of node, in the order of `CascadePaths.steps`."""
    return np.concatenate([r for _, r in recipe.kinds]).astype(np.float64)


def _amplitudes(recipe: Cascade, paths: CascadePaths, points: I64) -> tuple[U64, F64]:
    """Addresses, and R_l^H of their levels: one row for all points where all cells of a level have one size."""
    if isinstance(recipe.contraction, tuple):
        addresses, steps = paths.steps(points)
        return addresses, cascade_path_terms(steps, step_ratios(recipe), recipe.hurst)
    return paths.addresses(points), cascade_terms(recipe.contraction, recipe.hurst, recipe.levels)


def _norm(recipe: Cascade) -> float:
    """The constant by which every path sum is divided."""
    if isinstance(recipe.contraction, tuple):
        return cascade_average_norm(recipe.kinds, recipe.hurst, recipe.levels)
    return cascade_norm(recipe.contraction, recipe.hurst, recipe.levels)


def values(recipe: Cascade, points: I64, draw: int = 0) -> F64:
    """Labels of any points of a cascade, without noise, block by block on the threads."""
    paths, out, norm = cascade_paths(recipe), np.empty(points.size), _norm(recipe)

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        addresses, amplitude = _amplitudes(recipe, paths, points[rows])
        first, last = np.zeros(len(addresses), np.int64), np.full(len(addresses), recipe.levels)
        out[rows] = cascade_segments(addresses, first, last, amplitude, recipe.seeds.labels, draw)[0] / norm

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
    return out


@dataclass(frozen=True)
class _Nodes:
    """What the nodes of the induced tree carry, for any range of nodes.

    Args:
        recipe: the cascade. tree: that its points induce. draw: number of the label draw.
    """

    recipe: Cascade
    tree: InducedTree
    draw: int

    def segments(self, start: int, stop: int) -> tuple[F64, F64]:
        """Return value and variance of nodes start … stop − 1."""
        value, variance = np.empty(stop - start), np.empty(stop - start)
        paths, seed = cascade_paths(self.recipe), self.recipe.seeds.labels

        def work(a: int) -> None:
            b = min(a + BLOCK, stop)
            addresses, amplitude = _amplitudes(self.recipe, paths, self.tree.examples(a, b))
            part = slice(a - start, b - start)
            first, last = self.tree.levels_above(a, b) + 1, self.tree.node_levels(a, b)
            value[part], variance[part] = cascade_segments(addresses, first, last, amplitude, seed, self.draw)

        run_tasks(work, [(a,) for a in range(start, stop, BLOCK)])
        return value, variance

    def variances(self, start: int, stop: int) -> F64:
        """Return the variance alone, which needs no paths where all cells of a level have one size."""
        contraction = self.recipe.contraction
        if isinstance(contraction, tuple):
            return self.segments(start, stop)[1]
        amplitude = cascade_terms(contraction, self.recipe.hurst, self.recipe.levels)
        first, last = self.tree.levels_above(start, stop) + 1, self.tree.node_levels(start, stop)
        return cascade_variances(first, last, amplitude)


def structure(recipe: Cascade, hierarchy: bool, draw: int) -> Structure[Cascade]:
    """Draw everything but the coordinates; without a hierarchy, the labels only."""
    n = recipe.n_points
    if not hierarchy:
        return Structure(recipe, values(recipe, np.arange(n), draw), np.zeros(n, np.int64), None, None, None)
    tree = cascade_paths(recipe).induced_tree(n)
    value, variance = _Nodes(recipe, tree, draw).segments(0, tree.n_nodes)
    parent = tree.parent
    columns = Hierarchy(parent, value, variance, tree.size, tree.depth, n, tree.level)
    label_tree = LabelTree(parent, value, variance, np.full(n, _norm(recipe)), np.arange(n))
    if sums_are_exact(cascade_terms(float(step_ratios(recipe).max()), recipe.hurst, recipe.levels)):
        above_below = np.concatenate([np.arange(n, tree.n_nodes), np.arange(n)])  # a latent's parent has a smaller id
        y = path_sums(parent, value, above_below)[:n] / _norm(recipe)
    else:
        y = values(recipe, np.arange(n), draw)
    return Structure(recipe, y, np.zeros(n, np.int64), None, columns, label_tree)


def rows(recipe: Cascade, points: I64, X: F32) -> None:
    """Write the coordinates of any points of a cascade, by address: (len(points), d) float32.

    Points are made in the order of their paths, so that neighbours share most of what is drawn.
    """
    paths, seed = cascade_paths(recipe), recipe.seeds.embedding
    order = paths.rough_order(points)

    def work(start: int) -> None:
        part = order[start : start + BLOCK]
        block = np.empty((part.size, recipe.ambient_dim), np.float32)
        if isinstance(recipe.contraction, tuple):
            addresses, steps = paths.steps(points[part])
            cascade_coordinates(block, addresses, step_ratios(recipe)[steps], seed)
        else:
            cascade_coordinates(block, paths.addresses(points[part]), recipe.contraction, seed)
        X[part] = block

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])


def coordinates(realization: Structure[Cascade], X: F32) -> None:
    """Write all coordinates into X."""
    rows(realization.recipe, np.arange(realization.recipe.n_points), X)


def label_sampler(recipe: Cascade, _realization: Dataset | Structure[Cascade]) -> Callable[[int], F64]:
    """Return what draws labels of the same points."""
    return lambda draw: values(recipe, np.arange(recipe.n_points), draw)


def streamed(recipe: Cascade, hierarchy: bool, _folder: Path) -> Mapping[str, ComputedColumn]:
    """Return X, y and cluster as columns made by address, and those of the trees from a compact induced tree.

    The trees take at most 38 bytes a point while they are written, and about as much while they are made: parents,
    sizes, levels and examples of latents as 32-bit and 16-bit integers, values as they are, the rest made anew.
    """
    columns = by_address(recipe, rows, values)
    return {**columns, **_tree_columns(recipe)} if hierarchy else columns


def _tree_columns(recipe: Cascade) -> Mapping[str, ComputedColumn]:
    n, norm = recipe.n_points, _norm(recipe)
    tree = cascade_paths(recipe).induced_tree(n)
    k, nodes = tree.n_nodes, _Nodes(recipe, tree, 0)
    value = np.empty(k)
    for start in range(0, k, 16 * BLOCK):
        stop = min(start + 16 * BLOCK, k)
        value[start:stop] = nodes.segments(start, stop)[0]

    def column(size: int, dtype: type, make: Callable[[int, int], Any]) -> ComputedColumn:
        return ComputedColumn((size,), np.dtype(dtype), lambda rows: make(int(rows[0]), int(rows[-1]) + 1))

    both: dict[str, ComputedColumn] = {
        "parent": column(k, np.int64, lambda a, b: tree.up[a:b].astype(np.int64)),
        "value": column(k, np.float64, lambda a, b: value[a:b]),
        "variance": column(k, np.float64, nodes.variances),
    }
    return {
        **{f"hierarchy/{name}": rows for name, rows in both.items()},
        "hierarchy/size": column(k, np.int64, tree.sizes),
        "hierarchy/depth": column(k, np.int64, tree.depths),
        "hierarchy/level": column(k, np.int64, tree.node_levels),
        **{f"label_tree/{name}": rows for name, rows in both.items()},
        "label_tree/norm": column(n, np.float64, lambda a, b: np.full(b - a, norm)),
        "label_tree/leaf": column(n, np.int64, np.arange),
    }


SAMPLER = Sampler[Cascade](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=lambda realization, _: by_address(realization.recipe, rows, values)["X"],
    streamed=streamed,
)
