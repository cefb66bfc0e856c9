"""The sampler of families whose points are strings of tokens, from four functions: every column is made by address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from fractalman._typing import F32, F64, I32, I64, AnyInt
from fractalman.datasets.memory import Dataset
from fractalman.errors import RecipeError
from fractalman.families._strings.encodings import encode
from fractalman.families._strings.hierarchy import DerivationPaths, derivation_paths, hierarchy_columns, hierarchy_of
from fractalman.families.base import Sampler, Structure
from fractalman.families.blocks import ComputedColumn, by_address
from fractalman.random.streams import Role, key64, uniforms

R = TypeVar("R", bound=Any)
"""The recipes of one family."""


@dataclass(frozen=True)
class Strings(Generic[R]):
    """What makes the strings of a family.

    Parameters
    ----------
    drawn : (recipe, points) → (tokens, targets)
        The strings that learners see and the targets of any points.
    write : (recipe, tokens, X) → None
        Writes the coordinates of strings.
    paths : recipe → DerivationPaths
        The derivations that the hierarchy is that of.
    redrawn : (recipe, tokens, targets, draw) → targets
        Targets of the same strings drawn anew.
    """

    drawn: Callable[[R, I64], tuple[I32, F64]]
    write: Callable[[R, I32, F32], None]
    paths: Callable[[R], DerivationPaths]
    redrawn: Callable[[R, I32, F64, int], F64]

    def sampler(self) -> Sampler[R]:
        """Return the family's sampler."""
        return Sampler(
            structure=self._structure,
            coordinates=self._coordinates,
            label_sampler=self._label_sampler,
            coordinate_blocks=lambda realization, _: self._columns(realization.recipe)["X"],
            streamed=self._streamed,
        )

    def _structure(self, recipe: R, hierarchy: bool, draw: int) -> Structure[R]:
        n = recipe.n_points
        tokens, y = self.drawn(recipe, np.arange(n))
        if draw:
            y = self.redrawn(recipe, tokens, y, draw)
        tree = hierarchy_of(self.paths(recipe).tree(n)) if hierarchy else None
        return Structure(recipe, y, np.zeros(n, np.int64), None, tree, tokens=tokens)

    def _coordinates(self, realization: Structure[R], X: F32) -> None:
        self.write(realization.recipe, _tokens_of(realization), X)

    def _label_sampler(self, recipe: R, realization: Dataset | Structure[R]) -> Callable[[int], F64]:
        tokens, y = _tokens_of(realization), realization.y
        return lambda draw: self.redrawn(recipe, tokens, y, draw)

    def _columns(self, recipe: R) -> dict[str, ComputedColumn]:
        first = self.drawn(recipe, np.zeros(1, np.int64))[0]
        made = ComputedColumn(
            (recipe.n_points, first.shape[1]), np.dtype(np.int32), lambda points: self.drawn(recipe, points)[0]
        )

        def rows(recipe: R, points: I64, X: F32) -> None:
            self.write(recipe, self.drawn(recipe, points)[0], X)

        return {**by_address(recipe, rows, lambda recipe, points: self.drawn(recipe, points)[1]), "tokens": made}

    def _streamed(self, recipe: R, hierarchy: bool, _folder: Path) -> Mapping[str, ComputedColumn]:
        """Return all columns made by address, those of the tree from a compact induced tree."""
        columns = self._columns(recipe)
        return {**columns, **hierarchy_columns(self.paths(recipe).tree(recipe.n_points))} if hierarchy else columns


def from_posterior(recipe: Any, tokens: AnyInt, draw: int) -> F64:
    """Return the target of every string drawn anew from its posterior: the same again wherever a string decides it."""
    chance = np.cumsum(recipe.target_posterior(tokens), axis=1)
    u = uniforms(key64(recipe.seeds.labels, Role.LABEL_DRAW, draw), len(tokens)) * chance[:, -1]
    drawn: F64 = (chance <= u[:, None]).sum(axis=1).astype(np.float64)
    return drawn


def _tokens_of(realization: Dataset | Structure[Any]) -> I32:
    if realization.tokens is None:
        raise RecipeError("this dataset has no column of tokens: use generate for one with its strings")
    return realization.tokens


def of_derivations() -> Strings[Any]:
    """Return what makes the strings of recipes that say what is seen of derivations in a grammar."""

    def drawn(recipe: Any, points: I64) -> tuple[I32, F64]:
        seen: tuple[I32, F64] = recipe.seen(recipe.derivations(points), points)
        return seen

    def write(recipe: Any, tokens: I32, X: F32) -> None:
        encode(tokens, recipe.encoding, recipe.symbols, X, recipe.seeds.embedding)

    def redrawn(recipe: Any, tokens: I32, _y: F64, draw: int) -> F64:
        return from_posterior(recipe, tokens, draw)

    return Strings(drawn, write, derivation_paths, redrawn)
