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
        edges = 16 if recipe.within.family == "percolation-cluster" else 0
        return recipe.n_points * (4 * recipe.ambient_dim + 16 + edges + 2 * 48 + 2 * 24 + 16)

    def own_peak_bytes(self) -> int:
        """Return the arrays, the trees once more while they are joined, and one subtask that has all points."""
        n = self.recipe.n_points
        return self.array_bytes() + 2 * 160 * n + memory_of(self.recipe.subtask(1, n)).peak_bytes() + MEGABYTES_32

    def streamed_bytes(self, hierarchy: bool = True) -> int:  # noqa: ARG002 (trees are held in any case)
        """Return as much as for `generate`: the largest subtask is held whole."""
        return self.peak_bytes() + self.block_bytes()


MEMORY = SubtasksMemory
