"""What making one critical cluster takes."""

from __future__ import annotations

from fractalman.families.memory import MEGABYTES_32, Memory
from fractalman.families.percolation_cluster.recipe import PercolationCluster


class PercolationClusterMemory(Memory[PercolationCluster]):
    """What making one critical cluster takes, step by step."""

    def own_array_bytes(self) -> int:
        n, d = self.recipe.n_points, self.recipe.ambient_dim
        label_tree = 16 * n if self.recipe.label == "hierarchical" else 40 * n
        return 4 * n * d + 8 * n + 8 * n + 16 * n + 2 * n * 40 + label_tree

    def own_peak_bytes(self) -> int:
        nested = 40 * self.recipe.n_points if self.recipe.growth == "nested" else 0
        return self.array_bytes() + 40 * self.recipe.n_points + nested + MEGABYTES_32

    def tree_bytes(self, compact: bool = False, edges: bool = True) -> int:
        n = self.recipe.n_points
        ids = 4 if 2 * n < 1 << 31 else 8
        if compact and self.recipe.growth == "nested":
            return (10 * ids + 16) * n + MEGABYTES_32  # and 64-bit marks while edges are put in order
        if compact:
            return (8 if edges else 6) * ids * n + MEGABYTES_32
        return (64 + 4 * ids + (16 if self.recipe.growth == "nested" else 0)) * n + MEGABYTES_32

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        return self.compact_bytes() if self.recipe.label == "hierarchical" else super().streamed_bytes(hierarchy)


MEMORY = PercolationClusterMemory
