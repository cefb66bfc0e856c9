"""From a recipe to a file, and from a file's provenance to the same file again."""

from __future__ import annotations

import os
from pathlib import Path

from fractalman._files import replacing
from fractalman.errors import FileFormatError
from fractalman.generation.columns import file_columns
from fractalman.generation.shards import write_part
from fractalman.progress import Progress
from fractalman.random.streams import STREAM_VERSION
from fractalman.recipes import Recipe


def write(
    recipe: Recipe,
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

    Args:
        recipe: any recipe. path: the target file.
        hierarchy: also the hierarchy and the label tree, where the family has them.
        overwrite: replace an existing file.
        progress: called as progress(column, bytes done, bytes in all).
        compression: "standard" (integers only), "off", "lzf", "gzip" or "zstd"; the columns' content is the
            same, the file's bytes are not.
    Returns: the path. Errors: ResourceError, and those of `dataset.write_columns`.
    """
    from fractalman.datasets import check_target, write_columns
    from fractalman.datasets.compression import check_compression

    target = check_target(path, overwrite)  # before the work, not after it
    check_compression(compression)
    columns = file_columns(recipe, hierarchy, target.parent)
    return write_columns(
        path, columns, recipe=recipe.to_dict(), overwrite=overwrite, progress=progress, compression=compression
    )


def rebuild(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make a file again from its provenance alone, and publish it only if its content has the same digest.

    A index of shards is made again as one file, a shard as the shard that it was.

    Args:
        source: a dataset file; only its provenance is read.
        path, overwrite, progress: as in `write`.
    Errors: FileFormatError for another STREAM_VERSION or another digest; nothing is left behind then.
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
            write(recipe, partial, hierarchy, progress=progress, compression=provenance.compression)
        with open_file(partial) as made:
            if made.provenance.content != provenance.content:
                raise FileFormatError(
                    f"rebuilding {source} gave content {made.provenance.content} where its provenance says "
                    f"{provenance.content}: the file was changed, or this machine computes differently; run "
                    f"fractalman verify {source}"
                )
    return target
