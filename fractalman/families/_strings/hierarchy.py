"""The hierarchy of strings: who derives from the same hidden symbols, from the class down.

Level 0 is the root, all strings. A node of level l > 0 holds the strings whose derivations agree in all symbols of the
grammar's levels 0 … l − 1: level 1 the class, level 2 also the symbols below it, …, level L + 1 the tokens. Where every
string has one derivation, two strings below a node of level l differ by exchanges of synonyms below level l − 1 only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from fractalman._typing import I64, U64, AnyInt
from fractalman.families._strings.recipe import GrammarRecipe
from fractalman.families.blocks import BLOCK, ComputedColumn
from fractalman.families.cascade.induced import InducedTree, induced_tree
from fractalman.trees import Hierarchy


@dataclass(frozen=True)
class DerivationPaths:
    """Derivations as paths of digits: the symbols of a string, class first, level by level.

    Parameters
    ----------
    symbols : points → (n, digits or more) integer
        Draws derivations by address.
    ends : tuple of int
        How many digits levels 1, 2, … and those above them have together, rising.
    most : int
        Digits lie below it.
    """

    symbols: Callable[[I64], AnyInt]
    ends: tuple[int, ...]
    most: int

    @property
    def levels(self) -> int:
        """Digits of a path."""
        return self.ends[-1]

    @property
    def bits(self) -> int:
        """Bits of one digit of a packed path."""
        return max(1, (self.most - 1).bit_length())

    @property
    def words(self) -> int:
        """Words of a packed path."""
        return -(-self.levels // (64 // self.bits))

    def word(self, points: I64, number: int) -> U64:
        """Return word ``number`` of the packed paths of ``points``, the first digit in the highest place."""
        digits, out = 64 // self.bits, np.empty(points.size, np.uint64)
        first, last = number * digits, min((number + 1) * digits, self.levels)
        for start in range(0, points.size, 16 * BLOCK):
            drawn = self.symbols(points[start : start + 16 * BLOCK])[:, first:last].astype(np.uint64)
            packed = np.zeros(len(drawn), np.uint64)
            for digit in range(drawn.shape[1]):
                packed |= drawn[:, digit] << np.uint64(self.bits * (digits - 1 - digit))
            out[start : start + len(drawn)] = packed
        return out

    def tree(self, n_points: int) -> InducedTree:
        """Return the tree that strings 0 … n_points − 1 induce."""
        shared = np.arange(self.levels + 1)
        return induced_tree(self, n_points, np.searchsorted(self.ends, shared, side="right").astype(np.int16))


def derivation_paths(recipe: GrammarRecipe) -> DerivationPaths:
    """Return the paths of a grammar's strings, all their symbols level by level."""
    ends = tuple(accumulate(recipe.branching**level for level in range(recipe.levels + 1)))
    return DerivationPaths(lambda points: recipe.derivations(points).symbols, ends, max(recipe.roots, recipe.symbols))


def hierarchy_of(tree: InducedTree) -> Hierarchy:
    """Return the tree as a dataset's hierarchy; symbols carry no values, so values and variances are 0."""
    nothing = np.zeros(tree.n_nodes)
    return Hierarchy(tree.parent, nothing, nothing.copy(), tree.size, tree.depth, tree.n_points, tree.level)


def hierarchy_columns(tree: InducedTree) -> Mapping[str, ComputedColumn]:
    """Return the columns of `hierarchy_of`, made range by range."""

    def column(dtype: type, make: Callable[[int, int], object]) -> ComputedColumn:
        return ComputedColumn((tree.n_nodes,), np.dtype(dtype), lambda rows: make(int(rows[0]), int(rows[-1]) + 1))

    return {
        "hierarchy/parent": column(np.int64, lambda a, b: tree.up[a:b].astype(np.int64)),
        "hierarchy/value": column(np.float64, lambda a, b: np.zeros(b - a)),
        "hierarchy/variance": column(np.float64, lambda a, b: np.zeros(b - a)),
        "hierarchy/size": column(np.int64, tree.sizes),
        "hierarchy/depth": column(np.int64, tree.depths),
        "hierarchy/level": column(np.int64, tree.node_levels),
    }
