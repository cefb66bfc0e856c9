"""From a recipe to a file, and from a file's provenance to the same file again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman._arguments import checked_arguments
from fractalman._files import replacing
from fractalman.datasets.memory import Dataset
from fractalman.errors import FileFormatError
from fractalman.generation.columns import file_columns
from fractalman.generation.shards import write_part
from fractalman.progress import Progress, byte_progress
from fractalman.random.streams import STREAM_VERSION
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, recipe_of

if TYPE_CHECKING:
    from fractalman.datasets.subset import Origin


@checked_arguments
def write(
    recipe: RecipeSource,
    path: str | os.PathLike[str],
    hierarchy: bool = True,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
    compression: str = "standard",
) -> Path:
    """Write the dataset of a recipe to a file, published whole or not at all; the same columns as ``generate``.

    X is never held: cascades and manifolds without their trees are written in constant memory, a cascade's trees take
    at most 48 bytes a point, critical clusters with hierarchical labels 52, other clusters what their structure needs
    (`recipe.streamed_bytes`).

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Any recipe, its table, a catalogue name, a TOML file, or a dataset file, whose recipe it is. A subset in memory
        (`Dataset.subset`) is written as it is.
    path : str or Path
        The target file.
    hierarchy : bool, default True
        Also the hierarchy and the label tree, where the family has them.
    overwrite : bool, default False
        Replace an existing file.
    progress : Progress, bool or None, default None
        Called as progress(column, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.
    compression : {"standard", "off", "lzf", "gzip", "zstd"}, default "standard"
        "standard" (integers only), "off", "lzf", "gzip" or "zstd"; the columns' content is the same, the file's bytes
        are not.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ResourceError
        If the dataset does not fit into memory, before anything is started.
    RecipeError
        If the file is there already and overwrite is not asked for.

    Examples
    --------
    >>> import fractalman as fm
    >>> path = fm.write(fm.Cascade(n_points=100, ambient_dim=8), "points.h5", overwrite=True)
    >>> with fm.open(path) as file:
    ...     file.X.shape
    (100, 8)
    """
    with byte_progress(progress) as say:
        if isinstance(recipe, Dataset) and recipe.origin is not None:
            return _write_subset(recipe, recipe.origin, path, hierarchy, overwrite, say, compression)
        return write_extended(recipe_of(recipe), path, hierarchy, overwrite, say, compression, None)


def _write_subset(
    data: Dataset,
    origin: Origin,
    path: str | os.PathLike[str],
    hierarchy: bool,
    overwrite: bool,
    progress: Progress | None,
    compression: str,
) -> Path:
    """Write a subset in memory, which no recipe makes."""
    from fractalman.datasets import write_columns
    from fractalman.datasets.subset import dataset_columns, subset_recipe

    trees = ("hierarchy/", "label_tree/")
    columns = {name: array for name, array in dataset_columns(data).items() if hierarchy or not name.startswith(trees)}
    recipe = subset_recipe(data.recipe.to_dict(), origin, data.X.shape[1])
    return write_columns(path, columns, recipe=recipe, overwrite=overwrite, progress=progress, compression=compression)


def write_extended(
    recipe: Recipe,
    path: str | os.PathLike[str],
    hierarchy: bool,
    overwrite: bool,
    progress: Progress | None,
    compression: str,
    extended: Mapping[str, Any] | None,
) -> Path:
    """`write` of a file whose provenance also says what it was before points were added."""
    from fractalman.datasets import check_dataset_target, write_columns
    from fractalman.datasets.compression import check_compression

    target = check_dataset_target(path, overwrite)  # before the work, not after it
    check_compression(compression)
    columns = file_columns(recipe, hierarchy, target.parent)
    return write_columns(
        path,
        columns,
        recipe=recipe.to_dict(),
        overwrite=overwrite,
        progress=progress,
        compression=compression,
        extended=extended,
    )


@checked_arguments
def rebuild(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> Path:
    """Make a file again from its provenance alone, and publish it only if its content has the same digest.

    An index of shards is made again as one file, a shard as the shard that it was; a subset from the whole, which is
    written beside it for a while.

    Parameters
    ----------
    source : str or Path
        A dataset file; only its provenance is read, and of a subset its row numbers.
    path : str or Path
        The target file.
    overwrite : bool, default False
        Replace an existing file.
    progress : Progress, bool or None, default None
        Called as progress(column, bytes done, bytes in all). None = a bar in terminals and notebooks; False = silent.

    Returns
    -------
    Path
        Of the new file.

    Raises
    ------
    FileFormatError
        For another version of the random streams or another digest; nothing is left behind then.

    Examples
    --------
    >>> import fractalman as fm
    >>> path = fm.write(fm.Cascade(n_points=100, ambient_dim=8), "first.h5", overwrite=True)
    >>> fm.rebuild(path, "again.h5", overwrite=True).name
    'again.h5'
    """
    from fractalman.datasets import check_dataset_target, open_file

    with open_file(source) as file:
        recipe, provenance, hierarchy = file.recipe, file.provenance, "hierarchy/parent" in file.columns
        part = provenance.recipe if file.is_shard else None
        origin = file.origin
    if provenance.stream_version != STREAM_VERSION:
        raise FileFormatError(
            f"{source} was drawn from stream version {provenance.stream_version}, this package draws "
            f"{STREAM_VERSION}: run pip install fractalman=={provenance.versions.get('fractalman', '?')}"
        )
    if origin is not None and origin.steps > 1:
        raise FileFormatError(
            f"{source} is a subset of a subset: expected one that was taken at once; use File.subset of the whole with "
            "the same rows, `origin.rows`"
        )
    target = check_dataset_target(path, overwrite)
    with replacing(target, overwrite) as partial, byte_progress(progress) as say:
        if origin is not None:
            _rebuild_subset(recipe, origin, partial, hierarchy, say, provenance.compression)
        elif part is not None:
            write_part(recipe, partial, part["number"], part["count"], say)
        else:
            write_extended(recipe, partial, hierarchy, False, say, provenance.compression, provenance.extended)
        with open_file(partial) as made:
            if made.provenance.content != provenance.content:
                raise FileFormatError(
                    f"rebuilding {source} gave content {made.provenance.content} where its provenance says "
                    f"{provenance.content}: the file was changed, or this machine computes differently; run "
                    f"fractalman verify {source}"
                )
    return target


def _rebuild_subset(
    recipe: Recipe, origin: Origin, path: Path, hierarchy: bool, progress: Progress | None, compression: str
) -> None:
    """Write the whole to a file of its own, then the subset from it."""
    from fractalman.datasets import open_file

    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        whole = Path(folder) / "whole.h5"
        write_extended(recipe, whole, hierarchy, False, progress, compression, None)
        with open_file(whole) as file:
            if file.provenance.content != origin.content:
                raise FileFormatError(
                    f"the recipe makes content {file.provenance.content}, and the subset was taken from "
                    f"{origin.content}: that dataset was changed or had other columns, or this machine computes "
                    "differently; use the file that it was taken from"
                )
            file.subset(origin.rows, path, drop_empty=origin.drop_empty, collapse=origin.collapse)
