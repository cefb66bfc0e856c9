"""A dataset, an open file or a file's path, as the arrays that are measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._files import other_data
from fractalman.recipes import Recipe


def is_source(thing: Any) -> bool:
    """Whether a thing stands for a dataset, and is no array, table or tensor.

    Examples
    --------
    >>> is_source("cluster.h5"), is_source([[0.0, 1.0]])
    (True, False)
    """
    if isinstance(thing, Mapping):  # a recipe; other mappings, sparse matrices among them, hold columns
        return not hasattr(thing, "tocsr") and any(key in thing for key in ("family", "recipe"))
    named = isinstance(thing, (str, os.PathLike, Recipe))
    return named or isinstance(getattr(thing, "recipe", None), Recipe)


def _is_own(source: Any) -> bool:
    """Whether a path names points of somebody's own, by its ending."""
    return isinstance(source, (str, os.PathLike)) and bool(other_data(source)) and Path(source).exists()


def columns_of(source: Any, *names: str) -> tuple[Any, ...]:
    """Return columns of a dataset in memory, None for one that it does not have.

    Parameters
    ----------
    source : str, path, Dataset, File, Recipe or dict
        Whatever names a dataset, which is generated in memory where it names a recipe; or a file of points of one's
        own, as `read_user_points` takes it.
    names : str
        "X", "y", "cluster", "edges".
    """
    if _is_own(source):
        from fractalman.measure.user_files import read_user_points

        given = read_user_points(source)
        return tuple(getattr(given, name, None) for name in names)
    from fractalman.generation.tables import data_or_generated

    with data_or_generated(source) as data:
        found = [getattr(data, name) for name in names]
        return tuple(None if column is None else np.asarray(column[:]) for column in found)
