"""What making subtasks takes."""

from __future__ import annotations

from fractalman.families.base import memory_of
from fractalman.families.memory import MEGABYTES_32, Memory
from fractalman.families.subtasks.recipe import Subtasks


class SubtasksMemory(Memory[Subtasks]):
    """What making subtasks takes, step by step."""

    def own_array_bytes(self) -> int:
        """Return at most so many: X, y, cluster, edges, and trees of fewer than 2n nodes each."""
        recipe = self.recipe
        n, forest = recipe.n_points, 2 * 48 + 2 * 24 + 16
        edges = 0 if recipe.within.addressed else 16
        joined = n * (4 * recipe.ambient_dim + 16 + edges + forest)
        return max(joined, memory_of(recipe.subtask(1, n)).array_bytes() + n * (4 * recipe.identity_dim + 16 + forest))

    def own_peak_bytes(self) -> int:
        """Return the arrays, the trees once more while they are joined, and one subtask that has all points."""
        n = self.recipe.n_points
        arrival = 72 if self.recipe.growth == "nested" else 0  # who falls where, and rows moved to their places
        return (
            self.array_bytes()
            + (2 * 160 + arrival) * n
            + memory_of(self.recipe.subtask(1, n)).peak_bytes()
            + MEGABYTES_32
        )

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        """Return as much as for `generate`, which holds the largest subtask; of addressed rows, who falls where."""
        if self.recipe.addressed and not hierarchy:
            return 72 * self.recipe.n_points + self.block_bytes() + MEGABYTES_32
        return self.peak_bytes() + self.block_bytes()


MEMORY = SubtasksMemory
