"""Sampler of the Random Hierarchy Model: every column by address; the hierarchy is that of shared hidden symbols."""

from __future__ import annotations

from fractalman._typing import F32, F64, I32, I64
from fractalman.families._strings.encodings import encode
from fractalman.families._strings.hierarchy import derivation_paths
from fractalman.families._strings.sampler import Strings, from_posterior
from fractalman.families.random_hierarchy.recipe import RandomHierarchyModel


def drawn(recipe: RandomHierarchyModel, points: I64) -> tuple[I32, F64]:
    """Return strings and target symbols of any points."""
    return recipe.seen(recipe.derivations(points), points)


def write(recipe: RandomHierarchyModel, tokens: I32, X: F32) -> None:
    """Write the coordinates of strings."""
    encode(tokens, recipe.encoding, recipe.symbols, X, recipe.seeds.embedding)


SAMPLER = Strings[RandomHierarchyModel](
    drawn=drawn,
    write=write,
    paths=derivation_paths,
    redrawn=lambda recipe, tokens, _y, draw: from_posterior(recipe, tokens, draw),
).sampler()
