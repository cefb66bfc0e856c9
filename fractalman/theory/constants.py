"""Exact laws of a uniform labelled tree and of its cut tree: the oracles that need nobody's code.

Symbols: N = number of vertices (points), k = a side's size or a distance, B(m) = m^m e^(−m)/m!.
No law is evaluated as a difference of large log-gamma values: those lose digits as N grows, products of ratios and
Stirling's remainder do not.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import F64, I64
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError

_SERIES = (1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360360.0)
_MAX_SHAPES = 12


def _check_points(n_points: int, least: int) -> int:
    if not is_integer(n_points) or int(n_points) < least:
        raise RecipeError(f"n_points = {shown(n_points)}: expected an integer of at least {least}")
    return int(n_points)


# ---------------------------------------------------------------------------------------------------- A1 shapes


def _rooted_code(adjacency: list[list[int]], vertex: int, parent: int) -> tuple[str, int]:
    """Return the canonical code of the tree hanging from ``vertex`` and the number of its automorphisms."""
    below = sorted(_rooted_code(adjacency, child, vertex) for child in adjacency[vertex] if child != parent)
    automorphisms, run = 1, 0
    for i, (code, count) in enumerate(below):
        run = run + 1 if i and below[i - 1][0] == code else 1
        automorphisms *= count * run
    return "(" + "".join(code for code, _ in below) + ")", automorphisms


def _canonical(adjacency: list[list[int]]) -> tuple[str, int]:
    """Return the code and the number of automorphisms of an unrooted tree, read from its centre."""
    degree = [len(neighbours) for neighbours in adjacency]
    layer = [v for v, d in enumerate(degree) if d <= 1]
    left = len(adjacency)
    while left > 2:
        left -= len(layer)
        inner = []
        for leaf in layer:
            for neighbour in adjacency[leaf]:
                degree[neighbour] -= 1
                if degree[neighbour] == 1:
                    inner.append(neighbour)
        layer = inner
    if len(layer) == 1:
        return _rooted_code(adjacency, layer[0], -1)
    first, second = layer
    (code_a, count_a), (code_b, count_b) = sorted(
        (_rooted_code(adjacency, first, second), _rooted_code(adjacency, second, first))
    )
    return f"[{code_a}{code_b}]", count_a * count_b * (2 if code_a == code_b else 1)


def tree_shape(edges: I64) -> str:
    """Return a code that two small trees share exactly when they have the same shape.

    Parameters
    ----------
    edges : (N − 1, 2) int
        The edges of a tree on the vertices 0 … N−1, N ≥ 2 (recursive: meant for small N).

    Returns
    -------
    str
        Nested brackets, one pair per vertex, round about a central vertex and square about a central edge.

    Raises
    ------
    RecipeError
        If the edges are no tree.

    Notes
    -----
    Source: docs/theory.md §1, law A1.

    Examples
    --------
    >>> tree_shape([[0, 1], [1, 2], [2, 3]]) == tree_shape([[3, 0], [0, 2], [2, 1]])
    True
    >>> tree_shape([[0, 1], [0, 2], [0, 3]])
    '(()()())'
    """
    pairs = np.asarray(edges, np.int64).reshape(-1, 2)
    n = pairs.shape[0] + 1
    group = list(range(n))
    adjacency: list[list[int]] = [[] for _ in range(n)]

    def find(v: int) -> int:
        while group[v] != v:
            group[v] = v = group[group[v]]
        return v

    for a, b in pairs.tolist():
        if not (0 <= a < n and 0 <= b < n) or find(a) == find(b):
            raise RecipeError(
                f"edge ({a}, {b}) does not belong to a tree on {n} vertices: "
                f"expected vertices 0 to {n - 1} and no cycle"
            )
        group[find(a)] = find(b)
        adjacency[a].append(b)
        adjacency[b].append(a)
    return _canonical(adjacency)[0]


def tree_shape_probabilities(n_points: int = 6) -> dict[str, float]:
    """Return the probability of every shape of a uniform labelled tree on N vertices (law A1).

    A shape with s symmetries has N!/s labellings out of N^(N−2).

    Parameters
    ----------
    n_points : int, default 6
        Number of points, N, 2 ≤ N ≤ 12.

    Returns
    -------
    dict of str to float
        Code of `tree_shape` → probability; the probabilities sum to 1.

    Raises
    ------
    RecipeError
        If n_points is no integer from 2 to 12.

    Notes
    -----
    Source: Cayley 1889; docs/theory.md §1, law A1.

    Examples
    --------
    >>> {shape: round(p, 4) for shape, p in tree_shape_probabilities(4).items()}
    {'(()()())': 0.25, '[(())(())]': 0.75}
    """
    n = _check_points(n_points, 2)
    return {code: math.factorial(n) / (symmetries * n ** (n - 2)) for (code, symmetries), _ in shapes(n)}


def shapes(n: int) -> list[tuple[tuple[str, int], list[list[int]]]]:
    """Return ((code, number of symmetries), neighbours of every vertex) for every shape of a tree on n vertices."""
    if n > _MAX_SHAPES:
        raise RecipeError(f"n_points = {n}: shapes are listed for 2 to {_MAX_SHAPES} points (their number explodes)")
    found = {_canonical([[1], [0]]): [[1], [0]]}
    for size in range(2, n):  # every tree is a smaller tree and one more leaf
        grown: dict[tuple[str, int], list[list[int]]] = {}
        for tree in found.values():
            for vertex in range(size):
                bigger = [list(neighbours) for neighbours in tree] + [[vertex]]
                bigger[vertex].append(size)
                grown.setdefault(_canonical(bigger), bigger)
        found = grown
    return list(found.items())


# ---------------------------------------------------------------------------------------------------- A2 degrees


def vertex_degree_law(n_points: int) -> F64:
    """Return the law of a vertex's degree, 1 + Binomial(N−2, 1/N) (law A2).

    Parameters
    ----------
    n_points : int
        Number of points, N ≥ 2.

    Returns
    -------
    (min(N, 128),) float64
        Entry j = P(degree = j); what lies beyond is below 1e-200.

    Raises
    ------
    RecipeError
        If n_points is no integer, or too small.

    Notes
    -----
    Source: docs/theory.md §1, law A2 (Prüfer words).

    Examples
    --------
    >>> vertex_degree_law(4).round(4).tolist()
    [0.0, 0.5625, 0.375, 0.0625]
    """
    n = _check_points(n_points, 2)
    out = np.zeros(min(n, 128))
    out[1] = math.exp((n - 2) * math.log1p(-1.0 / n))
    for degree in range(1, out.size - 1):
        out[degree + 1] = out[degree] * (n - 1 - degree) / (degree * (n - 1))
    return out


def tie_probability(n_points: int) -> float:
    """Return the share of points with two or more neighbours at the same, least distance (law A8).

    All edges of an embedded tree have one length, so these are the points of degree ≥ 2: 1 − (1−1/N)^(N−2).

    Parameters
    ----------
    n_points : int
        Number of points, N ≥ 2.

    Returns
    -------
    float
        Between 0 (two points) and 1 − 1/e (the limit of large N).

    Raises
    ------
    RecipeError
        If n_points is no integer, or too small.

    Notes
    -----
    Source: docs/theory.md §1, law A8 (complete population).

    Examples
    --------
    >>> tie_probability(4)
    0.4375
    """
    n = _check_points(n_points, 2)
    return -math.expm1((n - 2) * math.log1p(-1.0 / n))


# ---------------------------------------------------------------------------------------------------- A3 root split


def _stirling_masses(n: int) -> F64:
    """Return B(m) = m^m e^(−m)/m! for m = 1 … n to the last digits, entry m − 1."""
    m = np.arange(1, n + 1, dtype=np.float64)
    inverse = 1.0 / m
    square = inverse * inverse
    remainder = np.zeros(n)
    for coefficient in reversed(_SERIES):
        remainder = remainder * square + coefficient
    out = np.exp(-remainder * inverse) / np.sqrt(2.0 * np.pi * m)
    for small in range(1, min(n, 24) + 1):  # the series is asymptotic: it needs m of 25 for sixteen digits
        out[small - 1] = small**small / math.factorial(small) * math.exp(-small)
    return np.asarray(out, np.float64)


def root_split_law(n_points: int) -> F64:
    """Return the law of one side's size at the first cut of a uniform tree (law A3).

    P(k) = C(N,k) k^(k−1) (N−k)^(N−k−1) / (2(N−1)N^(N−2)); either side may be the one, so P(k) = P(N−k).

    Parameters
    ----------
    n_points : int
        Number of points, N ≥ 2.

    Returns
    -------
    (N,) float64
        Entry k = P(k), entry 0 is 0; relative error below 1e-12, sum 1.

    Raises
    ------
    RecipeError
        If n_points is no integer, or too small.

    Notes
    -----
    Source: Aldous & Pitman 1998; docs/theory.md §1, law A3.

    Examples
    --------
    >>> root_split_law(4).round(4).tolist()
    [0.0, 0.375, 0.25, 0.375]
    """
    n = _check_points(n_points, 2)
    mass = _stirling_masses(n)
    k = np.arange(1, n, dtype=np.float64)
    out = np.zeros(n)
    out[1:] = mass[:-1] * mass[-2::-1] / (k * (n - k)) * (n / (n - 1.0) * n / 2.0 / mass[-1])
    return out


# ---------------------------------------------------------------------------------------------------- A4, A5 distances


def tree_distance_law(n_points: int) -> F64:
    """Return the law of the graph distance of two distinct random vertices (law A5).

    P(k) = (k+1)(N−2)! / ((N−1−k)! N^k), k = 1 … N−1: a Rayleigh law at the scale √N.

    Parameters
    ----------
    n_points : int
        Number of points, N ≥ 2.

    Returns
    -------
    (K,) float64
        Entry k = P(k), entry 0 is 0; cut where the remaining probability is below 1e-300.

    Raises
    ------
    RecipeError
        If n_points is no integer, or too small.

    Notes
    -----
    Source: Meir & Moon 1970; docs/theory.md §1, law A5.

    Examples
    --------
    >>> tree_distance_law(3).round(4).tolist()
    [0.0, 0.6667, 0.3333]
    """
    n = _check_points(n_points, 2)
    longest = min(n - 1, math.ceil(math.sqrt(1400.0 * n)) + 1)
    k = np.arange(1, longest + 1, dtype=np.float64)
    steps = 1.0 - k / n
    steps[0] = 1.0
    out = np.zeros(longest + 1)
    out[1:] = (k + 1.0) / n * np.cumprod(steps)
    return out


def mean_leaf_depth(n_points: int) -> float:
    """Return the mean number of latents above a point in the cut tree (law A4).

    m(N) = (N−1)·E[1/distance] with law A5, which solves m(N) = 1 + 2 Σ_k P(k)(k/N) m(k) with law A3; it approaches
    √(πN/2) from above.

    Parameters
    ----------
    n_points : int
        Number of points, N ≥ 1.

    Returns
    -------
    float
        Mean over trees and points; 0 for one point.

    Raises
    ------
    RecipeError
        If n_points is no integer, or too small.

    Notes
    -----
    Source: docs/theory.md §1, law A4.

    Examples
    --------
    >>> round(mean_leaf_depth(3), 4)
    1.6667
    """
    n = _check_points(n_points, 1)
    if n == 1:
        return 0.0
    law = tree_distance_law(n)
    return float((n - 1) * np.sum(law[1:] / np.arange(1, law.size)))
