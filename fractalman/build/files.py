"""From a recipe to a file, and from a file's certificate to the same file again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from fractalman.build import added
from fractalman.build.family import Structure
from fractalman.build.memory import check_memory
from fractalman.build.recipes import builder, generate, structure
from fractalman.dataset.memory import Dataset
from fractalman.errors import FileFormatError
from fractalman.recipe import Recipe
from fractalman.seeds import STREAM_VERSION

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (column, bytes done, bytes in all)."""


def _columns(recipe: Recipe, hierarchy: bool) -> Mapping[str, Any]:
    """The columns of a recipe's file: arrays, and block sources where a family is addressed."""
    streamed = builder(recipe).streamed(recipe)
    hierarchy = hierarchy and recipe.has_hierarchy
    if streamed is not None:
        columns: dict[str, Any] = {**added.streamed(recipe, streamed)}
        if hierarchy:
            check_memory(recipe.replace(ambient_dim=2, nuisance_dim=0))  # X is never held
            columns.update(_tree_columns(structure(recipe)))
        return columns
    data = generate(recipe)
    columns = {"X": data.X, "y": data.y, "cluster": data.cluster}
    if data.edges is not None:
        columns["edges"] = data.edges
    if data.noise is not None:
        columns["noise"] = data.noise
    if hierarchy:
        columns.update(_tree_columns(data))
    return columns


def _tree_columns(made: Structure | Dataset) -> dict[str, Any]:
    h, tree = made.hierarchy, made.label_tree
    assert h is not None
    assert tree is not None
    columns = {f"hierarchy/{k}": getattr(h, k) for k in ("parent", "value", "variance", "size", "depth")}
    if h.level is not None:
        columns["hierarchy/level"] = h.level
    columns.update({f"label_tree/{k}": getattr(tree, k) for k in ("parent", "value", "variance", "norm", "leaf")})
    return columns


def write(
    recipe: Recipe,
    path: str | os.PathLike[str],
    hierarchy: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
    compression: str = "standard",
) -> Path:
    """Write the dataset of a recipe to a file, published whole or not at all; the same columns as ``generate``.

    Args:
        recipe: any recipe. path: the target file.
        hierarchy: also the hierarchy and the label tree, where the family has them; a cascade without them is written
            in constant memory.
        overwrite: replace an existing file.
        progress: called as progress(column, bytes done, bytes in all).
        compression: "standard" (integers only), "off", "lzf", "gzip" or "zstd"; the columns' content is the
            same, the file's bytes are not.
    Returns: the path. Errors: ResourceError, and those of `dataset.write_columns`.
    """
    from fractalman.dataset import check_target, write_columns
    from fractalman.dataset.compression import check_compression

    check_target(path, overwrite)  # before the work, not after it
    check_compression(compression)
    columns = _columns(recipe, hierarchy)
    return write_columns(
        path, columns, recipe=recipe.to_dict(), overwrite=overwrite, progress=progress, compression=compression
    )


def rebuild(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make a file again from its certificate alone, and publish it only if its content has the same digest.

    Args:
        source: a dataset file; only its certificate is read.
        path, overwrite, progress: as in `write`.
    Errors: FileFormatError for another STREAM_VERSION or another digest; nothing is left behind then.
    """
    from fractalman.dataset import check_target, open_file
    from fractalman.dataset.publish import published

    with open_file(source) as file:
        recipe, certificate, hierarchy = file.recipe, file.certificate, "hierarchy/parent" in file.columns
    if certificate.stream_version != STREAM_VERSION:
        raise FileFormatError(
            f"{source} was drawn from stream version {certificate.stream_version}, this package draws "
            f"{STREAM_VERSION}: type pip install fractalman=={certificate.versions.get('fractalman', '?')}"
        )
    target = check_target(path, overwrite)
    with published(target, overwrite) as partial:
        write(recipe, partial, hierarchy, progress=progress, compression=certificate.compression)
        with open_file(partial) as made:
            if made.certificate.content != certificate.content:
                raise FileFormatError(
                    f"rebuilding {source} gave content {made.certificate.content} where its certificate says "
                    f"{certificate.content}: the file was changed, or this machine computes differently; type "
                    f"fractalman verify {source}"
                )
    return target
