"""The layout of the reference implementation, percolation-synthetic-data (Brill): NumPy and SciPy archives.

``NAME.npz`` has X (n, d), y (n,) and, per point, cluster_id, cluster_size and latent_tree_height, the number of latents
above it. Beside it lie ``NAME_gt_features.npz``, a sparse (n, latents) matrix whose entry (i, j) is the value of latent
j where point i lies below it, as ``scipy.sparse.save_npz`` writes it, and ``NAME_gt_metadata.npz``, the three columns
again, for scripts of the reference's earlier versions. ``NAME_provenance.json`` is ours: what the data were made from.

Source: generate_data.py, scripts/filter_dataset.py and README.md of the reference, as of July 2026.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from fractalman.datasets.exchange.source import ExportSource, blocks
from fractalman.datasets.exchange.together import files_together
from fractalman.datasets.spec import AnyArray, Shape
from fractalman.errors import RecipeError
from fractalman.progress import Progress, ignored
from fractalman.trees.features import feature_blocks

BLOCK_ROWS = 1 << 13
_TIME = (1980, 1, 1, 0, 0, 0)
"""Every member's, so that the same data give the same bytes."""


def files_of(path: Path) -> dict[str, Path]:
    """Return the files that belong to a file of this layout.

    Parameters
    ----------
    path : Path
        NAME.npz.

    Returns
    -------
    dict
        "features", "metadata" and "provenance" → path.

    Examples
    --------
    >>> files_of(Path("a.npz"))["features"].name
    'a_gt_features.npz'
    """
    names = {"features": "_gt_features.npz", "metadata": "_gt_metadata.npz", "provenance": "_provenance.json"}
    return {key: path.with_name(path.stem + ending) for key, ending in names.items()}


def write_percolation(
    source: ExportSource,
    path: Path,
    *,
    latents: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write a dataset in this layout; X is never held, the hierarchy's parents and values are.

    Parameters
    ----------
    source : ExportSource
        With a hierarchy.
    path : Path
        NAME.npz.
    latents : int or None, default None
        Columns of the features, the largest subclusters; None = all, which `import_percolation` needs.
    overwrite : bool, default False
        Replace existing files.
    progress : Progress or None, default None
        Called as progress(what, bytes done, bytes in all).

    Raises
    ------
    RecipeError
        Without a hierarchy.
    FileExistsError, …
        As `check_target`, for any of the four files.
    """
    if not source.has_hierarchy:
        raise RecipeError(
            "this layout holds latents, and these data have no hierarchy: use layout = 'parquet' or 'zarr', or data "
            "written with their hierarchy"
        )
    report = progress or ignored
    n = source.n_points
    parent: Any = source.columns["hierarchy/parent"][:]
    value, variance = (source.columns[f"hierarchy/{name}"][n:] for name in ("value", "variance"))
    if not np.any(variance > 0.0):  # latents without values: which point lies under which
        value = np.ones(value.size)
    cluster: Any = source.columns["cluster"][:]
    per_point = {
        "cluster_id": cluster,
        "cluster_size": np.bincount(cluster)[cluster].astype(np.int64),
        "latent_tree_height": source.columns["hierarchy/depth"][:n],
    }
    with files_together(path, files_of(path), {}, overwrite) as out:
        _features(out["features"], parent, value, n, value.size if latents is None else min(latents, value.size))
        with _archive(out["metadata"]) as archive:
            _columns(archive, per_point)
        out["provenance"].write(json.dumps(source.story(), sort_keys=True, indent=1).encode("ascii"))
        with _archive(out[""]) as archive:
            X = source.columns["X"]
            _member(archive, "X", X.shape, X.dtype, _told(blocks(X), "X", int(X.nbytes), report), packed=False)
            _columns(archive, {"y": source.columns["y"][:], **per_point})


def _told(rows: Iterable[AnyArray], name: str, total: int, report: Progress) -> Iterator[AnyArray]:
    done = 0
    for block in rows:
        yield block
        done += block.nbytes
        report(name, done, total)


def _archive(stream: IO[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True)


def _columns(archive: zipfile.ZipFile, arrays: dict[str, AnyArray]) -> None:
    for name, array in arrays.items():
        _member(archive, name, array.shape, array.dtype, [array], packed=True)


def _member(
    archive: zipfile.ZipFile, name: str, shape: Shape, dtype: np.dtype[Any], rows: Iterable[AnyArray], packed: bool
) -> None:
    """Write one array of an .npz block by block; floats of coordinates do not pack, all else does."""
    info = zipfile.ZipInfo(f"{name}.npy", _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(member, about)
        for block in rows:
            member.write(np.ascontiguousarray(block).tobytes())


def _features(stream: IO[bytes], parent: Any, value: Any, n: int, columns: int) -> None:
    """Write the sparse matrix as scipy.sparse.save_npz does, block by block: the tree is walked once for each part."""
    counts = np.concatenate([count for count, _ in feature_blocks(parent, n, columns, BLOCK_ROWS)])
    indptr = np.concatenate([[0], counts.cumsum()])
    entries = int(indptr[-1])
    small = np.dtype(np.int32 if max(entries, columns) < 1 << 31 else np.int64)

    def entry_blocks() -> Iterator[Any]:
        for _, indices in feature_blocks(parent, n, columns, BLOCK_ROWS):
            yield indices

    with _archive(stream) as archive:
        _member(archive, "indices", (entries,), small, (k.astype(small) for k in entry_blocks()), packed=True)
        _columns(archive, {"indptr": indptr.astype(small), "format": np.array(b"csr"), "shape": np.array([n, columns])})
        _member(archive, "data", (entries,), value.dtype, (value[k] for k in entry_blocks()), packed=True)
