"""The labels' covariance without a matrix: induced trees, blocks, products and residuals against dense Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from sampled import examples
from theory_trees import cut_tree, dense_covariance, label_tree, uniform_tree

from fractalman.errors import RecipeError
from fractalman.random.streams import Role, key64
from fractalman.theory import TreeCovariance, _kernels, expected_risk, induced_tree, with_intercept
from fractalman.theory.covariance import walk_order
from fractalman.trees import LabelTree, depths, path_sums, topological_order
from tests.reference import theory as slow
from tests.theory.test_belief import forests

Case = tuple[LabelTree, np.ndarray]


def some_points(mask: np.ndarray) -> np.ndarray:
    """A list of points in no order: those of the mask backwards, then the others."""
    return np.concatenate([np.flatnonzero(mask)[::-1], np.flatnonzero(~mask)])


@given(forests())
@examples(120)
def test_matrix_free_is_dense(case: Case) -> None:
    tree, mask = case
    sigma, n = dense_covariance(tree), tree.n_points
    labels, everyone = TreeCovariance(tree), np.arange(n)
    rng = np.random.default_rng(n)
    vectors = rng.standard_normal((n, 3))
    np.testing.assert_allclose(labels.times(vectors), sigma @ vectors, atol=1e-9)
    np.testing.assert_array_equal(labels.times(vectors[:, 0]), labels.times(vectors)[:, 0])
    rows, columns = some_points(mask), np.flatnonzero(mask)
    np.testing.assert_allclose(labels.block(rows, columns), sigma[np.ix_(rows, columns)], atol=1e-9)
    np.testing.assert_allclose(labels.prior(rows), np.diag(sigma)[rows], atol=1e-9)
    weights = rng.standard_normal((n, columns.size))
    quadratic = (
        np.diag(sigma)
        - 2.0 * np.sum(weights * sigma[:, columns], axis=1)
        + np.sum(weights @ sigma[np.ix_(columns, columns)] * weights, axis=1)
    )
    np.testing.assert_allclose(labels.residuals(weights, columns, everyone), quadratic, atol=1e-8)
    small = labels.restricted(rows)
    assert small.parent.size <= max(1, 2 * np.unique(tree.leaf).size - 1)
    assert (small.parent < np.arange(small.parent.size)).all()
    np.testing.assert_allclose(dense_covariance(small.tree), sigma[np.ix_(rows, rows)], atol=1e-9)


def test_another_label_exponent_is_rejected() -> None:
    # Negative control of the comparisons above: the same tree with a = 0.1 instead of 0.
    parent, size = cut_tree(uniform_tree(20, key64(1, Role.MEASUREMENT)), key64(1, Role.ORDER))
    leaf = np.arange(20)
    sigma = dense_covariance(label_tree(parent, size**0.0, leaf))
    for exponent, passes in ((0.0, True), (0.1, False)):
        labels = TreeCovariance(label_tree(parent, size ** (2 * exponent), leaf))
        assert np.allclose(labels.block(leaf, leaf), sigma, atol=1e-9) == passes
        assert np.allclose(labels.times(np.eye(20)), sigma, atol=1e-9) == passes
        H = np.full((20, 5), 0.2)
        wanted = 1.0 - 0.4 * sigma[:, :5].sum(axis=1) + 0.04 * sigma[:5, :5].sum()
        assert np.allclose(labels.residuals(H, leaf[:5], leaf), wanted, atol=1e-9) == passes


@given(forests())
@examples(60)
def test_tree_walks_equal_their_references(case: Case) -> None:
    tree, mask = case
    m, order = tree.parent.size, topological_order(tree.parent)
    parent, variance, plain = tree.parent.tolist(), tree.variance.tolist(), order.tolist()
    weight = np.random.default_rng(m).standard_normal((m, 2))
    product = weight.copy()
    _kernels.covariance_products(tree.parent, tree.variance, order, product)
    for j in range(2):
        assert product[:, j].tolist() == slow.covariance_product(parent, variance, plain, weight[:, j].tolist())
    marked = np.zeros(m, bool)
    marked[tree.leaf[mask]] = True
    name, above, own = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m)
    kept = _kernels.induced(tree.parent, tree.variance, order, marked, name, above, own)
    found = (name.tolist(), above[:kept].tolist(), own[:kept].tolist())
    assert found == slow.induced(parent, variance, plain, marked.tolist())


@given(forests())
@examples(60)
def test_block_and_residual_walks_equal_their_references(case: Case) -> None:
    tree, mask = case
    small = TreeCovariance(induced_tree(tree, np.arange(tree.n_points)))
    parent, variance = small.parent.tolist(), small.variance.tolist()
    rows, columns = small.tree.leaf, small.tree.leaf[mask]
    out = np.empty((rows.size, columns.size))
    _kernels.shared_sums(small.parent, small.sums, rows, columns, out)
    assert out.tolist() == slow.shared_sums(parent, small.sums.tolist(), rows.tolist(), columns.tolist())
    m = small.parent.size
    marked = np.zeros(m, bool)
    marked[columns] = True
    name, above, own = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m)
    kept = _kernels.induced(small.parent, small.variance, small.order, marked, name, above, own)
    at, places = np.empty(m, np.int64), np.empty((3, m))
    _kernels.attached(small.parent, small.variance, small.order, name, at, *places)
    for u in range(m):
        number, *sums = slow.attached(parent, variance, name.tolist(), u)
        assert at[u] == number
        np.testing.assert_allclose(places[:, u], sums, rtol=1e-14)
    weights = np.random.default_rng(rows.size).standard_normal((rows.size, columns.size))
    scale, known = 1.0 / tree.norm, 1.0 / tree.norm[mask]
    risk = np.empty(rows.size)
    joins = (at[rows], *places[:, rows])
    _kernels.residual_risks(above[:kept], own[:kept], name[columns], known, *joins, scale, weights, risk, 4)
    for t, u in enumerate(rows.tolist()):
        arguments = (columns.tolist(), known.tolist(), u, float(scale[t]), weights[t].tolist())
        assert risk[t] == pytest.approx(slow.residual_risk(parent, variance, *arguments), rel=1e-12, abs=1e-280)


@given(forests())
def test_walks_are_walks_whatever_the_columns(case: Case) -> None:
    tree, _ = case
    order = walk_order(tree.parent, tree.n_points)
    assert sorted(order.tolist()) == list(range(tree.parent.size))
    place = np.argsort(order)
    inner = tree.parent >= 0
    assert (place[tree.parent[inner]] < place[inner]).all()


def test_orders_seen_at_a_glance() -> None:
    chain = np.array([-1, 0, 1, 2])
    np.testing.assert_array_equal(walk_order(chain, 4), [0, 1, 2, 3])
    hierarchy = np.array([3, 4, 4, -1, 3])  # three points, then latents with smaller parents
    np.testing.assert_array_equal(walk_order(hierarchy, 3), [3, 4, 0, 1, 2])
    for wrong in ([1, 0], [5, -1], [-2, 0]):
        with pytest.raises(RecipeError, match="parent column"):
            walk_order(np.array(wrong), 1)


def test_orders_equal_their_reference() -> None:
    for parent in ([-1, 0, 1], [2, 2, -1], [-1, -1], [1, -1], [-1, 2, 0], [3, 3, 3, -1], [4, 4, 3, -1, 3], []):
        column = np.array(parent, np.int64)
        assert _kernels.parents_first(column) == all(-1 <= p < u for u, p in enumerate(parent))
        for n in range(len(parent) + 1):
            below = all(p == -1 or p >= n for p in parent[:n])
            above = all(p == -1 or n <= p < u for u, p in enumerate(parent[n:], start=n))
            assert _kernels.points_then_latents(column, n) == (below and above)


def test_close_pairs_keep_their_digits_in_residuals() -> None:
    # Two points that differ by 1e-13 of their variance, answered by each other: a difference of covariances is noise.
    parent = np.array([2, 2, -1])
    tree = label_tree(parent, np.array([3e-13, 5e-13, 1.0]), np.arange(2), np.ones(2))
    risk = TreeCovariance(tree).residuals(np.ones((1, 1)), np.array([0]), np.array([1]))
    np.testing.assert_allclose(risk, 8e-13, rtol=1e-12)
    # ... and by a mean of many neighbours, each as close.
    n = 200
    star = label_tree(np.append(np.full(n, n), -1), np.append(np.full(n, 1e-13), 1.0), np.arange(n), np.ones(n))
    found = TreeCovariance(star).residuals(np.full((1, n - 1), 1.0 / (n - 1)), np.arange(1, n), np.array([0]))
    np.testing.assert_allclose(found, 1e-13 * (1.0 + 1.0 / (n - 1)), rtol=1e-9)


def test_no_points_one_point_and_an_intercept() -> None:
    tree = label_tree(np.array([2, 2, -1]), np.array([1.0, 1.0, 2.0]), np.arange(2))
    labels, none = TreeCovariance(tree), np.empty(0, np.int64)
    assert labels.block(none, np.arange(2)).shape == (0, 2)
    assert labels.restricted(none).parent.size == 0
    assert labels.residuals(np.empty((0, 2)), np.arange(2), none).shape == (0,)
    np.testing.assert_allclose(labels.residuals(np.empty((2, 0)), none, np.arange(2)), [1.0, 1.0])  # the answer is 0
    H = np.array([[0.3, -0.1], [0.0, 0.0]])
    np.testing.assert_allclose(with_intercept(H), [[0.7, 0.3], [0.5, 0.5]])
    np.testing.assert_allclose(with_intercept(H), H @ (np.eye(2) - 0.5) + 0.5)
    own = expected_risk(labels, H, np.arange(2), np.arange(2), intercept=True)
    np.testing.assert_array_equal(own, labels.residuals(with_intercept(H), np.arange(2), np.arange(2)))


def test_label_noise_is_one_more_node() -> None:
    parent, size = cut_tree(uniform_tree(15, key64(2, Role.MEASUREMENT)), key64(2, Role.ORDER))
    tree = label_tree(parent, size**0.5, np.arange(15))
    noisy = TreeCovariance(tree.noisy(0.3))
    np.testing.assert_allclose(
        noisy.block(np.arange(15), np.arange(15)), dense_covariance(tree) + 0.09 * np.eye(15), atol=1e-12
    )
    np.testing.assert_allclose(
        noisy.residuals(np.ones((3, 1)), np.array([0]), np.array([1, 2, 3])),
        TreeCovariance(tree).pairs(np.zeros(3, int), np.array([1, 2, 3])) + 0.18,
        atol=1e-12,
    )


def test_blocks_of_rows_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, size = cut_tree(uniform_tree(90, key64(4, Role.MEASUREMENT)), key64(4, Role.ORDER))
    labels = TreeCovariance(label_tree(parent, size**0.0, np.arange(90)))
    H = np.random.default_rng(0).standard_normal((70, 20))
    train, test = np.arange(20), np.arange(20, 90)
    found = labels.residuals(H, train, test), labels.block(test, train)
    monkeypatch.setenv("FRACTALMAN_THREADS", "3")
    monkeypatch.setattr("fractalman.theory.covariance._STEPS", 300)
    monkeypatch.setattr("fractalman.theory.covariance._COLUMNS", 3)
    np.testing.assert_array_equal(labels.residuals(H, train, test), found[0])
    np.testing.assert_array_equal(labels.block(test, train), found[1])


def test_what_does_not_fit_is_refused() -> None:
    labels = TreeCovariance(label_tree(np.array([2, 2, -1]), np.ones(3), np.arange(2)))
    with pytest.raises(RecipeError, match="expected"):
        labels.times(np.ones(3))
    with pytest.raises(RecipeError, match="weights of shape"):
        labels.residuals(np.ones((1, 2)), np.array([0]), np.array([1]))
    with pytest.raises(RecipeError, match="from 0 to 1"):
        labels.block(np.array([2]), np.array([0]))
    with pytest.raises(RecipeError, match="from 0 to 1"):
        induced_tree(labels.tree, np.array([-1]))


def test_deep_chain() -> None:
    # Brownian motion on a path of 10^5 sites, restricted to a few of them: increments merge.
    n = 100_000
    tree = LabelTree(np.arange(-1, n - 1), np.zeros(n), np.ones(n), np.ones(n), np.arange(n))
    at = np.array([500, 99_999, 7, 30_000])
    small = TreeCovariance(tree).restricted(at)
    assert small.parent.size == 4
    np.testing.assert_array_equal(small.block(np.arange(4), np.arange(4)), np.minimum.outer(at, at) + 1.0)
    np.testing.assert_array_equal(depths(small.parent), [0, 1, 2, 3])
    np.testing.assert_array_equal(path_sums(small.parent, small.variance), np.sort(at) + 1.0)
