"""Moments of activations and numbers of features: against all trees, sampled streams, and drawn hierarchies."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.theory.dictionaries import (
    cascade_features,
    cluster_features,
    code_covariance,
    cofiring,
    edge_moments,
    independent_merge_gain,
    l0_moments,
    magnitude_moments,
    merge_gain,
    point_covariance,
    rank_errors,
)

PARENT = np.array([-1, -1, 0, 0, 2, 1, 4])
PASSES = 400


def nested_points() -> np.ndarray:
    """Presence of the seven features of PARENT at 32 points."""
    present = np.zeros((32, 7))
    for j, (begin, end) in enumerate([(0, 20), (20, 32), (0, 10), (10, 20), (0, 6), (22, 30), (1, 4)]):
        present[begin:end, j] = 1.0
    return present


def test_constants_have_the_covariance_of_the_whole_population() -> None:
    z = nested_points() * (1.0 + np.arange(7) / 4)
    share, mean = (z > 0).mean(axis=0), 1.0 + np.arange(7) / 4
    np.testing.assert_allclose(code_covariance(PARENT, share, mean, mean**2), np.cov(z.T, ddof=0), atol=1e-13)
    np.testing.assert_allclose(cofiring(PARENT, share).toarray(), nested_points().T @ nested_points() / 32, atol=1e-15)
    count = nested_points().sum(axis=1)
    assert l0_moments(PARENT, share) == pytest.approx((count.mean(), count.var()), abs=1e-13)
    edge = edge_moments(PARENT, share, mean, mean**2)
    correlation = np.corrcoef(z.T)
    np.testing.assert_allclose(edge.correlation, correlation[edge.parent, edge.child], atol=1e-12)
    D = np.random.default_rng(0).standard_normal((7, 5))
    known = point_covariance(D, code_covariance(PARENT, share, mean, mean**2))
    np.testing.assert_allclose(known, np.cov((z @ D).T, ddof=0), atol=1e-12)
    left = rank_errors(known, 6)
    centred = z @ D - (z @ D).mean(axis=0)
    for width in range(6):
        sizes = np.linalg.svd(centred, compute_uv=False)
        assert left[width] == pytest.approx(np.square(sizes[width:]).sum() / 32, abs=1e-12)


def test_a_long_stream_has_the_moments_that_are_stated() -> None:
    """Every pass has each point once, so that presence is exact and magnitudes alone scatter: z-scores of all edges."""
    recipe = fm.PercolationCluster(
        n_points=128, ambient_dim=4, embedding="superposition", feature_magnitude="folded-normal", feature_min_size=4
    )
    known = fm.generate(recipe).dictionary(4)
    stream, rows = fm.stream(recipe, 128), 128 * PASSES
    z = stream.codes(np.arange(rows))
    share, m = known.size / 128, known.size.size
    np.testing.assert_array_equal(np.bincount(z.indices, minlength=m), known.size * PASSES)
    law = magnitude_moments("folded-normal")
    edge = edge_moments(known.parent, share, np.full(m, law.mean), np.full(m, law.square))
    columns = z.tocsc()
    product_mean = np.asarray(columns[:, edge.parent].multiply(columns[:, edge.child]).sum(axis=0)).ravel() / rows

    def scores(measured: np.ndarray, stated: np.ndarray, variance: np.ndarray | float, at: np.ndarray) -> np.ndarray:
        return (measured - stated) / np.sqrt(at * variance / rows)

    both = scores(product_mean, edge.product, law.square**2 - law.mean**4, edge.both)
    first = scores(np.asarray(z.sum(axis=0)).ravel() / rows, share * law.mean, law.variance, share)
    second = scores(np.asarray(z.power(2).sum(axis=0)).ravel() / rows, share * law.square, 3.0 - 1.0, share)
    limit = 4.5  # at some 150 numbers, once in 1000
    for found in (both, first, second):
        assert np.abs(found).max() < limit
        assert 0.7 < np.square(found).mean() < 1.35
    # the control: magnitudes of one point that are the same at parent and child, E z² in place of (E z)²
    assert np.abs(scores(product_mean, edge.both * law.square, 2.0, edge.both)).max() > 3 * limit
    X = stream.X(np.arange(rows)).astype(float)
    covariance = code_covariance(known.parent, share, np.full(m, law.mean), np.full(m, law.square))
    stated = np.trace(point_covariance(known.directions, covariance))
    assert X.var(axis=0).sum() == pytest.approx(stated, rel=0.02)
    assert np.trace(covariance - np.diag(np.diag(covariance)) + np.diag(share * law.variance)) < 0.9 * stated


def cut_sizes(n: int) -> np.ndarray:
    """Mean number of fragments of every size, over all labelled trees and all orders of their edges."""
    counts, trees = np.zeros(n + 1), 0
    for code in product(range(n), repeat=n - 2):
        edges = tree_of(code, n)
        for order in permutations(edges):
            trees += 1
            counts[n] += 1
            for i in range(n - 1):
                for part in (order[i][0], order[i][1]):
                    counts[len(component(part, order[i + 1 :]))] += 1
    return counts / trees


def tree_of(code: tuple[int, ...], n: int) -> list[tuple[int, int]]:
    """Edges of the labelled tree of a Prüfer code."""
    degree = [1 + code.count(v) for v in range(n)]
    edges = []
    for v in code:
        leaf = degree.index(1)
        edges.append((leaf, v))
        degree[leaf] -= 1
        degree[v] -= 1
    return [*edges, tuple(v for v in range(n) if degree[v] == 1)]  # type: ignore[list-item]


def component(point: int, edges: tuple[tuple[int, int], ...]) -> set[int]:
    found, before = {point}, 0
    while len(found) > before:
        before = len(found)
        for a, b in edges:
            if a in found or b in found:
                found |= {a, b}
    return found


def test_numbers_of_subclusters_are_those_of_all_trees_and_orders() -> None:
    for n in (3, 4):
        np.testing.assert_allclose(cluster_features(n)[1:], cut_sizes(n)[1:], rtol=1e-12)
    for n, depth in ((10, 4.20722), (100, 14.06685), (1000, 42.36612)):  # latents N − 1; mean depth from another law
        sizes = cluster_features(n)
        assert sizes[2:].sum() == pytest.approx(n - 1, rel=1e-10)
        assert np.arange(2, n + 1) @ sizes[2:] / n == pytest.approx(depth, abs=1e-5)
    large = cluster_features(1 << 16)
    k = np.arange(100, 200)
    amplitude = large[k] * k**1.5 * np.sqrt(2 * np.pi) / (1 << 16)
    np.testing.assert_allclose(amplitude, 1.0 + np.sqrt(np.pi / (2 * k)), atol=0.005)
    left = large[::-1].cumsum()[::-1]  # of k points or more: r, whose share is k/N = (2N/π) / r²
    assert left[1000] ** 2 * (1000 / (1 << 16)) * np.pi / (2 * (1 << 16)) == pytest.approx(1.0, abs=0.05)


def test_numbers_of_cells_are_those_of_drawn_cascades() -> None:
    seeds, bins = 24, [2, 3, 5, 10, 30, 301]
    stated = np.add.reduceat(cascade_features(3, 300), bins[:-1])
    drawn = []
    for seed in range(seeds):
        tree = fm.generate(fm.Cascade(n_points=300, ambient_dim=2, branching=3, seed=seed)).hierarchy
        assert tree is not None
        drawn.append(np.histogram(tree.size[300:], bins)[0])
    mean, error = np.mean(drawn, axis=0), np.std(drawn, axis=0, ddof=1) / np.sqrt(seeds)
    assert (np.abs(mean - stated) < 4.5 * error + 1e-9).all()
    other = np.add.reduceat(cascade_features(4, 300), bins[:-1])  # the control
    assert (np.abs(mean - other) > 4.5 * error).any()


@pytest.mark.parametrize("penalty", ["l0", "l1"])
def test_merging_by_the_law_is_what_samples_tend_to_from_above(penalty: str) -> None:
    rng = np.random.default_rng(1)
    for weight in (0.1, 1.0):
        stated = independent_merge_gain("folded-normal", weight, penalty)
        assert stated < 0.0
        a, b = np.abs(rng.standard_normal((2, 100_000)))
        assert merge_gain(a, b, weight, penalty) == pytest.approx(stated, abs=0.006)
        small = [merge_gain(*np.abs(rng.standard_normal((2, 12))), weight, penalty) for _ in range(60)]
        assert np.mean(small) > stated  # the direction is the best for these very points
    assert max(small) > 0.0  # so that of few points merging seems to pay at some edges
    assert independent_merge_gain("constant", 1.0, penalty, 2.0) > 0.0


def test_what_no_nested_sets_have_is_refused() -> None:
    for call, words in (
        (lambda: cofiring([-1, 0], [0.5, 0.75]), "at most its parent's"),
        (lambda: code_covariance([-1], [0.5], [1.0], [0.5]), "mean squares"),
        (lambda: magnitude_moments("folded"), "did you mean|expected one of"),
        (lambda: rank_errors(np.ones((2, 3)), 1), "square table"),
        (lambda: point_covariance(np.eye(2), np.eye(3)), "expected finite"),
        (lambda: cluster_features(1), "from 2"),
        (lambda: cascade_features(1, 10), "branching = 1"),
        (lambda: independent_merge_gain("constant", 1.0, "l0", 0.0), "scale"),
        (lambda: merge_gain([1.0], [1.0], 1.0, probability=[0.5, 0.5]), "probability"),
    ):
        with pytest.raises(RecipeError, match=words):
            call()
