"""Counting laws of the Random Hierarchy Model and the number of examples that learning its rules takes."""

from __future__ import annotations

from fractalman.theory.grammars.rules import zipf_probabilities


def derivations_per_symbol(synonyms: int, branching: int, levels: int) -> int:
    """Return how many strings one symbol derives in so many levels, m^((s^l − 1)/(s − 1)).

    Parameters
    ----------
    synonyms, branching : int
        m and s.
    levels : int
        l ≥ 0.

    Returns
    -------
    int
        Exact, however large.

    Notes
    -----
    Every one of the 1 + s + … + s^(l−1) symbols on the way chooses among m productions. Source: arXiv 2307.02129.

    Examples
    --------
    >>> derivations_per_symbol(synonyms=4, branching=2, levels=3)
    16384
    """
    nodes = levels if branching == 1 else (branching**levels - 1) // (branching - 1)
    total: int = int(synonyms) ** nodes
    return total


def number_of_data(classes: int, synonyms: int, branching: int, levels: int) -> int:
    """Return how many different strings an unambiguous grammar makes, n_c·m^((s^L − 1)/(s − 1)).

    Parameters
    ----------
    classes, synonyms, branching, levels : int
        n_c, m, s, L.

    Returns
    -------
    int
        Exact, however large.

    Examples
    --------
    >>> number_of_data(classes=8, synonyms=4, branching=2, levels=3)
    131072
    """
    return int(classes) * derivations_per_symbol(synonyms, branching, levels)


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
