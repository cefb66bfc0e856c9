"""What making an ensemble of critical clusters takes."""

from __future__ import annotations

from fractalman.families._ensembles import forest_array_bytes, forest_tree_bytes
from fractalman.families.memory import MEGABYTES_32, Memory
from fractalman.families.percolation_ensemble.recipe import PercolationEnsemble


class PercolationEnsembleMemory(Memory[PercolationEnsemble]):
    """What making an ensemble of critical clusters takes, step by step."""

    def own_array_bytes(self) -> int:
        return forest_array_bytes(self.recipe.n_points, self.recipe.ambient_dim, self.recipe.label)

    def own_peak_bytes(self) -> int:
        nested = 40 * self.recipe.n_points if self.recipe.growth == "nested" else 0
        return self.array_bytes() + 56 * self.recipe.n_points + nested + MEGABYTES_32

    def tree_bytes(self, compact: bool = False, edges: bool = True) -> int:
        if compact:  # at most, if one cluster holds all points; sizes and starts of clusters
            ids = 4 if 2 * self.recipe.n_points < 1 << 31 else 8
            return ((11 if edges else 9) * ids + 24) * self.recipe.n_points + MEGABYTES_32
        return forest_tree_bytes(self.recipe.n_points, 40 if self.recipe.growth == "nested" else 0)

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        compact = self.recipe.label == "hierarchical" and self.recipe.growth != "nested"
        return self.compact_bytes() if compact else super().streamed_bytes(hierarchy)


MEMORY = PercolationEnsembleMemory
