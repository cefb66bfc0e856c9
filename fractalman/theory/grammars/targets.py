"""The exact posterior of a dataset's target given its rules: what the best predictor that knows them says."""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError


def posterior(data: Any, rows: Any = None) -> F64:
    """Return the probabilities of every value of y given the tokens of rows and the rules of the grammar.

    Parameters
    ----------
    data : Dataset or File
        Of a family whose points are strings of tokens, e.g. `RandomHierarchyModel`.
    rows : (k,) integer or None, default None
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
    known = getattr(data.recipe, "target_posterior", None)
    if known is None or data.tokens is None:
        raise RecipeError(
            f"family {data.recipe.family!r} has no rules from which a posterior follows: expected strings of a "
            "grammar; use random-hierarchy-model"
        )
    n = data.n_points
    if rows is None:
        chosen = np.arange(n)
    else:
        chosen = np.atleast_1d(np.asarray(rows))
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise RecipeError(f"rows of type {chosen.dtype} and shape {chosen.shape}: expected integers (k,)")
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < n):
            raise RecipeError(f"rows from {chosen.min()} to {chosen.max()}: expected 0 to {n - 1}")
    answer: F64 = known(data.tokens[chosen])
    return answer
