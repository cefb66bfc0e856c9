"""Builder of smooth manifolds: every column by address, block by block on the threads; no hierarchy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fractalman import embedding, geometry, labels
from fractalman._arrays import F32, F64, I64
from fractalman._jit import run_tasks
from fractalman.build.family import BLOCK, Rows, Structure
from fractalman.dataset.memory import Dataset
from fractalman.recipe import SmoothManifold
from fractalman.seeds import Role


def _positions(recipe: SmoothManifold, points: I64) -> F64:
    return geometry.manifold_points(points, recipe.kind, recipe.dim, recipe.seeds.geometry)


def values(recipe: SmoothManifold, points: I64, draw: int = 0) -> F64:
    """Labels of any points, without noise."""
    field, out = labels.gaussian_field(recipe.own_dim, recipe.hurst, recipe.seeds.labels, draw), np.empty(points.size)

    def work(start: int) -> None:
        rows = slice(start, start + BLOCK)
        out[rows] = field(_positions(recipe, points[rows]))

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])
    return out


def rows(recipe: SmoothManifold, points: I64, X: F32) -> None:
    """Write the coordinates of any points: the manifold's own, padded with zeros and turned by a uniform rotation."""
    turned = embedding.rotation(recipe.ambient_dim, recipe.seeds.embedding, Role.FRAME)

    def work(start: int) -> None:
        part = slice(start, start + BLOCK)
        own = _positions(recipe, points[part])
        wide = np.zeros((len(own), recipe.ambient_dim))
        wide[:, : recipe.own_dim] = own
        turned.turn(wide)
        X[part] = wide

    run_tasks(work, [(start,) for start in range(0, points.size, BLOCK)])


def structure(recipe: SmoothManifold, _hierarchy: bool, draw: int) -> Structure:
    """Draw the labels; a manifold has no hierarchy and no graph."""
    y = values(recipe, np.arange(recipe.n_points), draw)
    return Structure(recipe, y, np.zeros(recipe.n_points, np.int64), None, None, None)


def coordinates(made: Structure, X: F32) -> None:
    """Write all coordinates into X."""
    assert isinstance(made.recipe, SmoothManifold)
    rows(made.recipe, np.arange(made.recipe.n_points), X)


def labels_again(made: Dataset | Structure, draw: int) -> F64:
    """Return label draw number ``draw`` at the same points."""
    assert isinstance(made.recipe, SmoothManifold)
    return values(made.recipe, np.arange(made.recipe.n_points), draw)


def streamed(recipe: SmoothManifold, _hierarchy: bool, _folder: Path) -> Mapping[str, Rows]:
    """Return X, y and cluster as columns made by address."""
    n, d = recipe.n_points, recipe.ambient_dim

    def X_rows(points: I64) -> F32:
        X = np.empty((points.size, d), np.float32)
        rows(recipe, points, X)
        return X

    return {
        "X": Rows((n, d), np.dtype(np.float32), X_rows),
        "y": Rows((n,), np.dtype(np.float64), lambda points: values(recipe, points)),
        "cluster": Rows((n,), np.dtype(np.int64), lambda points: np.zeros(points.size, np.int64)),
    }
