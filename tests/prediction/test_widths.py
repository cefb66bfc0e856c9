"""What P random features are worth: exponent and amplitude against networks of plain NumPy, and who has no such law."""

from __future__ import annotations

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman import theory
from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.prediction.widths import of_infinitely_many

RECIPE = fm.Cascade(n_points=3000, branching=4, contraction=0.5, hurst=0.5, ambient_dim=24)


def regressed(recipe: fm.Cascade, features: int, n: int, seed: int) -> float:
    """Return the risk of least squares on rectified random features, in units of the prior variance."""
    rng = np.random.default_rng(seed)
    data = fm.generate(recipe.replace(seed=seed))
    y = fm.label_draws(data, 32)
    order = rng.permutation(data.n_points)
    train, test = order[:n], order[n:]
    X = (data.X - data.X[train].mean(axis=0)).astype(float)
    X /= np.sqrt(np.mean(X[train] ** 2))
    W, b = rng.standard_normal((X.shape[1], features)), rng.standard_normal(features)
    F = np.maximum(X @ W / np.sqrt(X.shape[1]) + b, 0.0)
    F = np.column_stack([F, np.ones(len(F))])
    w = np.linalg.lstsq(F[train], y[train], rcond=None)[0]
    return float(np.mean((F[test] @ w - y[test]) ** 2))


def test_features_are_worth_what_simulation_says() -> None:
    """The law against least squares at n = 2000, P = 12 and 48: n/(n − P) above the limit; best cells are rejected."""
    law = fm.predict(RECIPE, "random-features").joint_law()
    assert law.model_exponent == pytest.approx(0.5)
    measured = np.array(
        [[regressed(RECIPE, P, 2000, 50 + i) * (1.0 - P / 2000) for P in (12, 48)] for i in range(some(4, fast=2))]
    ).mean(axis=0)
    due = law.risk(np.inf, np.array([12, 48]))
    assert measured == pytest.approx(due, rel=0.12)
    cells = fm.predict(RECIPE, "1-nn").joint_law()
    assert (np.abs(measured / cells.risk(np.inf, np.array([12, 48])) - 1.0) > 0.2).all()
    assert np.log(measured[0] / measured[1]) / np.log(4.0) == pytest.approx(law.model_exponent, abs=0.08)
    assert (law.data_of, law.model_of[:10]) == ("the kernel of infinitely many features", "P features")
    assert fm.predict(RECIPE, "random-features").compute_optimal().exponent == pytest.approx(0.25)


def test_the_kernel_is_the_limit_of_many_features() -> None:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((5, 3))
    kernel = of_infinitely_many().kernel
    assert callable(kernel)
    W, b = rng.standard_normal((3, 400_000)), rng.standard_normal(400_000)
    F = np.maximum(X @ W / np.sqrt(3.0) + b, 0.0)
    drawn, exact = F @ F.T / F.shape[1], np.asarray(kernel(X, X))
    ratio: F64 = drawn / exact
    assert ratio == pytest.approx(np.full((5, 5), ratio[0, 0]), rel=0.02)
    other = theory.KernelRidge(kernel="ntk")  # whose biases weigh otherwise
    assert other.kernel != kernel


def test_noise_stays_and_moves_no_exponent() -> None:
    noisy = fm.predict(RECIPE.replace(noise=0.3), "random-features")
    law = noisy.joint_law(data_amplitude=1.0)
    clean = fm.predict(RECIPE, "random-features").joint_law(data_amplitude=1.0)
    assert law.irreducible == pytest.approx(0.09)
    assert law.model_amplitude == pytest.approx(clean.model_amplitude, rel=0.05)
    assert fm.predict(RECIPE.replace(noise=0.3), "k-nn").joint_law(1.0).model_exponent == pytest.approx(0.5)


def test_smooth_targets_end_at_the_kernels_own_rate() -> None:
    """min(a − 1, b): on a circle the kernel's eigenvalues fall as i^−4, however smooth the target."""
    circle = fm.SmoothManifold(n_points=400, kind="sphere", dim=1, hurst=0.6, ambient_dim=2)
    assert fm.predict(circle, "random-features").law.model_exponent == pytest.approx(1.2)
    assert fm.predict(circle.replace(hurst=3.0), "random-features").law.model_exponent == pytest.approx(4.0)


def test_a_law_is_that_of_the_features_that_a_learner_has() -> None:
    assert "64 features" in fm.predict(RECIPE, fm.learners.make("random-features", {"features": 64})).law.name
    linear = fm.predict(RECIPE, fm.learners.make("random-features", {"features": 64, "activation": "linear"}))
    assert "best linear" in linear.law.statement


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"branching": (2, 8)}, "nearest law is that of the best P cells, α_P = 0.47"),
        ({"ambient_dim": 2}, "no exponent in n"),
        ({"nuisance_dim": 2}, "nuisance coordinates blur"),
        ({"target": "sign"}, "a vote of several classes"),
    ],
)
def test_where_no_law_holds_the_nearest_is_named(changed: dict[str, object], match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        fm.predict(RECIPE.replace(**changed), "random-features").joint_law()
