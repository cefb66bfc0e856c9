"""Bethe ensembles that grow: trees against rationals, exact laws of sizes and shapes in prefixes, above p_c too."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman import theory
from fractalman.families.bethe_lattice import _nested_kernels, nested
from fractalman.random.streams import Role, key64
from fractalman.trees import restricted_hierarchy
from tests.reference import nested as reference


def recipe_of(n: int, z: int, p: float | None, ensemble: str = "number", seed: int = 0) -> fm.BetheLattice:
    return fm.BetheLattice(
        n_points=n, ambient_dim=3, coordination=z, bond_probability=p, ensemble=ensemble, growth="nested", seed=seed
    )


def test_reference_of_the_weights_of_bethe_trees() -> None:
    for z in (3, 4, 6, 20):
        weight = np.empty((z + 1, 60))
        _nested_kernels.tree_weights(z, weight)
        x = Fraction((z - 2) ** (z - 2), (z - 1) ** (z - 1))
        for j in range(z + 1):
            exact = [float(reference.bethe_trees(j, k, z) * x ** (k - 1)) for k in range(1, 60)]
            np.testing.assert_allclose(weight[j, 1:], exact, rtol=1e-13)


@settings(max_examples=12)
@given(st.integers(2, 25), st.sampled_from([3, 4, 7]), st.integers(0, 2**62))
def test_reference_of_bethe_trees_that_grow(n: int, z: int, key: int) -> None:
    weight = np.empty((z + 1, 2 * n + 4))
    _nested_kernels.tree_weights(z, weight)
    parent, vertex = np.empty(n, np.int64), np.empty(n, np.int64)
    _nested_kernels.grow(np.uint64(key), z, weight, parent, vertex)
    assert parent.tolist() == reference.bethe_parents(n, z, key)


@pytest.mark.parametrize("ensemble", ["number", "size-biased"])
@pytest.mark.parametrize("p", [0.0, 5e-324, 1 - 2**-53, 1.0])
def test_at_the_ends_of_the_bond_probability(p: float, ensemble: str) -> None:
    """Without bonds every point is a cluster; with all of them there is one, and the finite rest is empty."""
    data = fm.generate(recipe_of(40, 4, p, ensemble))
    assert np.unique(data.cluster).size == (40 if p < 0.5 else 1)
    assert np.isfinite(data.X).all()
    assert np.isfinite(data.y).all()


@pytest.mark.parametrize("z", [3, 4, 6])
def test_bases_and_branches_of_bethe_trees_grow_stochastically(z: int) -> None:
    """P_(n+1)(≤ s) ≤ P_n(≤ s) ≤ P_(n+1)(≤ s + 1) for every number of places; both factors of P_n are log-convex."""
    for j in range(1, z + 1):
        counts = [reference.bethe_trees(j, k, z) for k in range(1, 24)]
        assert all(a * c >= b * b for a, b, c in zip(counts, counts[1:], counts[2:], strict=False))
        for n in range(2, 18):
            now = list(accumulate(reference.bethe_base_law(j, n, z)))
            then = list(accumulate(reference.bethe_base_law(j, n + 1, z)))
            assert now[-1] == then[-1] == 1
            assert all(then[s] <= now[s] <= then[s + 1] for s in range(n - 1))


def check_prefix(m: int, n: int, seed: int, law: tuple[int, float | None], ensemble: str) -> None:
    """A dataset of n points is the beginning of one of m: its clusters, edges and hierarchy."""
    small, large = (fm.generate(recipe_of(k, *law, ensemble, seed)) for k in (n, m))
    assert np.array_equal(large.cluster[:n], small.cluster)
    assert small.edges is not None
    assert large.edges is not None
    assert np.array_equal(large.edges[: len(small.edges)], small.edges)
    assert np.bincount(large.edges.ravel(), minlength=1).max() <= law[0]
    assert small.hierarchy is not None
    assert large.hierarchy is not None
    left = restricted_hierarchy(large.hierarchy, np.arange(n), collapse=True)
    nodes = [{frozenset(h.points(u).tolist()) for u in range(n, h.n_nodes)} for h in (small.hierarchy, left)]
    assert nodes[0] == nodes[1]


@pytest.mark.parametrize("ensemble", ["number", "size-biased"])
def test_a_prefix_of_a_bethe_ensemble(ensemble: str) -> None:
    check_prefix(200, 60, 3, (4, 0.1), ensemble)


@pytest.mark.slow(reason="tables of five laws are made")
@settings(max_examples=15)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 2**63 - 1),
    st.sampled_from([(3, None), (4, 0.1), (6, 0.6), (3, 0.6), (6, 0.0)]),
    st.sampled_from(["number", "size-biased"]),
)
def test_prefixes_of_bethe_ensembles(m: int, n: int, seed: int, law: tuple[int, float | None], ensemble: str) -> None:
    check_prefix(max(m, n), min(m, n), seed, law, ensemble)


@pytest.mark.slow(reason="statistics of 6000 trees")
def test_shapes_in_prefixes_have_their_law() -> None:
    """Trees of 4 sites: a star has 1/7 for z = 3, more for z = 6; each is rejected by the other."""
    counts = {3: Counter[bool](), 6: Counter[bool]()}
    for z, found in counts.items():
        weight = np.empty((z + 1, 30))
        _nested_kernels.tree_weights(z, weight)
        parent, vertex = np.empty(9, np.int64), np.empty(9, np.int64)
        for k in range(6000):
            _nested_kernels.grow(np.uint64(key64(11, Role.SHAPE, k)), z, weight, parent, vertex)
            degrees = np.bincount(np.append(parent[1:4], np.arange(1, 4)))
            found[bool(degrees.max() == 3)] += 1
    law = {z: _star_share(z) for z in counts}
    assert law[3] == pytest.approx(1 / 7)
    for z, found in counts.items():
        observed, other = [found[True], found[False]], law[9 - z]
        assert chi_square(observed, [law[z], 1 - law[z]]) > THRESHOLD
        assert chi_square(observed, [other, 1 - other]) < REJECTED


def _star_share(z: int) -> float:
    """Weights Π z!/(z − d)! over symmetries: the star has 6 of these, the path 2."""
    star = z * (z - 1) * (z - 2) * z**3 / 6
    path = (z * (z - 1)) ** 2 * z**2 / 2
    return star / (star + path)


@pytest.mark.slow(reason="statistics of 2500 ensembles")
@pytest.mark.parametrize("law", [(3, 0.5), (6, 0.1), (3, 0.75)])
def test_sizes_of_prefixes_of_bethe_ensembles(law: tuple[int, float]) -> None:
    """All clusters of a small prefix: draws of n_s, or s·n_s, restricted to what is left; the infinite one's share."""
    z, p = law
    n, share = 5, theory.bethe_giant_share(*law)
    n_s = theory.bethe_cluster_numbers(z, p, n)[1 : n + 1]
    for ensemble in ("number", "size-biased"):
        q = n_s if ensemble == "number" else n_s * np.arange(1, n + 1)
        found: Counter[tuple[int, ...]] = Counter()
        giants = []
        for seed in range(2500):
            cluster, giant = nested.arriving_clusters(recipe_of(9, z, p, ensemble, seed))
            prefix = cluster[:n]
            giants.append(np.count_nonzero(prefix == giant) if giant >= 0 else 0)
            if not giants[-1]:
                found[tuple(sorted(np.bincount(prefix).tolist(), reverse=True))] += 1
        if ensemble == "number":
            assert z_test(giants, share * n) > THRESHOLD if share else not any(giants)
            if share:
                continue
        elif share:
            assert z_test([g == n for g in giants], share) > THRESHOLD
            assert z_test([g == n for g in giants], share + 0.1) < REJECTED
            continue
        exact = _partitions(q, n)
        order = sorted(exact, key=lambda sizes: -exact[sizes])
        observed = [found[sizes] for sizes in order]
        assert chi_square(observed, [exact[sizes] for sizes in order]) > THRESHOLD
        other = _partitions(q * np.arange(1.0, n + 1.0) ** 2, n)
        assert chi_square(observed, [other[sizes] for sizes in order]) < REJECTED


def _partitions(q: np.ndarray, n: int) -> dict[tuple[int, ...], float]:
    out: dict[tuple[int, ...], float] = {}

    def fill(sizes: tuple[int, ...], left: int, share: float) -> None:
        if not left:
            key = tuple(sorted(sizes, reverse=True))
            out[key] = out.get(key, 0.0) + share
            return
        for s in range(1, left + 1):
            fill((*sizes, s), left - s, share * float(q[s - 1] / q[:left].sum()))

    fill((), n, 1.0)
    return out
