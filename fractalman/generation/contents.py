"""The content digests of a recipe's file without the file: its columns are made, hashed and forgotten."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman.datasets.digests import ColumnDigest
from fractalman.datasets.provenance import ColumnRecord, Provenance
from fractalman.datasets.spec import BY_PATH, COLUMNS
from fractalman.generation.columns import file_columns
from fractalman.recipes import Recipe


@dataclass(frozen=True)
class Contents:
    """What a file of a recipe would hold.

    Attributes
    ----------
    points : int
        Number of points n.
    columns : int
        Coordinates of a point.
    bytes : int
        Of all columns as they are in memory.
    content : str
        Content digest of the file.
    without_hierarchy : str
        Of the file written with hierarchy=False.
    """

    points: int
    columns: int
    bytes: int
    content: str
    without_hierarchy: str


def file_contents(recipe: Recipe, progress: Callable[[str], None] | None = None) -> Contents:
    """Return sizes and content digests of the file that `write` would make of a recipe, without writing it.

    Parameters
    ----------
    recipe : Recipe
        Any recipe.
    progress : function or None, default None
        Called with the name of every column that is begun.

    Raises
    ------
    ResourceError
        For what will not fit into memory.
    """
    with tempfile.TemporaryDirectory() as folder:  # for what lays out large clusters
        records, size = _hashed(file_columns(recipe, True, Path(folder)), progress)
    kept = {path: record for path, record in records.items() if BY_PATH[path].group not in ("tree", "level", "labels")}
    n, d = records["X"].shape
    whole, bare = (Provenance(recipe.to_dict(), found, {}).content for found in (records, kept))
    return Contents(n, d, size, whole, bare)


def _hashed(columns: Mapping[str, Any], progress: Callable[[str], None] | None) -> tuple[dict[str, ColumnRecord], int]:
    """Return the record of every column, and the bytes of all."""
    records: dict[str, ColumnRecord] = {}
    size = 0
    for column in COLUMNS:
        if column.path not in columns:
            continue
        if progress:
            progress(column.path)
        source = columns[column.path]
        digest = ColumnDigest(source.shape, column.dtype)
        for _, block in source.blocks() if hasattr(source, "blocks") else [(0, source)]:
            digest.update(block)
        shape = tuple(int(length) for length in source.shape)
        records[column.path] = ColumnRecord(np.dtype(column.dtype).str, shape, digest.hexdigest())
        size += int(np.prod(shape)) * np.dtype(column.dtype).itemsize
    return records, size
