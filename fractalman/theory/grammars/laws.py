"""Counting laws of the Random Hierarchy Model and the number of examples that learning its rules takes."""

from __future__ import annotations

import numpy as np

from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.theory.grammars.rules import zipf_probabilities


def derivations_per_symbol(synonyms: int, branching: int, levels: int, unary: bool = False) -> int:
    """Return how many strings one symbol derives in so many levels, m^((s^l − 1)/(s − 1)).

    Parameters
    ----------
    synonyms, branching : int
        m and s.
    levels : int
        l ≥ 0.
    unary : bool, default False
        Whether it, and symbols below it, may be passed down a level as they are; it is then no class.

    Returns
    -------
    int
        Exact, however large.

    Notes
    -----
    Every one of the 1 + s + … + s^(l−1) symbols on the way chooses among m productions. Source: arXiv 2307.02129. With
    symbols passed down it is N_l = m·N_(l−1)^s + N_(l−1), N_0 = 1: docs/theory.md §1.

    Examples
    --------
    >>> derivations_per_symbol(synonyms=4, branching=2, levels=3)
    16384
    >>> derivations_per_symbol(synonyms=4, branching=2, levels=3, unary=True)
    44205
    """
    if unary:
        strings = 1
        for _ in range(levels):
            strings += int(synonyms) * strings ** int(branching)
        return strings
    nodes = levels if branching == 1 else (branching**levels - 1) // (branching - 1)
    total: int = int(synonyms) ** nodes
    return total


def number_of_data(classes: int, synonyms: int, branching: int, levels: int, unary: bool = False) -> int:
    """Return how many different strings an unambiguous grammar makes, n_c·m^((s^L − 1)/(s − 1)).

    Parameters
    ----------
    classes, synonyms, branching, levels : int
        n_c, m, s, L.
    unary : bool, default False
        Whether symbols below the class may be passed down; there are then n_c·m·N_(L−1)^s strings, N of
        `derivations_per_symbol`.

    Returns
    -------
    int
        Exact, however large.

    Examples
    --------
    >>> number_of_data(classes=8, synonyms=4, branching=2, levels=3)
    131072
    >>> number_of_data(classes=8, synonyms=4, branching=2, levels=3, unary=True)
    352800
    """
    if not unary:
        return int(classes) * derivations_per_symbol(synonyms, branching, levels)
    below = derivations_per_symbol(synonyms, branching, levels - 1, unary=True)
    strings: int = int(classes) * int(synonyms) * below ** int(branching)
    return strings


def number_of_tokens_law(*, branching: int, levels: int, unary_probability: float) -> F64:
    """Return the distribution of how many tokens a string has, blanks left out, where symbols may be passed down.

    Parameters
    ----------
    branching, levels : int
        s ≥ 2 and L ≥ 1.
    unary_probability : float
        u, 0 ≤ u < 1, as for `random_grammar`.

    Returns
    -------
    (s^L + 1,) float64
        Entry k is the chance of k tokens. Its mean is s·(u + (1 − u)·s)^(L − 1).

    Raises
    ------
    RecipeError
        For numbers outside.

    Notes
    -----
    Generating functions, G_0(z) = z for a token and G_l = u·G_(l−1) + (1 − u)·G_(l−1)^s for a symbol l levels above; a
    string's is G_(L−1)^s. Productions do not matter. Source: docs/theory.md §1.

    Examples
    --------
    >>> number_of_tokens_law(branching=2, levels=2, unary_probability=0.5).tolist()
    [0.0, 0.0, 0.25, 0.5, 0.25]
    """
    if branching < 2 or levels < 1 or not 0.0 <= unary_probability < 1.0 or branching**levels > 1 << 14:
        raise RecipeError(
            f"branching = {branching}, levels = {levels}, unary_probability = {unary_probability}: expected "
            "branching >= 2, levels >= 1, 0 <= unary_probability < 1, and at most 2^14 tokens"
        )
    law = np.array([0.0, 1.0])
    for _ in range(levels - 1):
        replaced = _power(law, branching)
        passed = np.zeros_like(replaced)
        passed[: law.size] = law
        law = unary_probability * passed + (1.0 - unary_probability) * replaced
    return _power(law, branching)


def _power(law: F64, times: int) -> F64:
    """The law of a sum of so many independent numbers, directly: no chance is lost to rounding against larger ones."""
    out = law
    for _ in range(times - 1):
        out = np.convolve(out, law)
    return out


def random_hierarchy_sample_complexity(classes: int, synonyms: int, distance: int) -> int:
    """Return how many labelled examples it takes to tell synonyms apart by their correlation with the class, n_c·m^l.

    Parameters
    ----------
    classes, synonyms : int
        n_c and m.
    distance : int
        Levels between the class and the tuples in question, l = 1 … L; for tuples of tokens it is L, and what lies
        above takes fewer.

    Returns
    -------
    int
        A number of training examples, up to a factor of order one.

    Notes
    -----
    A tuple l levels below the class is one of about n_c·m^l equally likely (class, derivation) pairs; its counts by
    class differ from their mean by more than their sampling noise, the root of a count, from there on. Source: Cagnetta
    et al., arXiv 2307.02129, whose threshold of deep networks is n_c·m^L (statement looked up, not verified there).

    Examples
    --------
    >>> random_hierarchy_sample_complexity(classes=8, synonyms=4, distance=3)
    512
    """
    examples: int = int(classes) * int(synonyms) ** int(distance)
    return examples


def rare_rules_window(synonyms: int, zipf_exponent: float) -> tuple[float, float]:
    """Return between which numbers of meetings the mass of productions not met falls as a power, with a/(1 + a).

    Parameters
    ----------
    synonyms : int
        m, productions of a symbol; that of rank r has probability p_r ∝ r^−(1 + a).
    zipf_exponent : float
        a > 0.

    Returns
    -------
    low, high : float
        Σ p_r exp(−p_r x) falls as x^−a/(1+a), its local slope within about 15 %, for x from low to high; the window is
        empty where low > high, as it is for few productions.

    Notes
    -----
    Below 1/p_4 the discreteness of the first ranks shows; where a rank R is met the tail left is R^−a − m^−a, so the
    slope is off by a tenth from (R/m)^a = .1 on, x = .1^((1+a)/a)/p_m. Exact sums: docs/theory.md §1.

    Examples
    --------
    >>> low, high = rare_rules_window(4096, 1.0)
    >>> round(low), round(high)
    (26, 275933)
    """
    chance = zipf_probabilities(synonyms, zipf_exponent)
    low = 1.0 / chance[min(3, synonyms - 1)]
    return float(low), float(0.1 ** ((1.0 + zipf_exponent) / zipf_exponent) / chance[-1])
