"""What the keywords of every recipe add to a family's own columns: label noise, classes, nuisance, a rotation.

Each of them is a function of the point's number, so streamed columns get them block by block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fractalman._threads import run_tasks
from fractalman._typing import F32, F64, I64
from fractalman.families.base import Structure
from fractalman.families.blocks import BLOCK, Blocks, ComputedColumn, changed
from fractalman.generation.noise import label_noise, nuisance_coordinates
from fractalman.random.rotation import rotation
from fractalman.recipes import Recipe
from fractalman.trees import subcluster_classes


def noise(recipe: Recipe, points: I64, draw: int = 0) -> F64 | None:
    """Return the label noise of points, or None where the recipe has none."""
    if not recipe.noise:
        return None
    return label_noise(points, recipe.noise, recipe.seeds.labels, draw)


def classes(recipe: Recipe, values: F64) -> F64:
    """Return the classes of labels, noise included: 1 above the recipe's threshold, 0 elsewhere."""
    return (values > recipe.threshold).astype(np.float64)


def coordinates(recipe: Recipe, points: I64, own: F32) -> F32:
    """Return all coordinates of points from the family's own: nuisance beside them, then the rotation.

    Parameters
    ----------
    points : (rows,) int64
        Numbers.
    own : (rows, ambient_dim) float32
        May be overwritten and returned.
    """
    X, d, seed = own, recipe.ambient_dim, recipe.seeds.embedding
    if recipe.nuisance_dim:
        X = np.empty((points.size, recipe.n_columns), np.float32)
    turned = rotation(recipe.n_columns, seed) if recipe.rotate else None

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        if recipe.nuisance_dim:
            X[rows, :d] = own[rows]
            nuisance_coordinates(X[rows, d:], points[rows], recipe.nuisance_scale, seed)
        if turned is not None:
            turned.turn(X[rows])

    if recipe.nuisance_dim or recipe.rotate:
        run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
    return X


def subclusters(recipe: Recipe, realization: Structure[Any]) -> F64:
    """Return the classes of a structure's points: their subclusters."""
    if realization.hierarchy is None:
        raise TypeError(f"a structure of {recipe.family} came without its hierarchy")
    return subcluster_classes(
        realization.hierarchy.parent, realization.hierarchy.size, realization.y.size, recipe.subclusters
    )


def streamed(recipe: Recipe, own: Mapping[str, Blocks]) -> dict[str, Blocks]:
    """Return a family's columns, made block by block, with what the recipe adds to them."""
    columns, y = dict(own), own["y"]
    if recipe.noise:
        columns["noise"] = ComputedColumn(y.shape, np.dtype(np.float64), lambda points: noise(recipe, points))
        columns["y"] = changed(y, y.shape, lambda points, clean: clean + noise(recipe, points))
    if recipe.thresholds:
        value = columns["y"]
        columns["value"] = value
        columns["y"] = changed(value, value.shape, lambda _, block: classes(recipe, block))
    columns["X"] = coordinate_blocks(recipe, own["X"])
    return columns


def coordinate_blocks(recipe: Recipe, own: Blocks) -> Blocks:
    """Return all coordinates, block by block, from the family's own."""
    if not (recipe.nuisance_dim or recipe.rotate):
        return own
    shape = (own.shape[0], recipe.n_columns)
    return changed(own, shape, lambda points, block: coordinates(recipe, points, block))
