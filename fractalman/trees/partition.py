"""Classes from a hierarchy: the points divided into a given number of subclusters, as evenly as the tree allows."""

from __future__ import annotations

from bisect import insort

import numpy as np

from fractalman._typing import F64, I64
from fractalman.errors import RecipeError

_EQUAL = 1e-12
"""Entropies that differ by less are equal, whatever a machine's logarithm rounds."""


def subcluster_classes(parent: I64, size: I64, n_points: int, classes: int) -> F64:
    """Return the class of every point: its subcluster in the most even division into so many.

    Clusters are divided largest first, a subcluster into its children (ties: the smallest node). After every division
    the C − 1 largest subclusters are classes 0 … C − 2, the largest first, and all the others together are class C − 1.
    Of these divisions that one counts whose class shares have the largest entropy, of several the one with the fewest
    steps.

    Parameters
    ----------
    parent, size : (nodes,) int64
        Of the hierarchy: points first, then latents; −1 above clusters.
    n_points : int
        Number of points n.
    classes : int
        C, from 2 to n.

    Returns
    -------
    (n,) float64
        0 … C − 1, each of them somewhere.

    Raises
    ------
    RecipeError
        For fewer points than classes.

    Examples
    --------
    Six points in three subclusters of two:

    >>> import numpy as np
    >>> parent = np.array([6, 6, 7, 7, 8, 8, 9, 9, 9, -1])
    >>> size = np.array([1, 1, 1, 1, 1, 1, 2, 2, 2, 6])
    >>> subcluster_classes(parent, size, 6, 3).tolist()
    [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    """
    if n_points < classes:
        raise RecipeError(
            f"subclusters = {classes}: {n_points} points were drawn, expected at least as many as classes"
        )
    division = _best_division(parent, size, n_points, classes)
    number = np.full(len(parent), -1, np.int64)
    number[division] = np.minimum(np.arange(len(division)), classes - 1)
    pending = np.arange(n_points)
    at = pending.copy()  # every point climbs until it meets a subcluster of the division
    while pending.size:
        pending = pending[number[at[pending]] < 0]
        at[pending] = parent[at[pending]]
    return number[at].astype(np.float64)


def _best_division(parent: I64, size: I64, n_points: int, classes: int) -> I64:
    """Return the subclusters of the most even division, the largest first."""
    children = np.argsort(parent, kind="stable")
    start = np.searchsorted(parent[children], np.arange(len(parent) + 1))
    pieces = sorted((-int(size[node]), int(node)) for node in np.flatnonzero(parent < 0))
    best, most = pieces[:], -1.0
    while True:
        largest = [-count for count, _ in pieces[: classes - 1]]
        seen = sum(largest)
        if len(pieces) >= classes:
            evenness = _entropy([*largest, n_points - seen], n_points)
            if evenness > most + _EQUAL:
                best, most = pieces[:], evenness
        # the largest pieces only shrink: once even equal ones of the same sum are less even, nothing better comes
        if (seen <= n_points * (classes - 1) / classes and _bound(seen, n_points, classes) <= most) or (
            pieces[0][0] == -1
        ):
            return np.array([node for _, node in best], np.int64)
        _, node = pieces.pop(0)
        for child in children[start[node] : start[node + 1]]:
            insort(pieces, (-int(size[child]), int(child)))


def _entropy(counts: list[int], n: int) -> float:
    shares = np.array([count for count in counts if count], np.float64) / n
    return float(-np.sum(shares * np.log(shares)))


def _bound(seen: int, n: int, classes: int) -> float:
    """The entropy of C − 1 equal classes with so many points, and the rest."""
    return _entropy([n - seen], n) + (seen / n) * float(np.log((classes - 1) * n / seen)) if seen else 0.0
