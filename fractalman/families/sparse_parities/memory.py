"""What making sparse parities takes."""

from __future__ import annotations

from fractalman.families.memory import MEGABYTES_32, Memory
from fractalman.families.sparse_parities.recipe import SparseParities

TREE_BYTES = 48
"""Most bytes a point that making and writing the hierarchy takes."""


class SparseParitiesMemory(Memory[SparseParities]):
    """What making parities takes, step by step."""

    def own_array_bytes(self) -> int:
        """Return at most so many: X, y, cluster, tokens, and a hierarchy of fewer than 2n nodes."""
        recipe = self.recipe
        return recipe.n_points * (4 * recipe.ambient_dim + 16 + 4 * (1 + recipe.n_bits) + 2 * 48)

    def own_peak_bytes(self) -> int:
        return self.array_bytes() + (12 * self.recipe.task_size + 80) * self.recipe.n_points + self._tasks + self._block

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        """Return the same for any number of points without the hierarchy, with it TREE_BYTES a point more."""
        n = self.recipe.n_points
        ids = 1 if 2 * n < 1 << 31 else 2  # of 32 bits, or of 64
        return (
            (TREE_BYTES * n * ids if hierarchy else 0) + self._block + self._tasks + self._rotation + self.block_bytes()
        )

    @property
    def _block(self) -> int:
        """Strings of a block of points, and what their task reads of them."""
        return 4 * 65536 * (1 + self.recipe.n_bits + 5 * self.recipe.task_size) + MEGABYTES_32

    @property
    def _tasks(self) -> int:
        return self.recipe.n_tasks * (8 * self.recipe.task_size + 24)


MEMORY = SparseParitiesMemory
