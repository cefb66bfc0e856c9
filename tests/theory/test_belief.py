"""The Bayes floor, variances and one neighbour's exact risk against dense Gaussians, brute force and references."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples, some
from theory_trees import cut_tree, dense_covariance, dense_posterior, label_tree, uniform_tree

import fractalman as fm
from fractalman import generation
from fractalman.errors import RecipeError
from fractalman.random.streams import Role, draws, key64, permutation
from fractalman.theory import (
    _kernels,
    bayes_curve,
    bayes_risk,
    local_slope,
    one_nn_curve_on_tree,
    one_nn_on_tree,
    pair_risk,
    within_variance,
)
from fractalman.trees import LabelTree, path_sums, topological_order
from fractalman.trees._kernels import adjacency
from tests.reference import streams as plain
from tests.reference import theory as slow

VARIANCES = st.one_of(st.just(0.0), st.floats(0.05, 20.0))


@st.composite
def forests(draw: st.DrawFn) -> tuple[LabelTree, np.ndarray]:
    """A label tree of any form (binary, bushy, chains, several roots, points on inner nodes) and a mask."""
    m = draw(st.integers(1, 24))
    reach = draw(st.sampled_from([1, 2, 24]))  # 1 = a chain, 24 = a random recursive tree or a bush
    roots = draw(st.integers(1, 3))
    above = [-1 if i < roots else draw(st.integers(max(0, i - reach), i - 1)) for i in range(m)]
    names = draw(st.permutations(range(m)))  # ancestors need not come first in the columns
    parent = np.full(m, -1, np.int64)
    for i, p in enumerate(above):
        parent[names[i]] = names[p] if p >= 0 else -1
    variance = np.array(draw(st.lists(VARIANCES, min_size=m, max_size=m)))
    n = draw(st.integers(1, 16))
    leaf = np.array(draw(st.lists(st.integers(0, m - 1), min_size=n, max_size=n)), np.int64)
    norm = np.array(draw(st.lists(st.floats(0.5, 2.0), min_size=n, max_size=n)))
    observed = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    return label_tree(parent, variance, leaf, norm), observed


def agree(tree: LabelTree, observed: np.ndarray, truth: LabelTree) -> bool:
    """The one comparison that the test and its negative control share."""
    found = bayes_risk(tree, observed)
    expected = dense_posterior(dense_covariance(truth), observed)
    return found.shape == expected.shape and bool(np.all(np.abs(found - expected) <= 1e-9))


@given(forests())
@examples(300)
def test_bayes_risk_is_gaussian_conditioning(case: tuple[LabelTree, np.ndarray]) -> None:
    tree, observed = case
    assert agree(tree, observed, tree)


def test_bayes_risk_of_another_label_is_rejected() -> None:
    # Negative control: another size exponent, or one variance 1 % off, must not pass the same comparison.
    n = 24
    parent, size = cut_tree(uniform_tree(n, key64(3, Role.MEASUREMENT)), key64(3, Role.ORDER))
    leaf = np.arange(n, dtype=np.int64)
    observed = np.arange(n) % 3 == 0
    truth = label_tree(parent, size**0.0, leaf)
    assert agree(truth, observed, truth)
    assert not agree(label_tree(parent, size**0.1, leaf), observed, truth)
    off = truth.variance.copy()
    off[-1] *= 1.01
    assert not agree(label_tree(parent, off, leaf, truth.norm), observed, truth)


@given(forests())
def test_posterior_variances_equal_their_reference(case: tuple[LabelTree, np.ndarray]) -> None:
    tree, observed = case
    order = topological_order(tree.parent)
    grounded = np.zeros(tree.parent.size, np.bool_)
    grounded[tree.leaf[observed]] = True
    out = np.empty(tree.parent.size)
    _kernels.posterior_variances(tree.parent, tree.variance, order, grounded, out)
    reference = slow.posterior_variances(
        tree.parent.tolist(), tree.variance.tolist(), order.tolist(), grounded.tolist()
    )
    assert out.tolist() == reference
    weight = tree.variance.copy()
    _kernels.sums_below(tree.parent, order, weight)
    assert weight.tolist() == slow.sums_below(tree.parent.tolist(), order.tolist(), tree.variance.tolist())


@given(forests())
def test_more_labels_never_raise_the_floor(case: tuple[LabelTree, np.ndarray]) -> None:
    tree, observed = case
    fewer = observed.copy()
    fewer[np.flatnonzero(observed)[:1]] = False
    before = np.full(observed.size, np.nan)
    before[~fewer] = bayes_risk(tree, fewer)
    after = bayes_risk(tree, observed)
    assert (after >= 0).all()
    assert (after <= before[~observed] + 1e-12).all()


def test_nothing_seen_everything_seen_and_duplicates() -> None:
    parent = np.array([3, 3, 3, -1], np.int64)
    tree = label_tree(parent, np.array([0.0, 0.0, 2.0, 1.0]), np.arange(3, dtype=np.int64))
    np.testing.assert_allclose(bayes_risk(tree, np.zeros(3, bool)), [1.0, 1.0, 1.0], rtol=1e-15)
    assert bayes_risk(tree, np.ones(3, bool)).shape == (0,)
    # Point 1 is a duplicate of point 0 (variance 0): seeing one is seeing the other.
    np.testing.assert_allclose(bayes_risk(tree, np.array([True, False, False])), [0.0, 2.0 / 3.0], atol=1e-15)


def test_many_children_do_not_cancel() -> None:
    # One latent with 50000 children of very different variances: the posterior is known in closed form.
    n = 50_000
    parent = np.append(np.full(n, n, np.int64), -1)
    own = np.exp(12.0 * (np.arange(n) / n - 0.5))
    own[0] = 1e-9  # one sibling conducts as much as ten million others
    tree = label_tree(parent, np.append(own, 0.7), np.arange(n, dtype=np.int64), np.ones(n))
    observed = np.arange(n) % 2 == 0
    conductance = np.sum(1.0 / own[observed]) + 1.0 / 0.7
    np.testing.assert_allclose(bayes_risk(tree, observed), own[~observed] + 1.0 / conductance, rtol=1e-12)
    observed[0] = False
    others = np.sum(1.0 / own[observed]) + 1.0 / 0.7
    np.testing.assert_allclose(bayes_risk(tree, observed)[0], 1e-9 + 1.0 / others, rtol=1e-12)


def test_a_chain_deeper_than_any_stack() -> None:
    # Brownian motion on a path of 10^5 sites, every site a point: between two seen sites it is a bridge.
    n, gap = 100_001, 1000
    parent = np.arange(-1, n - 1, dtype=np.int64)
    tree = label_tree(np.array([-1], np.int64), np.ones(1), np.zeros(1, np.int64))
    tree = LabelTree(parent, np.zeros(n), np.ones(n), np.ones(n), np.arange(n, dtype=np.int64))
    observed = np.arange(n) % gap == 0
    step = np.arange(n)[~observed] % gap
    np.testing.assert_allclose(bayes_risk(tree, observed), step * (gap - step) / gap, rtol=1e-12)


def test_what_is_no_mask_is_refused() -> None:
    tree = label_tree(np.array([-1], np.int64), np.ones(1), np.zeros(1, np.int64))
    for wrong in (np.array([0]), np.zeros(2, bool), np.zeros((1, 1), bool)):
        with pytest.raises(RecipeError, match="bool array of shape"):
            bayes_risk(tree, wrong)

    class Bare:
        label_tree = None

    with pytest.raises(RecipeError, match="no label tree"):
        bayes_risk(Bare(), np.zeros(1, bool))


@given(forests())
def test_within_variance_and_pairs_are_the_covariance(case: tuple[LabelTree, np.ndarray]) -> None:
    tree, _ = case
    sigma = dense_covariance(tree)
    n = tree.n_points
    assert abs(within_variance(tree) - (np.trace(sigma) / n - sigma.sum() / n**2)) <= 1e-9
    i, j = (grid.ravel() for grid in np.mgrid[0:n, 0:n])
    expected = sigma[i, i] + sigma[j, j] - 2.0 * sigma[i, j]
    np.testing.assert_allclose(pair_risk(tree, i, j), expected, atol=1e-9)
    np.testing.assert_array_equal(pair_risk(tree, i, j), pair_risk(tree, j, i))


def test_pairs_that_differ_in_small_variances_keep_their_digits() -> None:
    parent = np.array([2, 2, -1], np.int64)
    tree = label_tree(parent, np.array([3e-13, 5e-13, 1.0]), np.arange(2, dtype=np.int64), np.ones(2))
    np.testing.assert_allclose(pair_risk(tree, np.array([0]), np.array([1])), 8e-13, rtol=1e-2)


@given(forests(), st.sampled_from([0.0, 0.4]))
@examples(100)
def test_bayes_curve_is_the_floor_of_nested_sets(case: tuple[LabelTree, np.ndarray], sigma: float) -> None:
    tree, observed = case
    tree = tree.noisy(sigma) if sigma else tree
    order = np.concatenate([np.flatnonzero(observed), np.flatnonzero(~observed)])
    sizes = [0, int(observed.sum()), 0, max(0, int(observed.sum()) - 1)]
    curve = bayes_curve(tree, order, sizes, order)
    for row, n in zip(curve, sizes, strict=True):
        mask = np.isin(np.arange(tree.n_points), order[:n])
        np.testing.assert_allclose(row[n:], bayes_risk(tree, mask)[np.argsort(np.argsort(order[n:]))], rtol=1e-9)
        np.testing.assert_array_equal(row[:n], 0.0)  # who is in the training set has nothing left to predict
    assert bayes_curve(tree, order, [], order).shape == (0, tree.n_points)
    with pytest.raises(RecipeError, match="sizes from 0 to"):
        bayes_curve(tree, order, [tree.n_points + 1], order)


FAMILIES: dict[str, fm.Recipe] = {
    "cluster": fm.PercolationCluster(n_points=60, label_exponent=-0.2),
    "brownian": fm.PercolationCluster(n_points=60, label="brownian"),
    "nested": fm.PercolationCluster(n_points=60, growth="nested"),
    "cascade": fm.Cascade(n_points=60, branching=(1, 3), hurst=0.5, noise=0.3),
    "masses": fm.Cascade(n_points=60, branching=3, masses=(0.7, 0.2, 0.1), contraction=(0.3, 0.5, 0.5)),
    "ensemble": fm.PercolationEnsemble(n_points=60, label_exponent=0.25, noise=0.1),
    "constant": fm.PercolationEnsemble(n_points=60, label="cluster-constant"),
    "bethe": fm.BetheLattice(n_points=60, coordination=3, bond_probability=0.6),
    "bethe, brownian": fm.BetheLattice(n_points=60, coordination=3, ensemble="size-biased", label="brownian"),
    "lattice": fm.LatticePercolation(dim=2, side=10, clusters="all"),
    "lattice, brownian": fm.LatticePercolation(dim=3, side=6, percolation="bond", label="brownian"),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_floor_of_every_family_is_gaussian_conditioning(name: str) -> None:
    recipe = FAMILIES[name]
    made = generation.structure(recipe)
    assert made.label_tree is not None
    tree = made.label_tree.noisy(recipe.noise) if recipe.noise else made.label_tree
    observed = np.arange(tree.n_points) % 3 == 1
    assert agree(tree, observed, tree)
    # Control: every other node's variance 20 % larger.
    off = tree.variance * np.where(np.arange(tree.variance.size) % 2 == 1, 1.2, 1.0)
    assert not agree(LabelTree(tree.parent, tree.value, off, tree.norm, tree.leaf), observed, tree)


def hop_distances(n: int, edges: np.ndarray, source: int) -> list[int]:
    """Graph distances by one breadth-first search from one vertex."""
    distance = [-1] * n
    distance[source] = 0
    queue = deque([source])
    while queue:
        u = queue.popleft()
        for a, b in edges.tolist():
            for near, far in ((a, b), (b, a)):
                if near == u and distance[far] < 0:
                    distance[far] = distance[u] + 1
                    queue.append(far)
    return distance


@given(st.integers(2, 30), st.integers(0, 10**6), st.integers(1, 29), st.sampled_from([-0.2, 0.0, 0.5]))
@examples(100)
def test_one_nn_on_tree_is_brute_force(n: int, seed: int, n_train: int, a: float) -> None:
    edges = uniform_tree(n, key64(seed, Role.MEASUREMENT))
    parent, size = cut_tree(edges, key64(seed, Role.ORDER))
    tree = label_tree(parent, size ** (2 * a), np.arange(n, dtype=np.int64))
    order = permutation(key64(seed, Role.SPLIT), n)
    train, test = order[: min(n_train, n - 1)], order[min(n_train, n - 1) :]
    risk, steps = one_nn_on_tree(edges, tree, train, test)
    sigma = dense_covariance(tree)
    for t, r, g in zip(test.tolist(), risk, steps, strict=True):
        from_test = hop_distances(n, edges, t)
        near = min(train.tolist(), key=lambda v: from_test[v])  # min keeps the first of equals
        assert g == from_test[near]
        assert abs(r - (sigma[t, t] + sigma[near, near] - 2 * sigma[t, near])) < 1e-12
    sizes = sorted({1, train.size // 2 or 1, train.size})
    curve, distances = one_nn_curve_on_tree(edges, tree, order, sizes, test)
    for row, k in enumerate(sizes):
        alone = one_nn_on_tree(edges, tree, order[:k], test)
        np.testing.assert_array_equal(curve[row], alone[0])
        np.testing.assert_array_equal(distances[row], alone[1])


@given(st.integers(2, 60), st.integers(0, 10**6), st.integers(1, 60), st.booleans())
def test_nearest_sources_equal_their_reference(n: int, seed: int, count: int, cut: bool) -> None:
    edges = uniform_tree(n, key64(seed, Role.MEASUREMENT))[int(cut) :]  # without one edge some sites stay unreached
    sources = (draws(key64(seed, Role.SPLIT), count) % np.uint64(n)).astype(np.int64)  # repeats allowed
    start, neighbour = np.empty(n + 1, np.int64), np.empty(2 * len(edges), np.int64)
    distance, owner = np.empty(n, np.int64), np.empty(n, np.int64)
    adjacency(edges, start, neighbour)
    _kernels.nearest_sources(start, neighbour, sources, distance, owner)
    reference = slow.nearest_sources(n, [tuple(e) for e in edges.tolist()], sources.tolist())
    assert (distance.tolist(), owner.tolist()) == reference


def test_one_nn_never_beats_the_floor() -> None:
    n = 400
    for seed in range(5):
        edges = uniform_tree(n, key64(seed, Role.MEASUREMENT))
        parent, size = cut_tree(edges, key64(seed, Role.ORDER))
        tree = label_tree(parent, size**0.0, np.arange(n, dtype=np.int64))
        train = permutation(key64(seed, Role.SPLIT), n)[:40]
        observed = np.zeros(n, bool)
        observed[train] = True
        risk, _ = one_nn_on_tree(edges, tree, train, np.flatnonzero(~observed))
        assert (risk >= bayes_risk(tree, observed) - 1e-12).all()


@pytest.mark.parametrize("percolation", ["site", "bond"])
def test_one_nn_on_a_lattice_goes_through_all_edges(percolation: str) -> None:
    # Clusters with loops: neighbours are near in the graph, not along the tree that the hierarchy was cut from.
    recipe = fm.LatticePercolation(dim=2, side=9, percolation=percolation, clusters="all", label="brownian", seed=3)
    made = generation.structure(recipe)
    assert made.edges is not None
    assert made.label_tree is not None
    n, parent = made.y.size, made.label_tree.parent
    assert len(made.edges) > n - made.cluster.max() - 1  # there are loops
    order = permutation(key64(1, Role.SPLIT), n)
    train, test = order[:8], order[8:]
    risk, steps = one_nn_on_tree(made.edges, made.label_tree, train, test, "other")
    along = np.stack([parent[parent >= 0], np.flatnonzero(parent >= 0)], axis=1)
    sigma, longer = dense_covariance(made.label_tree), 0
    for t, r, g in zip(test.tolist(), risk, steps, strict=True):
        from_test = hop_distances(n, made.edges, t)
        reached = [v for v in train.tolist() if from_test[v] >= 0]
        near = min(reached, key=lambda v: from_test[v]) if reached else int(train[0])
        assert g == from_test[near]
        assert abs(r - (sigma[t, t] + sigma[near, near] - 2 * sigma[t, near])) < 1e-12
        longer += g >= 0 and hop_distances(n, along, t)[near] > g
    assert longer > 0  # control: the tree would have answered differently


def test_unseen_clusters_are_answered_as_told() -> None:
    # Clusters {0, 1, 2}, {3, 4}, {5}; training points 3, 5, then 0.
    edges = np.array([[0, 1], [1, 2], [3, 4]])
    cluster = np.array([0, 0, 0, 1, 1, 2])
    variance, norm = np.array([1.0, 4.0, 9.0]), np.array([1.0, 1.0, 2.0, 2.0, 1.0, 3.0])
    tree = LabelTree(np.full(3, -1), np.zeros(3), variance, norm, cluster)
    order, test = np.array([3, 5, 0]), np.array([1, 2, 4])
    with pytest.raises(RecipeError, match="test point 1 is not connected to any of the 1 training points"):
        one_nn_curve_on_tree(edges, tree, order, [1, 3], test)
    zero, steps = one_nn_curve_on_tree(edges, tree, order, [1, 3], test, "zero")
    np.testing.assert_array_equal(steps, [[-1, -1, 1], [1, 2, 1]])
    np.testing.assert_allclose(zero, [[1.0, 0.25, 1.0], [0.0, 0.25, 1.0]])
    other, steps = one_nn_curve_on_tree(edges, tree, order, [1, 3], test, "other")
    np.testing.assert_allclose(other, [[2.0, 1.25, 1.0], [0.0, 0.25, 1.0]])
    np.testing.assert_array_equal(steps[0], [-1, -1, 1])
    with pytest.raises(RecipeError, match="did you mean 'other'"):
        one_nn_curve_on_tree(edges, tree, order, [1], test, "others")


def test_points_that_cannot_be_reached_or_do_not_exist_are_refused() -> None:
    parent = np.array([-1, -1, -1], np.int64)
    tree = label_tree(parent, np.ones(3), np.arange(3, dtype=np.int64))
    edges = np.array([[0, 1]], np.int64)
    with pytest.raises(RecipeError, match="test point 2 is not connected"):
        one_nn_on_tree(edges, tree, np.array([0]), np.array([1, 2]))
    with pytest.raises(RecipeError, match="from 0 to 2"):
        one_nn_on_tree(edges, tree, np.array([0]), np.array([3]))
    with pytest.raises(RecipeError, match="from 1 to 0"):
        one_nn_on_tree(edges, tree, np.array([], np.int64), np.array([1]))
    with pytest.raises(RecipeError, match="equally many"):
        pair_risk(tree, np.array([0, 1]), np.array([1]))


def test_labels_drawn_from_the_tree_have_the_predicted_pair_risk() -> None:
    # The formulas against drawn labels: 4000 draws of a path's latents, three standard errors, and a wrong risk fails.
    edges = uniform_tree(12, key64(5, Role.MEASUREMENT))
    parent, size = cut_tree(edges, key64(5, Role.ORDER))
    tree = label_tree(parent, size**0.5, np.arange(12, dtype=np.int64))
    total = []
    for draw in range(4000):
        key = key64(draw, Role.LATENT)
        # Uniform steps have the same second moment as normal ones: the formula needs no more.
        z = np.array([np.sqrt(12.0) * (plain.draw_uniform(key, u) - 0.5) for u in range(parent.size)])
        values = z * np.sqrt(tree.variance)
        sums = values.copy()
        for u in topological_order(parent).tolist():
            sums[u] = values[u] + (sums[parent[u]] if parent[u] >= 0 else 0.0)
        total.append((sums[:12] / tree.norm)[[0, 3]])
    squares = np.square(np.diff(np.array(total), axis=1).ravel())
    error = squares.std(ddof=1) / np.sqrt(squares.size)
    expected = pair_risk(tree, np.array([0]), np.array([3]))[0]
    assert abs(squares.mean() - expected) < 3 * error
    assert abs(squares.mean() - 1.2 * expected) > 3 * error


def test_the_floor_has_an_exponent_of_its_own() -> None:
    # 12 clusters of 8192 sites, n = 16 … 256: at a = 1/2 the floor falls faster than n^(−1/2), 1-NN cannot (§3.3).
    # Control: at a = 0 the same comparison finds no such thing.
    n, sizes, faster, trees = 8192, [16, 64, 256], {}, some(12, fast=6)
    for a in (0.0, 0.5):
        floor, neighbour = [], []
        for seed in range(trees):
            edges = uniform_tree(n, key64(seed, Role.MEASUREMENT))
            parent, size = cut_tree(edges, key64(seed, Role.ORDER))
            variance = size ** (2 * a)
            norm = np.sqrt(path_sums(parent, variance)[:n])
            tree = LabelTree(parent, np.zeros(parent.size), variance, norm, np.arange(n, dtype=np.int64))
            order = permutation(key64(seed, Role.SPLIT), n)
            seen = [np.isin(np.arange(n), order[:size]) for size in sizes]
            floor.append(local_slope(sizes, np.array([bayes_risk(tree, mask).mean() for mask in seen])))
            risk = one_nn_curve_on_tree(edges, tree, order, sizes, order[-1024:])[0].mean(axis=1)
            neighbour.append(local_slope(sizes, risk))
        means = [np.mean(slopes) for slopes in (floor, neighbour)]
        errors = [np.std(slopes, ddof=1) / np.sqrt(trees) for slopes in (floor, neighbour)]
        faster[a] = (means[0] - 3 * errors[0] > 0.5, means[1] - 3 * errors[1] > 0.5)
    assert faster == {0.0: (False, False), 0.5: (True, False)}
