"""Curves of learners on strings that follow from the rules, exactly: one neighbour, and who counts what follows what.

Rules are drawn anew with every draw of a curve, for every replicate of a sweep has rules of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.conventions import CROSS_ENTROPY, ZERO_ONE
from fractalman.families._strings.recipe import GrammarRecipe
from fractalman.families.laws import DrawnCurve
from fractalman.theory.grammars import (
    UNOBSERVED,
    context_table,
    counting_loss,
    distance_masses,
    neighbour_risk,
    node_marginals,
)
from fractalman.theory.laws.learner_properties import Counting

_STRINGS, _FEWEST = 512, 16
"""Strings of a draw that are asked about: as many as the work allows, and at least so many."""
_WORK = 5e7
_CONTEXTS = 1 << 14


def string_curve(recipe: GrammarRecipe, learner: Any) -> DrawnCurve | None:
    """Return the curve of a learner on strings whose rules are drawn anew, None where it is not known.

    Args:
        recipe: of the strings. learner: with its settings.
    """
    if recipe.masks or recipe.rotate or recipe.nuisance_dim or not recipe.target_varies:
        return None
    if learner.name == "1-nn" or (learner.name == "k-nn" and learner.k == 1):
        return _neighbour(recipe)
    return None if learner.counting is None else _counting(recipe, learner.counting)


def _neighbour(recipe: GrammarRecipe) -> DrawnCurve | None:
    apart = _token_distances(recipe)
    if apart is None:
        return None
    rows = int(min(_STRINGS, _WORK // _work(recipe, int(apart.max()))))
    if rows < _FEWEST:
        return None

    def risks(own: Any, sizes: tuple[int, ...]) -> F64:
        strings = np.full((rows, own.length), UNOBSERVED, np.int64)
        points = np.arange(rows)
        strings[:, own.seen_places] = own.seen(own.derivations(points), points)[0]
        level, node = own.target_place
        masses = distance_masses(own.grammar, strings, level, node, apart)
        return np.asarray(neighbour_risk(masses, np.array(sizes)).mean(axis=0), np.float64)

    return DrawnCurve(
        "1-nn among strings, exact over training strings, averaged over rules", ZERO_ONE, risks, _constant(ZERO_ONE)
    )


def _token_distances(recipe: GrammarRecipe) -> I64 | None:
    """Squared distances of tokens in X, up to a factor; None where they are no small whole numbers."""
    numbers = np.arange(recipe.symbols)
    if recipe.encoding == "one-hot":
        return np.asarray(numbers[:, None] != numbers, np.int64)
    squares: I64 = np.square(numbers[:, None] - numbers)
    return squares if recipe.encoding == "tokens" else None


def _work(recipe: GrammarRecipe, farthest: int) -> float:
    """Multiplications that the distances from one string take, about."""
    s, levels = recipe.branching, recipe.levels
    work = 0.0
    for level in range(levels):
        symbols = recipe.symbols if level else recipe.roots
        powers = float(farthest * s ** (levels - level - 1) + 1)
        nodes = s**level - 1 + (recipe.target_classes if level < recipe.target_place[0] else 1)
        work += nodes * symbols * recipe.synonyms * (s - 1) * powers**2
    return work


def _counting(recipe: GrammarRecipe, counting: Counting) -> DrawnCurve | None:
    stop = recipe.seen_places.stop
    first = max(recipe.seen_places.start, stop - counting.context)
    if recipe.symbols ** (stop - first) > _CONTEXTS:
        return None

    def risks(own: Any, sizes: tuple[int, ...]) -> F64:
        table = context_table(own.grammar, first, stop, *own.target_place)
        return counting_loss(table, np.array(sizes), counting.prior_count)

    return DrawnCurve(
        f"counts after {stop - first} tokens, exact over training strings, averaged over rules",
        CROSS_ENTROPY,
        risks,
        _constant(CROSS_ENTROPY),
    )


def _constant(loss: str) -> Callable[[Any], float]:
    """Return what gives the risk of the best constant."""

    def risk(own: Any) -> float:
        level, node = own.target_place
        p = node_marginals(own.grammar)[level][node]
        if loss == ZERO_ONE:
            return float(1.0 - p.max())
        return float(-(p * np.log(np.where(p > 0.0, p, 1.0))).sum())

    return risk
