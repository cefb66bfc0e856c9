"""Joint laws, broken laws, comparisons by prediction: recovery, coverage, outliers, valleys."""

from __future__ import annotations

import numpy as np
import pytest
from sampled import some

from fractalman.errors import FitError
from fractalman.measure import (
    compare_laws,
    fit_broken_power_law,
    fit_joint_power_law,
    fit_power_law,
    window_sensitivity,
)

SURFACES = [(0.31, 0.31, 400.0, 400.0, 1.69), (0.34, 0.28, 406.4, 410.7, 1.69), (0.5, 0.2, 200.0, 800.0, 1.5)]
SIZES = 2.0 ** np.arange(7, 15)


def budgets(surface: tuple[float, ...], low: float = 1e17, high: float = 1e21) -> tuple[np.ndarray, ...]:
    """A table of models at nine budgets C = 6·P·n."""
    alpha, beta, A, B, E = surface
    rows = [
        (P, C / 6.0 / P) for C in np.geomspace(low, high, 9) for P in np.geomspace(1e6, 3e10, 14) * (C / 1e19) ** 0.5
    ]
    P, n = np.array(rows).T
    return P, n, E + A * P**-alpha + B * n**-beta


@pytest.mark.parametrize("surface", SURFACES)
def test_noise_free_surfaces_come_back(surface: tuple[float, ...]) -> None:
    """To 1e-6 in all five numbers, without a start from anybody."""
    fit = fit_joint_power_law(*budgets(surface))
    found = (fit.model_exponent, fit.data_exponent, fit.model_amplitude, fit.data_amplitude, fit.irreducible)
    np.testing.assert_allclose(found, surface, rtol=1e-6)
    assert fit.unresolved == ()
    assert fit.huber == np.inf
    alpha, beta = surface[:2]
    assert fit.frontier["params"] == pytest.approx(beta / (alpha + beta))
    np.testing.assert_allclose(fit.predict(*budgets(surface)[:2]), budgets(surface)[2], rtol=1e-9)


def test_outliers_do_not_move_a_robust_fit() -> None:
    """One run in twenty wrong by a factor: the robust fit stays, one with a threshold beyond them does not."""
    P, n, L = budgets(SURFACES[1])
    rng = np.random.default_rng(1)
    L = L * np.exp(0.005 * rng.normal(size=L.size))
    wrong = rng.choice(L.size, 6, replace=False)
    L[wrong] *= 1.8
    robust, plain = fit_joint_power_law(P, n, L), fit_joint_power_law(P, n, L, huber=10.0)
    assert set(wrong) <= set(robust.outliers.tolist())
    truth = np.array(SURFACES[1][:2])
    miss = [np.abs(np.array([f.model_exponent, f.data_exponent]) - truth).max() for f in (robust, plain)]
    assert miss[0] < 0.015 < miss[1]
    assert fit_joint_power_law(P, n, L, huber=1e-3).huber == 1e-3


def test_a_flat_valley_is_named() -> None:
    """Few sizes and an exponent near zero: the floor and the amplitude cannot be told apart, and the fit says so."""
    rng = np.random.default_rng(2)
    P = np.repeat([1e4, 1.3e4, 1.7e4], 4)
    n = np.tile(np.geomspace(1e3, 1e5, 4), 3)
    L = (1.0 + 0.5 * P**-0.02 + 30.0 * n**-0.5) * np.exp(0.01 * rng.normal(size=P.size))
    fit = fit_joint_power_law(P, n, L)
    assert fit.condition_number > 1e3
    assert any("valley" in said for said in fit.unresolved)
    assert any("is not resolved" in said for said in fit.unresolved), fit.unresolved
    assert not any("data_exponent" in said for said in fit.unresolved)


def test_joint_intervals_cover() -> None:
    """95 % intervals between runs cover and are no wider than they must be; the control takes a run's rows for many."""
    P, n = (a.ravel() for a in np.meshgrid(np.geomspace(100, 10000, 4), np.geomspace(100, 30000, 5)))
    truth = 0.3 + 5.0 * P**-0.4 + 20.0 * n**-0.5
    runs, tables, again = 5, some(50, fast=26), 4
    rng = np.random.default_rng(3)
    values, errors, covered, control = [], [], 0, 0
    for i in range(tables):
        L = truth * np.exp(0.01 * rng.normal(size=(runs, P.size)))
        fit = fit_joint_power_law(
            np.tile(P, runs), np.tile(n, runs), L.ravel(), huber=1.0, groups=np.repeat(np.arange(runs), P.size)
        )
        low, high = fit.interval["data_exponent"]
        covered += low <= 0.5 <= high
        values.append(fit.data_exponent)
        errors.append(fit.standard_error["data_exponent"])
        if i < 25:  # every row logged four times, to other digits, and taken for independent
            rows = runs * again
            logged = np.tile(L.ravel(), again) * (1.0 + 1e-9 * np.arange(rows * P.size))
            alone = fit_joint_power_law(np.tile(P, rows), np.tile(n, rows), logged, huber=1.0, errors="rows")
            low, high = alone.interval["data_exponent"]
            control += low <= 0.5 <= high
    assert covered / tables >= 0.88
    assert 0.7 < np.sqrt(np.mean(np.square(errors))) / np.std(values, ddof=1) < 1.4
    assert control / 25 < 0.85


@pytest.mark.parametrize(
    ("P", "n", "loss", "said"),
    [
        ([1, 2], [1, 2], [1, 2], "6 rows"),
        ([1] * 6, [1, 2, 3, 4, 5, 6], [1] * 6, "n_params is 1 in every row"),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, -1], "loss = .* row 5"),
        ([1, 2, 3, 4, 5, 6], [1, 2, 3], [1, 2, 3, 4, 5, 6], "three columns"),
    ],
)
def test_tables_that_cannot_be_fitted_are_refused(P: list[int], n: list[int], loss: list[float], said: str) -> None:
    with pytest.raises(FitError, match=said):
        fit_joint_power_law(P, n, loss)
    good = budgets(SURFACES[0])
    with pytest.raises(FitError, match="huber"):
        fit_joint_power_law(*good, huber=0.0)
    with pytest.raises(FitError, match="groups"):
        fit_joint_power_law(*good, groups=np.zeros(3))


# ---------------------------------------------------------------------------------------------------- one axis


def test_a_broken_law_comes_back_and_a_straight_one_is_said_to_be_straight() -> None:
    """Exponents .2 and .8 meeting at n = 1024, noise-free and noisy; one power law has no resolved turn."""
    x = np.log(SIZES / 1024.0)
    truth = 3.0 * SIZES**-0.2 * (1.0 + np.exp(x / 0.25)) ** ((0.2 - 0.8) * 0.25)
    fit = fit_broken_power_law(SIZES, truth)
    assert (fit.before, fit.after) == (pytest.approx(0.2, abs=1e-5), pytest.approx(0.8, abs=1e-5))
    assert fit.turn == pytest.approx(1024.0, rel=1e-4)
    np.testing.assert_allclose(fit.predict(SIZES), truth, rtol=1e-6)
    rng = np.random.default_rng(4)
    noisy = fit_broken_power_law(SIZES, truth * np.exp(0.02 * rng.normal(size=(12, SIZES.size))))
    assert abs(noisy.after - 0.8) < 4.0 * noisy.standard_error["after"]
    straight = fit_broken_power_law(SIZES, SIZES**-0.5 * np.exp(0.02 * rng.normal(size=(12, SIZES.size))))
    assert any("one power law" in said or "edge" in said for said in straight.warnings)


@pytest.mark.parametrize(
    ("law", "curve"),
    [
        ("power", 2.0 * SIZES**-0.5),
        ("logarithm", np.log(SIZES) / np.sqrt(SIZES)),
        ("floor", SIZES**-0.6 + 0.02),
    ],
)
def test_the_law_that_made_a_curve_predicts_it_best(law: str, curve: np.ndarray) -> None:
    """Fitted up to n = 1024, the true law is within its noise at 16384, and no other is better."""
    rng = np.random.default_rng(5)
    losses = curve * np.exp(0.004 * rng.normal(size=(10, SIZES.size)))
    scores = {score.law: score for score in compare_laws(SIZES, losses, laws=("power", "logarithm", "floor"))}
    assert scores[law].error < 0.05
    others = [scores[other].error for other in scores if other != law]
    assert scores[law].error <= min(others) * (1.5 if law == "power" else 1.0)  # a floor of zero is a power law too
    if law != "power":
        sigma = scores["power"].sigma
        assert sigma is not None
        assert sigma > 5.0


def test_the_window_is_part_of_the_error() -> None:
    """On a bent curve windows disagree, on a straight one they do not."""
    assert window_sensitivity(SIZES, SIZES**-0.5).spread < 1e-9
    bent = window_sensitivity(SIZES, np.log(SIZES) / np.sqrt(SIZES))
    assert bent.spread > 0.05
    assert len(bent.value) == len(bent.window) == 21
    whole = fit_power_law(SIZES, np.log(SIZES) / np.sqrt(SIZES))
    assert whole.value == pytest.approx(bent.value[np.argmax(bent.window[:, 1] - bent.window[:, 0])])


def test_what_cannot_be_compared_is_refused() -> None:
    """Too few sizes, unknown laws, senseless turns."""
    with pytest.raises(FitError, match="5 or more"):
        compare_laws(SIZES[:5], SIZES[:5] ** -0.5)
    with pytest.raises(FitError, match="did you mean 'broken'"):
        compare_laws(SIZES, SIZES**-0.5, laws=("brokn",))
    with pytest.raises(FitError, match="sharpness"):
        fit_broken_power_law(SIZES, SIZES**-0.5, sharpness=0.0)
    with pytest.raises(FitError, match="needs 5"):
        fit_broken_power_law(SIZES[:4], SIZES[:4] ** -0.5)
    with pytest.raises(FitError, match="3 or more"):
        window_sensitivity(SIZES[:2], SIZES[:2] ** -0.5)
