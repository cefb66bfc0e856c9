"""What given points take in memory."""

from __future__ import annotations

from fractalman.experiments.given.recipe import GivenPoints
from fractalman.families.memory import MEGABYTES_32, Memory

_TEXT_BYTES = 32 << 20
"""A text, and a permutation of its places."""


class GivenMemory(Memory[GivenPoints]):
    """X and y, and what they are read from."""

    def own_array_bytes(self) -> int:
        """Return the bytes of X, y and of the numbers of clusters."""
        return self.recipe.max_points * (4 * self.recipe.ambient_dim + 16)

    def own_peak_bytes(self) -> int:
        """Return them with the points as they were read, in float64."""
        return (
            self.own_array_bytes() + 8 * self.recipe.max_points * self.recipe.ambient_dim + _TEXT_BYTES + MEGABYTES_32
        )


MEMORY = GivenMemory
