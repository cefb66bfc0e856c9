"""Zarr, version 3, for xarray, dask and object stores: the columns of a dataset file as arrays of the same names.

Rows are stored in shards of many chunks. A shard is one object, and a write to a part of it reads and replaces the
whole: two writers of one shard lose each other's rows without a word. So every shard is written once, whole. Every
chunk ends with its CRC-32C, as every shard's index does, and whoever reads it compares them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman.datasets.exchange.source import Column, ExportSource
from fractalman.datasets.exchange.together import folder_whole
from fractalman.datasets.spec import BY_PATH, block_rows
from fractalman.progress import Progress, ignored

SHARD_BYTES = 64 << 20
"""About so many bytes of rows are one shard."""


def write_zarr(source: ExportSource, path: Path, *, overwrite: bool = False, progress: Progress | None = None) -> None:
    """Write a dataset as a Zarr group: "X", "y", "cluster", "hierarchy/parent", …, and the provenance as attributes.

    Parameters
    ----------
    source : ExportSource
        A dataset.
    path : Path
        A folder NAME.zarr.
    overwrite : bool, default False
        Replace a folder that is a Zarr group; any other is left alone.
    progress : Progress or None, default None
        Called as progress(what, bytes done, bytes in all).

    Raises
    ------
    MissingExtraError
        Without zarr.
    FileExistsError, …
        Where something lies at the target.
    """
    zarr = load_extra("zarr", "the layout zarr")
    codecs = load_extra("zarr.codecs", "the layout zarr")
    report = progress or ignored
    about = {"recipe": source.recipe.to_toml(), "provenance": source.story()}
    with folder_whole(path, "zarr.json", overwrite) as folder:
        group = zarr.open_group(str(folder), mode="w", zarr_format=3, attributes=about)
        for name, column in source.columns.items():
            _write(codecs, group, name, column, report)


def _write(codecs: Any, group: Any, name: str, column: Column, report: Progress) -> None:
    shape, described = column.shape, BY_PATH[name]
    chunk = max(1, min(block_rows(shape, column.dtype.str), shape[0]))
    row_bytes = max(1, column.dtype.itemsize * math.prod(shape[1:]))
    shard = chunk * max(1, min(SHARD_BYTES // (chunk * row_bytes), -(-shape[0] // chunk)))
    rest = tuple(max(1, size) for size in shape[1:])
    array = group.create_array(
        name,
        shape=shape,
        dtype=column.dtype,
        chunks=(chunk, *rest),
        shards=(shard, *rest),
        dimension_names=[str(axis) for axis in described.shape],
        attributes={"unit": described.unit, "meaning": described.meaning},
        # floats of coordinates do not pack
        compressors=[*([codecs.ZstdCodec()] if column.dtype.kind == "i" else []), codecs.Crc32cCodec()],
    )
    for start in range(0, shape[0], shard):  # one whole shard at a time
        array[start : start + shard] = np.ascontiguousarray(column[start : start + shard])
        report(name, min(start + shard, shape[0]) * row_bytes, shape[0] * row_bytes)
