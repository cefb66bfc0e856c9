"""Kernel ridge and random-features equivalents: exact limits, closed forms, and regressions that are run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples, some

from fractalman import theory
from fractalman.errors import RecipeError
from fractalman.theory import (
    kernel_ridge_risk,
    optimal_ridge_risk,
    power_law_exponents,
    power_law_spectrum,
    random_features_risk,
)

DECADES = 30.0


@st.composite
def spectra(draw: st.DrawFn, most: int = 12, decades: float = DECADES) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues anywhere in ``decades`` powers of ten, and target variances, some of them 0."""
    m = draw(st.integers(1, most))
    logs = draw(st.lists(st.floats(-decades, 0.0), min_size=m, max_size=m))
    v2 = draw(st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1.0)), min_size=m, max_size=m))
    return 10.0 ** np.array(logs), np.array(v2)


def printed_ridge(values: np.ndarray, v2: np.ndarray, n: float, ridge: float, noise: float) -> float:
    """Simon et al. 2110.03922 as it is printed, κ by bisection."""
    low, high = 1e-12, 1e6
    for _ in range(200):
        kappa = math.sqrt(low * high)
        low, high = (kappa, high) if (values / (values + kappa)).sum() + ridge / kappa > n else (low, kappa)
    learned = values / (values + kappa)
    return float(n / (n - (learned**2).sum()) * (((1 - learned) ** 2) @ v2 + noise))


def printed_features(values: np.ndarray, v2: np.ndarray, n: float, k: float, ridge: float, noise: float) -> float:
    """Simon et al. 2311.14646 as it is printed: γ by bisection of δ = κ(n − z), κ = γ(k − z)/k."""
    low, high = 1e-12, 1e6
    for _ in range(300):
        gamma = math.sqrt(low * high)
        z = (values / (values + gamma)).sum()
        enough = z < min(n, k) and gamma * (k - z) / k * (n - z) > ridge
        low, high = (low, gamma) if enough else (gamma, high)
    kappa, q = gamma * (k - z) / k, ((values / (values + gamma)) ** 2).sum()
    inner = (gamma / (values + gamma) - kappa * values / (values + gamma) ** 2 * k / (k - q)) @ v2 + noise
    return float(inner / (1.0 - (q * (k - 2 * z) + z * z) / (n * (k - q))))


# ---------------------------------------------------------------------------------------------------- exact


@examples(150)
@given(spectrum=spectra(), share=st.floats(1e-9, 1.0 - 1e-9), log_ridge=st.one_of(st.none(), st.floats(-35.0, 5.0)))
def test_learnability_is_conserved_over_thirty_decades(
    spectrum: tuple[np.ndarray, np.ndarray], share: float, log_ridge: float | None
) -> None:
    values, v2 = spectrum
    n = share * values.size
    ridge = 0.0 if log_ridge is None else 10.0**log_ridge
    found = kernel_ridge_risk(values, v2, n, ridge)
    freedom = found.learnability.sum()
    assert freedom == pytest.approx(found.degrees_of_freedom[0], rel=1e-12)
    assert freedom + ridge / found.kappa[0] == pytest.approx(n, rel=1e-9)
    if ridge == 0.0:
        assert freedom == pytest.approx(n, rel=1e-9)
    assert 0.0 <= found.clean_risk[0] < math.inf


def test_the_formulas_are_those_that_were_printed() -> None:
    values, v2 = power_law_spectrum(1.4, 1.9, 300)
    for n, ridge in ((0.5, 0.3), (17.0, 1e-4), (17.3, 0.0), (250.0, 0.02), (400.0, 0.3)):
        assert kernel_ridge_risk(values, v2, n, ridge, 0.2).risk[0] == pytest.approx(
            printed_ridge(values, v2, n, ridge, 0.2), rel=1e-9
        )
        for k in (10.0, n + 0.5, 299.0, 4000.0):
            if ridge > 0.0:
                found = random_features_risk(values, v2, n, k, ridge, 0.2).risk[0]
                assert found == pytest.approx(printed_features(values, v2, n, k, ridge, 0.2), rel=1e-8)


def test_many_problems_at_once_are_the_problems_one_by_one() -> None:
    values, v2 = power_law_spectrum(1.4, 1.9, 50)
    n, ridge, noise = np.array([3.0, 40.0, 60.0]), np.array([0.0, 0.1, 0.0]), np.array([0.0, 0.1, 0.2])
    k = np.array([10.0, 40.0, math.inf])
    whole = random_features_risk(values, v2, n, k, ridge, noise)
    for i in range(3):
        one = random_features_risk(values, v2, n[i], k[i], ridge[i], noise[i])
        for name in ("risk", "clean_risk", "train_risk", "kappa", "gamma", "degrees_of_freedom", "overfitting"):
            assert getattr(whole, name)[i] == getattr(one, name)[0]
        np.testing.assert_array_equal(whole.learnability[i], one.learnability[0])
    np.testing.assert_array_equal(whole.features, k)


@examples(60)
@given(spectrum=spectra(), extra=st.floats(0.0, 1.0), noise=st.floats(0.0, 2.0), ridge=st.floats(0.0, 3.0))
def test_limits_of_no_points_and_of_very_many(
    spectrum: tuple[np.ndarray, np.ndarray], extra: float, noise: float, ridge: float
) -> None:
    values, v2 = spectrum
    prior = v2.sum() + extra
    few = kernel_ridge_risk(values, v2, [0.0, 1e-9], ridge, noise, outside=extra)
    np.testing.assert_allclose(few.risk, prior + noise, rtol=1e-6)
    assert np.isnan(few.train_risk[0])
    many = kernel_ridge_risk(values, v2, 1e60, ridge, noise, outside=extra)
    assert many.risk[0] == pytest.approx(extra + noise, rel=1e-9, abs=1e-12)
    blind = kernel_ridge_risk(values, v2, 3.0, math.inf, noise, outside=extra)
    assert blind.risk[0] == pytest.approx(prior + noise)
    assert blind.overfitting[0] == 1.0
    assert not blind.learnability.any()


@given(
    spectrum=spectra(decades=6.0), share=st.floats(0.05, 1.5), factor=st.floats(1e-8, 1e8), ridge=st.floats(0.0, 2.0)
)
def test_units_multiplicities_zeros_and_order_do_not_matter(
    spectrum: tuple[np.ndarray, np.ndarray], share: float, factor: float, ridge: float
) -> None:
    values, v2 = spectrum
    n = share * values.size
    here = kernel_ridge_risk(values, v2, n, ridge, 0.1).risk
    np.testing.assert_allclose(kernel_ridge_risk(factor * values, v2, n, factor * ridge, 0.1).risk, here, rtol=1e-6)
    np.testing.assert_allclose(kernel_ridge_risk(values[::-1], v2[::-1], n, ridge, 0.1).risk, here, rtol=1e-9)
    doubled = kernel_ridge_risk(values, v2, 2 * n, 2 * ridge, 0.1, multiplicity=np.full(values.size, 2.0)).risk
    np.testing.assert_allclose(doubled, here, rtol=1e-6)
    with_zero = kernel_ridge_risk(np.append(values, 0.0), np.append(v2, 0.3), n, ridge, 0.1).risk
    np.testing.assert_allclose(with_zero, kernel_ridge_risk(values, v2, n, ridge, 0.1, outside=0.3).risk, rtol=1e-9)
    # a target outside the span acts as noise does, but stays in the clean risk
    outside = kernel_ridge_risk(values, v2, n, ridge, 0.1, outside=0.3)
    as_noise = kernel_ridge_risk(values, v2, n, ridge, 0.4)
    np.testing.assert_allclose(outside.risk, as_noise.risk, rtol=1e-9)
    np.testing.assert_allclose(outside.clean_risk, as_noise.clean_risk + 0.3, rtol=1e-9)


def test_the_ridgeless_peak_and_beyond_it() -> None:
    values, v2 = power_law_spectrum(1.5, 2.0, 40)
    n = np.array([20.0, 39.0, 39.999, 40.0, 41.0, 80.0])
    noisy = kernel_ridge_risk(values, v2, n, 0.0, 0.1)
    assert noisy.risk[3] == math.inf
    assert noisy.risk[2] > 100.0 > noisy.risk[1] > noisy.risk[0]
    np.testing.assert_allclose(noisy.risk[4:], 0.1 * n[4:] / (n[4:] - 40.0), rtol=1e-12)
    np.testing.assert_allclose(noisy.clean_risk[4:], 0.1 * 40.0 / (n[4:] - 40.0), rtol=1e-12)
    np.testing.assert_allclose(noisy.train_risk, np.where(n > 40, 0.1 * (1.0 - 40.0 / n), 0.0), rtol=1e-12)
    clean = kernel_ridge_risk(values, v2, n)
    assert clean.risk[3] == 0.0
    assert clean.risk[2] < clean.risk[1]
    # without cancellation: κ → (rank − n)/Σ(1/λ) and E → n·κ·Σ(v²/λ²)κ/(rank − n)
    near = kernel_ridge_risk(values, v2, 40.0 - 1e-9, 0.0)
    gap = 40.0 - (40.0 - 1e-9)
    kappa = gap / (1.0 / values).sum()
    assert near.kappa[0] == pytest.approx(kappa, rel=1e-6)
    assert near.risk[0] == pytest.approx(40.0 / gap * kappa**2 * (v2 / values**2).sum(), rel=1e-6)
    ridged = kernel_ridge_risk(values, v2, n, 0.3, 0.1).risk
    assert np.isfinite(ridged).all()
    assert ridged[3] < 0.5


def test_isotropic_designs_have_closed_forms() -> None:
    """Hastie et al. 1903.08560: variance r² over d directions of λ = 1, aspect ratio d/n."""
    d, r2, noise = 100.0, 0.8, 0.3

    def found(n: float, ridge: float = 0.0) -> theory.LinearRisk:
        return kernel_ridge_risk(1.0, r2, n, ridge, noise, multiplicity=d)

    for n in (130.0, 400.0):
        assert found(n).clean_risk[0] == pytest.approx(noise * (d / n) / (1.0 - d / n), rel=1e-12)
    for n in (20.0, 90.0):
        over = d / n
        assert found(n).clean_risk[0] == pytest.approx(r2 * (1.0 - 1.0 / over) + noise / (over - 1.0), rel=1e-12)
    for n, ridge in ((50.0, 3.0), (100.0, 0.01), (300.0, 20.0)):
        # κ solves κ² n + κ(n − d − δ)… = d/(1+κ) + δ/κ = n
        b = n - d - ridge
        kappa = (-b + math.sqrt(b * b + 4.0 * n * ridge)) / (2.0 * n)
        learned = 1.0 / (1.0 + kappa)
        exact = n / (n - d * learned**2) * ((1 - learned) ** 2 * r2 + noise)
        assert found(n, ridge).risk[0] == pytest.approx(exact, rel=1e-12)
        assert found(n, ridge).kappa[0] == pytest.approx(kappa, rel=1e-12)
    # at finite n the ridgeless risk is σ²(n−1)/(n−d−1) exactly (the mean of an inverse Wishart matrix)
    for n in (400.0, 4000.0):
        assert found(n).risk[0] == pytest.approx(noise * (n - 1.0) / (n - d - 1.0), rel=1.2 * d / n / (n - d))


@examples(60)
@given(
    spectrum=spectra(decades=8.0), share=st.floats(0.05, 0.95), extra=st.floats(0.05, 3.0), noise=st.floats(0.0, 1.0)
)
def test_without_ridge_features_add_one_term(
    spectrum: tuple[np.ndarray, np.ndarray], share: float, extra: float, noise: float
) -> None:
    """E = n/(n−k)·B(k) below k = n, E(∞) + n/(k−n)·B(n) above, B(M) = Σ(1−ℒ)v² + σ² at Σℒ = M."""
    values, v2 = spectrum
    few = share * values.size
    found = random_features_risk(values, v2, few, [few + extra, math.inf], 0.0, noise)
    gamma = found.gamma[0]
    bracket = (gamma / (values + gamma)) @ v2 + noise
    assert found.risk[0] == pytest.approx(found.risk[1] + few / extra * bracket, rel=1e-6)
    other = random_features_risk(values, v2, few + extra, few, 0.0, noise)
    assert other.risk[0] == pytest.approx((few + extra) / extra * bracket, rel=1e-6)
    assert other.kappa[0] == 0.0
    if bracket > 0.0:
        assert random_features_risk(values, v2, few, few, 0.0, noise).risk[0] == math.inf


@examples(50)
@given(spectrum=spectra(decades=8.0), share=st.floats(0.05, 2.0), ridge=st.floats(0.0, 2.0))
def test_many_features_are_the_kernel(spectrum: tuple[np.ndarray, np.ndarray], share: float, ridge: float) -> None:
    values, v2 = spectrum
    n = share * values.size
    kernel = kernel_ridge_risk(values, v2, n, ridge, 0.1)
    for k in (1e14, math.inf):
        found = random_features_risk(values, v2, n, k, ridge, 0.1)
        np.testing.assert_allclose(found.risk, kernel.risk, rtol=1e-6)
        np.testing.assert_allclose(found.kappa, kernel.kappa, rtol=1e-6)


def test_an_intercept_takes_one_point_and_moves_the_test_points() -> None:
    values, v2 = power_law_spectrum(1.5, 2.0, 50)
    for k in (20.0, math.inf):
        found = random_features_risk(values, v2, [1.0, 2.0, 30.0], k, 0.1, 0.2, intercept=True)
        bare = random_features_risk(values, v2, [0.0, 1.0, 29.0], k, 0.1, 0.2)
        factor = 1.0 + 1.0 / found.n
        np.testing.assert_allclose(found.risk, factor * bare.risk, rtol=1e-12)
        np.testing.assert_allclose(found.clean_risk, found.risk - 0.2, rtol=1e-12)
        np.testing.assert_allclose(found.degrees_of_freedom, bare.degrees_of_freedom + 1.0, rtol=1e-12)
        assert found.risk[0] == pytest.approx(2.0 * (v2.sum() + 0.2))  # the only answer is that point's label
        assert found.train_risk[0] == 0.0


def test_few_features_are_not_the_kernel() -> None:
    values, v2 = power_law_spectrum(1.5, 2.0, 100)
    few, kernel = random_features_risk(values, v2, 30.0, [15.0, math.inf], 0.01).risk
    assert few > 1.2 * kernel


# ---------------------------------------------------------------------------------------------------- optimal ridge


@examples(40)
@given(spectrum=spectra(decades=5.0), n=st.floats(0.5, 30.0), noise=st.floats(1e-3, 2.0), c=st.floats(0.1, 10.0))
def test_a_well_specified_target_has_the_bayes_ridge(
    spectrum: tuple[np.ndarray, np.ndarray], n: float, noise: float, c: float
) -> None:
    """v² = c·λ: the best ridge is σ²/c, and there E = c·n·κ, the variance of Gaussian-process regression."""
    values, _ = spectrum
    best = optimal_ridge_risk(values, c * values, n, noise)
    at = kernel_ridge_risk(values, c * values, n, noise / c, noise)
    assert best.risk[0] == pytest.approx(at.risk[0], rel=1e-9)
    assert at.risk[0] == pytest.approx(c * n * at.kappa[0], rel=1e-9)
    if at.overfitting[0] > 1.05:  # the minimum is not flat
        assert best.ridge[0] == pytest.approx(noise / c, rel=0.02)


@examples(30)
@given(
    spectrum=spectra(decades=5.0),
    n=st.floats(1.0, 25.0),
    noise=st.floats(0.0, 1.0),
    ridge=st.floats(0.0, 3.0),
    k=st.sampled_from([2.0, 7.5, math.inf]),
)
def test_at_the_best_ridge_more_is_better(
    spectrum: tuple[np.ndarray, np.ndarray], n: float, noise: float, ridge: float, k: float
) -> None:
    """Risk at the best ridge falls with n and with k, rises with noise, and is below that at any other ridge."""
    values, v2 = spectrum
    here, more, noisier = (
        optimal_ridge_risk(values, v2, size, level, features=k).risk[0]
        for size, level in ((n, noise), (1.5 * n, noise), (n, noise + 0.2))
    )
    richer = optimal_ridge_risk(values, v2, n, noise, features=2.0 * k).risk[0]
    fixed = random_features_risk(values, v2, n, k, ridge, noise).risk[0]
    slack = 1e-7 * (v2.sum() + noise) + 1e-12
    assert more <= here + slack
    assert richer <= here + slack
    assert here <= fixed + slack
    assert noisier >= here + 0.2 - slack
    # without the best ridge more data can hurt: the control
    values, v2 = np.ones(10), np.full(10, 0.01)
    assert kernel_ridge_risk(values, v2, 9.0, 0.0, 1.0).risk[0] > kernel_ridge_risk(values, v2, 4.0, 0.0, 1.0).risk[0]


@examples(60)
@given(spectrum=spectra(decades=8.0), n=st.floats(0.1, 25.0), ridge=st.floats(0.0, 3.0), noise=st.floats(0.0, 1.0))
def test_risk_rises_with_noise_and_never_falls_below_it(
    spectrum: tuple[np.ndarray, np.ndarray], n: float, ridge: float, noise: float
) -> None:
    values, v2 = spectrum
    found = random_features_risk(values, v2, n, 9.3, ridge, [noise, noise + 0.5])
    assert found.risk[1] >= found.risk[0] + 0.5 * (1.0 - 1e-9)
    assert (found.risk >= found.noise_variance * (1.0 - 1e-9)).all()
    assert (found.overfitting >= 1.0 - 1e-12).all()
    np.testing.assert_allclose(found.clean_risk + found.noise_variance, found.risk, rtol=1e-6)


def test_a_target_of_pure_noise_is_best_left_alone() -> None:
    best = optimal_ridge_risk([1.0, 0.5], [0.0, 0.0], [2.0, 30.0], 0.7)
    np.testing.assert_allclose(best.risk, 0.7, rtol=1e-6)
    assert (best.ridge == math.inf).all()
    clean = optimal_ridge_risk([1.0, 0.5], [1.0, 0.2], 2.0)
    assert clean.ridge[0] == 0.0
    assert clean.risk[0] == 0.0


# ---------------------------------------------------------------------------------------------------- finite population


@examples(60)
@given(spectrum=spectra(decades=5.0), share=st.floats(0.05, 0.95), ridge=st.floats(0.0, 2.0), more=st.integers(1, 30))
def test_a_finite_population_in_its_limits(
    spectrum: tuple[np.ndarray, np.ndarray], share: float, ridge: float, more: int
) -> None:
    values, v2 = spectrum
    N = values.size + more
    n = share * values.size
    for population in (1e12, math.inf, None):
        far = kernel_ridge_risk(values, v2, n, ridge, 0.1, population=population)
        np.testing.assert_allclose(far.risk, kernel_ridge_risk(values, v2, n, ridge, 0.1).risk, rtol=1e-6)
    # an interpolator has no risk on its training points, so the others carry N/(N−n) of it; noise is nobody's training
    here = kernel_ridge_risk(values, v2, n, 0.0, population=N)
    np.testing.assert_allclose(here.risk, kernel_ridge_risk(values, v2, n).risk * N / (N - n), rtol=1e-9)
    assert here.train_risk[0] == 0.0
    blind = kernel_ridge_risk(values, v2, n, math.inf, 0.1, population=N)
    assert blind.risk[0] == pytest.approx(v2.sum() + 0.1, rel=1e-9)
    assert blind.train_risk[0] == pytest.approx(v2.sum() + 0.1, rel=1e-9)
    # the only answer from one point and an intercept is that point's label
    one = kernel_ridge_risk(values, v2, 1.0, ridge, 0.1, intercept=True, population=N + 1)
    assert one.risk[0] == pytest.approx(2.0 * v2.sum() * (N + 1) / N + 0.2, rel=1e-9)


def drawn_from_a_population(n: int, ridge: float, noise: float, intercept: bool, draws: int) -> tuple[np.ndarray, ...]:
    """Risks on the points not drawn and on those drawn, for uniformly random eigenvectors; spectrum with them."""
    rng = np.random.default_rng(n)
    N = 80
    m = N - 1 if intercept else N
    values, v2 = power_law_spectrum(1.5, 2.0, m)
    unseen, seen = [], []
    for _ in range(draws):
        Q, R = np.linalg.qr(rng.standard_normal((N, N)))
        U = (Q * np.sign(np.diag(R)))[:, :m]
        if intercept:
            first, R = np.linalg.qr(np.column_stack([np.ones(N), rng.standard_normal((N, m))]))
            U = (first * np.sign(np.diag(R)))[:, 1:]
        K = N * (U * values) @ U.T
        y = math.sqrt(N) * U @ np.sqrt(v2) + math.sqrt(noise) * rng.standard_normal(N)
        train, test = slice(0, n), slice(n, N)
        S = K[train, train] + ridge * np.eye(n)
        if intercept:
            S, K = S + 1e5, K + 1e5
        weights = np.linalg.solve(S, y[train])
        unseen.append(np.mean((y[test] - K[test, train] @ weights) ** 2))
        seen.append(np.mean((ridge * weights) ** 2))
    return np.array(unseen), np.array(seen), values, v2


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("n", "ridge"), [(12, 0.0), (40, 5.0), (64, 1.0)])
def test_the_law_of_a_finite_population_against_regressions(n: int, ridge: float, intercept: bool) -> None:
    """Points drawn without replacement where eigenvectors are uniformly random: 3 standard errors + 2 %."""
    unseen, seen, values, v2 = drawn_from_a_population(n, ridge, 0.1, intercept, some(250, fast=120))
    law = kernel_ridge_risk(values, v2, n, ridge, 0.1, intercept=intercept, population=80)
    for sample, value in ((unseen, law.risk[0]), (seen, law.train_risk[0])):
        error = sample.std(ddof=1) / math.sqrt(sample.size)
        assert abs(sample.mean() - value) <= 3.0 * error + 0.02 * value
    if ridge > 0.0:  # the control: an unlimited source's law times N/(N − n) holds for interpolators only
        other = kernel_ridge_risk(values, v2, n, ridge, 0.1, intercept=intercept).clean_risk[0] * 80 / (80 - n) + 0.1
        assert abs(unseen.mean() - other) > 5.0 * unseen.std(ddof=1) / math.sqrt(unseen.size)


# ---------------------------------------------------------------------------------------------------- power laws


@pytest.mark.slow(reason="spectra of 200,000 values", only=["1.5-3.2", "2.0-2.2"])  # the same sides of a = 2b
@pytest.mark.parametrize(("b", "a"), [(1.5, 1.8), (1.5, 3.2), (1.4, 6.0), (2.0, 2.2)])
def test_power_laws_have_their_exponents(b: float, a: float) -> None:
    values, v2 = power_law_spectrum(b, a, 200_000)
    wanted = power_law_exponents(b, a)
    n = np.array([100.0, 1000.0])

    def slope(risk: np.ndarray) -> float:
        return -float(np.log(risk[1] / risk[0]) / math.log(10.0))

    assert slope(kernel_ridge_risk(values, v2, n).risk) == pytest.approx(wanted.data, rel=0.05)
    assert slope(random_features_risk(values, v2, 1e7, n).risk) == pytest.approx(wanted.model, rel=0.05)
    overfitting = kernel_ridge_risk(values, v2, n).overfitting
    np.testing.assert_allclose(overfitting, wanted.overfitting, rtol=0.05)
    noisy = optimal_ridge_risk(values, v2, n, 0.5).clean_risk
    assert slope(noisy) == pytest.approx(wanted.noisy, rel=0.12)
    assert slope(noisy) < 0.8 * wanted.data
    # variance-limited: what finitely many features add falls as 1/k
    k = np.array([1e5, 1e6])
    added = random_features_risk(values, v2, 100.0, k).risk - kernel_ridge_risk(values, v2, 100.0).risk
    assert slope(added) == pytest.approx(wanted.variance, abs=0.01)


def test_ties_carry_a_logarithm() -> None:
    assert power_law_exponents(1.5, 4.0).data_logarithmic
    assert power_law_exponents(1.5, 2.5).model_logarithmic
    assert not power_law_exponents(1.5, 2.5).data_logarithmic
    assert power_law_exponents(1.5, 4.0).data == 3.0
    assert power_law_exponents(1.5, 4.0).model == 1.5
    values, v2 = power_law_spectrum(1.5, 2.5, 200_000)
    risk = random_features_risk(values, v2, 1e7, [100.0, 1000.0]).risk
    assert 1.2 < math.log10(risk[0] / risk[1]) < 1.4  # falls behind k^−1.5
    values, v2 = power_law_spectrum(2.0, 3.0, 4)
    np.testing.assert_allclose(values, [1.0, 0.25, 1 / 9, 1 / 16])
    assert v2.sum() == pytest.approx(1.0)


# ---------------------------------------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: kernel_ridge_risk([1.0, 2.0], [1.0], 3), "three lists of one length"),
        (lambda: kernel_ridge_risk([1.0, -2.0], [1.0, 1.0], 3), "eigenvalues: expected"),
        (lambda: kernel_ridge_risk([1.0, math.nan], [1.0, 1.0], 3), "eigenvalues: expected"),
        (lambda: kernel_ridge_risk([1.0], [1.0], -3), "n = -3: expected"),
        (lambda: kernel_ridge_risk([1.0], [1.0], math.inf), "n: expected finite"),
        (lambda: kernel_ridge_risk([1.0], [1.0], 3, -1.0), "ridge = -1.0: expected"),
        (lambda: kernel_ridge_risk([1.0], [1.0], [1, 2], [1.0, 2.0, 3.0]), "n 2, ridge 3, noise_variance 1"),
        (lambda: kernel_ridge_risk([1.0], [1.0], 3, outside=-1.0), "outside = -1.0: expected"),
        (lambda: kernel_ridge_risk([1.0], [1.0], 3, population=3), "expected n < population"),
        (lambda: kernel_ridge_risk([1.0, 1.0], [1.0, 1.0], 1, population=2, intercept=True), "one more for an interc"),
        (lambda: kernel_ridge_risk([1.0], [1.0], 0.5, intercept=True), "expected n >= 1"),
        (lambda: random_features_risk([1.0], [1.0], 3, 0), "features = 0: expected"),
        (lambda: optimal_ridge_risk([1.0], [1.0], 3, features=2, population=9), "not both"),
        (lambda: power_law_exponents(1.0, 2.0), "b = 1.0: expected"),
        (lambda: power_law_spectrum(2.0, 2.0, 0), "modes = 0: expected"),
    ],
)
def test_what_cannot_be_is_refused(call: object, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        call()  # type: ignore[operator]


def test_no_modes_and_no_target() -> None:
    empty = kernel_ridge_risk([], [], [0.0, 5.0], 0.1, 0.2, outside=0.4)
    np.testing.assert_allclose(empty.risk, 0.6)
    assert empty.learnability.shape == (2, 0)
    assert optimal_ridge_risk([], [], 5.0, 0.2, outside=0.4).risk[0] == pytest.approx(0.6)
    assert kernel_ridge_risk([1.0], [0.0], 0.5).risk[0] == 0.0
