"""Critical clusters: shapes, degrees, cuts, depths, distances (laws A1 to A5), and how they lie in space (A8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

import fractalman as fm
from _long_tier.core import Outcome, chi_square, count, family, seed_range, z_test
from fractalman import theory
from fractalman.families import _forests as forests
from fractalman.families._forests.nested import nested_parents
from fractalman.random import streams
from fractalman.random.streams import Role, key64
from fractalman.trees import depths
from tests.reference import streams as plain

GROWTH = {
    "coalescent": forests.critical_cluster,
    "nested": forests.nested_cluster,
}


def edges_of(growth: str, n: int, seed: int) -> np.ndarray:
    """The edges of a cluster; of a nested one, those of the prefix of one a third larger."""
    if growth == "nested":
        return np.stack([nested_parents(n + n // 3 + 1, seed)[1:n], np.arange(1, n)], axis=1)
    return forests.critical_cluster(n, seed).edges


def recursive_tree(n: int, seed: int) -> np.ndarray:
    """The control: every new vertex hangs on a uniform earlier one."""
    draws = streams.draws(key64(seed, Role.MEASUREMENT, 7), n)
    return np.array([(int(draws[v]) % v, v) for v in range(1, n)])


def chosen(n: int, seed: int, which: int = 0) -> int:
    """A uniform vertex."""
    return plain.draw_below(key64(seed, Role.MEASUREMENT, 8), which, n)


def two_chosen(n: int, seed: int) -> tuple[int, int]:
    """Two distinct uniform vertices."""
    a = chosen(n, seed)
    return a, (a + 1 + chosen(n - 1, seed, 1)) % n


@family("A1/{0}/N={1}", ("coalescent", 5), ("coalescent", 6), ("coalescent", 7), ("nested", 5), ("nested", 6))
def a1_shapes(scale: float, growth: str, n: int) -> Outcome:
    """Shapes of the tree; control: a random recursive tree."""
    law = theory.tree_shape_probabilities(n)

    def counts(trees: Iterator[np.ndarray]) -> list[int]:
        found: dict[bytes, int] = {}
        shape: dict[bytes, str] = {}
        for edges in trees:
            pattern = np.sort(edges, axis=1)
            code = pattern[np.lexsort(pattern.T)].tobytes()
            if code not in shape:
                shape[code] = theory.tree_shape(edges)
            found[code] = found.get(code, 0) + 1
        return [sum(k for code, k in found.items() if shape[code] == name) for name in law]

    m = count(scale, 300_000, 4_000)
    p, scores = chi_square(counts(edges_of(growth, n, s) for s in seed_range(m, 1)), list(law.values()))
    control = chi_square(counts(recursive_tree(n, s) for s in seed_range(min(m, 20_000), 2)), list(law.values()))[0]
    return Outcome(p, m, control, scores)


@family("A2/{0}/N={1}", *((g, n) for g in GROWTH for n in (20, 200, 2000)))
def a2_degrees(scale: float, growth: str, n: int) -> Outcome:
    """Degree of a uniform vertex, one a tree; control: a random recursive tree."""
    law, m = theory.vertex_degree_law(n), count(scale, 100_000 if n < 1000 else 20_000, 2_000)

    def counts(make: Callable[[int], np.ndarray], trees: range) -> np.ndarray:
        degree = [int((make(s) == chosen(n, s)).sum()) for s in trees]
        return np.bincount(degree, minlength=law.size)[: law.size]

    p, scores = chi_square(counts(lambda s: edges_of(growth, n, s), seed_range(m, 3)), law)
    control = chi_square(counts(lambda s: recursive_tree(n, s), seed_range(min(m, 4_000), 4)), law)[0]
    return Outcome(p, m, control, scores)


@family("A3/{0}/N={1}", *((g, n) for g in GROWTH for n in (10, 100, 1000)))
def a3_root_split(scale: float, growth: str, n: int) -> Outcome:
    """Smaller side of the first cut; control: a uniform side."""
    law = theory.root_split_law(n)[1:]
    m = count(scale, 100_000, 3_000)
    sides = []
    for s in seed_range(m, 5):
        tree = GROWTH[growth](n, s)
        sides.append(int(tree.size[tree.parent == n].min()))
    half = (law + law[::-1])[: n // 2]
    if n % 2 == 0:
        half[-1] = law[n // 2 - 1]
    counts = np.bincount(sides, minlength=n // 2 + 1)[1:]
    p, scores = chi_square(counts, half)
    uniform = np.array([1 + chosen(n - 1, s) for s in seed_range(m, 6)])
    wrong = np.bincount(np.minimum(uniform, n - uniform), minlength=n // 2 + 1)[1:]
    return Outcome(p, m, chi_square(wrong, half)[0], scores)


@family("A4/{0}/N={1}", *((g, n) for g in GROWTH for n in (10, 100, 1000, 10_000)))
def a4_leaf_depth(scale: float, growth: str, n: int) -> Outcome:
    """Mean number of latents above a uniform point; control: the mean of a size a third larger.

    Depths are Rayleigh, their deviation .52 of the mean: the control is 15 % off, 16 standard errors of 3000 draws.
    """
    m = count(scale, 100_000 if n < 1000 else 20_000 if n < 10_000 else 3_000)
    sample = [GROWTH[growth](n, s).depth[chosen(n, s)] for s in seed_range(m, 9)]
    p, scores = z_test(sample, theory.mean_leaf_depth(n))
    return Outcome(p, m, z_test(sample, theory.mean_leaf_depth(n + n // 3 + 1))[0], scores)


def distances(edges: np.ndarray, n: int, root: int) -> np.ndarray:
    """Edges between ``root`` and every point."""
    parent, order = forests.rooted_order(edges, n, root)
    return depths(parent.astype(np.int64), order.astype(np.int64))


@family("A5/{0}/N={1}", *((g, n) for g in GROWTH for n in (10, 100, 1000, 10_000)))
def a5_distance(scale: float, growth: str, n: int) -> Outcome:
    """Distance of two uniform vertices, one pair a tree; control: the law of a size a third larger.

    Of two Rayleigh laws a third apart in N the one adds m/15 to the other's χ² (∫p²/q = 16/15). At N = 10^4 that is
    267, and cells of m/40 draws leave 39 degrees of freedom or less, which scatter by 9.
    """
    m = count(scale, 100_000 if n < 1000 else 20_000 if n < 10_000 else 4_000)
    least = m / 40 if n >= 10_000 else 10.0
    law, other = (theory.tree_distance_law(k) for k in (n, n + n // 3 + 1))
    pairs = [two_chosen(n, s) for s in seed_range(m, 10)]
    found = [
        int(distances(edges_of(growth, n, s), n, a)[b]) for s, (a, b) in zip(seed_range(m, 10), pairs, strict=True)
    ]
    p, scores = chi_square(np.bincount(found, minlength=law.size)[: law.size], law, least)
    return Outcome(p, m, chi_square(np.bincount(found, minlength=other.size)[: other.size], other, least)[0], scores)


# ---------------------------------------------------------------------------------------------------- embedded clusters


@family("A8/N={0}", 200, 1000, 3000)
def a8_ties(scale: float, n: int) -> Outcome:
    """Share of points whose two nearest neighbours tie to 10^-4, all N points in d = 128; control: 2 % of ties missed.

    Leaves of a tree number N/e ± √(.0972 N): a share of .0126 less is 11 standard errors of 400 clusters of 200 points,
    17 of 60 of 3000.
    """
    m, share = count(scale, 400 if n < 3000 else 60, 8), []
    for s in seed_range(m, 11):
        X = fm.generate(fm.PercolationCluster(n_points=n, ambient_dim=128, seed=s)).X.astype(np.float64)
        square = (X * X).sum(axis=1)
        d2 = square[:, None] + square[None, :] - 2.0 * (X @ X.T)
        np.fill_diagonal(d2, np.inf)
        two = np.sqrt(np.partition(d2, 1, axis=1)[:, :2])
        share.append(float((two[:, 1] < two[:, 0] * (1 + 1e-4)).mean()))
    p, scores = z_test(share, theory.tie_probability(n))
    return Outcome(p, m, z_test(share, 0.98 * theory.tie_probability(n))[0], scores)


@family("embedding/distances/N={0},d={1}", (300, 128), (3000, 128), (300, 2))
def embedded_distances(scale: float, n: int, d: int) -> Outcome:
    """Mean of |x_i − x_j|²·√N/(d·distance) from a uniform point is 1; control: every path an edge too long.

    An edge more takes 1/(distance + 1) away: .069 at N = 300, .022 at 3000. One cluster's mean scatters by .06 and .07,
    in the plane by .5: 12 standard errors and more of this many clusters.
    """
    m, ratio, longer = count(scale, 10_000 if d == 2 else 4_000 if n < 1000 else 1_600, 40), [], []
    for s in seed_range(m, 12):
        data = fm.generate(fm.PercolationCluster(n_points=n, ambient_dim=d, seed=s))
        root = chosen(n, s)
        far = distances(data.edges, n, root)
        squared = ((data.X - data.X[root]).astype(float) ** 2).sum(axis=1)
        squared, far = squared[far > 0], far[far > 0]
        ratio.append(float((squared / far).mean() / (d / math.sqrt(n))))
        longer.append(float((squared / (far + 1)).mean() / (d / math.sqrt(n))))
    p, scores = z_test(ratio, 1.0)
    return Outcome(p, m, z_test(longer, 1.0)[0], scores)
