"""What is lost on strings of a grammar by who knows the family but not the rules, whatever the learner.

Letters: n_c classes with m productions each, M = n_c·m of them; U_c productions of class c that no training string had.
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError

_OPERATIONS = 1 << 27


def unknown_rules_risk(n: int, *, classes: int, synonyms: int) -> float:
    """Return a lower bound on the 0–1 risk of every learner of a random hierarchy's classes that is not told the rules.

    Parameters
    ----------
    n : int
        Training strings, n ≥ 0.
    classes, synonyms : int
        n_c and m; classes and productions are equally likely, productions of a level all different.

    Returns
    -------
    float
        The expected share of wrong classes among further strings of who knows all rules below the first level, and is
        the best possible: no learner is below it. With one level there is nothing below, and it is the risk itself.

    Raises
    ------
    RecipeError
        For numbers outside, and where n·M is above 2^27.

    Notes
    -----
    A production seen is known. One not seen belongs to class c with probability U_c/ΣU, all draws of rules being alike,
    so the best answer is the class with most of them, and the risk is E[ΣU − max U]/M. The number of different
    productions seen is that of boxes filled by n balls; given it they are a uniform subset of the M. Source: derived
    in docs/theory.md §1.

    Examples
    --------
    >>> [round(unknown_rules_risk(n, classes=8, synonyms=4), 3) for n in (0, 32, 128)]
    [0.875, 0.274, 0.003]
    """
    slots = classes * synonyms
    if n < 0 or classes < 1 or synonyms < 1 or n * slots > _OPERATIONS or slots * slots * synonyms > _OPERATIONS:
        raise RecipeError(
            f"n = {n}, classes = {classes}, synonyms = {synonyms}: expected n >= 0, classes and synonyms >= 1, and "
            f"n·classes·synonyms and classes²·synonyms³ of at most 2^27"
        )
    seen = np.zeros(slots + 1)
    seen[0] = 1.0
    filled = np.arange(slots + 1) / slots
    for _ in range(n):
        further = seen * (1.0 - filled)
        seen *= filled
        seen[1:] += further[:-1]
    most = _expected_largest(classes, synonyms)
    unseen = np.arange(slots, -1, -1)
    return float(seen @ (unseen - most[unseen])) / slots


def _expected_largest(classes: int, synonyms: int) -> F64:
    """E[largest part in one class] of a uniform subset of u of all productions, (M + 1,) for u = 0 … M."""
    slots = classes * synonyms
    sizes = np.arange(slots + 1)
    out = np.zeros(slots + 1)
    for bound in range(synonyms):
        out += 1.0 - _none_above(classes, synonyms, bound)[sizes]
    return out


def _none_above(classes: int, synonyms: int, bound: int) -> F64:
    """P(no class has more than ``bound`` of a uniform subset of u), class after class by the hypergeometric law."""
    slots = classes * synonyms
    chance = np.zeros(slots + 1)  # of u among the classes so far, each of them at most the bound
    chance[: bound + 1] = 1.0
    chance[bound + 1 :] = 0.0
    for before in range(1, classes):
        had, total = before * synonyms, (before + 1) * synonyms
        merged = np.zeros(slots + 1)
        size = np.arange(total + 1)
        for own in range(bound + 1):
            rest = size - own
            fits = (rest >= 0) & (rest <= had)
            log = _log_choose(synonyms, np.array([own])) + _log_choose(had, rest[fits])
            log -= _log_choose(total, size[fits])
            merged[size[fits]] += np.exp(log) * chance[rest[fits]]
        chance = merged
    return chance


def _log_choose(n: int, k: I64) -> F64:
    from scipy.special import gammaln

    out: F64 = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return out
