"""The columns of a recipe's file, never X at once: arrays, and columns that come block by block."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fractalman.build import added
from fractalman.build.blocks import Ahead, Blocks, Rows
from fractalman.build.family import Structure
from fractalman.build.forest import ForestBlocks
from fractalman.build.memory import check_memory
from fractalman.build.recipes import builder, structure
from fractalman.recipe import Recipe

IN_MEMORY_BYTES = 64 << 20
"""X of a tree of at most so many bytes is made at once, by all threads."""


def addressed_columns(recipe: Recipe, hierarchy: bool = False) -> dict[str, Rows] | None:
    """Return the columns of a recipe whose points are made by address, or None for other families.

    Args:
        recipe: any recipe.
        hierarchy: also those of its trees, which are made at once, in a compact form.
    """
    own = builder(recipe).streamed(recipe, hierarchy and recipe.has_hierarchy)
    return None if own is None else added.streamed(recipe, own)


def file_columns(recipe: Recipe, hierarchy: bool, folder: Path) -> Mapping[str, Any]:
    """Return the columns of a recipe's file: arrays and block sources, with the bytes of `generate`.

    Args:
        recipe: any recipe.
        hierarchy: also the trees, where the family has them.
        folder: of the file, where scratch files go.
    Errors: ResourceError before starting what will not fit; OSError when the disk has no room for the scratch file.
    """
    hierarchy = hierarchy and recipe.has_hierarchy
    check_memory(recipe, streamed=True, hierarchy=hierarchy)
    addressed = addressed_columns(recipe, hierarchy)
    if addressed is not None:
        return {path: Ahead(rows) for path, rows in addressed.items()}
    made = structure(recipe, hierarchy)
    columns: dict[str, Any] = {"X": _coordinates(made, folder), "y": made.y, "cluster": made.cluster}
    if made.edges is not None:
        columns["edges"] = made.edges
    if made.noise is not None:
        columns["noise"] = made.noise
    if hierarchy:
        columns.update(_tree_columns(made))
    return columns


def _coordinates(made: Structure, folder: Path) -> Any:
    recipe, n = made.recipe, made.y.size
    if 4 * n * recipe.n_columns <= IN_MEMORY_BYTES:
        X = np.empty((n, recipe.ambient_dim), np.float32)
        builder(recipe).coordinates(made, X)
        return added.widened(recipe, np.arange(n), X)
    own: Blocks = builder(recipe).coordinate_blocks(made, folder)
    if isinstance(own, ForestBlocks):
        _check_scratch(own.scratch_bytes + 4 * n * recipe.n_columns, folder)
    return Ahead(added.widened_blocks(recipe, own))


def _check_scratch(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        what = "X and the scratch file that puts it in order"
        reason = f"{os.strerror(errno.ENOSPC)}: {what} need {needed} bytes, {free} are free"
        raise OSError(errno.ENOSPC, reason, str(folder))


def _tree_columns(made: Structure) -> dict[str, Any]:
    h, tree = made.hierarchy, made.label_tree
    assert h is not None
    assert tree is not None
    columns = {f"hierarchy/{k}": getattr(h, k) for k in ("parent", "value", "variance", "size", "depth")}
    if h.level is not None:
        columns["hierarchy/level"] = h.level
    columns.update({f"label_tree/{k}": getattr(tree, k) for k in ("parent", "value", "variance", "norm", "leaf")})
    return columns
