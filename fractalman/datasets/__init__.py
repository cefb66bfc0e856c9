"""Datasets in memory and in files. Names are resolved at first use, so importing this package does not import h5py."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractalman.datasets.coarse import CoarseDataset
    from fractalman.datasets.export import export_anndata
    from fractalman.datasets.file import File, open_file
    from fractalman.datasets.lazy import LazyColumn
    from fractalman.datasets.memory import Dataset, split_indices
    from fractalman.datasets.provenance import Provenance
    from fractalman.datasets.publish import check_dataset_target, check_target
    from fractalman.datasets.shuffled import Batches
    from fractalman.datasets.spec import Problem
    from fractalman.datasets.tables import to_anndata, to_pandas
    from fractalman.datasets.verify import verify_file
    from fractalman.datasets.writer import write_columns
    from fractalman.progress import BlockSource

__all__ = [
    "Batches",
    "BlockSource",
    "CoarseDataset",
    "Dataset",
    "File",
    "LazyColumn",
    "Problem",
    "Provenance",
    "check_dataset_target",
    "check_target",
    "export_anndata",
    "open_file",
    "split_indices",
    "to_anndata",
    "to_pandas",
    "verify_file",
    "write_columns",
]

_HOME = {
    "Batches": "shuffled",
    "Provenance": "provenance",
    "CoarseDataset": "coarse",
    "Dataset": "memory",
    "File": "file",
    "LazyColumn": "lazy",
    "Problem": "spec",
    "check_dataset_target": "publish",
    "check_target": "publish",
    "export_anndata": "export",
    "open_file": "file",
    "split_indices": "memory",
    "to_anndata": "tables",
    "to_pandas": "tables",
    "verify_file": "verify",
    "write_columns": "writer",
}


def __getattr__(name: str) -> Any:
    if name == "BlockSource":
        from fractalman.progress import BlockSource

        return BlockSource
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
