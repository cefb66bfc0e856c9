"""Points of a file, as it holds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fractalman._typing import F32, F64
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.experiments.given.table.recipe import Table
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import Blocks


def _structure(recipe: Table, _hierarchy: bool, _draw: int) -> Structure[Table]:
    y = recipe.arrays[1]
    return Structure(recipe, y.copy(), np.zeros(y.size, np.int64))


def _coordinates(made: Structure[Table], X: F32) -> None:
    X[:] = made.recipe.arrays[0]


def _labels(_recipe: Table, made: Dataset | Structure[Table]) -> Callable[[int], F64]:
    return lambda _draw: made.y


def _blocks(made: Structure[Table], _folder: Path) -> Blocks:
    raise RecipeError(f"{made.recipe.file} is a file of points already: use it as it is")


SAMPLER = Sampler[Table](
    structure=_structure, coordinates=_coordinates, label_sampler=_labels, coordinate_blocks=_blocks
)
