"""A dataset file in AnnData's layout (.h5ad), for anndata, scanpy and scipy.sparse; written block by block.

Plain h5py writes what AnnData's on-disk specification asks for, so neither anndata nor pandas is needed. Every chunk of
numbers has HDF5's own checksum (fletcher32; it has none for texts of any length), which whoever reads it compares, and
whoever writes it again makes anew.
Source: "On-disk format" in the anndata documentation, encoding versions 0.1.0 and 0.2.0.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._signals import interrupts_held
from fractalman._typing import I64
from fractalman.datasets.exchange.source import LATENTS, ExportSource, export_source
from fractalman.datasets.file import open_file
from fractalman.datasets.lazy import READ_BYTES, LazyColumn
from fractalman.datasets.publish import Sink, check_target, published_sink
from fractalman.datasets.spec import GZIP_LEVEL, POINT_NUMBERS, AnyArray, block_rows
from fractalman.errors import RecipeError
from fractalman.progress import Progress, byte_progress, ignored
from fractalman.trees.features import feature_blocks
from fractalman.trees.trees import path_sums

ROWS = 1 << 16
BLOCK_ROWS = 1 << 13
_TEXT = h5py.string_dtype("utf-8")
_CHECKED = {"fletcher32": True}
"""Every chunk has its checksum, which the library compares in whatever tool it is read."""
_INTEGERS = {"shuffle": True, "compression": "gzip", "compression_opts": GZIP_LEVEL, **_CHECKED}


@checked_arguments
def export_anndata(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    latents: int | None = LATENTS,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> Path:
    """Write a dataset file again in AnnData's layout, published whole or not at all.

    ``X`` (n, d) float32; ``obs`` y, cluster and, if any, noise and value; ``obsm["hierarchy"]`` CSR (n, latents), 1
    where a point lies under a latent, as `Hierarchy.features`; ``uns["latents"]`` a table of these latents (node,
    parent, value, variance, size, depth, and level where there is one); ``obsp["edges"]`` the graph, CSR (n, n),
    symmetric, entries 1; ``uns["recipe"]`` TOML text; ``uns["provenance"]`` the JSON text of the source. Every number
    stands in a chunk with a checksum, which HDF5 compares whoever reads it; texts and names of rows have none.

    Parameters
    ----------
    source : str or Path
        A dataset file.
    path : str or Path
        The target, ending in .h5ad.
    latents : int or None, default 1000
        Only so many of the largest; None = all (one entry for every ancestor of every point), 0 = none.
    overwrite : bool, default False
        Replace an existing file.
    progress : Progress, bool or None, default None
        Called as progress(what, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    RecipeError
        For a negative number of latents.
    FileExistsError, IsADirectoryError, …
        Where no file can be published at the target, as in `fractalman.write`.
    FileFormatError, CorruptFileError, …
        Where the source cannot be read, as in `fractalman.open`.
    OSError
        When the disk fails.

    Notes
    -----
    X is never held; the hierarchy's parents (8 bytes a node) and the edges (about 100 bytes each) are.

    Examples
    --------
    >>> import os, tempfile
    >>> import fractalman as fm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = fm.write(fm.PercolationCluster(n_points=100, ambient_dim=4), os.path.join(folder, "data.h5"))
    ...     fm.export_anndata(path, os.path.join(folder, "data.h5ad")).name
    'data.h5ad'
    """
    if latents is not None and latents < 0:
        raise RecipeError(f"latents = {latents}: expected None (all latents) or a number from 0 up")
    suffix = Path(path).suffix
    if suffix != ".h5ad":
        raise RecipeError(
            f"{path} ends in {suffix or 'nothing'}: AnnData's layout is read by tools that expect .h5ad; use "
            f"{Path(path).with_suffix('.h5ad')}"
        )
    target = check_target(path, overwrite)
    with open_file(source) as file, byte_progress(progress) as report:
        write_anndata(export_source(file), target, latents=latents, overwrite=overwrite, progress=report)
    return target


def write_anndata(
    source: ExportSource,
    path: Path,
    *,
    latents: int | None = LATENTS,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write a dataset's columns in AnnData's layout; what is in it: `export_anndata`.

    Parameters
    ----------
    source : ExportSource
        A dataset.
    path : Path
        The target.
    latents : int or None, default 1000
        Only so many of the largest; None = all.
    overwrite : bool, default False
        Replace an existing file.
    progress : Progress or None, default None
        Called as progress(what, bytes done, bytes in all).

    Raises
    ------
    FileExistsError, …
        As `check_target`.
    """
    target = check_target(path, overwrite)
    with published_sink(target, overwrite, complete=False) as sink:
        _write(sink, target, source, latents, progress or ignored)


def _write(sink: Sink, target: Path, file: ExportSource, latents: int | None, progress: Progress) -> None:
    n, made = file.n_points, None
    try:
        with interrupts_held():
            made = h5py.File(sink, "w", libver=("v110", "v110"), track_order=False)
            _encode(made, "anndata")
            groups = {name: _group(made, name, "dict") for name in ("layers", "obsm", "obsp", "uns", "varm", "varp")}
        out = _Writer(sink, target, progress)
        out.array(made, "X", file.columns["X"])
        per_point: dict[str, LazyColumn | AnyArray] = {
            name: file.columns[name] for name in ("y", "cluster", *POINT_NUMBERS) if name in file.columns
        }
        cluster: Any = file.columns["cluster"][:]
        per_point["cluster_size"] = np.bincount(cluster)[cluster]
        if "hierarchy/parent" in file.columns:
            per_point["depth"] = file.columns["hierarchy/depth"][:n]
            per_point["path_sum"] = path_sums(file.columns["hierarchy/parent"][:], file.columns["hierarchy/value"][:])[
                :n
            ]
        out.table(made, "obs", (str(i) for i in range(n)), n, per_point)
        out.table(made, "var", (f"x{i}" for i in range(file.n_columns)), file.n_columns, {})
        if "hierarchy/parent" in file.columns:
            parent: Any = file.columns["hierarchy/parent"][:]
            columns = parent.size - n if latents is None else min(latents, parent.size - n)
            out.csr(groups["obsm"], "hierarchy", (n, columns), feature_blocks(parent, n, columns, BLOCK_ROWS))
            nodes = np.arange(n, n + columns)
            names = ("parent", "value", "variance", "size", "depth", "level")
            per_node = {
                name: file.columns[f"hierarchy/{name}"][n : n + columns]
                for name in names
                if f"hierarchy/{name}" in file.columns
            }
            out.table(groups["uns"], "latents", (str(u) for u in nodes), columns, {"node": nodes, **per_node})
        if "edges" in file.columns:
            edges: Any = file.columns["edges"][:]
            out.csr(groups["obsp"], "edges", (n, n), _neighbours(edges, n))
        out.text(groups["uns"], "recipe", file.recipe.to_toml())
        out.text(groups["uns"], "provenance", json.dumps(file.story(), sort_keys=True, indent=1))
    finally:
        if made is not None:
            with interrupts_held():
                made.close()


def _neighbours(edges: I64, n: int) -> Iterator[tuple[I64, I64]]:
    """Yield (neighbours of each point, which they are, rising) of both directions of every edge, block by block."""
    ends = np.concatenate([edges, edges[:, ::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    for start in range(0, n, ROWS):
        stop = min(start + ROWS, n)
        low, high = np.searchsorted(ends[:, 0], (start, stop))
        yield np.bincount(ends[low:high, 0] - start, minlength=stop - start), ends[low:high, 1]


def _encode(place: h5py.HLObject, kind: str, version: str = "0.1.0") -> None:
    place.attrs["encoding-type"], place.attrs["encoding-version"] = kind, version


def _group(parent: h5py.Group, name: str, kind: str, version: str = "0.1.0") -> h5py.Group:
    group = parent.create_group(name)
    _encode(group, kind, version)
    return group


class _Writer:
    """Writes AnnData's elements; every block is checked on the sink, no signal arrives inside the library."""

    def __init__(self, sink: Sink, target: Path, progress: Progress) -> None:
        self._sink, self._target, self._progress = sink, target, progress

    @contextlib.contextmanager
    def _library(self) -> Iterator[None]:
        with interrupts_held():
            yield
        self._sink.check(self._target)

    def array(self, group: h5py.Group, name: str, column: LazyColumn | AnyArray) -> None:
        """Copy a column block by block."""
        blocks = column.blocks() if isinstance(column, LazyColumn) else [(0, column)]
        with self._library():
            stored = _dataset(group, name, column.shape, column.dtype)
            _encode(stored, "array", "0.2.0")
        done = 0
        for start, block in blocks:
            with self._library():
                stored[start : start + len(block)] = block
            done += block.nbytes
            self._progress(name, done, column.nbytes)

    def texts(self, group: h5py.Group, name: str, texts: Iterable[str], count: int) -> None:
        """Write names, which AnnData wants as text."""
        with self._library():
            stored = group.create_dataset(
                name, shape=(count,), dtype=_TEXT, chunks=(min(ROWS, count),) if count else None, track_times=False
            )
            _encode(stored, "string-array", "0.2.0")
        waiting, iterator = 0, iter(texts)
        while waiting < count:
            size = min(ROWS, count - waiting)
            with self._library():
                stored[waiting : waiting + size] = [next(iterator) for _ in range(size)]
            waiting += size

    def text(self, group: h5py.Group, name: str, text: str) -> None:
        """Write one text."""
        with self._library():
            stored = group.create_dataset(name, data=text, dtype=_TEXT, track_times=False)
            _encode(stored, "string", "0.2.0")

    def table(
        self,
        group: h5py.Group,
        name: str,
        index: Iterable[str],
        rows: int,
        columns: Mapping[str, LazyColumn | AnyArray],
    ) -> None:
        """Write a data frame."""
        with self._library():
            table = _group(group, name, "dataframe", "0.2.0")
            table.attrs["_index"] = "_index"
            table.attrs.create("column-order", list(columns), shape=(len(columns),), dtype=_TEXT)
        self.texts(table, "_index", index, rows)
        for key, column in columns.items():
            self.array(table, key, column)

    def csr(self, group: h5py.Group, name: str, shape: tuple[int, int], rows: Iterable[tuple[I64, I64]]) -> None:
        """Write a sparse matrix of ones from (entries of each row, their columns), block by block."""
        entries, counts = 0, []
        small = np.int32 if shape[1] < 1 << 31 else np.int64
        with self._library():
            matrix = _group(group, name, "csr_matrix")
            matrix.attrs["shape"] = np.array(shape, dtype=np.int64)
            chunks = (READ_BYTES // 32,)
            kinds: list[tuple[str, Any]] = [("indices", small), ("data", np.float32)]
            parts = [
                matrix.create_dataset(
                    key, shape=(0,), maxshape=(None,), dtype=kind, chunks=chunks, track_times=False, **_INTEGERS
                )
                for key, kind in kinds
            ]
        for count, indices in rows:
            with self._library():
                for part in parts:
                    part.resize((entries + indices.size,))
                parts[0][entries:] = indices
                parts[1][entries:] = np.ones(indices.size, np.float32)
            entries += indices.size
            counts.append(count)
            self._progress(f"{name}: {entries} entries", sum(map(len, counts)), shape[0])
        pointers = np.concatenate([[0], *counts]).cumsum()
        with self._library():
            pointers = pointers.astype(small if entries < 1 << 31 else np.int64)
            _dataset(matrix, "indptr", pointers.shape, pointers.dtype)[:] = pointers


def _dataset(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> h5py.Dataset:
    storage: dict[str, Any] = {}
    if 0 not in shape:
        storage = {"chunks": (block_rows(shape, dtype.str), *shape[1:]), "fill_time": "never", **_CHECKED}
        storage |= _INTEGERS if dtype.kind == "i" else {}
    return group.create_dataset(name, shape=shape, dtype=dtype, track_times=False, **storage)
