"""What percolation on a lattice takes."""

from __future__ import annotations

from fractalman.families.lattice_percolation.recipe import LatticePercolation
from fractalman.families.memory import MEGABYTES_32, Memory


class LatticePercolationMemory(Memory[LatticePercolation]):
    """What percolation on a lattice takes, step by step."""

    def own_array_bytes(self) -> int:
        return self._arrays(self.recipe.max_points, self.recipe.max_edges)

    def own_peak_bytes(self) -> int:
        building = self.array_bytes() + self._scratch(self.recipe.max_points, self.recipe.max_edges)
        return max(self._labelling, building) + MEGABYTES_32

    def start_bytes(self) -> int | None:
        """Return what finding the largest cluster needs: how large it is, only the draw knows."""
        return None if self.recipe.clusters == "all" else self._labelling + MEGABYTES_32

    def draw_bytes(self, n_points: int) -> int:
        """Return the most that a draw of so many points needs before its coordinates are made."""
        m = min(self.recipe.max_edges, self.recipe.dim * n_points)
        x = 4 * n_points * self.recipe.ambient_dim
        return self._arrays(n_points, m) - x + self._scratch(n_points, m) + 8 * n_points + MEGABYTES_32

    def _arrays(self, n: int, m: int) -> int:
        label_tree = {"hierarchical": 16, "brownian": 40, "cluster-constant": 40}[self.recipe.label] * n
        return 4 * n * self.recipe.ambient_dim + 8 * n + 8 * n + 16 * m + 2 * n * 40 + label_tree

    @property
    def _ids(self) -> int:
        return 4 if 2 * self.recipe.max_edges < 1 << 31 and self.recipe.sites < 1 << 31 else 8

    @property
    def _labelling(self) -> int:
        """Finding the clusters: a label for every site, or a bit for every site and some slabs of labels."""
        sites = self.recipe.sites
        if self.recipe.clusters == "all":
            return self._ids * sites + 48 * self.recipe.max_points
        return sites // 8 + 168 * sites // self.recipe.side

    def _scratch(self, n: int, m: int) -> int:
        weights = 6 * self._ids * m if self.recipe.spanning_tree == "minimum" else 0
        return self.recipe.sites // 4 + 10 * self._ids * n + weights


MEMORY = LatticePercolationMemory
