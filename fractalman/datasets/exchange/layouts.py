"""Which layouts there are, how their files are named, and what writes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._files import as_path
from fractalman.config import is_integer, is_word, shown
from fractalman.datasets.exchange.parquet import files_of as parquet_files
from fractalman.datasets.exchange.percolation import files_of as percolation_files
from fractalman.datasets.exchange.source import LATENTS, export_source
from fractalman.errors import RecipeError, nearest

if TYPE_CHECKING:
    from fractalman.datasets.file import File
    from fractalman.datasets.memory import Dataset
    from fractalman.progress import Progress


@dataclass(frozen=True)
class Layout:
    """How other tools want a dataset.

    Parameters
    ----------
    title : str
        Whose layout it is, as messages say it.
    suffix : str
        How its name ends; "" for a folder of any name.
    readers : str
        Who reads it.
    writer : str
        "module:function" in this package.
    latents : bool
        Whether a number of latents may be chosen.
    named : bool
        Whether its ending alone does not ask for it, because files of many kinds end so.
    """

    title: str
    suffix: str
    readers: str
    writer: str
    latents: bool = False
    named: bool = False

    def load(self) -> Callable[..., None]:
        """Return the function that writes it."""
        module, _, name = self.writer.partition(":")
        found: Callable[..., None] = getattr(import_module(f"fractalman.datasets.{module}"), name)
        return found


LAYOUTS: dict[str, Layout] = {
    "anndata": Layout("AnnData's", ".h5ad", "anndata, scanpy, scipy.sparse", "export:write_anndata", True),
    "percolation": Layout(
        "the reference implementation's",
        ".npz",
        "NumPy and SciPy",
        "exchange.percolation:write_percolation",
        latents=True,
        named=True,
    ),
    "parquet": Layout("Parquet's", ".parquet", "pandas, polars, DuckDB", "exchange.parquet:write_parquet"),
    "zarr": Layout("Zarr's", ".zarr", "xarray, dask, object stores", "exchange.zarr_store:write_zarr"),
    "huggingface": Layout("Hugging Face's", "", "datasets.load_from_disk", "exchange.huggingface:write_huggingface"),
}
"""Name → layout."""
_ENDINGS = {layout.suffix for layout in LAYOUTS.values() if layout.suffix}
_FILES = _ENDINGS | {".h5", ".hdf5", ".npy", ".csv", ".json", ".arrow", ".zip"}

_LONGEST = 4096  # characters of a path that any system takes


def check_layout(path: str | os.PathLike[str], layout: str | None) -> str:
    """Return the layout of a target, and refuse one that there is not, and an ending that it does not have.

    Parameters
    ----------
    path : str or Path
        The target.
    layout : str or None
        A name in `LAYOUTS`; None = the one with the target's ending, unless it has to be named.

    Returns
    -------
    str
        A name in `LAYOUTS`.

    Raises
    ------
    RecipeError
        With the layout that has this ending, or the target that this layout wants.

    Examples
    --------
    >>> check_layout("a.npz", "percolation"), check_layout("a.parquet", None)
    ('percolation', 'parquet')
    """
    if layout is None:
        layout = _layout_of(path)
    if not is_word(layout, LAYOUTS):
        raise RecipeError(f"layout = {shown(layout)}: expected {', '.join(LAYOUTS)}{nearest(layout, LAYOUTS)}")
    target, wanted = as_path(path, "the export"), LAYOUTS[layout].suffix
    suffix = target.suffix
    if len(str(target)) > _LONGEST:
        raise RecipeError(f"{shown(str(target))} is no path: use a shorter file name")
    if not target.name or target.name in _FILES:  # Path(".npz") is a name without an ending
        example = (target.parent if target.name else target) / f"data{wanted}"
        raise RecipeError(f"{shown(str(path))} names no file: use a name, e.g. {example}")
    if suffix == wanted or (not wanted and suffix.lower() not in _FILES):
        return layout
    others = [name for name, one in LAYOUTS.items() if one.suffix and one.suffix == suffix]
    other = f", or layout {others[0]} (--layout {others[0]})" if others else ""
    about = f"tools that expect {wanted}" if wanted else "tools that expect a folder"
    raise RecipeError(
        f"{path} ends in {suffix or 'nothing'}: {LAYOUTS[layout].title} layout is "
        f"read by {about}; use {target.with_suffix(wanted)}{other}"
    )


def _layout_of(path: str | os.PathLike[str]) -> str:
    """Return the layout whose files end as a target does."""
    target = as_path(path, "the export")
    suffix = target.name if target.name in _ENDINGS else target.suffix
    for name, one in LAYOUTS.items():
        if suffix and one.suffix == suffix and one.named:
            raise RecipeError(
                f"{shown(os.fspath(path))} ends in {suffix}, as archives of many layouts do: expected a layout by its "
                f'name; use --layout {name} (in Python layout="{name}") for {one.title}'
            )
        if suffix and one.suffix == suffix:
            return name
    endings = ", ".join(f"{one.suffix} ({name})" for name, one in LAYOUTS.items() if one.suffix)
    folders = ", ".join(name for name, one in LAYOUTS.items() if not one.suffix)
    hint = "" if suffix in _FILES else nearest(suffix, _ENDINGS)
    raise RecipeError(
        f"{shown(os.fspath(path))} ends in {shown(suffix) if suffix else 'nothing'}: expected "
        f"{endings}{hint}; use one of them, or --layout {folders} for a folder"
    )


def files_of(path: Path, layout: str) -> list[Path]:
    """Return the file or folder of an export and the files that lie beside it.

    Parameters
    ----------
    path : Path
        What was exported.
    layout : str
        A name in `LAYOUTS`.
    """
    if layout == "percolation":
        beside = list(percolation_files(path).values())
    elif layout == "parquet":
        beside = list(parquet_files(path).values())
    else:
        beside = []
    return [path, *(file for file in beside if file.exists())]


def export_data(
    data: Dataset | File,
    path: str | os.PathLike[str],
    layout: str | None = None,
    *,
    latents: int | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a dataset in the layout of other tools; `fractalman.export` says more.

    Parameters
    ----------
    data : Dataset or File
        In memory, or an open file.
    path : str or Path
        The target.
    layout : str or None, default None
        A name in `LAYOUTS`; None = the one with the target's ending.
    latents : int, "all" or None, default None
        How many of the largest; None = as many as the layout usually has.
    overwrite : bool, default False
        Replace what is there.
    progress : Progress or None, default None
        Called as progress(what, bytes done, bytes in all).

    Returns
    -------
    Path
        The target.
    """
    layout = check_layout(path, layout)
    _check_latents(layout, latents)
    options: dict[str, Any] = {} if latents is None else {"latents": _number(latents)}
    LAYOUTS[layout].load()(export_source(data), Path(path), overwrite=overwrite, progress=progress, **options)
    return Path(path)


def _check_latents(layout: str, latents: int | str | None) -> None:
    """Refuse a number of latents of a layout that holds them all."""
    if latents is not None and not LAYOUTS[layout].latents:
        able = ", ".join(key for key, one in LAYOUTS.items() if one.latents)
        raise RecipeError(f"latents = {shown(latents)}: layout {layout} holds the whole hierarchy; expected {able}")


def entries_of(data: Dataset | File, layout: str, latents: int | str | None) -> int | None:
    """Return how many entries an export holds of which point lies under which latent; None = it holds none.

    Parameters
    ----------
    data : Dataset or File
        In memory, or an open file.
    layout : str
        A name in `LAYOUTS`.
    latents : int, "all" or None
        As for `export_data`.
    """
    _check_latents(layout, latents)
    source = export_source(data)
    if not LAYOUTS[layout].latents or not source.has_hierarchy:
        return None
    usual = LATENTS if layout == "anndata" else None
    sizes = np.sort(np.asarray(source.columns["hierarchy/size"][source.n_points :]))[::-1]
    return int(sizes[: usual if latents is None else _number(latents)].sum())


def _number(latents: int | str) -> int | None:
    if is_word(latents, ("all",)):
        return None
    if not is_integer(latents) or int(latents) < 0:
        raise RecipeError(f"latents = {shown(latents)}: expected 'all' or a whole number from 0 up; use latents = 1000")
    return int(latents)
