"""The toy family's recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fractalman.random.keys import Seeds
from fractalman.recipes import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, integer
from fractalman.recipes.checks import seed as seed_check


@dataclass(frozen=True, kw_only=True)
class Line(Recipe):
    """Points on a line."""

    family: ClassVar[str] = "toy-line"
    has_hierarchy: ClassVar[bool] = False
    n_points: int
    ambient_dim: int = 3
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(1, MAX_DIM),
        "seed": seed_check,
    }

    @property
    def addressed(self) -> bool:
        """Points are drawn one by one."""
        return True
