"""The content digests of a recipe's file without the file: its columns are made, hashed and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fractalman.build.files import _columns
from fractalman.dataset.certificate import Certificate, ColumnDigest, ColumnRecord
from fractalman.dataset.spec import BY_PATH, COLUMNS
from fractalman.recipe import Recipe


@dataclass(frozen=True)
class Contents:
    """What a file of a recipe would hold.

    Args:
        points: number of points n. columns: coordinates of a point.
        bytes: of all columns as they are in memory.
        content: content digest of the file. without_hierarchy: of the file written with hierarchy=False.
    """

    points: int
    columns: int
    bytes: int
    content: str
    without_hierarchy: str


def file_contents(recipe: Recipe, progress: Callable[[str], None] | None = None) -> Contents:
    """Return sizes and content digests of the file that `write` would make of a recipe, without writing it.

    Args:
        recipe: any recipe. progress: called with the name of every column that is begun.
    Errors: ResourceError for what will not fit into memory.
    """
    records: dict[str, ColumnRecord] = {}
    size = 0
    columns = _columns(recipe, hierarchy=True)
    for column in COLUMNS:
        if column.path not in columns:
            continue
        if progress:
            progress(column.path)
        source = columns[column.path]
        digest = ColumnDigest(column.dtype)
        for _, block in source.blocks() if hasattr(source, "blocks") else [(0, source)]:
            digest.update(block)
        shape = tuple(int(length) for length in source.shape)
        records[column.path] = ColumnRecord(np.dtype(column.dtype).str, shape, digest.hexdigest())
        size += int(np.prod(shape)) * np.dtype(column.dtype).itemsize
    kept = {path: record for path, record in records.items() if BY_PATH[path].group not in ("tree", "level")}
    n, d = records["X"].shape
    whole, bare = (Certificate(recipe.to_dict(), found, {}).content for found in (records, kept))
    return Contents(n, d, size, whole, bare)
