"""How strongly tokens are correlated, by the height of the symbol that joins them: of given rules, and on average.

Letters: L levels, v vocabulary, m synonyms, s branching, l the height of the lowest symbol that two tokens derive from.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.theory.grammars.entropies import node_marginals, placement
from fractalman.theory.grammars.rules import Grammar


def token_correlations(grammar: Grammar) -> F64:
    """Return the correlations of two tokens by the height of the symbol that joins them, for given rules.

    Parameters
    ----------
    grammar : Grammar
        The rules.

    Returns
    -------
    (L,) float64
        Entry l − 1: the root of the mean of (P(x_i = a, x_j = b) − P(x_i = a)·P(x_j = b))² over all tokens a, b and all
        pairs of positions whose lowest common symbol is l levels above them.

    Notes
    -----
    Exact, in O(nodes·v³): Σ ‖A_iᵀ C B_j‖² over the leaves below two siblings is tr(Cᵀ·ΣA_iA_iᵀ·C·ΣB_jB_jᵀ), with C
    the siblings' covariance and A_i the transitions down to a leaf. Source: docs/theory.md §1.

    Examples
    --------
    >>> from fractalman.theory.grammars import random_grammar
    >>> token_correlations(random_grammar(seed=0, levels=3, vocabulary=8, synonyms=4)).round(5).tolist()
    [0.01543, 0.00371, 0.00052]
    """
    steps, marginals = placement(grammar), node_marginals(grammar)
    spread = np.eye(grammar.vocabulary)  # Σ over leaves below a symbol of A Aᵀ, level by level from the tokens
    out = np.zeros(grammar.levels)
    for level in range(grammar.levels - 1, -1, -1):
        rules, chance, step = grammar.productions[level], grammar.probabilities[level], steps[level]
        s = len(step)
        height = grammar.levels - level
        total = 0.0
        for own in marginals[level]:
            single = own @ step
            for i in range(s):
                for j in range(i + 1, s):
                    covariance = -np.outer(single[i], single[j])
                    np.add.at(covariance, (rules[:, :, i], rules[:, :, j]), own[:, None] * chance)
                    total += float(np.sum((spread @ covariance @ spread) * covariance))
        leaves = s ** (height - 1)
        pairs = len(marginals[level]) * s * (s - 1) // 2 * leaves**2
        out[height - 1] = math.sqrt(max(0.0, total / (pairs * grammar.vocabulary**2))) if pairs else 0.0
        spread = sum((step[j] @ spread @ step[j].T for j in range(s)), np.zeros((step.shape[1], step.shape[1])))
    return out


def expected_correlation(*, vocabulary: int, synonyms: int, branching: int = 2, height: int) -> float:
    """Return the root-mean-square correlation of two tokens over random rules with equally likely productions.

    Parameters
    ----------
    vocabulary, synonyms : int
        v and m, 1 ≤ m ≤ v^(s−1).
    branching : int, default 2
        s.
    height : int
        l ≥ 1, levels from the tokens up to their lowest common symbol.

    Returns
    -------
    float
        √((1 − m/v^(s−1))/(v³·m^(2l−1))), to leading order in 1/v.

    Raises
    ------
    RecipeError
        For numbers outside.

    Notes
    -----
    One level up, v·m of v^s tuples are productions, drawn without replacement: the variance of how many of them hold
    two given tokens, over (v·m)². Every further level averages over m productions on either side. The tokens' distance
    is about s^l, so correlations fall as its power ln m/ln s. Source: Cagnetta & Wyart, arXiv 2406.00048 (its abstract
    was read); derived here. It is an average for large v: over 100 drawn rules the mean square was 1.07, .98, .83 times
    this one's at v = 32, m = 8, s = 2 and heights 1, 2, 3 of 3, and 1.16, .81, .49 times at v = 8, m = 2. Rules at hand
    have `token_correlations`, exactly.

    Examples
    --------
    >>> round(expected_correlation(vocabulary=8, synonyms=4, height=1), 5)
    0.01562
    """
    v, m, s, height = _checked(vocabulary, synonyms, branching, height)
    return math.sqrt((1.0 - m / v ** (s - 1)) / (v**3 * float(m) ** (2 * height - 1)))


def correlation_sample_complexity(*, vocabulary: int, synonyms: int, branching: int = 2, height: int) -> float:
    """Return how many strings it takes until correlations over so many levels stand out from sampling noise.

    Parameters
    ----------
    vocabulary, synonyms : int
        v and m.
    branching : int, default 2
        s.
    height : int
        l ≥ 1, levels from the tokens up to their lowest common symbol.

    Returns
    -------
    float
        v·m^(2l−1)/(1 − m/v^(s−1)), up to a factor of order one; inf where all tuples are productions and nothing is
        correlated.

    Raises
    ------
    RecipeError
        For numbers outside.

    Notes
    -----
    The share of a pair of tokens among n strings has the variance v^−2/n of sampling, and `expected_correlation`² of
    signal; they are alike at this n. Source: Cagnetta & Wyart, arXiv 2406.00048 (abstract), whose networks build the
    hidden symbols of height l from about so many strings (not verified at the source).

    Examples
    --------
    >>> [correlation_sample_complexity(vocabulary=8, synonyms=4, height=height) for height in (1, 2, 3)]
    [64.0, 1024.0, 16384.0]
    """
    signal = expected_correlation(vocabulary=vocabulary, synonyms=synonyms, branching=branching, height=height)
    return 1.0 / (float(vocabulary) * signal) ** 2 if signal > 0.0 else math.inf


def _checked(vocabulary: int, synonyms: int, branching: int, height: int) -> tuple[int, int, int, int]:
    v, m, s, height = (int(number) for number in (vocabulary, synonyms, branching, height))
    if v < 1 or s < 2 or height < 1 or not 1 <= m <= v ** (s - 1):
        raise RecipeError(
            f"vocabulary = {v}, synonyms = {m}, branching = {s}, height = {height}: expected branching >= 2, height >= "
            "1 and 1 <= synonyms <= vocabulary^(branching - 1)"
        )
    return v, m, s, height
