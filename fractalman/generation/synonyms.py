"""Datasets of strings seen with their synonyms exchanged: hidden symbols stay down to a level, tokens change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._typing import F32, F64, I32, I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.families._strings.encodings import encode
from fractalman.families._strings.recipe import GrammarRecipe
from fractalman.generation import augment
from fractalman.recipes import Recipe


@dataclass(frozen=True)
class ExchangedStrings:
    """Strings of a dataset with synonyms exchanged, row by row beside the rows that they come from.

    Attributes
    ----------
    recipe : Recipe
        Of the dataset.
    rows : (k,) int64
        Which points.
    level : int
        Symbols of the grammar's levels 0 … level are as they were.
    X : (k, d) float32
        Coordinates of the exchanged strings, nuisance and rotation those of the points.
    tokens : (k, t) int32
        As in the dataset.
    y : (k,) float64
        Their targets: those of the points where the target stands at the level or above.
    """

    recipe: Recipe
    rows: I64
    level: int
    X: F32
    tokens: I32
    y: F64


@checked_arguments
def exchange_synonyms(
    data: Any, level: int, rows: AnyInt | None = None, *, node: int | None = None, draw: int = 1
) -> ExchangedStrings:
    """Exchange synonyms in the strings of a dataset: the same hidden symbols down to a level, other tokens.

    Who has learned the symbols of a level answers an exchange below it as it answers the string itself; how much
    answers and hidden layers change, level by level, says which levels were learned.

    Parameters
    ----------
    data : Dataset, File or recipe
        Of strings of a grammar.
    level : int
        Symbols of the grammar's levels 0 … level stay, 0 ≤ level < L; those below are derived anew from them. L − 1
        replaces the tuples of tokens alone, 0 all but the class.
    rows : (k,) integer or None, default None
        Which points; None = all.
    node : int or None, default None
        Only below this symbol of the level, from the left; None = below all.
    draw : int, default 1
        Number of the exchange; others are independent of it.

    Returns
    -------
    ExchangedStrings
        Given the symbols that stay, independent of the strings themselves and of the same law.

    Raises
    ------
    RecipeError
        For other families, and levels, rows, nodes and draws that are not there.

    Notes
    -----
    Source: the synonyms of Cagnetta et al., arXiv 2307.02129 (not verified at the source).

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.RandomHierarchyModel(n_points=50))
    >>> seen = fm.exchange_synonyms(data, level=2)
    >>> bool((seen.y == data.y).all()), bool((seen.tokens == data.tokens).all()), seen.X.shape
    (True, False, (50, 64))
    """
    recipe = getattr(data, "recipe", data)
    if not isinstance(recipe, GrammarRecipe):
        raise RecipeError(
            f"family {getattr(recipe, 'family', type(data).__name__)!r} has no synonyms: expected strings of a "
            "grammar; use random-hierarchy-model or grammar-language"
        )
    n = recipe.max_points
    points = np.arange(n) if rows is None else np.atleast_1d(np.asarray(rows))
    if points.ndim != 1 or (points.size and points.dtype.kind not in "iu"):
        raise RecipeError(f"rows of type {points.dtype} and shape {points.shape}: expected integers (k,)")
    points = points.astype(np.int64)
    if points.size and not (points.min() >= 0 and points.max() < n):
        raise RecipeError(f"rows from {points.min()} to {points.max()}: expected 0 to {n - 1}")
    tokens, y = recipe.seen(recipe.exchanged(points, level, node=node, draw=draw), points)
    return ExchangedStrings(recipe, points, int(level), coordinates_of(recipe, points, tokens), tokens, y)


def coordinates_of(recipe: GrammarRecipe, points: I64, tokens: I32) -> F32:
    """Return the coordinates of strings in the places of points of a dataset.

    Parameters
    ----------
    recipe : GrammarRecipe
        Of the dataset.
    points : (k,) int64
        Numbers of the points, whose nuisance coordinates and rotation the strings get.
    tokens : (k, t) int32
        What is seen.

    Returns
    -------
    (k, d) float32
        As X of a dataset.
    """
    own = np.empty((len(points), recipe.ambient_dim), np.float32)
    encode(tokens, recipe.encoding, recipe.symbols, own, recipe.seeds.embedding)
    return augment.coordinates(recipe, points, own)
