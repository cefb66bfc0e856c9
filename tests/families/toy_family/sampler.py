"""The toy family's sampler."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import by_address
from fractalman.random.streams import Role, key64, normals
from tests.families.toy_family.recipe import Line


def values(recipe: Line, points: I64, draw: int = 0) -> F64:
    """Labels of any points: a standard normal each."""
    return normals(key64(recipe.seeds.labels, Role.LABEL_ROOT, draw), int(points[-1]) + 1)[points]


def rows(recipe: Line, points: I64, X: F32) -> None:
    """Write the coordinates of any points."""
    X[:] = points[:, None] / recipe.n_points


SAMPLER = Sampler[Line](
    structure=lambda recipe, _, draw: Structure(
        recipe, values(recipe, np.arange(recipe.n_points), draw), np.zeros(recipe.n_points, np.int64)
    ),
    coordinates=lambda realization, X: rows(realization.recipe, np.arange(realization.recipe.n_points), X),
    label_sampler=lambda recipe, _: lambda draw: values(recipe, np.arange(recipe.n_points), draw),
    coordinate_blocks=lambda realization, _: by_address(realization.recipe, rows, values)["X"],
    streamed=lambda recipe, _, __: by_address(recipe, rows, values),
)
