"""Datasets in the layouts of other tools, and back: one module a layout, one table that names them all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractalman.datasets.exchange.imported import ImportedDataset, import_percolation
    from fractalman.datasets.exchange.layouts import LAYOUTS, check_layout, export_data

__all__ = ["LAYOUTS", "ImportedDataset", "check_layout", "export_data", "import_percolation"]

_HOME = {
    "ImportedDataset": "imported",
    "import_percolation": "imported",
    "LAYOUTS": "layouts",
    "export_data": "layouts",
    "check_layout": "layouts",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
