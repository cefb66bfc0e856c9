"""Networks by their tangent kernel: limits, gradient flow integrated step by step, simulation, and real networks."""

from __future__ import annotations

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman import kernels, theory
from fractalman.conventions import scaled_inputs
from fractalman.errors import RecipeError
from fractalman.learners import Problem, make
from fractalman.random.keys import key64
from fractalman.theory.network_smoothers import TangentNetwork, training_time

N, T = 24, 128


@pytest.fixture(scope="module")
def problem():
    data = fm.generate(fm.Cascade(n_points=2048, branching=4, contraction=0.5, hurst=0.5, ambient_dim=8, seed=3))
    order = np.arange(2048)
    return data, order[:N], order[-T:], theory.TreeCovariance(data.label_tree)


def test_trained_to_the_end_it_is_kernel_regression(problem) -> None:
    data, train, test, _ = problem
    ours = TangentNetwork(width=64).weights(data.X[train], data.X[test])
    ridgeless = theory.KernelRidge(lambda A, B: kernels.ntk(A, B, 2, 64.0), ridges=(1e-10,))
    np.testing.assert_allclose(ours, ridgeless.weights(data.X[train], data.X[test]), atol=1e-6)


def test_it_follows_gradient_flow(problem) -> None:
    data, train, test, _ = problem
    X, Z = scaled_inputs(data.X[train], data.X[test])
    K, across = (64.0 * kernels.ntk(A, X, 2, 64.0) for A in (X, Z))
    y = data.y[train] - data.y[train].mean()
    time, steps = 0.02, 20_000
    f, g, size = np.zeros(N), np.zeros(T), 2.0 * time / (N * steps)
    for _ in range(steps):
        left = y - f
        f, g = f + size * (K @ left), g + size * (across @ left)
    ours = TangentNetwork(width=64, time=time).weights(data.X[train], data.X[test]) @ data.y[train]
    np.testing.assert_allclose(ours, g + data.y[train].mean(), atol=2e-3)
    ended = TangentNetwork(width=64).weights(data.X[train], data.X[test]) @ data.y[train]
    assert np.abs(ended - ours).max() > 0.05  # the control: this time is not the end


def test_no_time_leaves_the_mean_and_the_start(problem) -> None:
    data, train, test, covariance = problem
    risk = TangentNetwork(time=0.0, from_start=False).expected(covariance, data.X[train], data.X[test], train, test, 0)
    mean = covariance.residuals(np.full((T, N), 1.0 / N), train, test)
    np.testing.assert_allclose(risk.risk, mean)
    started = TangentNetwork(time=0.0).expected(covariance, data.X[train], data.X[test], train, test, 0)
    assert (started.risk > risk.risk).all()


def test_the_expectation_is_that_of_drawn_labels_and_starts(problem) -> None:
    data, train, test, covariance = problem
    X, Z = scaled_inputs(data.X[train], data.X[test])
    both = np.concatenate([X, Z])
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky(kernels.nngp(both, both, 2) + 1e-10 * np.eye(N + T))
    draws = some(400, fast=160)
    labels = fm.label_draws(data, draws)
    one = TangentNetwork(width=64, time=0.05)
    H, bare = one.weights(data.X[train], data.X[test]), one._kernel(Z, X) @ one._smoother(X)
    risks = np.empty(draws)
    for k in range(draws):
        y, start = labels[train, k], root @ rng.standard_normal(N + T)
        scale = y.std()
        predicted = H @ y + scale * (start[N:] - bare @ start[:N])  # the start's own mean is not taken out
        risks[k] = np.mean((predicted - labels[test, k]) ** 2)
    expected = one.expected(covariance, data.X[train], data.X[test], train, test, 0)
    error = risks.std(ddof=1) / np.sqrt(draws)
    assert abs(risks.mean() - expected.risk.mean()) < 4.0 * error
    kernel_alone = TangentNetwork(width=64, time=0.05, from_start=False).expected(
        covariance, data.X[train], data.X[test], train, test, 0
    )
    assert risks.mean() - kernel_alone.risk.mean() > 4.0 * error  # the control: the start is seen


@pytest.mark.slow(reason="wide networks are trained")
def test_a_wide_network_trained_by_gradient_descent_has_that_risk(problem) -> None:
    data, train, test, covariance = problem
    networks, steps, rate = 32, 200, 0.1
    settings = {
        "width": 256, "depth": 2, "steps": steps, "batch_size": 192, "learning_rate": rate, "optimizer": "sgd",
        "parameterization": "ntk", "interpolation_tolerance": 0.0,
    }  # fmt: skip
    labels = fm.label_draws(data, networks)
    ends = make("mlp", settings).run(
        [Problem(data.X[train], labels[train, k : k + 1], data.X[test], key64(7, 1, k)) for k in range(networks)]
    )
    risks = np.array([np.mean((end.prediction[:, 0] - labels[test, k]) ** 2) for k, end in enumerate(ends)])
    one = TangentNetwork(256, 2, "ntk", training_time(rate, steps, 10))
    expected = one.expected(covariance, data.X[train], data.X[test], train, test, 0).risk.mean()
    assert abs(risks.mean() - expected) < 3.0 * risks.std(ddof=1) / np.sqrt(networks)


@pytest.mark.parametrize("wrong", [{"time": -1.0}, {"time": float("nan")}, {"outputs": 0}])
def test_wrong_settings_are_refused(wrong) -> None:
    with pytest.raises(RecipeError, match="expected"):
        TangentNetwork(**wrong)
