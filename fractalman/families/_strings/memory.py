"""What making strings of a grammar takes."""

from __future__ import annotations

from fractalman.families._strings.recipe import GrammarRecipe
from fractalman.families.memory import MEGABYTES_32, Memory

TREE_BYTES = 48
"""Most bytes a point that making and writing the hierarchy takes."""


class GrammarMemory(Memory[GrammarRecipe]):
    """What making strings takes, step by step."""

    def own_array_bytes(self) -> int:
        """Return at most so many: X, y, cluster, tokens, and a hierarchy of fewer than 2n nodes."""
        recipe = self.recipe
        return recipe.max_points * (4 * recipe.ambient_dim + 16 + 4 * recipe.length + 2 * 48)

    def own_peak_bytes(self) -> int:
        return self.array_bytes() + (self._symbol_bytes + 64) * self.recipe.max_points + self._rules + MEGABYTES_32

    def streamed_bytes(self, hierarchy: bool = True) -> int:
        """Return the same for any number of points without the hierarchy, with it TREE_BYTES a point more."""
        n = self.recipe.max_points
        ids = 1 if 2 * n < 1 << 31 else 2  # of 32 bits, or of 64
        blocks = 4 * 65536 * self._symbol_bytes
        return (TREE_BYTES * n * ids if hierarchy else 0) + blocks + self._rules + self._rotation + self.block_bytes()

    @property
    def _symbol_bytes(self) -> int:
        """All symbols of one derivation; int16 wherever they fit."""
        recipe = self.recipe
        nodes = int(sum(recipe.branching**level for level in range(recipe.levels + 1)))
        return nodes * (2 if max(recipe.roots, recipe.symbols) <= 1 << 15 else 4)

    @property
    def _rules(self) -> int:
        """The productions of all levels, and what draws them."""
        recipe = self.recipe
        of_level = max(recipe.roots, recipe.symbols) * (recipe.synonyms + (recipe.unary_probability > 0.0))
        return (8 * recipe.levels * (recipe.branching + 2) + 160) * of_level
