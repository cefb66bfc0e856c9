"""The subtasks one by one: the recipe of each, and its place in space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.families.subtasks.recipe import Subtasks
from fractalman.random.streams import Role, key64, normals


def place(recipe: Subtasks, rank: int) -> F64:
    """Return the place of a subtask: independent normals, two of them ``separation`` times ``extent`` apart."""
    own = normals(key64(recipe.seeds.embedding, Role.SUBTASK_CODE, rank), recipe.identity_dim)
    return np.asarray(own * (recipe.separation * recipe.extent / np.sqrt(2.0 * recipe.identity_dim)), np.float64)


def parts(recipe: Subtasks) -> Iterator[tuple[int, Any]]:
    """Yield (rank, recipe) of every subtask, in order."""
    for rank, size in zip(*recipe.subtask_ranks(), strict=True):
        yield int(rank), recipe.subtask(int(rank), int(size))
