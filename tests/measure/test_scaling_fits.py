"""Exponent fits: recovery of known truth, coverage of the intervals, and the traps that must be warned about."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import some
from scipy import stats

from fractalman.errors import FitError
from fractalman.measure import fit_power_law, student_t
from fractalman.random.streams import key64, normals

SIZES = 2.0 ** np.arange(7, 13)
TRUE = 0.4
EXPERIMENTS = some(400, fast=160)


def noisy_curves(key: int, seeds: int, slope_scatter: float, noise: float = 0.05) -> np.ndarray:
    """(seeds, sizes) log-normal curves around 2·n^-TRUE; a data set's own slope differs by ``slope_scatter``."""
    z = normals(key, seeds * (SIZES.size + 2)).reshape(seeds, SIZES.size + 2)
    x = np.log(SIZES) - np.log(SIZES).mean()
    log_loss = math.log(2.0) - TRUE * np.log(SIZES)
    return np.exp(log_loss + noise * z[:, 2:] + 0.2 * z[:, :1] + slope_scatter * z[:, 1:2] * x)


@given(
    exponent=st.floats(0.05, 3.0),
    amplitude=st.floats(1e-3, 1e3),
    logarithm=st.booleans(),
    replicates=st.integers(1, 4),
)
def test_noise_free_curves_are_recovered(exponent: float, amplitude: float, logarithm: bool, replicates: int) -> None:
    factor = np.log(SIZES) if logarithm else 1.0
    loss = np.tile(amplitude * factor * SIZES**-exponent, (replicates, 1))
    fit = fit_power_law(SIZES, loss, logarithm=logarithm)
    assert fit.value == pytest.approx(exponent, abs=1e-10)
    assert fit.amplitude == pytest.approx(amplitude, rel=1e-8)
    assert fit.predict(SIZES) == pytest.approx(loss[0], rel=1e-9)
    assert fit.standard_error < 1e-8
    assert not any("bent" in warning for warning in fit.warnings)


@given(exponent=st.floats(0.25, 1.5), share=st.floats(0.1, 0.9))
def test_noise_free_floors_are_recovered(exponent: float, share: float) -> None:
    """``share`` of the smallest loss is floor."""
    power = SIZES**-exponent
    floor = share / (1.0 - share) * power[-1]
    fit = fit_power_law(SIZES, power + floor, floor=True)
    assert fit.value == pytest.approx(exponent, abs=1e-5)
    assert fit.floor == pytest.approx(floor, rel=1e-4)
    assert fit.without_floor < exponent


@pytest.mark.parametrize("slope_scatter", [0.0, 0.05])
def test_the_interval_covers_the_truth(slope_scatter: float) -> None:
    """95 % intervals hold the truth in 90–98 % of 400 experiments, with and without variation between data sets."""
    covered = residual_only = 0
    for i in range(EXPERIMENTS):
        losses = noisy_curves(key64(11, 1, i), 5, slope_scatter)
        low, high = fit_power_law(SIZES, losses).interval
        covered += low <= TRUE <= high
        low, high = fit_power_law(SIZES, losses.mean(axis=0)).interval
        residual_only += low <= TRUE <= high
    assert 0.90 <= covered / EXPERIMENTS <= 0.98
    if slope_scatter:  # the control: errors from the residuals alone know nothing of what the seeds share
        assert residual_only / EXPERIMENTS < 0.80


def test_ignoring_a_floor_is_warned_about() -> None:
    """Without the offset a true 0.400 reads as about 0.23 with a tiny error bar: the fit says so, and how to fit it."""
    sizes = 2.0 ** np.arange(7, 15)
    truth = sizes**-0.4 + 0.042
    noise = normals(key64(12, 1), 8 * sizes.size).reshape(8, sizes.size)
    losses = truth * np.exp(0.01 * noise)
    plain = fit_power_law(sizes, losses)
    assert plain.value == pytest.approx(0.234, abs=0.02)
    assert plain.standard_error < 0.005
    assert any("flattens" in warning and "floor = True" in warning for warning in plain.warnings)
    with_floor = fit_power_law(sizes, losses, floor=True)
    assert with_floor.interval[0] <= 0.4 <= with_floor.interval[1]
    assert with_floor.half_width < 0.05
    assert abs(with_floor.floor - 0.042) < student_t(7) * with_floor.floor_standard_error
    assert with_floor.without_floor == plain.value
    # one curve alone is warned about too
    assert any("flattens" in warning for warning in fit_power_law(sizes, truth).warnings)
    # a curve without a floor is not
    assert not any("bent" in warning for warning in fit_power_law(sizes, losses - 0.042).warnings)


def test_a_floor_that_is_not_there_is_not_resolved() -> None:
    fit = fit_power_law(SIZES, noisy_curves(key64(13, 1), 6, 0.0), floor=True)
    assert any("not resolved" in warning for warning in fit.warnings)
    assert fit.floor is not None
    assert fit.floor >= 0.0


def test_a_logarithm_bends_a_curve_and_dividing_it_out_straightens_it() -> None:
    loss = np.tile(0.8 * np.log(SIZES) / np.sqrt(SIZES), (4, 1))
    plain = fit_power_law(SIZES, loss)
    assert plain.value < 0.4
    assert any("bent" in warning for warning in plain.warnings)
    assert fit_power_law(SIZES, loss, logarithm=True).value == pytest.approx(0.5, abs=1e-10)


def test_the_jackknife_of_single_points_is_the_standard_error_of_the_mean() -> None:
    """With two sizes and a noisy one the exponent is a function of one mean: its error is known."""
    y = 1.0 + 0.1 * normals(key64(14, 1), 9)
    losses = np.stack([np.ones(9), y], axis=1)
    fit = fit_power_law([1.0, math.e], losses)
    assert fit.value == pytest.approx(-math.log(y.mean()))
    assert fit.standard_error == pytest.approx(y.std(ddof=1) / 3.0 / y.mean(), rel=0.02)
    assert fit.degrees_of_freedom == 8


def test_one_curve_has_the_textbook_error() -> None:
    loss = np.exp(-TRUE * np.log(SIZES) + 0.1 * normals(key64(15, 1), SIZES.size))
    fit = fit_power_law(SIZES, loss)
    book = stats.linregress(np.log(SIZES), np.log(loss))
    assert fit.value == pytest.approx(-book.slope)
    assert fit.standard_error == pytest.approx(book.stderr)
    assert fit.degrees_of_freedom == SIZES.size - 2


@pytest.mark.parametrize("dof", [1, 2, 7, 40])
def test_student_t_is_scipys(dof: int) -> None:
    assert student_t(dof) == pytest.approx(stats.t.ppf(0.975, dof))
    assert student_t(0) == math.inf


def test_the_window_and_the_order_of_sizes() -> None:
    loss = SIZES**-TRUE
    loss[0] = 100.0
    fit = fit_power_law(SIZES, loss, window=(200, 5000))
    assert fit.value == pytest.approx(TRUE)
    assert fit.window == (256.0, 4096.0)
    assert fit.n_sizes == 5
    assert fit_power_law(SIZES[::-1], loss[::-1], window=(200, 5000)) == fit


@pytest.mark.parametrize(
    ("n", "loss", "options", "said"),
    [
        ([1, 2, 4], [1.0, 0.0, 0.5], {}, "positive"),
        ([1, 2, 4], [1.0, -1.0, 0.5], {}, "positive"),
        ([1, 2, 4], [1.0, math.nan, 0.5], {}, "positive"),
        ([1, 2], [1.0, 0.5], {}, "needs 3"),
        ([2], [[1.0], [2.0]], {}, "needs 2"),
        ([1, 2, 4], [[1.0, 0.5, 0.3]] * 2, {"floor": True}, "needs 4"),
        ([1, 2, 2], [1.0, 0.5, 0.3], {}, "repeated"),
        ([0, 2, 4], [1.0, 0.5, 0.3], {}, "greater than 0"),
        ([1, 2, 4], [1.0, 0.5, 0.3], {"logarithm": True}, "greater than 1"),
        ([1, 2, 4], [1.0, 0.5], {}, "shape"),
        ([[1, 2, 4]], [1.0, 0.5, 0.3], {}, "shape"),
        ([1, 2, 4], [1.0, 0.5, 0.3], {"window": (5, 9)}, "needs 3"),
    ],
)
def test_what_cannot_be_fitted_is_refused(n: list[float], loss: list[float], options: dict, said: str) -> None:
    with pytest.raises(FitError, match=said):
        fit_power_law(n, loss, **options)


@pytest.mark.parametrize("exponent", [0.1, 1.0 / 3.0, 0.7, 1.0, -0.25])
def test_exact_curves_have_an_interval_of_rounding(exponent: float) -> None:
    """Residuals of 0 gave an interval without width, beside the truth by the last digit."""
    n = np.geomspace(100, 1e5, 10).round()
    for amplitude in (1.0, 3.0, 1e-5, 1e6):
        fits = [fit_power_law(n, amplitude * n**-exponent)]
        if exponent > 0.0:
            fits.append(fit_power_law(n, amplitude * (0.05 + n**-exponent), floor=True))
        for fit in fits:
            assert fit.interval[0] <= exponent <= fit.interval[1]
            assert fit.half_width < 1e-12
