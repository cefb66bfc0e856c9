"""Points in order of arrival: the first n of a larger dataset are the dataset of n points.

Which subtask point i falls to is a function of the seed and i, and of that subtask it is point j, j = how many came
before it. Cascades' points have addresses, so any row can be made alone; clusters grow (`_forests.nested`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import I64, AnyFloat
from fractalman.families.base import Structure, family_of
from fractalman.families.blocks import ComputedColumn
from fractalman.families.subtasks.parts import place
from fractalman.families.subtasks.ranks import Arrival, arrivals
from fractalman.families.subtasks.recipe import Subtasks


def arrival(recipe: Subtasks) -> Arrival:
    """Return who falls to which subtask."""
    return arrivals(recipe.n_points, recipe.zipf_exponent, recipe.most, recipe.seeds.geometry)


class Rows:
    """Rows of subtasks of addressed points, any of them; 32 bytes a point are held once one is asked for.

    Args:
        recipe: of subtasks whose ``within`` is addressed.
    """

    def __init__(self, recipe: Subtasks) -> None:
        self._recipe = recipe

    @cached_property
    def _arrival(self) -> Arrival:
        return arrival(self._recipe)

    def cluster(self, points: I64) -> I64:
        """Return the subtask numbers of points."""
        return self._arrival.cluster[points]

    def column(self, name: str, points: I64, out: AnyFloat, width: int | None = None) -> AnyFloat:
        """Write a column of the family within into ``out``, subtask by subtask, and places beside it.

        Args:
            name: of the column. points: row numbers. out: of as many rows.
            width: columns that are the family's own, those after it the place; None = a column of numbers.
        """
        came, streamed = self._arrival, family_of(self._recipe.within).sampler.streamed
        if streamed is None:
            raise TypeError(f"family {self._recipe.within.family!r} is not made by address")
        of = came.cluster[points]
        order = np.argsort(of, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(of[order])) + 1):
            number = int(of[rows[0]])
            rank = int(came.ranks[number])
            own: Any = streamed(self._recipe.subtask(rank, int(came.sizes[number])), False, Path())
            made = own[name].make(came.before[points[rows]])
            if width is None:
                out[rows] = made
            else:
                out[rows, :width], out[rows, width:] = made, place(self._recipe, rank)
        return out


def columns(recipe: Subtasks) -> dict[str, ComputedColumn]:
    """Return X, y and cluster as columns made by address."""
    rows, n, d = Rows(recipe), recipe.n_points, recipe.ambient_dim

    def column(shape: tuple[int, ...], dtype: type, make: Callable[[I64], Any]) -> ComputedColumn:
        return ComputedColumn(shape, np.dtype(dtype), make)

    inner = recipe.within.ambient_dim
    made = {
        "X": column((n, d), np.float32, lambda p: rows.column("X", p, np.empty((p.size, d), np.float32), inner)),
        "y": column((n,), np.float64, lambda p: rows.column("y", p, np.empty(p.size))),
        "cluster": column((n,), np.int64, rows.cluster),
    }
    streamed = family_of(recipe.within).sampler.streamed
    tokens = None if streamed is None else (streamed(recipe.within, False, Path()) or {}).get("tokens")
    if tokens is not None:
        t = tokens.shape[1]
        made["tokens"] = column((n, t), np.int32, lambda p: rows.column("tokens", p, np.empty((p.size, t), np.int32)))
    return made


def held_trees(realization: Structure[Subtasks]) -> dict[str, ComputedColumn]:
    """Return the columns of hierarchy and, of labels with values, of the label tree, which are held."""
    h, tree = realization.hierarchy, realization.label_tree
    if h is None:
        raise TypeError(f"a structure of {realization.recipe.family} came without its hierarchy")
    held = {f"hierarchy/{k}": getattr(h, k) for k in ("parent", "value", "variance", "size", "depth", "level")}
    if tree is not None:
        held |= {f"label_tree/{k}": getattr(tree, k) for k in ("parent", "value", "variance", "norm", "leaf")}
    return {
        path: ComputedColumn(array.shape, array.dtype, array.__getitem__)
        for path, array in held.items()
        if array is not None
    }
