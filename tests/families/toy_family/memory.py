"""What making the toy family takes."""

from __future__ import annotations

from fractalman.families.memory import MEGABYTES_32, Memory
from tests.families.toy_family.recipe import Line


class LineMemory(Memory[Line]):
    """X, y and cluster, and nothing else."""

    def own_array_bytes(self) -> int:
        """Return the bytes of X, y and cluster."""
        return (4 * self.recipe.ambient_dim + 16) * self.recipe.n_points

    def own_peak_bytes(self) -> int:
        """Return the most that `generate` needs at once."""
        return self.array_bytes() + MEGABYTES_32


MEMORY = LineMemory
