"""The checks of the long statistical tier (scripts/verify_statistics.py): exact laws at sizes that CI cannot afford.

A check is a function of a scale (1 = as the report is meant, less to try it out). It returns one p-value, how many
independent draws made it, a control (something wrong put through the same test, which must be rejected) and numbers
that should be standard normal, for the plot. Draws come from seeds that no test of the fast suite uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

import fractalman as fm
from fractalman import geometry, hierarchy, seeds, theory
from fractalman.hierarchy import depths
from fractalman.seeds import Role, draw_below_twin, key64

FIRST = 1 << 40  # seeds from here on


@dataclass
class Outcome:
    """What a check found: p-value, sample size, control's p-value, normal scores for the plot, a remark."""

    p: float
    n: int
    control: float
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    remark: str = ""


Check = Callable[[float], Outcome]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Enter a check under its name."""

    def enter(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return enter


def family(name: str, *cases: object) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Enter one check per case; ``name`` is a format with the case's parts."""

    def enter(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        for case in cases:
            parts = case if isinstance(case, tuple) else (case,)

            def run(scale: float, parts: tuple[object, ...] = parts) -> Outcome:
                return function(scale, *parts)

            run.__doc__ = function.__doc__
            CHECKS[name.format(*parts)] = run
        return function

    return enter


# ---------------------------------------------------------------------------------------------------- tests


def chi_square(counts: Sequence[float], law: Sequence[float], least: float = 10.0) -> tuple[float, np.ndarray]:
    """p-value of counts against exact probabilities, and the cells' scores; thin cells are joined with their neighbour.

    What ``law`` lacks to 1 is a last cell.
    """
    observed, probability = np.asarray(counts, float), np.asarray(law, float)
    total = observed.sum()
    observed, probability = np.append(observed, 0.0), np.append(probability, max(0.0, 1.0 - probability.sum()))
    cells: list[list[float]] = []
    for o, p in zip(observed, probability, strict=True):
        if cells and cells[-1][1] * total < least:
            cells[-1][0] += o
            cells[-1][1] += p
        else:
            cells.append([o, p])
    while len(cells) > 1 and cells[-1][1] * total < least:
        o, p = cells.pop()
        cells[-1][0] += o
        cells[-1][1] += p
    o, p = np.array(cells).T
    scores = (o - p * total) / np.sqrt(p * (1.0 - p) * total) if len(cells) > 1 else np.zeros(1)
    return float(stats.chi2.sf(((o - p * total) ** 2 / (p * total)).sum(), len(cells) - 1)), scores


def z_test(sample: Sequence[float], mean: float) -> tuple[float, np.ndarray]:
    """p-value of a sample's mean against an exact mean, and the scores of up to 100 batches."""
    x = np.asarray(sample, float)
    batches = np.array_split(x, min(100, max(2, x.size // 20)))
    scores = np.array([(b.mean() - mean) * math.sqrt(b.size) for b in batches]) / x.std(ddof=1)
    return float(2 * stats.norm.sf(abs(x.mean() - mean) * math.sqrt(x.size) / x.std(ddof=1))), scores


def ratio_test(top: Sequence[float], bottom: Sequence[float], ratio: float) -> tuple[float, np.ndarray]:
    """p-value of Σ top / Σ bottom over independent pairs against an exact ratio of expectations."""
    return z_test(np.asarray(top, float) - ratio * np.asarray(bottom, float), 0.0)


def count(scale: float, full: int, least: int = 200) -> int:
    """How many draws at this scale."""
    return max(least, int(full * scale))


def seed_range(n: int, stream: int) -> range:
    """n seeds of a stream of their own."""
    return range(FIRST + (stream << 32), FIRST + (stream << 32) + n)


# ---------------------------------------------------------------------------------------------------- random numbers

BLOCK = 1 << 20


def blocks(n: int) -> Iterator[tuple[int, int]]:
    """(first, how many) of every block."""
    for first in range(0, n, BLOCK):
        yield first, min(BLOCK, n - first)


@check("seeds/uniform-values")
def uniform_values(scale: float) -> Outcome:
    """The top 16 bits of the draws of one key are uniform; control: a counter that is not mixed."""
    n, key = count(scale, 10**8, 10**6), key64(FIRST, Role.PATH)
    counts, wrong = np.zeros(1 << 16), np.zeros(1 << 16)
    for first, size in blocks(n):
        counts += np.bincount(seeds.draws(key, size, first) >> np.uint64(48), minlength=1 << 16)
        steps = np.arange(first + 1, first + size + 1, dtype=np.uint64) * np.uint64(seeds.GAMMA)
        wrong += np.bincount(steps >> np.uint64(48), minlength=1 << 16)
    law = np.full(1 << 16, 2.0**-16)
    p, scores = chi_square(counts, law)
    evenly = chi_square(wrong, law)[0]  # far too even: the other tail of χ²
    return Outcome(p, n, min(evenly, 1 - evenly), scores)


@check("seeds/uniform-pairs")
def uniform_pairs(scale: float) -> Outcome:
    """Neighbouring draws of one key fill a 256 × 256 board evenly; control: as above."""
    n, key = count(scale, 10**8, 10**6), key64(FIRST, Role.PATH, 1)
    counts, wrong = np.zeros(1 << 16), np.zeros(1 << 16)
    for first, size in blocks(n):
        x = seeds.draws(key, size - size % 2, first) >> np.uint64(56)
        counts += np.bincount(x[0::2] * np.uint64(256) + x[1::2], minlength=1 << 16)
        y = (np.arange(first + 1, first + x.size + 1, dtype=np.uint64) * np.uint64(seeds.GAMMA)) >> np.uint64(56)
        wrong += np.bincount(y[0::2] * np.uint64(256) + y[1::2], minlength=1 << 16)
    law = np.full(1 << 16, 2.0**-16)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)


@check("seeds/neighbouring-keys")
def neighbouring_keys(scale: float) -> Outcome:
    """The first draws of neighbouring addresses are uniform; control: addresses added to the key instead of hashed."""
    n = count(scale, 2 * 10**6, 20_000)
    first = np.array([seeds.draws(key64(FIRST, Role.PATH, a), 1)[0] for a in range(n)])
    law = np.full(1 << 10, 2.0**-10)
    p, scores = chi_square(np.bincount(first >> np.uint64(54), minlength=1 << 10), law)
    wrong = (np.uint64(key64(FIRST, Role.PATH)) + np.arange(n, dtype=np.uint64)) >> np.uint64(54)
    return Outcome(p, n, chi_square(np.bincount(wrong, minlength=1 << 10), law)[0], scores)


def _normal_cells(draw: Callable[[int, int], np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts and law of 1024 equal cells of which the outer two are halved eight times, and counts at scale 1.002."""
    inner = stats.norm.ppf(np.arange(1, 1024) / 1024)
    tail = stats.norm.ppf(2.0 ** -np.arange(18, 10, -1))
    edges = np.concatenate([tail, inner, -tail[::-1]])
    counts, wrong = np.zeros(edges.size + 1), np.zeros(edges.size + 1)
    for first, size in blocks(n):
        z = draw(first, size).astype(np.float64)
        counts += np.bincount(np.searchsorted(edges, z), minlength=edges.size + 1)
        wrong += np.bincount(np.searchsorted(edges, 1.002 * z), minlength=edges.size + 1)
    law = np.diff(np.concatenate([[0.0], stats.norm.cdf(edges), [1.0]]))
    return counts, law, wrong


@check("seeds/normals-double")
def normals_double(scale: float) -> Outcome:
    """Double-precision normals, tails to 2^-18; control: 1.002 times as wide."""
    n, key = count(scale, 10**8, 2 * 10**6), key64(FIRST, Role.LATENT)
    counts, law, wrong = _normal_cells(lambda first, size: seeds.normals(key, size, first), n)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)


@check("seeds/normals-single")
def normals_single(scale: float) -> Outcome:
    """Single-precision normals of the embedding, one of each pair of 2·10^8; control: 1.002 times as wide."""
    n = count(scale, 10**8, 2 * 10**6)

    def draw(first: int, size: int) -> np.ndarray:
        return seeds.normal_pairs(key64(FIRST, Role.DIRECTION, first), size)[first // BLOCK % 2]

    counts, law, wrong = _normal_cells(draw, n)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)


# ---------------------------------------------------------------------------------------------------- critical clusters

GROWTH = {
    "coalescent": geometry.critical_cluster,
    "nested": geometry.nested_cluster,
}


def edges_of(growth: str, n: int, seed: int) -> np.ndarray:
    """The edges of a cluster; of a nested one, those of the prefix of a larger."""
    if growth == "nested":
        return geometry.nested_cluster(n + n // 3 + 1, seed).edges[: n - 1]
    return geometry.critical_cluster(n, seed).edges


def recursive_tree(n: int, seed: int) -> np.ndarray:
    """The control: every new vertex hangs on a uniform earlier one."""
    draws = seeds.draws(key64(seed, Role.MEASUREMENT, 7), n)
    return np.array([(int(draws[v]) % v, v) for v in range(1, n)])


def chosen(n: int, seed: int, which: int = 0) -> int:
    """A uniform vertex."""
    return draw_below_twin(key64(seed, Role.MEASUREMENT, 8), which, n)


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
    """Mean number of latents above a uniform point; control: the mean of a size a third larger."""
    m = count(scale, 100_000 if n < 1000 else 20_000 if n < 10_000 else 3_000)
    sample = [GROWTH[growth](n, s).depth[chosen(n, s)] for s in seed_range(m, 9)]
    p, scores = z_test(sample, theory.mean_leaf_depth(n))
    return Outcome(p, m, z_test(sample, theory.mean_leaf_depth(n + n // 3 + 1))[0], scores)


def distances(edges: np.ndarray, n: int, root: int) -> np.ndarray:
    """Edges between ``root`` and every point."""
    parent, order = geometry.rooted_order(edges, n, root)
    return depths(parent.astype(np.int64), order.astype(np.int64))


@family("A5/{0}/N={1}", *((g, n) for g in GROWTH for n in (10, 100, 1000, 10_000)))
def a5_distance(scale: float, growth: str, n: int) -> Outcome:
    """Distance of two uniform vertices, one pair a tree; control: the law of a size a third larger."""
    m = count(scale, 100_000 if n < 1000 else 20_000 if n < 10_000 else 4_000)
    law, other = (theory.tree_distance_law(k) for k in (n, n + n // 3 + 1))
    pairs = [two_chosen(n, s) for s in seed_range(m, 10)]
    found = [
        int(distances(edges_of(growth, n, s), n, a)[b]) for s, (a, b) in zip(seed_range(m, 10), pairs, strict=True)
    ]
    p, scores = chi_square(np.bincount(found, minlength=law.size)[: law.size], law)
    return Outcome(p, m, chi_square(np.bincount(found, minlength=other.size)[: other.size], other)[0], scores)


# ---------------------------------------------------------------------------------------------------- embedded clusters


@family("A8/N={0}", 200, 1000, 3000)
def a8_ties(scale: float, n: int) -> Outcome:
    """Share of points whose two nearest neighbours tie to 10^-4, all N points in d = 128; control: 2 % less."""
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
    """Mean of |x_i − x_j|²·√N/(d·distance) from a uniform point is 1; control: 2 % off (d = 2: 20 %)."""
    m, ratio = count(scale, 4_000 if n < 1000 else 800, 40), []
    for s in seed_range(m, 12):
        data = fm.generate(fm.PercolationCluster(n_points=n, ambient_dim=d, seed=s))
        root = chosen(n, s)
        far = distances(data.edges, n, root)
        squared = ((data.X - data.X[root]).astype(float) ** 2).sum(axis=1)
        ratio.append(float((squared[far > 0] / far[far > 0]).mean() / (d / math.sqrt(n))))
    p, scores = z_test(ratio, 1.0)
    return Outcome(p, m, z_test(np.array(ratio) * (1.2 if d == 2 else 1.02), 1.0)[0], scores)


# ---------------------------------------------------------------------------------------------------- labels


def latent_variogram(n: int, length: int) -> float:
    """Expected number of nodes (the two points too) above one and not both of two points ``length`` edges apart.

    An edge's latent lies above a set of points if it is cut before the other edges that join it to them. Edges of the
    path, and E A_q = (N−r)_q (r+q)/(r N^q) edges at height q over each of its r = ℓ + 1 vertices.
    """
    r = length + 1
    k = np.arange(1, length + 1)
    total = 2.0 + float((1.0 / k + 1.0 / (length + 1 - k) - 2.0 / length).sum())
    q = np.arange(1, n - r + 1, dtype=float)
    above = np.cumprod((n - r - q + 1) / n) * (r + q) / r
    for place in range(r):
        total += float((above * (1.0 / (place + q) + 1.0 / (length - place + q) - 2.0 / (length + q))).sum())
    return total


@family("labels/variogram/N={0},l={1}", (1000, 1), (1000, 4), (10_000, 1), (10_000, 4), (10_000, 16), (100_000, 32))
def label_variogram(scale: float, n: int, length: int) -> Outcome:
    """The a = 0 label's variogram before its norm, against its exact form ~ 2ℓ ln(√N/ℓ); control: 10 % more."""
    m, top, bottom = count(scale, 20_000 if n < 100_000 else 1_500, 20), [], []
    for s in seed_range(m, 13):
        tree = geometry.critical_cluster(n, s)
        common = hierarchy.CommonAncestors(tree.parent, tree.depth)
        total = pairs = 0
        for which in range(16):  # starting points of one tree: together one draw
            root = chosen(n, s, which)
            near = np.flatnonzero(distances(tree.edges, n, root) == length)
            meet = common.of(np.full(near.size, root), near)
            total += int((tree.depth[root] + tree.depth[near] - 2 * tree.depth[meet]).sum())
            pairs += near.size
        top.append(float(total))
        bottom.append(float(pairs))
    exact = latent_variogram(n, length)
    p, scores = ratio_test(top, bottom, exact)
    form = 2 * length * math.log(math.sqrt(n) / length)
    remark = f"exact {exact:.4g}, 2ℓ ln(√N/ℓ) = {form:.4g}, rest {(exact - form) / length:.2f} ℓ"
    return Outcome(p, m, ratio_test(top, bottom, 1.1 * exact)[0], scores, remark)


# ---------------------------------------------------------------------------------------------------- cascades

CASCADES = {
    "k=2,H=1/2": fm.Cascade(n_points=1, branching=2, hurst=0.5, ambient_dim=48),
    "k=4,H=1/2": fm.Cascade(n_points=1, branching=4, hurst=0.5, ambient_dim=48),
    "k=4,H=1": fm.Cascade(n_points=1, branching=4, hurst=1.0, ambient_dim=48),
    "k=8,H=1": fm.Cascade(n_points=1, branching=8, hurst=1.0, ambient_dim=48),
    "k=1or16,H=1/2": fm.Cascade(n_points=1, branching=(1, 16), hurst=0.5, ambient_dim=48),
    "k=2or8,H=1/2": fm.Cascade(n_points=1, branching=(2, 8), hurst=0.5, ambient_dim=48),
}


@family("cascade/1-nn-exponent/{0}", *CASCADES)
def moran(scale: float, name: str) -> Outcome:
    """Exponent of 1-NN in X over n = 64…4096 against that of the exact annealed curve; control: contraction 1/2.2.

    Every learning curve is averaged over labels exactly; one curve a seed.
    """
    from fractalman.nearest import nearest

    sizes, tests = 2 ** np.arange(6, 13), 1000
    m, risks = count(scale, 256, 6), []
    for s in seed_range(m, 14):
        recipe = CASCADES[name].replace(n_points=int(sizes[-1]) + tests, seed=s)
        data = fm.generate(recipe)
        test = np.arange(sizes[-1], sizes[-1] + tests)
        risks.append([theory.pair_risk(data, nearest(data.X[:n], data.X[test]), test).mean() for n in sizes])

    def due(contraction: float) -> float:
        curve = theory.cascade_curve(recipe.branching_numbers, contraction, recipe.hurst, recipe.levels, sizes)
        return fm.measure.fit_power_law(sizes, curve).value

    fit = fm.measure.fit_power_law(sizes, np.array(risks))

    def p_value(exponent: float) -> float:
        return float(2 * stats.t.sf(abs(fit.value - exponent) / fit.standard_error, m - 1))

    slopes = np.array([-np.polyfit(np.log(sizes), np.log(r), 1)[0] for r in risks])
    scores = (slopes - slopes.mean()) / slopes.std(ddof=1)
    beta = theory.moran_exponent(recipe.branching_numbers, recipe.contraction, recipe.hurst)
    remark = f"measured {fit.value:.4f} ± {fit.standard_error:.4f}, exact curve {due(0.5):.4f}, β = {beta:.4f}"
    return Outcome(p_value(due(0.5)), m, p_value(due(1 / 2.2)), scores, remark)
