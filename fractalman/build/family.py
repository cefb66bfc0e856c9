"""What a family must be able to do so that the composer can build it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fractalman._arrays import F32, F64, I64
from fractalman.dataset.memory import Dataset
from fractalman.hierarchy import Hierarchy, LabelTree
from fractalman.recipe import Recipe

BLOCK = 4096
"""Points made at once by addressed families."""


@dataclass(frozen=True)
class Structure:
    """A dataset without its coordinates.

    Args:
        recipe: what it was made from.
        y: (n,) float64. cluster: (n,) int64. edges: (n_edges, 2) int64 or None.
        hierarchy, label_tree: as in `Dataset`, or None when left out.
        sites: (n,) int64 lattice site of every point, which its coordinates come from; None off the lattice.
        noise: (n,) float64, the part of y that is label noise, or None; families leave it out, the composer adds it.
    """

    recipe: Recipe
    y: F64
    cluster: I64
    edges: I64 | None
    hierarchy: Hierarchy | None
    label_tree: LabelTree | None
    sites: I64 | None = None
    noise: F64 | None = None


@dataclass(frozen=True)
class Rows:
    """A column made block by block by address, never held whole (a `dataset.BlockSource`)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    make: Any  # (I64 point numbers) → their rows

    def blocks(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        """Yield (first row, rows) in order."""
        rows = 16 * BLOCK
        for start in range(0, self.shape[0], rows):
            yield start, self.make(np.arange(start, min(start + rows, self.shape[0])))


def by_address(
    recipe: Any, rows: Callable[[Any, I64, F32], None], values: Callable[[Any, I64], F64]
) -> dict[str, Rows]:
    """Return X, y and cluster (one for all) as columns made by address.

    Args:
        recipe: of an addressed family. rows: writes the coordinates of points into an array. values: their labels.
    """
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


class Family(Protocol):
    """The builder of one family; a module with these functions is one."""

    def structure(self, recipe: Any, hierarchy: bool, draw: int) -> Structure:
        """Draw everything but the coordinates."""
        ...

    def coordinates(self, made: Structure, X: F32) -> None:
        """Write all coordinates into X."""
        ...

    def labels_again(self, made: Dataset | Structure) -> Callable[[int], F64]:
        """Return what draws labels on the same structure: (number of the label draw > 0) → (n,) float64."""
        ...

    def streamed(self, recipe: Any) -> Mapping[str, Rows] | None:
        """Return X, y and cluster as columns made by address, or None where the family needs its tree."""
        ...
