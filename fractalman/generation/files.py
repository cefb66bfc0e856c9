"""From a recipe to a file, and from a file's provenance to the same file again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fractalman._files import replacing
from fractalman.errors import FileFormatError
from fractalman.generation.columns import file_columns
from fractalman.generation.shards import write_part
from fractalman.progress import Progress
from fractalman.random.streams import STREAM_VERSION
from fractalman.recipes import Recipe
from fractalman.sources import RecipeSource, recipe_of


def write(
    recipe: RecipeSource,
    path: str | os.PathLike[str],
    hierarchy: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
    compression: str = "standard",
) -> Path:
    """Write the dataset of a recipe to a file, published whole or not at all; the same columns as ``generate``.

    X is never held: cascades and manifolds without their trees are written in constant memory, a cascade's trees take
    at most 48 bytes a point, critical clusters with hierarchical labels 52, other clusters what their structure needs
    (`recipe.streamed_bytes`).

    Parameters
    ----------
    recipe : Recipe, dict, str or path
        Any recipe, its table, a catalogue name, a TOML file, or a dataset file, whose recipe it is.
    path : str or Path
        The target file.
    hierarchy : bool, default True
        Also the hierarchy and the label tree, where the family has them.
    overwrite : bool, default False
        Replace an existing file.
    progress : Progress or None, default None
        Called as progress(column, bytes done, bytes in all); None = silent.
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
    return write_extended(recipe_of(recipe), path, hierarchy, overwrite, progress, compression, None)


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
    from fractalman.datasets import check_target, write_columns
    from fractalman.datasets.compression import check_compression

    target = check_target(path, overwrite)  # before the work, not after it
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


def rebuild(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make a file again from its provenance alone, and publish it only if its content has the same digest.

    A index of shards is made again as one file, a shard as the shard that it was.

    Parameters
    ----------
    source : str or Path
        A dataset file; only its provenance is read.
    path : str or Path
        The target file.
    overwrite : bool, default False
        Replace an existing file.
    progress : Progress or None, default None
        Called as progress(column, bytes done, bytes in all); None = silent.

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
    from fractalman.datasets import check_target, open_file

    with open_file(source) as file:
        recipe, provenance, hierarchy = file.recipe, file.provenance, "hierarchy/parent" in file.columns
        part = provenance.recipe if file.is_shard else None
    if provenance.stream_version != STREAM_VERSION:
        raise FileFormatError(
            f"{source} was drawn from stream version {provenance.stream_version}, this package draws "
            f"{STREAM_VERSION}: run pip install fractalman=={provenance.versions.get('fractalman', '?')}"
        )
    target = check_target(path, overwrite)
    with replacing(target, overwrite) as partial:
        if part is not None:
            write_part(recipe, partial, part["number"], part["count"], progress)
        else:
            write_extended(recipe, partial, hierarchy, False, progress, provenance.compression, provenance.extended)
        with open_file(partial) as made:
            if made.provenance.content != provenance.content:
                raise FileFormatError(
                    f"rebuilding {source} gave content {made.provenance.content} where its provenance says "
                    f"{provenance.content}: the file was changed, or this machine computes differently; run "
                    f"fractalman verify {source}"
                )
    return target
