"""Nested growth in the plainest Python: vertex after vertex finds its way down, with exact rational laws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial
from typing import Any, TypeAlias

import numpy as np

from fractalman.families import _forests as forests
from fractalman.families._forests import _label_kernels
from fractalman.families._forests.coalescent import ClusterTree
from fractalman.random.streams import Role, key64
from tests.reference import streams as plain

FloatArray: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


def base_law(n: int) -> list[Fraction]:
    """P(base has s vertices), s = 1 … n−1, in a tree of n: t_s a_(n−s)/((n−1) t_n), t_k = k^(k−1)/k!, a_k = k·t_k."""

    def trees(k: int) -> Fraction:
        return Fraction(k ** (k - 1), factorial(k))

    def pointed(k: int) -> Fraction:
        return Fraction(k**k, factorial(k))

    return [trees(s) * pointed(n - s) / ((n - 1) * trees(n)) for s in range(1, n)]


def base_size(n: int, u: Fraction) -> int:
    """The size of the base at quantile u: the smallest s with P(base ≤ s) > u."""
    total = Fraction(0)
    for s, p in enumerate(base_law(n), 1):
        total += p
        if total > u:
            return s
    raise AssertionError("u < 1")


def product(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    """The product of two power series, to the order of the first."""
    return [sum((a[i] * b[k - i] for i in range(k + 1) if k - i < len(b)), Fraction(0)) for k in range(len(a))]


def stirling(sign: int, order: int) -> list[Fraction]:
    """exp(sign·θ) in 1/x to the given order ≤ 6, where x! = √(2πx) x^x e^(−x) e^θ."""
    theta = [Fraction(0), Fraction(1, 12), Fraction(0), Fraction(-1, 360), Fraction(0), Fraction(1, 1260), Fraction(0)]
    out = [Fraction(1)]
    for k in range(1, order + 1):
        out.append(sum((sign * j * theta[j] * out[k - j] for j in range(1, k + 1)), Fraction(0)) / k)
    return out


def tree_function(order: int) -> list[Fraction]:
    """The whole powers of t in T(e^(−1−t)) = Σ_s t_s e^(−s(1+t)): T = 1 − q, q²/2 + q³/3 + … = t, in v = √(2t)."""
    length = 2 * order + 2
    q = [Fraction(0), Fraction(1)] + [Fraction(0)] * (length - 2)
    for m in range(2, length):
        power, total = product([*q, Fraction(0)], q), Fraction(0)
        for k in range(2, m + 2):  # what the coefficients so far leave at v^(m+1); q_m itself enters as q_1·q_m
            total += power[m + 1] / k
            power = product(power, q)
        q[m] = -total
    return [Fraction(1)] + [-q[2 * i] * 2**i for i in range(1, order + 1)]


def expansion(order: int) -> tuple[list[Fraction], dict[tuple[int, int], Fraction]]:
    """Coefficients of P(base ≤ g) in a tree of n, for g and n − g large.

    With x = g + 1/2, y² = (n − x)/x it is Σ_p level[p] n^−p + (2πn)^−½ Σ_{p,m} walk[p, m] n^−p y^(2m+1), p ≤ order.

    f(s) = t_s a_(n−s) e^(−n) has Stirling series in 1/s and 1/(n − s). A sum over whole s up to g is the antiderivative
    1/(2 sinh(D/2)) f = (1/D − D/24 + 7D³/5760 − …) f at x (Euler–Maclaurin at midpoints), whose terms are powers of y,
    plus a constant in g: Σ_i τ_i (d/dn)^i a_n e^(−n), τ_i the whole powers of T(e^(−1−t)), which are the moments
    Σ_s t_s e^(−s) (−s)^i/i! with their divergent parts left out. All over (n−1) t_n e^(−n) = (1 − 1/n) a_n e^(−n).
    """
    falling, rising = stirling(-1, order), stirling(1, order)
    over = product(rising, [Fraction(1)] * (order + 1))  # e^θ/(1 − 1/n)
    level = [Fraction(0)] * (order + 1)
    for i, tau in enumerate(tree_function(order)):
        for k in range(order + 1 - i):
            term = tau * falling[k]
            for r in range(i):
                term *= -(Fraction(1, 2) + k + r)
            level[i + k] += term
    sinh = [Fraction(1, factorial(2 * i + 1) * 4**i) for i in range(order + 1)]
    beta = [Fraction(1)]  # D/2 over sinh(D/2)
    for i in range(1, order + 1):
        beta.append(-sum((sinh[j] * beta[i - j] for j in range(1, i + 1)), Fraction(0)))
    walk: dict[tuple[int, int], Fraction] = {}

    def add(p: int, m: int, term: Fraction) -> None:
        for r in range(order + 1 - p):
            walk[p + r, m] = walk.get((p + r, m), Fraction(0)) + term * over[r]

    for j in range(order + 1):
        for k in range(order + 1 - j):
            c = falling[j] * falling[k]  # of s^(−3/2−j) (n−s)^(−1/2−k)
            for i in range(j + k + 1):
                add(j + k, i - k, -2 * c * comb(j + k, i) / (2 * (i - k) + 1))
            terms = {(0, 0): Fraction(1)}  # further powers of 1/s and 1/(n − s) in the derivative
            for i in range(1, (order - j - k) // 2 + 1):
                for _ in range(1 if i == 1 else 2):
                    derived: dict[tuple[int, int], Fraction] = {}
                    for (s, t), v in terms.items():
                        for key, factor in (
                            ((s + 1, t), -(Fraction(3, 2) + j + s)),
                            ((s, t + 1), Fraction(1, 2) + k + t),
                        ):
                            derived[key] = derived.get(key, Fraction(0)) + v * factor
                    terms = derived
                p = j + k + 2 * i
                for (_, t), v in terms.items():
                    for power in range(p + 2):
                        add(p, power - 1 - k - t, c * beta[i] * v * comb(p + 1, power))
    return product(level, over), walk


@dataclass
class Cell:
    """A tree of ``size`` vertices; from two on it is a base, with the same root, and a branch that hangs on that."""

    root: int
    size: int = 1
    u: Fraction = Fraction(0)
    base: Cell | None = None
    branch: Cell | None = None


def nested_parents(n: int, seed: int, cluster: int = 0) -> list[int]:
    """Return the parent of every vertex in order of birth."""
    key = key64(seed, Role.NESTED_TREE, cluster)
    parent, whole = [-1], Cell(0)
    for v in range(1, n):
        cell = whole
        while cell.size > 1:
            assert cell.base is not None
            assert cell.branch is not None
            cell.size += 1
            cell = cell.base if base_size(cell.size, cell.u) > cell.base.size else cell.branch
        cell.size, cell.u = 2, Fraction(plain.draw(key, v) >> 11, 1 << 53)
        cell.base, cell.branch = Cell(cell.root), Cell(v)
        parent.append(cell.root)
    return parent


def nested_parents_by_sums(n: int, seed: int, cluster: int = 0) -> list[int]:
    """`nested_parents` with sums in floating point instead of rationals: the sizes that rationals cannot reach."""
    key = key64(seed, Role.NESTED_TREE, cluster)
    t = [0.0, math.exp(-1)]  # t_k e^(−k)
    for k in range(2, n + 1):
        t.append(t[-1] * math.exp((k - 2) * math.log1p(1 / (k - 1)) - 1))

    def base_grows(size: int, base: int, u: float) -> bool:
        total = (size - 1) * t[size]
        if 2 * base <= size:
            return math.fsum(t[s] * (size - s) * t[size - s] for s in range(1, base + 1)) <= u * total
        branch = size - 1 - base
        return math.fsum(k * t[k] * t[size - k] for k in range(1, branch + 1)) > (1.0 - u) * total

    parent = [-1]
    cells: list[list[float]] = [[0, 1, 0.0, 0, 0]]  # root, size, u, number of base, of branch
    for v in range(1, n):
        at = 0
        while cells[at][1] > 1:
            cell = cells[at]
            cell[1] += 1
            base, branch = int(cell[3]), int(cell[4])
            at = base if base_grows(int(cell[1]), int(cells[base][1]), cell[2]) else branch
        u = (plain.draw(key, v) >> 11) * 2.0**-53
        root = int(cells[at][0])
        cells[at] = [root, 2, u, len(cells), len(cells) + 1]
        cells += [[root, 1, 0.0, 0, 0], [v, 1, 0.0, 0, 0]]
        parent.append(root)
    return parent


def cut_tree(edges: list[tuple[int, int]], mark: list[int], n: int) -> tuple[list[int], list[int]]:
    """Return (parent, size) of the hierarchy that removing edges by falling mark makes."""
    node: list[set[int]] = []

    def component(start: int, alive: set[int]) -> set[int]:
        seen, waiting = {start}, [start]
        while waiting:
            u = waiting.pop()
            for e in alive:
                for a, b in (edges[e], edges[e][::-1]):
                    if a == u and b not in seen:
                        seen.add(b)
                        waiting.append(b)
        return seen

    by_mark = sorted(range(n - 1), key=lambda e: mark[e], reverse=True)  # as they are removed
    alive = set(range(n - 1))
    for e in by_mark:
        node.append(component(edges[e][0], alive))
        alive.discard(e)
    ranked = sorted(range(n - 1), key=lambda k: (-len(node[k]), k))  # ties: later merged = earlier removed
    blocks = [node[k] for k in ranked]
    size = [1] * n + [len(b) for b in blocks]
    parent = []
    for member in [{i} for i in range(n)] + blocks:
        above = [n + k for k, b in enumerate(blocks) if member < b]
        parent.append(max(above, default=-1))
    return parent, size


def grown_normals(parent: list[int], n: int, names: list[int]) -> list[dict[int, float]]:
    """Return the normal of every node of a hierarchy that grows as coefficients of the draws that it is made of.

    Draw 2v is what point v brings for itself, 2v + 1 for its latent. That latent is put right above the smallest node
    that holds the older points below it.
    """
    latent_of = {name: n + k for k, name in enumerate(names)}

    def ancestors(node: int) -> list[int]:
        path = [node]
        while parent[path[-1]] >= 0:
            path.append(parent[path[-1]])
        return path

    normal: list[dict[int, float]] = [{} for _ in parent]
    root = math.sqrt(0.5)
    for v in range(n):
        normal[v] = {2 * v: 1.0}
        if v not in latent_of:
            continue
        latent = latent_of[v]
        older = [ancestors(i) for i in range(v) if latent in ancestors(i)]
        shared = next(node for node in older[0] if all(node in path for path in older))
        kept, fresh = normal[shared], {2 * v + 1: 1.0}
        for node, sign in ((latent, 1.0), (shared, -1.0)):
            terms = {draw: root * value for draw, value in kept.items()}
            normal[node] = {**terms, **{draw: sign * root * value for draw, value in fresh.items()}}
    return normal


def arriving_clusters(total: list[float], uniform: list[float], n: int) -> list[int]:
    """Return the cluster of every arrival: at every size the list of quantiles again, compared with the list before.

    total holds Q(0) … Q(n); S among m points is the smallest s with Q(s) > u·Q(m).
    """
    before: list[int] = []
    out = []
    for points in range(1, n + 1):
        left, sizes = points, list[int]()
        while left:
            u = uniform[len(sizes)]
            sizes.append(next(s for s in range(1, left + 1) if s == left or total[s] > u * total[left]))
            left -= sizes[-1]
        gained = [k for k, s in enumerate(sizes) if k == len(before) or s != before[k]]
        assert len(gained) == 1
        assert sizes[gained[0]] == (before[gained[0]] if gained[0] < len(before) else 0) + 1
        out.append(gained[0])
        before = sizes
    return out


def bethe_trees(j: int, n: int, z: int) -> Fraction:
    """How many trees of n sites there are whose root has j places and every other site z − 1."""
    m = z - 1
    if j == 0:
        return Fraction(int(n == 1))
    return Fraction(j, j + m * (n - 1)) * comb(j + m * (n - 1), n - 1)


def bethe_base_law(j: int, n: int, z: int) -> list[Fraction]:
    """P(base has s sites), s = 1 … n − 1, of a tree of n whose root has j places."""
    whole = (n - 1) * bethe_trees(j, n, z)
    return [j * bethe_trees(j - 1, s, z) * (n - s) * bethe_trees(z - 1, n - s, z) / whole for s in range(1, n)]


def bethe_parents(n: int, z: int, key: int) -> list[int]:
    """Return the parent of every site in order of birth: each finds its way down through the cells."""
    cells: list[dict[str, int]] = [{"root": 0, "size": 1, "places": z}]
    uniform: dict[int, Fraction] = {}
    parent = [-1]
    for v in range(1, n):
        at = 0
        while cells[at]["size"] > 1:
            cell = cells[at]
            cell["size"] += 1
            total, base = Fraction(0), cells[cell["base"]]["size"]
            for p in bethe_base_law(cell["places"], cell["size"], z)[:base]:
                total += p
            at = cell["branch"] if total > uniform[at] else cell["base"]
        cell = cells[at]
        uniform[at] = Fraction(plain.draw(key, v) >> 11, 1 << 53)
        cell |= {"size": 2, "base": len(cells), "branch": len(cells) + 1}
        cells.append({"root": cell["root"], "size": 1, "places": cell["places"] - 1})
        cells.append({"root": v, "size": 1, "places": z - 1})
        parent.append(cell["root"])
    return parent


def path_rows(tree: ClusterTree, n: int, points: int) -> tuple[FloatArray, FloatArray]:
    """Return the sums over the paths of the first ``points`` points as coefficients of the draws, and path lengths.

    Row by row what `grown_normals` says, at sizes where dictionaries are too slow: draws are independent N(0, 1).
    """
    latent_of, partner = np.empty((2, n), tree.parent.dtype)
    _label_kernels.partners(tree.parent, n, latent_of, partner)
    rows = np.zeros((2 * n - 1, 2 * n))
    for v in range(n):
        rows[v, 2 * v] = 1.0
        f, latent = partner[v], latent_of[v]
        if f >= 0:
            rows[latent] = rows[f]
            rows[latent, 2 * v + 1] += 1.0
            rows[f, 2 * v + 1] -= 1.0
            rows[[latent, f]] *= math.sqrt(0.5)
    count = np.ones(2 * n - 1)
    for u in [*range(n, 2 * n - 1), *range(points)]:  # latents stand from the largest on, so parents come first
        up = tree.parent[u]
        if up >= 0:
            rows[u] += rows[up]
            count[u] += count[up]
    return rows[:points], count[:points]


def label_changes(tree: ClusterTree, n: int, small: ClusterTree, m: int) -> tuple[float, float, float]:
    """Return E mean (y' − y)² over the points of a smaller cluster of the same seed, given both trees, three times.

    Of the normals that turn; of normals that stay, an independent one for every added latent; and the least of all
    joint laws of labels with these two covariances: their squared Wasserstein distance (Gelbrich 1990).
    """
    (before, k), (after, q) = path_rows(small, m, m), path_rows(tree, n, m)
    before, after = before / np.sqrt(k)[:, None], after / np.sqrt(q)[:, None]
    turned = 2.0 - 2.0 * float((before * after[:, : 2 * m]).sum()) / m
    return turned, float((2.0 - 2.0 * np.sqrt(k / q)).mean()), wasserstein(before @ before.T, after @ after.T) / m


def label_change(n: int, m: int, seed: int, draws: int) -> tuple[float, float, float, float]:
    """Return by how much labels of m points move when the cluster grows to n, over draws, before `label_changes`."""
    trees = [(forests.nested_cluster(k, seed), k) for k in (n, m)]
    changes = []
    for draw in range(draws):
        y, before = (
            forests.hierarchical_labels(tree.parent, tree.size, k, 0.0, seed, draw, grown=True)[1] for tree, k in trees
        )
        changes.append(float(np.mean((y[:m] - before) ** 2)))
    return float(np.mean(changes)), *label_changes(*trees[0], *trees[1])


def wasserstein(a: FloatArray, b: FloatArray) -> float:
    """tr A + tr B − 2 tr (√A B √A)^½ of two covariances: the least E|x − y|², which Gaussian x, y = T x reach."""
    value, vector = np.linalg.eigh(a)
    root = (vector * np.sqrt(np.maximum(value, 0.0))) @ vector.T
    both = np.linalg.eigvalsh(root @ b @ root)
    return float(np.trace(a) + np.trace(b) - 2.0 * np.sqrt(np.maximum(both, 0.0)).sum())
