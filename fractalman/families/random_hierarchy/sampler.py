"""Sampler of the Random Hierarchy Model: every column by address; the hierarchy is that of shared hidden symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from fractalman._typing import F32, F64, I32, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families._strings.encodings import encode
from fractalman.families._strings.hierarchy import DerivationPaths, hierarchy_columns, hierarchy_of
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import ComputedColumn, by_address
from fractalman.families.random_hierarchy.recipe import RandomHierarchyModel
from fractalman.random.streams import Role, key64, uniforms


def _symbols(recipe: RandomHierarchyModel, points: I64) -> AnyInt:
    return recipe.derivations(points).symbols


def _label(recipe: RandomHierarchyModel, symbols: AnyInt) -> F64:
    before = int(sum(recipe.branching**level for level in range(recipe.target_level)))
    label: F64 = symbols[:, before + recipe.node].astype(np.float64)
    return label


def _strings(recipe: RandomHierarchyModel, symbols: AnyInt) -> I32:
    return np.ascontiguousarray(symbols[:, -recipe.length :], np.int32)


def _paths(recipe: RandomHierarchyModel) -> DerivationPaths:
    most = max(recipe.classes, recipe.vocabulary)
    return DerivationPaths(lambda points: _symbols(recipe, points), recipe.branching, recipe.levels, most)


def values(recipe: RandomHierarchyModel, points: I64) -> F64:
    """Labels of any points: numbers of their target symbols."""
    return _label(recipe, _symbols(recipe, points))


def tokens(recipe: RandomHierarchyModel, points: I64) -> I32:
    """Strings of any points."""
    return _strings(recipe, _symbols(recipe, points))


def rows(recipe: RandomHierarchyModel, points: I64, X: F32) -> None:
    """Write the coordinates of any points."""
    encode(tokens(recipe, points), recipe.encoding, recipe.vocabulary, X, recipe.seeds.embedding)


def redrawn(recipe: RandomHierarchyModel, strings: I32, draw: int) -> F64:
    """Return the target of every string drawn anew from its posterior: the same again wherever a string decides it."""
    chance = np.cumsum(recipe.target_posterior(strings), axis=1)
    u = uniforms(key64(recipe.seeds.labels, Role.LABEL_DRAW, draw), len(strings)) * chance[:, -1]
    drawn: F64 = (chance <= u[:, None]).sum(axis=1).astype(np.float64)
    return drawn


def structure(recipe: RandomHierarchyModel, hierarchy: bool, draw: int) -> Structure[RandomHierarchyModel]:
    """Draw everything but the coordinates."""
    n = recipe.n_points
    symbols = _symbols(recipe, np.arange(n))
    strings = _strings(recipe, symbols)
    y = redrawn(recipe, strings, draw) if draw else _label(recipe, symbols)
    tree = hierarchy_of(_paths(recipe).tree(n)) if hierarchy else None
    return Structure(recipe, y, np.zeros(n, np.int64), None, tree, tokens=strings)


def coordinates(made: Structure[RandomHierarchyModel], X: F32) -> None:
    """Write all coordinates into X."""
    encode(_strings_of(made), made.recipe.encoding, made.recipe.vocabulary, X, made.recipe.seeds.embedding)


def label_sampler(
    recipe: RandomHierarchyModel, made: Dataset | Structure[RandomHierarchyModel]
) -> Callable[[int], F64]:
    """Return what draws the targets of the same strings anew, given the rules."""
    strings = _strings_of(made)
    return lambda draw: redrawn(recipe, strings, draw)


def _strings_of(made: Dataset | Structure[RandomHierarchyModel]) -> I32:
    if made.tokens is None:
        raise RecipeError("this dataset has no column of tokens: use generate for one with its strings")
    return made.tokens


def _columns(recipe: RandomHierarchyModel) -> dict[str, ComputedColumn]:
    shape = (recipe.n_points, recipe.length)
    made = ComputedColumn(shape, np.dtype(np.int32), lambda points: tokens(recipe, points))
    return {**by_address(recipe, rows, values), "tokens": made}


def streamed(recipe: RandomHierarchyModel, hierarchy: bool, _folder: Path) -> Mapping[str, ComputedColumn]:
    """Return all columns made by address, those of the tree from a compact induced tree."""
    columns = _columns(recipe)
    return {**columns, **hierarchy_columns(_paths(recipe).tree(recipe.n_points))} if hierarchy else columns


SAMPLER = Sampler[RandomHierarchyModel](
    structure=structure,
    coordinates=coordinates,
    label_sampler=label_sampler,
    coordinate_blocks=lambda made, _: _columns(made.recipe)["X"],
    streamed=streamed,
)
