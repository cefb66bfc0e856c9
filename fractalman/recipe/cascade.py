"""Recipe of random cascades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fractalman.errors import RecipeError
from fractalman.recipe.base import Recipe
from fractalman.recipe.checks import MAX_DIM, MAX_POINTS, Check, integer, real
from fractalman.recipe.checks import seed as seed_check
from fractalman.seeds import Seeds


def _branching(name: str, value: Any) -> int | tuple[int, ...]:
    one = integer(1, 4096)
    if isinstance(value, (tuple, list)):
        if not 1 <= len(value) <= 64:
            raise RecipeError(f"{name} = {value!r}: allowed is an integer or 1 to 64 equally likely integers")
        numbers = tuple(one(f"{name}[{i}]", v) for i, v in enumerate(value))
        if max(numbers) < 2:
            raise RecipeError(f"{name} = {value!r}: at least one of the numbers must be 2 or more")
        return numbers
    number = one(name, value)
    if number < 2:
        raise RecipeError(f"{name} = {value!r}: a cascade that never branches is one point; type branching = 2 or more")
    return number


def _depth(name: str, value: Any) -> int | None:
    return None if value is None else integer(1, 4096)(name, value)


@dataclass(frozen=True, kw_only=True)
class Cascade(Recipe):
    """A random cascade: an addressed, self-similar random set with exactly known Moran exponents.

    Args:
        n_points: number of points drawn; the first m of n are the m.
        ambient_dim: dimension d ≥ 2 of X; d > 2D is needed to embed, d ≳ 24 in practice.
        branching: children of a node; a tuple = equally likely numbers, drawn independently at every node.
        contraction: ratio r of a child's cell to its parent's, 0 < r < 1.
        hurst: Hurst exponent H > 0 of the label.
        depth: levels below the root; None = until the neglected tails of x and y are below 2^-24 of their scale.
        seed: integer or `Seeds`.

    Source: docs/theory.md §1; Mauldin & Williams 1986, Graf 1987 for the sets.
    """

    family: ClassVar[str] = "cascade"
    n_points: int
    ambient_dim: int = 32
    branching: int | tuple[int, ...] = 4
    contraction: float = 0.5
    hurst: float = 1.0
    depth: int | None = None
    seed: int | Seeds = 0

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "ambient_dim": integer(2, MAX_DIM),
        "branching": _branching,
        "contraction": real(0.0, 1.0, open_low=True, open_high=True),
        "hurst": real(0.0, 16.0, open_low=True),
        "depth": _depth,
        "seed": seed_check,
    }

    def _joint_problems(self) -> list[str]:
        if self.depth is None and self.levels > 4096:
            return [
                f"contraction = {self.contraction!r} with hurst = {self.hurst!r} needs {self.levels} levels: "
                "allowed are 4096; type a smaller contraction, a larger hurst, or depth = 4096"
            ]
        return []

    @property
    def branching_numbers(self) -> tuple[int, ...]:
        """The equally likely numbers of children, as a tuple also when there is only one."""
        return self.branching if isinstance(self.branching, tuple) else (self.branching,)

    @property
    def levels(self) -> int:
        """Levels below the root: ``depth``, or the smallest L with r^L and r^(H·L) at most 2^-24."""
        if self.depth is not None:
            return self.depth
        return max(1, math.ceil(24.0 / (min(1.0, self.hurst) * -math.log2(self.contraction)) - 1e-9))

    def array_bytes(self) -> int:
        """Return the bytes of the arrays that `generate` returns (at most: the latents number n − 1 or fewer)."""
        n, d = self.n_points, self.ambient_dim
        return 4 * n * d + 8 * n + 8 * n + 2 * n * 48 + 16 * n

    def peak_bytes(self) -> int:
        """Return the most memory, in bytes, that `generate` needs at once."""
        words = 1 + self.levels * max(1, (max(self.branching_numbers) - 1).bit_length()) // 64
        return self.array_bytes() + (16 * words + 48) * self.n_points + 32 * (1 << 20)
