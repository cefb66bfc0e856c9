"""What a family must be able to do so that the composer can build it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """

    recipe: Recipe
    y: F64
    cluster: I64
    edges: I64 | None
    hierarchy: Hierarchy | None
    label_tree: LabelTree | None
    sites: I64 | None = None


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


class Family(Protocol):
    """The builder of one family; a module with these functions is one."""

    def structure(self, recipe: Any, hierarchy: bool, draw: int) -> Structure:
        """Draw everything but the coordinates."""
        ...

    def coordinates(self, made: Structure, X: F32) -> None:
        """Write all coordinates into X."""
        ...

    def labels_again(self, made: Dataset | Structure, draw: int) -> F64:
        """Return label draw number ``draw`` > 0 on the same structure."""
        ...

    def streamed(self, recipe: Any) -> Mapping[str, Rows] | None:
        """Return X, y and cluster as columns made by address, or None where the family needs its tree."""
        ...
