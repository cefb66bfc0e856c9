"""What every layout is written from: the columns of a dataset, in memory or in a file, block by block."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fractalman.datasets.lazy import READ_BYTES, LazyColumn
from fractalman.datasets.provenance import Provenance, current_versions
from fractalman.datasets.spec import POINT_COLUMNS, AnyArray
from fractalman.random.keys import STREAM_VERSION

if TYPE_CHECKING:
    from fractalman.datasets.file import File
    from fractalman.datasets.memory import Dataset
    from fractalman.recipes import Recipe

LATENTS = 1000
"""Latents that become features unless told otherwise: a point of a critical cluster lies under √n of them."""
Column = AnyArray | LazyColumn
"""A column that is sliced by rows, in memory or in a file."""


@dataclass(frozen=True, eq=False)
class ExportSource:
    """A dataset as layouts see it.

    Parameters
    ----------
    columns : Mapping
        Path as in a dataset file ("X", "hierarchy/parent", …) → column.
    recipe : Recipe
        What the data were made from.
    provenance : Provenance or None
        Of the file; None of a dataset in memory.
    data : Dataset or File
        The dataset itself.
    """

    columns: Mapping[str, Column]
    recipe: Recipe
    provenance: Provenance | None
    data: Dataset | File

    @property
    def n_points(self) -> int:
        """Number of points n."""
        return int(self.columns["X"].shape[0])

    @property
    def n_columns(self) -> int:
        """Columns d of X."""
        return int(self.columns["X"].shape[1])

    @property
    def has_hierarchy(self) -> bool:
        """Whether the columns of the hierarchy are there."""
        return "hierarchy/parent" in self.columns

    def story(self) -> dict[str, Any]:
        """Return what the data were made from, plain JSON values: a file's provenance, or recipe and versions."""
        if self.provenance is not None:
            found: dict[str, Any] = json.loads(self.provenance.to_bytes())
            return found
        return {
            "recipe": self.recipe.to_dict(),
            "stream_version": STREAM_VERSION,
            "versions": current_versions(),
        }


def export_source(data: Dataset | File) -> ExportSource:
    """Return a dataset's columns.

    Parameters
    ----------
    data : Dataset or File
        In memory, or an open file, whose X is never held.
    """
    provenance = getattr(data, "provenance", None)
    if provenance is not None:
        return ExportSource(data.columns, data.recipe, provenance, data)  # type: ignore[union-attr]  # a file
    columns: dict[str, Column] = {
        name: getattr(data, name)
        for name in ("X", "y", "cluster", "edges", *POINT_COLUMNS)
        if getattr(data, name, None) is not None
    }
    for group in ("hierarchy", "label_tree"):
        tree = getattr(data, group)
        if tree is not None:
            names = ("parent", "value", "variance", "size", "depth", "level", "norm", "leaf")
            columns |= {f"{group}/{k}": getattr(tree, k) for k in names if getattr(tree, k, None) is not None}
    return ExportSource(columns, data.recipe, None, data)


def blocks(column: Column) -> Iterator[AnyArray]:
    """Yield a column's rows in order, a few MiB at a time."""
    if isinstance(column, LazyColumn):
        for _, rows in column.blocks():
            yield rows
        return
    step = max(1, READ_BYTES // max(1, column.nbytes // max(1, len(column))))
    for start in range(0, len(column), step):
        yield column[start : start + step]
