"""0–1 risks of Gaussian labels: exact values, drawn labels in plain NumPy on three families, exponents, controls."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import fractalman as fm
from fractalman import generation
from fractalman.errors import RecipeError
from fractalman.recipes import Recipe
from fractalman.theory import (
    ClassCovariance,
    FieldCovariance,
    LabelCovariance,
    TreeCovariance,
    bayes_curve,
    cascade_class_exponent,
    class_entropy_floor,
    class_error,
    class_floor,
    classification_risk,
    cluster_class_exponent,
    critical_cluster_asymptotics,
    gaussian_floor,
    manifold_class_exponent,
    moran_exponent_masses,
    neighbour_class_risk,
    with_intercept,
)

N, TRAIN, DRAWS = 300, 80, 600
RECIPES: dict[str, Recipe] = {
    "cascade": fm.Cascade(n_points=N, ambient_dim=24, branching=(2, 5), contraction=0.5, hurst=0.5, seed=1),
    "cluster": fm.PercolationCluster(n_points=N, ambient_dim=48, label_exponent=0.1, seed=2),
    "manifold": fm.SmoothManifold(n_points=N, ambient_dim=8, hurst=0.6, field="exact", noise=0.2, seed=3),
}


@cache
def drawn(name: str) -> tuple[np.ndarray, np.ndarray, LabelCovariance, np.ndarray, np.ndarray]:
    """(X, label draws, covariance, training points, test points) of a family."""
    data = fm.generate(RECIPES[name])
    labels = generation.label_draws(data, DRAWS)
    order = np.random.default_rng(5).permutation(N)
    covariance: LabelCovariance
    if data.label_tree is None:
        covariance = FieldCovariance(data.X, 0.6, 0.2)
    else:
        covariance = TreeCovariance(data.label_tree)
    return np.asarray(data.X, np.float64), labels, covariance, order[:TRAIN], order[TRAIN:]


def laplace_weights(X: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """H of kernel ridge regression with e^−r and ridge .01, without its intercept."""
    r = np.linalg.norm(X[:, None] - X[None], axis=2)
    K = np.exp(-r / np.median(r))
    return np.linalg.solve(K[np.ix_(train, train)] + 0.01 * np.eye(train.size), K[np.ix_(train, test)]).T


def nearest(X: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    return train[np.linalg.norm(X[test][:, None] - X[train][None], axis=2).argmin(axis=1)]


def score(wrong: np.ndarray, expected: float) -> float:
    """Standard errors between the mean over draws of the share of wrong classes and what is expected."""
    share = wrong.mean(axis=0)
    return float((share.mean() - expected) / (share.std(ddof=1) / math.sqrt(share.size)))


# ---------------------------------------------------------------------------------------------------- exact values


@pytest.mark.parametrize("threshold", [0.0, 0.7, -1.3])
@pytest.mark.parametrize(("prior", "prediction", "rho"), [(1.0, 1.0, 0.9), (2.0, 0.3, 0.5), (1.0, 3.0, -0.4)])
def test_the_error_is_that_of_bivariate_normal_integrals(
    prior: float, prediction: float, rho: float, threshold: float
) -> None:
    shared = rho * math.sqrt(prior * prediction)
    both = multivariate_normal([0.0, 0.0], [[prior, shared], [shared, prediction]]).cdf([threshold, threshold])
    one, other = norm.cdf(threshold / math.sqrt(prior)), norm.cdf(threshold / math.sqrt(prediction))
    found = class_error(prior, prediction, prior + prediction - 2.0 * shared, threshold)
    assert float(found) == pytest.approx(one + other - 2.0 * both, abs=1e-6)


def test_the_ends_of_the_range() -> None:
    assert class_error(1.0, 1.0, 0.0) == 0.0
    assert class_error(1.0, 1.0, 0.0, 0.5) == 0.0
    assert class_error(1.0, 1.0, 4.0) == pytest.approx(1.0)
    assert class_error(1.0, 0.0, 1.0) == 0.5  # nothing is known
    assert class_error(1.0, 0.0, 1.0, 1.0) == pytest.approx(norm.sf(1.0))
    assert class_error(1.0, 4.0, 1.0, 1.0) == pytest.approx(norm.cdf(1.0) - norm.cdf(0.5))  # ŷ = 2y
    assert class_error(1.0, 1.0, 1e-20) == pytest.approx(1e-10 / math.pi, rel=1e-9)  # no digits are lost
    assert class_error(1.0, 1.0, 0.3, 1e-9) == pytest.approx(float(class_error(1.0, 1.0, 0.3)), rel=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("threshold", [0.0, 0.8])
def test_the_floor_is_the_posterior_integral(share: float, threshold: float) -> None:
    # E Φ(−|m − c|/s) over m ~ N(0, 1 − s²), by a fine sum
    m = np.linspace(-9.0, 9.0, 200_001) * math.sqrt(1.0 - share)
    weight = norm.pdf(m, scale=math.sqrt(1.0 - share)) * (m[1] - m[0])
    expected = float(np.sum(weight * norm.cdf(-np.abs(m - threshold) / math.sqrt(share))))
    assert float(class_floor(1.0, share, threshold)) == pytest.approx(expected, abs=1e-7)


def test_what_cannot_be_is_refused() -> None:
    for arguments in (
        (0.0, 1.0, 1.0),
        (1.0, -1.0, 1.0),
        (1.0, 1.0, -1.0),
        (math.nan, 1.0, 1.0),
        (1.0, 1.0, 1.0, math.inf),
    ):
        with pytest.raises(RecipeError, match="expected"):
            class_error(*arguments)
    with pytest.raises(RecipeError, match="expected"):
        manifold_class_exponent(0, 0.5)


# ---------------------------------------------------------------------------------------------------- drawn labels


@pytest.mark.parametrize("threshold", [0.0, 0.6])
@pytest.mark.parametrize("name", RECIPES)
def test_risks_are_those_of_drawn_labels_and_controls_are_rejected(name: str, threshold: float) -> None:
    X, y, covariance, train, test = drawn(name)
    above = y > threshold
    near = nearest(X, train, test)
    expected = neighbour_class_risk(covariance, test, near, threshold)
    assert abs(score(above[near] != above[test], expected.mean())) < 3.0
    H = laplace_weights(X, train, test)
    wrong = ((with_intercept(H) @ y[train]) > threshold) != above[test]
    found = classification_risk(covariance, H, train, test, intercept=True, threshold=threshold)
    assert abs(score(wrong, found.mean())) < 3.0
    # controls: without the arccosine, half the squared error; and the formula of the other threshold
    squared = covariance.residuals(with_intercept(H), train, test) / 2.0
    assert abs(score(wrong, squared.mean())) > 6.0
    other = classification_risk(covariance, H, train, test, intercept=True, threshold=0.6 - threshold)
    assert abs(score(wrong, other.mean())) > 3.0


@pytest.mark.parametrize("name", RECIPES)
def test_the_floor_is_reached_by_the_posterior_mean_and_by_nobody_else(name: str) -> None:
    X, y, covariance, train, test = drawn(name)
    everyone = np.arange(N)
    sigma = covariance.block(everyone, everyone)
    H = np.linalg.solve(sigma[np.ix_(train, train)] + 1e-12 * np.eye(TRAIN), sigma[np.ix_(train, test)]).T
    if isinstance(covariance, TreeCovariance):
        posterior = bayes_curve(covariance.tree, train, [TRAIN], test)[0]
    else:
        posterior = gaussian_floor(covariance, train, [TRAIN], test)[0]
    floor = class_floor(covariance.prior(test), posterior)
    wrong = (H @ y[train] > 0.0) != (y[test] > 0.0)
    assert abs(score(wrong, floor.mean())) < 3.0
    voted = (H @ np.sign(y[train]) > 0.0) != (y[test] > 0.0)  # the same weights, of classes
    more = voted.mean(axis=0) - wrong.mean(axis=0)  # draw by draw, the same labels
    assert more.mean() > 3.0 * more.std(ddof=1) / math.sqrt(DRAWS)
    assert (neighbour_class_risk(covariance, test, nearest(X, train, test)) > floor - 1e-12).all()
    assert (classification_risk(covariance, laplace_weights(X, train, test), train, test) > floor - 1e-9).all()
    assert abs(score(wrong, posterior.mean() / 2.0)) > 4.0  # control: half the squared error


@pytest.mark.parametrize("threshold", [0.0, 0.6])
@pytest.mark.parametrize("name", RECIPES)
def test_squared_errors_of_votes_follow_from_the_moments_of_classes(name: str, threshold: float) -> None:
    X, y, covariance, train, test = drawn(name)
    classes, signs = ClassCovariance(covariance, threshold), np.where(y > threshold, 1.0, -1.0)
    H = laplace_weights(X, train, test)
    measured = np.square(H @ signs[train] - signs[test])
    assert abs(score(measured, classes.residuals(H, train, test).mean())) < 3.0
    assert abs(score(measured, covariance.residuals(H, train, test).mean())) > 3.0  # control: moments of values
    near = nearest(X, train, test)
    np.testing.assert_allclose(classes.pairs(test, near), 4.0 * neighbour_class_risk(covariance, test, near, threshold))
    some = np.concatenate([train[:7], test[:5]])
    block = classes.block(np.arange(N), np.arange(N))
    np.testing.assert_allclose(
        classes.restricted(some).block(np.arange(12), np.arange(12)), block[np.ix_(some, some)], atol=1e-6
    )
    np.testing.assert_allclose(classes.times(y[:, :2]), block @ y[:, :2], atol=1e-9)


# ---------------------------------------------------------------------------------------------------- exponents


def slope(n: np.ndarray, risk: np.ndarray) -> float:
    return -float(np.polyfit(np.log(n), np.log(risk), 1)[0])


def test_the_exponent_on_a_cascade_is_half_of_the_squared_error_s() -> None:
    # Plain simulation: 4 children, ratio 1/2, H = 1/2, so β = 1/2 and 1/4 for classes. Neighbours in the tree.
    rng, levels, sizes = np.random.default_rng(7), 9, np.array([16, 64, 256, 1024])
    risk, squared = np.zeros((60, sizes.size)), np.zeros((60, sizes.size))
    for draw in range(60):
        y = np.zeros(1)
        for level in range(levels):
            y = np.repeat(y, 4) + 0.5 ** (0.5 * level) * rng.standard_normal(4 ** (level + 1))
        train, test = rng.integers(y.size, size=sizes[-1]), rng.integers(y.size, size=300)
        apart = np.frexp((test[:, None] ^ train[None]).astype(float))[1]  # bits below the last common one
        for j, n in enumerate(sizes):
            near = train[:n][((apart[:, :n] + 1) // 2).argmin(axis=1)]
            risk[draw, j] = np.mean((y[near] > 0.0) != (y[test] > 0.0))
            squared[draw, j] = np.mean(np.square(y[near] - y[test]))
    beta = cascade_class_exponent((0.25,) * 4, 0.5, 0.5)
    assert beta == pytest.approx(0.25, abs=1e-12)
    assert slope(sizes, risk.mean(axis=0)) == pytest.approx(beta, abs=0.04)
    assert slope(sizes, squared.mean(axis=0)) == pytest.approx(0.5, abs=0.04)
    assert abs(slope(sizes, risk.mean(axis=0)) - 0.5) > 0.15  # control: the exponent of the squared error


def test_the_exponent_on_a_circle_is_half_of_the_variogram_s() -> None:
    # Labels of a field with covariance e^−r on the circle (H = 1/2), points at random, drawn by Cholesky.
    rng, sizes = np.random.default_rng(8), np.array([16, 32, 64, 128, 256])
    risk = np.zeros((80, sizes.size))
    for draw in range(80):
        angle = rng.uniform(0.0, 2.0 * np.pi, 456)
        r = np.abs(np.exp(1j * angle)[:, None] - np.exp(1j * angle)[None])
        y = np.linalg.cholesky(np.exp(-r) + 1e-9 * np.eye(456)) @ rng.standard_normal(456)
        for j, n in enumerate(sizes):
            near = r[256:, :n].argmin(axis=1)
            risk[draw, j] = np.mean((y[near] > 0.0) != (y[256:] > 0.0))
    assert manifold_class_exponent(1, 0.5) == 0.5
    assert slope(sizes, risk.mean(axis=0)) == pytest.approx(0.5, abs=0.06)
    assert abs(slope(sizes, risk.mean(axis=0)) - 1.0) > 0.3  # control


def test_exponents_are_never_below_half_and_on_clusters_not_always_half() -> None:
    masses, ratios = ((0.5, 0.5), (0.125,) * 8), ((0.5, 0.5), (0.5,) * 8)
    half = moran_exponent_masses(masses, ratios, 1.0) / 2.0
    assert cascade_class_exponent(masses, ratios, 1.0) > half + 0.02
    for a in (-0.2, -0.1, 0.0):
        squared = critical_cluster_asymptotics("hierarchical", a).data_exponent
        assert cluster_class_exponent("hierarchical", a) == pytest.approx(squared / 2.0)
    assert cluster_class_exponent("hierarchical", 0.125) == pytest.approx(0.375)
    assert cluster_class_exponent("hierarchical", 1.0) == 0.5
    assert cluster_class_exponent("brownian") == 0.25


@pytest.mark.parametrize(
    ("prior", "posterior", "threshold"),
    [(1.0, 0.5, 0.7), (1.0, 0.01, 0.3), (1.25, 0.3, -1.0), (1.0, 0.9, 2.0), (1.0, 0.4999, 0.1), (1.0, 0.5001, 0.1)],
)
def test_the_floor_in_nats_is_the_mean_posterior_entropy(prior: float, posterior: float, threshold: float) -> None:
    from scipy import integrate, stats

    spread, centre = np.sqrt(prior / posterior - 1.0), -threshold / np.sqrt(posterior)

    def entropy(u: float) -> float:
        return float(-(stats.norm.cdf(u) * stats.norm.logcdf(u) + stats.norm.sf(u) * stats.norm.logsf(u)))

    expected = integrate.quad(lambda u: entropy(u) * stats.norm.pdf(u, centre, spread), -12.0, 12.0, limit=500)[0]
    found = float(class_entropy_floor([prior], [posterior], threshold)[0])
    assert found == pytest.approx(expected, abs=1e-10)
    assert found > 2.0 * np.log(2.0) * class_floor([prior], [posterior], threshold)[0]  # h(p) >= 2 ln 2 min(p, 1 − p)
    assert class_entropy_floor([prior], [0.0])[0] == 0.0
    assert class_entropy_floor([prior], [prior])[0] == pytest.approx(np.log(2.0))
