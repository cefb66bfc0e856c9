"""k-NN, random features, kernels and boosted trees: exactness against references, choices made on validation only."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples

from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.learners import Problem
from fractalman.learners.random_features import RandomFeatures
from fractalman.nearest import nearest, nearest_k
from fractalman.random.streams import normals
from tests.learners.test_learners import problem

NEW = ("k-nn", "5-nn", "random-features", "gaussian-kernel", "matern-kernel", "ntk-kernel", "gradient-boosting")


@examples(25)
@given(key=st.integers(0, 2**63), n=st.integers(1, 40), t=st.integers(0, 12), grid=st.booleans(), data=st.data())
def test_the_k_nearest_are_those_of_the_plain_search(key: int, n: int, t: int, grid: bool, data: st.DataObject) -> None:
    """Sorted by distance, then by index, ties and duplicates included."""
    k = data.draw(st.integers(1, n))
    values = normals(key, (n + t) * 3).reshape(n + t, 3)
    values = np.round(values) if grid else values
    found = nearest_k(values[:n], values[n:], k)
    plain = [sorted(range(n), key=lambda j, z=z: (np.square(values[j] - z).sum(), j))[:k] for z in values[n:]]
    np.testing.assert_array_equal(found, np.array(plain, np.int64).reshape(t, k))
    np.testing.assert_array_equal(found[:, 0], nearest(values[:n], values[n:]))


def test_neighbours_answer_with_their_mean() -> None:
    """k = 1 is 1-nn, k = n is the mean, k = 5 the mean of five."""
    p = problem(3, m=2)
    one = learners.make("1-nn").run([p])[0]
    np.testing.assert_array_equal(learners.make("k-nn", {"k": 1}).run([p])[0].prediction, one.prediction)
    everything = learners.make("k-nn", {"k": 10**6}).run([p])[0]
    np.testing.assert_allclose(everything.prediction, np.tile(p.y_train.mean(axis=0), (40, 1)))
    five = learners.make("5-nn").run([p])[0]
    near = nearest_k(p.X_train, p.X_test, 5)
    np.testing.assert_allclose(five.prediction, p.y_train[near].mean(axis=1))
    assert five.info["k"] == 5


def test_the_number_of_neighbours_follows_the_noise() -> None:
    """One neighbour without noise on a dense line, many with noise; the choice never sees a test point."""
    x = np.sort(normals(7, 600)).astype(np.float32)[:, None]
    clean = np.sin(3.0 * x.astype(np.float64))
    noisy = clean + normals(8, 600)[:, None]
    chosen = []
    for y in (clean, noisy):
        p = Problem(x[::2], y[::2], x[1::2], 5)
        chosen.append(learners.make("k-nn").run([p])[0].info["k"])
        moved = learners.make("k-nn").run([Problem(x[::2], y[::2], x[1::2] + 1.0, 5)])[0]
        assert moved.info["k"] == chosen[-1]
    assert chosen[0] <= 3
    assert chosen[1] >= 12


def test_linear_random_features_are_ridge_on_projections() -> None:
    """Against the normal equations written out, at a fixed ridge; and more features contain fewer."""
    p = problem(11, n=50, d=8)
    learner = RandomFeatures(features=6, activation="linear", ridge=1e-3)
    W, _ = learner.projections(p.key, 8)
    X = p.X_train.astype(np.float64)
    scale = np.sqrt(np.square(X - X.mean(axis=0)).mean())
    F = (X - X.mean(axis=0)) / scale @ W / np.sqrt(6)
    G = (p.X_test - X.mean(axis=0)) / scale @ W / np.sqrt(6)
    y = p.y_train - p.y_train.mean(axis=0)
    w = np.linalg.solve(F.T @ F + 1e-3 * 50 * np.eye(6), F.T @ y)
    np.testing.assert_allclose(learner.run([p])[0].prediction, G @ w + p.y_train.mean(axis=0), rtol=1e-8, atol=1e-10)
    wide, _ = RandomFeatures(features=9).projections(p.key, 8)
    np.testing.assert_array_equal(wide[:, :6], W)
    assert learner.parameters(8) == 7


def smooth() -> tuple[Problem, np.ndarray]:
    """300 points in three dimensions with a slowly varying target, and the truth at 100 others."""
    X = normals(13, 1200).reshape(400, 3).astype(np.float32)
    y = np.sin(X.astype(np.float64) @ np.array([[0.6], [-0.5], [0.3]]))
    return Problem(X[:300], y[:300], X[300:], 13), y[300:]


def test_kernels_interpolate_and_smoother_ones_win_on_a_smooth_target() -> None:
    """Far better than the mean; were they all one kernel, this order would be chance."""
    p, truth = smooth()
    risk = {}
    for name in ("gaussian-kernel", "matern-kernel", "laplace-kernel", "ntk-kernel"):
        outcome = learners.make(name).run([p])[0]
        risk[name] = float(np.square(outcome.prediction - truth).mean())
        assert risk[name] < (0.2 if name == "ntk-kernel" else 0.05) * float(truth.var())  # no biases at infinite width
        assert outcome.train_risk < risk[name]
    assert risk["gaussian-kernel"] < risk["matern-kernel"] < risk["laplace-kernel"]


def test_boosted_trees_learn_steps_and_count_themselves_on_validation() -> None:
    """A step function is what trees are for; pure noise gets few trees."""
    X = normals(21, 300 * 2).reshape(300, 2).astype(np.float32)
    step = np.where(X[:, :1] > 0.3, 1.0, -1.0).astype(np.float64)
    learned = learners.make("gradient-boosting", {"trees": 40}).run([Problem(X[:200], step[:200], X[200:], 1)])[0]
    assert np.square(learned.prediction - step[200:]).mean() < 0.1
    noise = normals(22, 300)[:, None]
    lost = learners.make("gradient-boosting", {"trees": 40}).run([Problem(X[:200], noise[:200], X[200:], 1)])[0]
    assert lost.info["trees"][0] < 20


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize(("n", "t", "m"), [(1, 3, 1), (2, 0, 2), (7, 4, 3)])
def test_hostile_sizes(name: str, n: int, t: int, m: int) -> None:
    """One point, no test points, several columns: finite answers of the right shape and JSON values."""
    table = {"gradient-boosting": {"trees": 3}, "random-features": {"features": 4}}.get(name, {})
    outcome = learners.make(name, table).run([problem(5, n=n, d=3, t=t, m=m)])[0]
    assert outcome.prediction.shape == (t, m)
    assert np.isfinite(outcome.prediction).all()
    assert np.isfinite(outcome.train_risk)
    json.dumps(outcome.info)


@pytest.mark.parametrize("name", NEW)
def test_the_order_of_problems_does_not_matter(name: str) -> None:
    """An outcome is a function of its own problem."""
    table = {"gradient-boosting": {"trees": 3}, "random-features": {"features": 4}}.get(name, {})
    a, b = problem(5, n=30), problem(6, n=20)
    both, alone = learners.make(name, table).run([a, b]), learners.make(name, table).run([b])
    np.testing.assert_array_equal(both[1].prediction, alone[0].prediction)


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("k-nn", {"k": 0}, "k-nn.k = 0"),
        ("k-nn", {"n": 3}, "unknown key k-nn.n: expected one of k"),
        ("random-features", {"features": 0}, "features = 0"),
        ("random-features", {"activation": "rely"}, "did you mean 'relu'"),
        ("random-features", {"ridge": -1.0}, "ridge = -1"),
        ("ntk-kernel", {"depth": 0}, "depth = 0"),
        ("gradient-boosting", {"trees": 0}, "trees = 0"),
        ("gradient-boosting", {"learning_rate": 0.0}, "learning_rate = 0"),
        ("5-nn", {"k": 5}, "it has no settings"),
        ("0-nn", {}, "unknown learner '0-nn'"),
        ("gausian-kernel", {}, "did you mean 'gaussian-kernel'"),
    ],
)
def test_wrong_settings_are_refused(name: str, table: dict[str, object], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        learners.make(name, table)
