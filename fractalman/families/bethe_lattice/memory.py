"""What making clusters of the Bethe lattice takes."""

from __future__ import annotations

from fractalman.families._ensembles import forest_array_bytes, forest_tree_bytes
from fractalman.families.bethe_lattice.recipe import BetheLattice
from fractalman.families.memory import MEGABYTES_32, Memory


class BetheLatticeMemory(Memory[BetheLattice]):
    """What making clusters of the Bethe lattice takes, step by step."""

    def own_array_bytes(self) -> int:
        return forest_array_bytes(self.recipe.n_points, self.recipe.ambient_dim, self.recipe.label)

    def own_peak_bytes(self) -> int:
        per_point = 56 + self.recipe.coordination + self._nested()
        return self.array_bytes() + per_point * self.recipe.n_points + MEGABYTES_32

    def tree_bytes(self, compact: bool = False, edges: bool = True) -> int:  # noqa: ARG002 (there is no compact one)
        return forest_tree_bytes(self.recipe.n_points, 24 + self.recipe.coordination + self._nested())

    def _nested(self) -> int:
        """Bytes a point of nested growth: its weights, twice as far as the largest cluster, and what orders points."""
        return 64 + 16 * (self.recipe.coordination + 1) if self.recipe.growth == "nested" else 0


MEMORY = BetheLatticeMemory
