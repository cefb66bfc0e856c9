"""Ensembles that grow: clusters, edges, subclusters, labels and coordinates of prefixes, their exact laws, bounds."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square, z_test
from hypothesis import given, settings
from hypothesis import strategies as st

import fractalman as fm
from fractalman import generation, theory
from fractalman.families import _forests as forests
from fractalman.families._forests import nested_ensemble, nested_sizes
from fractalman.random.streams import Role, key64, uniforms
from fractalman.trees import restricted_hierarchy
from tests.reference import nested as reference

LAWS = [("yule-simon", "number"), ("yule-simon", "size-biased"), ("borel", "number"), ("borel", "size-biased")]
LISTS = LAWS[1:]


def recipe_of(law: str, ensemble: str, n: int, **more: object) -> fm.PercolationEnsemble:
    return fm.PercolationEnsemble(n_points=n, ambient_dim=3, sizes=law, ensemble=ensemble, growth="nested", **more)


# ------------------------------------------------------------------------------------------------ sizes


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 2**63 - 1), st.sampled_from(LISTS), st.sampled_from([0.1, 1 / 3, 0.7]))
def test_reference_of_arrivals(n: int, seed: int, law: tuple[str, str], p: float) -> None:
    """The list of quantiles at every size; that one place alone gains a point is asserted there."""
    total = nested_sizes.cumulative(*law, p, n).tolist()
    uniform = uniforms(key64(seed, Role.SIZES), n).tolist()
    found = forests.arriving_clusters(n, *law, seed, p)
    assert found.tolist() == reference.arriving_clusters(total, uniform, n)


def shares(law: str, ensemble: str, p: Fraction, n: int) -> list[Fraction]:
    """q(1) … q(n) up to a factor, exactly but for Borel's powers of e."""
    rho, out = 1 / (1 - p), []
    if law == "yule-simon":
        f = rho / (rho + 1)
        for s in range(1, n + 1):
            out.append(f * s if ensemble == "size-biased" else f)
            f *= Fraction(s) / (s + 1 + rho)
        return out
    term = Fraction(1)
    e = Fraction(np.e).limit_denominator(10**9)
    for s in range(1, n + 1):
        out.append(term / s if ensemble == "number" else term)
        term *= Fraction((s + 1) ** (s - 1), s ** (s - 1)) / e
    return out


@pytest.mark.parametrize("law", LISTS)
def test_sums_are_those_of_the_law_and_log_concave(law: tuple[str, str]) -> None:
    """What nesting rests on: Q(m)/Q(m − 1) falls; a law for which it does not would not nest."""
    for p in (Fraction(1, 10), Fraction(1, 3), Fraction(7, 10)):
        total = nested_sizes.cumulative(*law, float(p), 40)
        exact = np.cumsum([float(q) for q in shares(*law, p, 40)])
        np.testing.assert_allclose(total[1:] / total[40], exact / exact[-1], rtol=1e-9)
        long = nested_sizes.cumulative(*law, float(p), 5000)
        ratio = long[2:] / long[1:-1]
        assert (np.diff(ratio) <= 1e-15).all()
    rises = np.cumsum([0.0, 1.0, 0.1, 4.0])
    assert rises[3] / rises[2] > rises[2] / rises[1]


def exact_partitions(law: str, ensemble: str, n: int) -> dict[tuple[int, ...], float]:
    """The law of the sizes of n points: draw after draw restricted to what is left; the process, step by step."""
    if (law, ensemble) == ("yule-simon", "number"):
        p, states = Fraction(1, 3), {(1,): Fraction(1)}
        for i in range(1, n):
            following: dict[tuple[int, ...], Fraction] = {}
            for sizes, share in states.items():
                for k in range(len(sizes) + 1):
                    new = (*sizes, 1) if k == len(sizes) else (*sizes[:k], sizes[k] + 1, *sizes[k + 1 :])
                    way = p if k == len(sizes) else (1 - p) * sizes[k] / i
                    key = tuple(sorted(new, reverse=True))
                    following[key] = following.get(key, Fraction(0)) + share * way
            states = following
        return {sizes: float(share) for sizes, share in states.items()}
    q = shares(law, ensemble, Fraction(1, 3), n)
    out: dict[tuple[int, ...], Fraction] = {}

    def fill(sizes: tuple[int, ...], left: int, share: Fraction) -> None:
        if left == 0:
            key = tuple(sorted(sizes, reverse=True))
            out[key] = out.get(key, Fraction(0)) + share
            return
        for s in range(1, left + 1):
            fill((*sizes, s), left - s, share * q[s - 1] / sum(q[:left]))

    fill((), n, Fraction(1))
    return {sizes: float(share) for sizes, share in out.items()}


@pytest.mark.slow(reason="statistics of 4000 ensembles")
@pytest.mark.parametrize("law", LAWS)
def test_sizes_of_prefixes_have_the_law_of_a_fresh_ensemble(law: tuple[str, str]) -> None:
    prefixes = (3, 6, 8)
    counts: dict[int, Counter[tuple[int, ...]]] = {n: Counter() for n in prefixes}
    for seed in range(4000):
        cluster = forests.arriving_clusters(11, *law, seed, 1 / 3)
        for n in prefixes:
            counts[n][tuple(sorted(np.bincount(cluster[:n]).tolist(), reverse=True))] += 1
    for n in prefixes:
        exact = exact_partitions(*law, n)
        assert set(counts[n]) <= set(exact)
        order = sorted(exact, key=lambda sizes: -exact[sizes])
        observed = [counts[n][sizes] for sizes in order]
        assert chi_square(observed, [exact[sizes] for sizes in order]) > THRESHOLD
        other = exact_partitions(*LAWS[(LAWS.index(law) + 1) % 4], n)
        assert chi_square(observed, [other[sizes] for sizes in order]) < REJECTED


@pytest.mark.parametrize(
    ("law", "p", "wrong"), [(("yule-simon", "number"), 0.6, 0.65), (("yule-simon", "size-biased"), 0.2, 0.4)]
)
def test_expected_numbers_of_prefixes(law: tuple[str, str], p: float, wrong: float) -> None:
    n = 60
    found = [
        np.bincount(np.bincount(forests.arriving_clusters(90, *law, s, p)[:n]), minlength=n + 1) for s in range(900)
    ]
    exact, other = (theory.critical_numbers(n, *law, q) for q in (p, wrong))
    for sizes in (slice(1, 2), slice(2, 5), slice(5, 20), slice(20, n + 1)):
        sample = [counts[sizes].sum() for counts in found]
        assert z_test(sample, exact[sizes].sum()) > THRESHOLD
    assert z_test([counts[1] for counts in found], other[1]) < REJECTED


# ------------------------------------------------------------------------------------------------ trees


@settings(max_examples=15)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**63 - 1), st.sampled_from(LAWS))
def test_clusters_edges_and_subclusters_of_prefixes(m: int, n: int, seed: int, law: tuple[str, str]) -> None:
    n, m = min(n, m), max(n, m)
    small, large = fm.generate(recipe_of(*law, n, seed=seed)), fm.generate(recipe_of(*law, m, seed=seed))
    assert np.array_equal(large.cluster[:n], small.cluster)
    assert small.edges is not None
    assert large.edges is not None
    assert np.array_equal(large.edges[: len(small.edges)], small.edges)
    assert (large.edges[len(small.edges) :].max(axis=1) >= n).all()
    assert small.hierarchy is not None
    assert large.hierarchy is not None
    left = restricted_hierarchy(large.hierarchy, np.arange(n), collapse=True)
    nodes = [{frozenset(h.points(u).tolist()) for u in range(n, h.n_nodes)} for h in (small.hierarchy, left)]
    assert nodes[0] == nodes[1]
    assert np.array_equal(left.size, small.hierarchy.size)


def test_each_cluster_is_the_nested_cluster_of_its_points() -> None:
    """Edges of cluster c are those of `nested_cluster` with its own address, whose laws are tested there."""
    cluster = forests.arriving_clusters(300, "yule-simon", "number", 5, 0.3)
    edges = nested_ensemble.nested_edges(cluster, 5)
    for c in range(int(cluster.max()) + 1):
        points = np.flatnonzero(cluster == c)
        own = edges[np.isin(edges[:, 1], points)]
        grown = forests.nested_cluster(points.size, 5, c).edges
        assert np.array_equal(own, points[grown].reshape(-1, 2))


def test_the_first_cut_of_a_cluster_has_its_law() -> None:
    """A3 for clusters of 6 points in prefixes; sides of any size alike are rejected."""
    cuts: Counter[int] = Counter()
    for seed in range(250):
        cluster = forests.arriving_clusters(400, "borel", "number", seed, 1 / 3)
        n = 300
        tree = nested_ensemble.nested_forest(nested_ensemble.nested_edges(cluster[:n], seed), n, seed)
        tops = np.flatnonzero((tree.parent < 0) & (tree.size == 6))
        for top in tops.tolist():
            cuts[int(tree.size[np.flatnonzero(tree.parent == top)].min())] += 1
    observed = [cuts[k] for k in (1, 2, 3)]
    side = theory.root_split_law(6)[-5:]  # of 1 … 5 points
    assert chi_square(observed, [side[0] + side[4], side[1] + side[3], side[2]]) > THRESHOLD
    assert chi_square(observed, [0.4, 0.4, 0.2]) < REJECTED


# ------------------------------------------------------------------------------------------------ labels, places, files


@settings(max_examples=10)
@given(
    st.integers(2, 200),
    st.integers(2, 200),
    st.integers(0, 2**63 - 1),
    st.sampled_from(LAWS),
    st.sampled_from(["hierarchical", "brownian", "cluster-constant"]),
)
def test_places_move_by_the_step_alone(m: int, n: int, seed: int, law: tuple[str, str], label: str) -> None:
    n, m = min(n, m), max(n, m)
    small, large = (fm.generate(recipe_of(*law, k, seed=seed, label=label)) for k in (n, m))
    first = np.unique(small.cluster, return_index=True)[1][small.cluster]
    ratio = (n / m) ** (1 / 6)
    np.testing.assert_allclose((large.X[:n] - large.X[first]), ratio * (small.X - small.X[first]), atol=2e-5)
    moved = np.linalg.norm(large.X[first].astype(float) - small.X[first], axis=1)
    np.testing.assert_allclose(moved, np.sqrt(3) * n ** (-1 / 6) * (1 - ratio), atol=2e-5)
    if label == "cluster-constant":
        assert np.array_equal(large.y[:n], small.y)
    if label == "brownian":
        assert small.label_tree is not None
        assert large.label_tree is not None
        np.testing.assert_allclose(small.y * small.label_tree.norm, large.y[:n] * large.label_tree.norm[:n], atol=1e-10)


def test_labels_of_ensembles_of_3000_with_a_tenth_left_out() -> None:
    """Seen through the nearest neighbour in the larger set; a fresh draw, node numbers as names, would be 2."""
    for law, bound in ((LAWS[0], 0.03), (LAWS[1], 0.03)):
        change = []
        for seed in range(3):
            recipe = recipe_of(*law, 3000, seed=seed).replace(ambient_dim=100)
            large, small = fm.generate(recipe), fm.generate(recipe.replace(n_points=2700))
            A, B = small.X.astype(float), large.X.astype(float)
            nearest = (np.square(B).sum(1) - 2.0 * A @ B.T).argmin(1)
            change.append(float(np.mean((large.y[nearest] - small.y) ** 2)))
        assert np.mean(change) + 3 * np.std(change) / 2 < bound, (law, change)
    other = fm.generate(recipe.replace(n_points=2700, growth="coalescent"))
    assert np.mean((np.sort(other.y) - np.sort(small.y)) ** 2) > 0
    assert np.mean((other.y - small.y) ** 2) > 1.0  # control: without nesting the same rows hold other points


def test_draws_of_labels_nest_and_follow_the_tree() -> None:
    for label in ("hierarchical", "brownian", "cluster-constant"):
        data = fm.generate(recipe_of("yule-simon", "number", 40, label=label, seed=4))
        labels = fm.label_draws(data, 3000)
        assert np.array_equal(labels[:, 0], data.y)
        assert data.label_tree is not None
        expected = theory.TreeCovariance(data.label_tree).block(np.arange(40), np.arange(40))
        found = labels[:, 1:] @ labels[:, 1:].T / 2999
        assert np.abs(found - expected).max() < 6 * max(1.0, float(expected.max())) / np.sqrt(3000)


@pytest.mark.parametrize("label", ["hierarchical", "brownian"])
def test_files_hold_what_generate_returns(label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of("yule-simon", "size-biased", 3000, label=label, noise=0.1)
    data = fm.generate(recipe)
    paths = [fm.write(recipe, tmp_path / "small.h5")]
    monkeypatch.setattr("fractalman.generation.columns.IN_MEMORY_BYTES", 0)
    monkeypatch.setattr("fractalman.families.blocks.BLOCK_BYTES", 4096)
    paths.append(fm.write(recipe, tmp_path / "large.h5"))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with fm.open(paths[1]) as file:
        assert file.verify() == []
        assert np.array_equal(file.X[:], data.X)
        assert np.array_equal(file.y[:], data.y)
        assert np.array_equal(file.cluster[:], data.cluster)
    assert generation.population(recipe)["clusters"] == data.cluster.max() + 1  # type: ignore[index]


def test_growth_is_checked_and_silent() -> None:
    recipe = fm.PercolationEnsemble(n_points=9)
    assert "growth" not in recipe.to_dict()
    assert recipe.no_growth() is not None
    assert recipe.replace(growth="nested").no_growth() is None
    with pytest.raises(fm.RecipeError, match="growth = 'nest'"):
        recipe.replace(growth="nest")


def test_a_tie_is_named_where_there_is_one() -> None:
    """α/(1+α) against ½: equal at p = 1/3 alone; elsewhere the logarithm is that within clusters."""

    def evidence(p: float, label: str) -> str:
        recipe = fm.PercolationEnsemble(n_points=1000, ensemble="size-biased", create_prob=p, label=label)
        return fm.predict(recipe, "1-nn").law.evidence

    for label in ("hierarchical", "brownian"):
        assert "a tie" in evidence(1 / 3, label)
        assert all("a tie" not in evidence(p, label) for p in (0.2, 0.3, 0.4))
    assert "a power of ln n from within" in evidence(0.2, "hierarchical")
    assert "a tie" not in evidence(1 / 3, "cluster-constant")
