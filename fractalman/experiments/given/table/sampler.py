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


def _coordinates(realization: Structure[Table], X: F32) -> None:
    X[:] = realization.recipe.arrays[0]


def _labels(_recipe: Table, realization: Dataset | Structure[Table]) -> Callable[[int], F64]:
    return lambda _draw: realization.y


def _blocks(realization: Structure[Table], _folder: Path) -> Blocks:
    raise RecipeError(f"{realization.recipe.file} is a file of points already: use it as it is")


SAMPLER = Sampler[Table](
    structure=_structure, coordinates=_coordinates, label_sampler=_labels, coordinate_blocks=_blocks
)
