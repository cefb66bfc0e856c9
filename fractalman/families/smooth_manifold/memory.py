"""What making a smooth manifold takes."""

from __future__ import annotations

from fractalman.families.memory import MEGABYTES_32, Memory
from fractalman.families.smooth_manifold.recipe import SmoothManifold


class SmoothManifoldMemory(Memory[SmoothManifold]):
    """What making a smooth manifold takes, step by step."""

    def own_array_bytes(self) -> int:
        return (4 * self.recipe.ambient_dim + 16) * self.recipe.n_points

    def own_peak_bytes(self) -> int:
        n, d = self.recipe.n_points, self.recipe.ambient_dim
        block = 16 * 4096 * (d + self.recipe.own_dim)
        factor = 8 * n**2 if self.recipe.field == "exact" else 0
        return self.array_bytes() + block + 8 * d**2 + 8 * n + factor + MEGABYTES_32

    def streamed_bytes(self, hierarchy: bool = True) -> int:  # noqa: ARG002 (there is none)
        """Return the same for any number of points of a field of plane waves; an exact field needs all of them."""
        if self.recipe.field == "exact":
            return self.peak_bytes()
        return 8 * self.recipe.ambient_dim**2 + self._rotation + 2 * self.block_bytes()


MEMORY = SmoothManifoldMemory
