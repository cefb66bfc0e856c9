"""The exact posterior of a dataset's target given its rules, and what the best predictor that knows them loses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.theory.grammars.entropies import entropy_of_rows


def posterior(data: Any, rows: Any = None) -> F64:
    """Return the probabilities of every value of y given the tokens of rows and the rules of the grammar.

    Parameters
    ----------
    data : Dataset or File
        Of a family whose points are strings of tokens, e.g. `RandomHierarchyModel`.
    rows : (k,) integer, or (n_points,) bool, or None, default None
        Which points; None = all.

    Returns
    -------
    (k, classes) float64
        Rows sum to 1; column c is y = c.

    Raises
    ------
    RecipeError
        For other families, and rows that are not there.

    Notes
    -----
    Inside–outside on the derivation tree, see `theory.grammars.latent_posterior`. It is exact; where every string has
    one derivation it is 0 or 1 for every symbol above the tokens.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.RandomHierarchyModel(n_points=50, levels=2))
    >>> chance = fm.theory.posterior(data, [3, 5])
    >>> chance.shape, bool((chance.argmax(axis=1) == data.y[[3, 5]]).all())
    ((2, 8), True)
    """
    if not all(hasattr(data, name) for name in ("recipe", "tokens", "n_points")):
        raise RecipeError(f"found {type(data).__name__}: expected a dataset or an open file; use fm.open(path)")
    known = getattr(data.recipe, "target_posterior", None)
    by_subtask = getattr(data.recipe, "subtask_posterior", None)
    if (known is None and by_subtask is None) or data.tokens is None:
        raise RecipeError(
            f"family {data.recipe.family!r} has no rules from which a posterior follows: expected strings of a "
            "grammar; use random-hierarchy-model"
        )
    n = data.n_points
    if rows is None:
        chosen = np.arange(n)
    else:
        chosen = np.atleast_1d(np.asarray(rows))
        if chosen.dtype == bool and chosen.shape == (n,):
            chosen = np.flatnonzero(chosen)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise RecipeError(f"rows of type {chosen.dtype} and shape {chosen.shape}: expected integers (k,)")
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < n):
            raise RecipeError(f"rows from {chosen.min()} to {chosen.max()}: expected 0 to {n - 1}")
    tokens = data.tokens[chosen]
    given: F64 = by_subtask(tokens, data.cluster[chosen]) if by_subtask is not None else known(tokens)  # type: ignore[misc]
    return given


@dataclass(frozen=True)
class DiscreteFloor(Display):
    """What the best predictor of a symbol loses that knows the rules, from the posteriors of a dataset's rows.

    Attributes
    ----------
    cross_entropy : float
        Nats: the mean entropy of the posteriors.
    cross_entropy_error : float
        One standard error of the mean over the rows; nan for a single row.
    zero_one : float
        Share of rows in which the likeliest symbol is expected to be wrong: the mean of 1 − the largest probability.
    zero_one_error : float
        Likewise.
    rows : int
        How many rows.
    """

    cross_entropy: float
    cross_entropy_error: float
    zero_one: float
    zero_one_error: float
    rows: int


def discrete_floor(data: Any, rows: Any = None) -> DiscreteFloor:
    """Return the Bayes cross-entropy and 0–1 risk of a dataset's target given what is seen and the rules.

    Parameters
    ----------
    data : Dataset or File
        Of a family that has a `posterior`.
    rows : (k,) integer or None, default None
        Over which points; None = all.

    Returns
    -------
    DiscreteFloor
        Means over the rows, which estimate those over the law of the data. Labels are not looked at, so the errors are
        smaller than those of the loss of any predictor on as many rows.

    Raises
    ------
    RecipeError
        As `posterior`, and for no rows.

    Notes
    -----
    For sequences `theory.grammars.token_floor` is the same without sampling error, where it can be summed.

    Examples
    --------
    >>> import fractalman as fm
    >>> floor = discrete_floor(fm.generate(fm.GrammarLanguage(n_points=2000, levels=2, vocabulary=4, synonyms=2)))
    >>> round(floor.cross_entropy, 1), round(floor.zero_one, 1)
    (0.6, 0.4)
    """
    chance = posterior(data, rows)
    if not len(chance):
        raise RecipeError("no rows: expected at least one")
    entropy, wrong = entropy_of_rows(chance), 1.0 - chance.max(axis=1)

    def error(of: F64) -> float:
        return float(of.std(ddof=1) / math.sqrt(of.size)) if of.size > 1 else math.nan

    return DiscreteFloor(float(entropy.mean()), error(entropy), float(wrong.mean()), error(wrong), len(chance))
