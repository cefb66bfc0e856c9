"""What making a cascade takes."""

from __future__ import annotations

from fractalman.families.cascade.recipe import Cascade
from fractalman.families.memory import MEGABYTES_32, Memory

TREE_BYTES = 48
"""Most bytes a point that making and writing the trees takes."""


class CascadeMemory(Memory[Cascade]):
    """What making a cascade takes, step by step."""

    def own_array_bytes(self) -> int:
        """Return at most so many: the latents number n − 1 or fewer."""
        n, d = self.recipe.n_points, self.recipe.ambient_dim
        return 4 * n * d + 8 * n + 8 * n + 2 * n * 48 + 16 * n

    def own_peak_bytes(self) -> int:
        recipe = self.recipe
        words = 1 + recipe.levels * max(1, (max(recipe.branching_numbers) - 1).bit_length()) // 64
        return self.array_bytes() + (16 * words + 48) * recipe.n_points + MEGABYTES_32 + self._paths

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        """Return the same for any number of points without the trees, with them TREE_BYTES a point more."""
        n = self.recipe.n_points
        ids = 1 if 2 * n < 1 << 31 else 2  # of 32 bits, or of 64
        return (TREE_BYTES * n * ids if hierarchy else 0) + self._paths + self._rotation + self.block_bytes()

    @property
    def _paths(self) -> int:
        """Addresses, steps and amplitudes of a block of paths on some threads."""
        return 64 * 4096 * (self.recipe.levels + 1)


MEMORY = CascadeMemory
