"""Sampler of smooth manifolds: columns by address, block by block on the threads, exact fields apart; no hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I64
from fractalman.datasets.memory import Dataset
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import BLOCK, ComputedColumn, by_address
from fractalman.families.smooth_manifold.exact_field import exact_field
from fractalman.families.smooth_manifold.field import gaussian_field
from fractalman.families.smooth_manifold.points import manifold_points
from fractalman.families.smooth_manifold.recipe import SmoothManifold
from fractalman.random.rotation import rotation
from fractalman.random.streams import Role


def _positions(recipe: SmoothManifold, points: I64) -> F64:
    return manifold_points(points, recipe.kind, recipe.dim, recipe.seeds.geometry)


def values(recipe: SmoothManifold, points: I64, draw: int = 0) -> F64:
    """Labels of any points in a field of waves, without noise."""
    field, out = gaussian_field(recipe.own_dim, recipe.hurst, recipe.seeds.labels, draw), np.empty(points.size)

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        out[rows] = field(_positions(recipe, points[rows]))

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
    return out


def rows(recipe: SmoothManifold, points: I64, X: F32) -> None:
    """Write the coordinates of any points: the manifold's own, padded with zeros and turned by a uniform rotation."""
    turned = rotation(recipe.ambient_dim, recipe.seeds.embedding, Role.FRAME)

    def work(start: int) -> None:
        part = slice(start, start + BLOCK)
        own = _positions(recipe, points[part])
        wide = np.zeros((len(own), recipe.ambient_dim))
        wide[:, : recipe.own_dim] = own
        turned.turn(wide, recipe.own_dim)
        X[part] = wide

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])


def _drawn(recipe: SmoothManifold) -> Callable[[int], F64]:
    """What draws labels of all points: (number of the label draw) → (n,) float64."""
    points, seed = np.arange(recipe.n_points), recipe.seeds.labels
    if recipe.field == "waves":
        return lambda draw: values(recipe, points, draw)
    field = exact_field(_positions(recipe, points), recipe.hurst)
    return lambda draw: field.values(seed, draw)


def structure(recipe: SmoothManifold, _hierarchy: bool, draw: int) -> Structure[SmoothManifold]:
    """Draw the labels; a manifold has no hierarchy and no graph."""
    return Structure(recipe, _drawn(recipe)(draw), np.zeros(recipe.n_points, np.int64))


def coordinates(realization: Structure[SmoothManifold], X: F32) -> None:
    """Write all coordinates into X."""
    rows(realization.recipe, np.arange(realization.recipe.n_points), X)


def label_sampler(recipe: SmoothManifold, _realization: Dataset | Structure[SmoothManifold]) -> Callable[[int], F64]:
    """Return what draws labels at the same points; an exact field is factored once for all draws."""
    return _drawn(recipe)


def streamed(recipe: SmoothManifold, _hierarchy: bool, _folder: Path) -> Mapping[str, ComputedColumn] | None:
    """Return X, y and cluster as columns made by address, or None for an exact field, which needs all points."""
    return by_address(recipe, rows, values) if recipe.field == "waves" else None


SAMPLER = Sampler[SmoothManifold](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=lambda realization, _: by_address(realization.recipe, rows, values)["X"],
    streamed=streamed,
)
