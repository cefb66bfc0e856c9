"""Counting laws of the Random Hierarchy Model and the number of examples that learning its rules takes."""

from __future__ import annotations


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
