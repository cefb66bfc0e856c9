"""The columns of a recipe's file, never X at once: arrays, and columns that come block by block."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fractalman.datasets.spec import POINT_COLUMNS
from fractalman.families.base import Structure, family_of, memory_of
from fractalman.families.blocks import Blocks, ComputedColumn, MappedColumn, PrefetchedColumn
from fractalman.generation import augment
from fractalman.generation.composer import own_coordinates, structure, superposition
from fractalman.generation.memory import check_memory
from fractalman.recipes import Recipe

IN_MEMORY_BYTES = 256 << 20
"""A dataset with trees that needs at most so much as a whole is made at once, by all threads."""


def streamed_columns(recipe: Recipe, hierarchy: bool, folder: Path) -> dict[str, Blocks] | None:
    """Return the columns of a recipe that needs no structure first, made block by block; None for other recipes.

    Parameters
    ----------
    recipe : Recipe
        Any recipe.
    hierarchy : bool
        Also those of its trees, which are made at once, in a compact form.
    folder : Path
        Where scratch files go.
    """
    stream = family_of(recipe).sampler.streamed
    own = None if stream is None else stream(recipe, hierarchy and recipe.has_hierarchy, folder)
    return None if own is None else augment.streamed(recipe, own)


def file_columns(recipe: Recipe, hierarchy: bool, folder: Path) -> Mapping[str, Any]:
    """Return the columns of a recipe's file: arrays and block sources, with the bytes of `generate`.

    Parameters
    ----------
    recipe : Recipe
        Any recipe.
    hierarchy : bool
        Also the trees, where the family has them.
    folder : Path
        Of the file, where scratch files go.

    Raises
    ------
    ResourceError
        Before starting what will not fit.
    OSError
        When the disk has no room for the scratch file.
    """
    hierarchy = hierarchy and recipe.has_hierarchy
    check_memory(recipe, streamed=True, hierarchy=hierarchy)
    small = memory_of(recipe).peak_bytes() <= IN_MEMORY_BYTES
    at_once = recipe.superposes or recipe.partitions  # what needs the whole hierarchy
    # nodes with values above many points would be drawn once for each of them
    by_blocks = recipe.addressed and not (hierarchy and recipe.valued)
    if not at_once and (by_blocks or not small):
        columns = streamed_columns(recipe, hierarchy, folder)
        if columns is not None:
            _check_scratch(columns["X"], folder)
            return {path: PrefetchedColumn(blocks) for path, blocks in columns.items()}
    made = structure(recipe, hierarchy or at_once)
    X = _coordinates(made, small, folder)
    if recipe.superposes and made.label_tree is None:  # strings: their tokens, and what else they have beside X
        own = streamed_columns(recipe, hierarchy, folder)
        if own is not None:
            return {"X": X, **{path: PrefetchedColumn(blocks) for path, blocks in own.items() if path != "X"}}
    return {"X": X, **_other_columns(made, hierarchy)}


def _coordinates(realization: Structure[Any], small: bool, folder: Path) -> Any:
    recipe, n = realization.recipe, realization.y.size
    if small:
        return augment.coordinates(recipe, np.arange(n), own_coordinates(realization))
    if recipe.superposes:
        rows = ComputedColumn((n, recipe.ambient_dim), np.dtype(np.float32), superposition(realization).rows)
        return PrefetchedColumn(augment.coordinate_blocks(recipe, rows))
    own = family_of(recipe).sampler.coordinate_blocks(realization, folder)
    _check_scratch(own, folder)
    return PrefetchedColumn(augment.coordinate_blocks(recipe, own))


def _check_scratch(X: Blocks, folder: Path) -> None:
    """Refuse at once what cannot end well."""
    while isinstance(X, MappedColumn):
        X = X.source
    scratch: int = getattr(X, "scratch_bytes", 0)
    needed, free = scratch + 4 * math.prod(X.shape), shutil.disk_usage(folder).free
    if scratch and needed > free:
        what = "X and the scratch file that puts it in order"
        reason = f"{os.strerror(errno.ENOSPC)}: {what} need {needed} bytes, {free} are free"
        raise OSError(errno.ENOSPC, reason, str(folder))


def _other_columns(realization: Structure[Any], hierarchy: bool) -> dict[str, Any]:
    columns: dict[str, Any] = {"y": realization.y, "cluster": realization.cluster}
    if realization.edges is not None:
        columns["edges"] = realization.edges
    columns |= {name: column for name in POINT_COLUMNS if (column := getattr(realization, name)) is not None}
    if not hierarchy:
        return columns
    h, tree = realization.hierarchy, realization.label_tree
    if h is None or (tree is None and realization.tokens is None):
        raise TypeError(f"a structure of {realization.recipe.family} came without its hierarchy or its label tree")
    columns |= {f"hierarchy/{k}": getattr(h, k) for k in ("parent", "value", "variance", "size", "depth")}
    if h.level is not None:
        columns["hierarchy/level"] = h.level
    if tree is None:
        return columns
    return columns | {f"label_tree/{k}": getattr(tree, k) for k in ("parent", "value", "variance", "norm", "leaf")}
