"""What a family must be able to do so that the composer can build it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fractalman._typing import F32, F64, I64
from fractalman.datasets.memory import Dataset
from fractalman.families.blocks import BLOCK, Blocks, Rows
from fractalman.recipes import Recipe
from fractalman.trees import Hierarchy, LabelTree

__all__ = ["BLOCK", "Blocks", "Family", "Rows", "Structure"]


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

    def streamed(self, recipe: Any, hierarchy: bool, folder: Path) -> Mapping[str, Blocks] | None:
        """Return all columns block by block, those of the trees if asked for; None where a structure is needed first.

        ``folder`` is for scratch. Addressed families return `Rows`.
        """
        ...

    def coordinate_blocks(self, made: Structure, folder: Path) -> Blocks:
        """Return the family's own X block by block, for families that need their tree; ``folder`` is for scratch."""
        ...
