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
        return self.array_bytes() + (56 + self.recipe.coordination) * self.recipe.n_points + MEGABYTES_32

    def tree_bytes(self) -> int:
        return forest_tree_bytes(self.recipe.n_points, 24 + self.recipe.coordination)


MEMORY = BetheLatticeMemory
