"""Regimes, windows and verdicts: who agrees, who does not, and who is not asked."""

from __future__ import annotations

import dataclasses
import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractalman.experiments import RULE, Point, Verdict
from fractalman.experiments.axes import axis_named
from fractalman.experiments.regimes import DATA, MODEL, SizeSummary, choose_window, summarise
from fractalman.experiments.results import _level_regimes
from fractalman.experiments.slopes import predicted_local
from fractalman.experiments.verdicts import RESOLUTION, compare, judge
from fractalman.learners import make
from fractalman.learners.networks.mlp import MLP, Settings
from fractalman.measure import fit_power_law, student_t
from fractalman.random.streams import key64, normals
from fractalman.theory import local_slope

SIZES = (128, 256, 512, 1024, 2048)
FIT: dict[str, Any] = {"window_low": None, "window_high": None, "min_sizes": 3, "min_seeds": 2}


def points_of(
    exponent: float = 0.5,
    *,
    seeds: int = 4,
    noise: float = 0.02,
    train_share: float | dict[int, float] = 0.0,
    stopped: str | None = None,
    key: int = 1,
) -> list[Point]:
    """A learner whose risk is n^-exponent, with log-normal noise."""
    z = normals(key64(key, 1), seeds * len(SIZES)).reshape(seeds, len(SIZES))
    points = []
    for i in range(seeds):
        for j, n in enumerate(SIZES):
            risk = n**-exponent * math.exp(noise * z[i, j])
            share = train_share.get(n, 0.0) if isinstance(train_share, dict) else train_share
            info = {"stopped": stopped} if stopped else {}
            points.append(Point("x", n, i, risk, share * risk, 0.5, math.inf, info=info))
    return points


class Prediction:
    def __init__(
        self,
        exponent: float | None,
        *,
        local: float | None = None,
        error: float = 0.0,
        attained: bool = True,
    ) -> None:
        self.data_exponent, self.logarithmic, self.law = exponent, not attained, "a law"
        self.attained = attained
        self.local, self.error, self.has_curve = local, error, local is not None

    def curve(self, n: np.ndarray) -> SimpleNamespace:
        assert self.local is not None, "a curve was asked for that is not there"
        return SimpleNamespace(risk=n**-self.local)

    def local_exponent(self, low: int, high: int, sizes: list[int]) -> SimpleNamespace:
        assert (low, high) == (sizes[0], sizes[-1])
        return SimpleNamespace(value=self.local, standard_error=self.error)


def verdict_of(points: list[Point], prediction: Any, *, seeds: int = 4, capacity: str = "grows with n") -> Verdict:
    summaries = summarise(points, seeds, capacity, 1 / 16)
    return judge("x", points, summaries, prediction, seeds=seeds, fit=FIT)


# ---------------------------------------------------------------------------------------------------- verdicts


def test_a_measurement_that_agrees() -> None:
    verdict = verdict_of(points_of(0.5), Prediction(0.5))
    assert verdict.agrees is True
    assert verdict.measured == pytest.approx(0.5, abs=verdict.half_width)
    assert verdict.half_width == pytest.approx(student_t(3) * verdict.standard_error)
    assert verdict.sigma == pytest.approx((verdict.measured - 0.5) / verdict.standard_error)
    assert (verdict.predicted, verdict.predicted_local, verdict.window) == (0.5, None, (128, 2048))
    assert (verdict.n_sizes, verdict.n_seeds, verdict.regimes) == (5, 4, {"data-limited": 20})
    assert "agrees with the predicted exponent 0.500" in verdict.reason
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["agrees"] is True


def test_a_measurement_that_differs() -> None:
    verdict = verdict_of(points_of(0.5), Prediction(0.62))
    assert verdict.agrees is False
    assert verdict.sigma < -4
    assert "differs from the predicted exponent 0.620" in verdict.reason


def test_the_local_exponent_is_the_yardstick_where_there_is_one() -> None:
    """As on one critical cluster: the asymptote 1/2 is not what is measured over these sizes."""
    points = points_of(0.34)
    near = verdict_of(points, Prediction(0.5, local=0.34, attained=False))
    assert near.agrees is True
    assert (near.predicted, near.predicted_local) == (0.5, pytest.approx(0.34))
    assert "local" in near.reason
    assert verdict_of(points, Prediction(0.34, local=0.5)).agrees is False


def test_a_network_is_held_against_its_own_curve_where_the_data_limit_it() -> None:
    """As on the cascade k = 16, H = 1: the asymptote is .5, its curve falls with .44 there, and so does the network."""
    points = points_of(0.44, train_share={2048: 0.5})
    summaries = summarise(points, 4, "fixed", 1 / 16)

    def judged(local: float, shared: float = 0.02) -> Verdict:
        curve: Any = Prediction(0.5, local=local, error=0.02)
        curve.shared_error, curve.replicates = shared, lambda n: np.stack([np.float64(n) ** -local] * 3)
        return judge("mlp", points, summaries, curve, seeds=4, fit=FIT, level_regimes=(DATA,))

    near = judged(0.44)
    assert (near.agrees, near.slope_agrees, near.predicted, near.predicted_local) == (True, True, 0.5, 0.44)
    assert near.level.sizes == SIZES[:-1]  # the last is not its curve's: the training was too short
    assert judged(0.55).agrees is False  # it can be refuted
    wide, narrow = judged(0.44, 0.1).level, judged(0.44, 0.0).level
    assert wide.half_width**2 - narrow.half_width**2 == pytest.approx((student_t(3) * 0.1 * max(wide.ratio, 1.0)) ** 2)
    assert (
        judge("mlp", points, summaries, Prediction(0.5, local=0.44), seeds=4, fit=FIT, level_regimes=()).level is None
    )


def test_a_level_that_a_constant_would_have_agrees_with_nothing() -> None:
    """Without a slope a curve near V_in (.5 here) is met by whoever learns nothing; a curve far below it is not."""

    def judged(risk: float) -> Verdict:
        z = normals(key64(3, 1), 4 * len(SIZES)).reshape(4, len(SIZES))
        points = [
            Point("x", n, i, risk * math.exp(0.05 * z[i, j]), 2.0 * risk, 0.5, math.inf)
            for i in range(4)
            for j, n in enumerate(SIZES)
        ]
        flat: Any = Prediction(0.5, local=0.0)
        flat.curve = lambda n: SimpleNamespace(risk=np.full(n.size, risk))
        return judge("x", points, summarise(points, 4, "grows with n", 1 / 16), flat, seeds=4, fit=FIT)

    near, middle, far = judged(0.49), judged(0.47), judged(0.2)
    assert (near.measured, near.agrees, far.agrees) == (None, None, True)
    assert middle.level is not None
    assert middle.level.constant is not None
    assert middle.level.half_width < middle.level.constant - 1.0  # a constant would differ, half of what is learned not
    assert (middle.level.agrees, middle.agrees) == (True, None)
    assert near.level is not None
    assert near.level.agrees is True
    assert "a constant, which learns nothing" in near.reason
    assert far.level is not None
    assert far.level.constant == pytest.approx(2.5, rel=0.01)


def test_in_which_regimes_a_level_is_asked() -> None:
    assert _level_regimes(make("ridge")) == (DATA, MODEL)
    assert _level_regimes(MLP()) == (DATA,)
    assert _level_regimes(MLP(Settings(activation="tanh"))) == ()


def test_the_curve_s_own_error_counts() -> None:
    points = points_of(0.5)
    exact = verdict_of(points, Prediction(0.5, local=0.54))
    assert exact.slope_agrees is False
    unsure = verdict_of(points, Prediction(0.5, local=0.54, error=0.02))
    assert unsure.slope_agrees is True
    assert unsure.half_width == pytest.approx(student_t(3) * math.hypot(unsure.standard_error, 0.02))
    assert abs(unsure.sigma) < abs(exact.sigma)


def test_no_prediction_is_no_verdict() -> None:
    for prediction in (None, Prediction(None)):
        verdict = verdict_of(points_of(), prediction)
        assert verdict.agrees is None
        assert verdict.measured == pytest.approx(0.5, abs=0.05)
        assert verdict.reason.startswith("no prediction")


def test_not_resolved_is_never_agrees() -> None:
    """3 seeds have 4.3 standard errors: what looks like agreement is not."""
    verdict = verdict_of(points_of(noise=0.5, seeds=3), Prediction(0.5), seeds=3)
    assert verdict.half_width > RESOLUTION * 0.5
    assert verdict.agrees is None
    assert verdict.reason.startswith("not resolved")
    # the prediction's error alone can do the same
    assert verdict_of(points_of(), Prediction(0.5, local=0.5, error=0.2)).agrees is None


def test_an_asymptote_out_of_reach_is_no_yardstick() -> None:
    verdict = verdict_of(points_of(0.5), Prediction(0.5, attained=False))
    assert verdict.agrees is None
    assert "not reached" in verdict.reason
    assert verdict.measured is not None


def test_not_measurable_has_its_reason() -> None:
    one_seed = verdict_of(points_of(seeds=1), Prediction(0.5), seeds=1)
    assert one_seed.measured is None
    assert "1 replicate, needed are 2" in one_seed.reason
    starved = verdict_of(
        points_of(train_share=dict.fromkeys(SIZES[2:], 0.5)), Prediction(0.5, local=0.5), capacity="fixed"
    )
    assert (starved.measured, starved.slope_agrees, starved.window, starved.n_sizes) == (None, None, None, 0)
    assert starved.agrees is True  # the curve is its own at every size, whatever limits it
    assert "2 data-limited sizes in a row, needed are 3" in starved.reason
    assert starved.regimes == {"data-limited": 8, "model-limited": 12}
    assert len(starved.excluded) == 3
    unfinished = verdict_of([p for p in points_of() if (p.n, p.seed) not in {(128, 0), (512, 1)}], Prediction(0.5))
    assert unfinished.measured is None
    assert unfinished.regimes == {"unfinished": 6, "data-limited": 12}


def test_the_verdict_is_wrong_as_often_as_it_says() -> None:
    """Where the prediction is true it is refused in about 5 % of 400 sweeps; where it is off by 0.1, in most."""
    refused = found = 0
    for i in range(400):
        points = points_of(0.5, noise=0.05, key=1000 + i)
        losses = np.array([p.risk for p in points]).reshape(4, len(SIZES))
        fit = fit_power_law(SIZES, losses)
        refused += compare(fit, 0.5, None, None).agrees is False
        found += compare(fit, 0.6, None, None).agrees is False
    assert 0.02 <= refused / 400 <= 0.10
    assert found / 400 >= 0.90


@given(
    difference=st.floats(-0.5, 0.5),
    error=st.floats(0.0, 0.1),
    local_error=st.floats(0.0, 0.1),
    dof=st.integers(1, 30),
)
def test_agreement_means_within_the_half_width(difference: float, error: float, local_error: float, dof: int) -> None:
    fit: Any = SimpleNamespace(value=0.5 + difference, standard_error=error, degrees_of_freedom=dof, half_width=error)
    judged = compare(fit, None, 0.5, local_error)
    half_width = student_t(dof) * math.hypot(error, local_error)
    assert judged.half_width == pytest.approx(half_width)
    holds_zero = abs(fit.value) <= student_t(dof) * error
    if abs(fit.value - 0.5) > half_width:
        assert judged.agrees is False
    else:
        assert judged.agrees is (None if half_width > RESOLUTION * 0.5 or holds_zero else True)
    assert judged.reason


def test_resolution_is_relative_to_what_is_due() -> None:
    """± .24 resolves an exponent of 4/3 and not one of .4; labels that do not fall differ from either."""

    def judged(value: float, error: float, reference: float) -> bool | None:
        fit: Any = SimpleNamespace(value=value, standard_error=error, degrees_of_freedom=30, half_width=2.04 * error)
        return compare(fit, None, reference, 0.0).agrees

    assert judged(1.3, 0.12, 4 / 3) is True
    assert judged(0.4, 0.12, 0.4) is None
    assert judged(0.01, 0.02, 0.05) is None  # holds 0
    assert judged(0.0, 0.02, 0.4) is False
    assert judged(0.0, 0.12, 4 / 3) is False


def test_a_bent_curve_is_compared_by_the_same_functional() -> None:
    """The reference is least squares at the fitted sizes, not the chord: a wiggle would make them differ."""
    sizes = np.array(SIZES)
    wiggle = np.exp(0.1 * np.sin(np.log(sizes) * 2.0))

    def n_curve(n: np.ndarray) -> np.ndarray:
        return n**-0.5 * np.exp(0.1 * np.sin(np.log(n) * 2.0))

    prediction: Any = SimpleNamespace(
        has_curve=True,
        local_exponent=lambda low, high, sizes: SimpleNamespace(
            value=local_slope(sizes, n_curve(np.array(sizes))), standard_error=0.01 * (low < high)
        ),
    )
    local, error = predicted_local(prediction, SIZES)
    assert local == pytest.approx(fit_power_law(sizes, sizes**-0.5 * wiggle).value)
    assert error == 0.01
    chord = -math.log(sizes[-1] ** -0.5 * wiggle[-1] / (sizes[0] ** -0.5 * wiggle[0])) / math.log(16)
    assert abs(local - chord) > 1e-3
    assert predicted_local(None, SIZES) == (None, None)
    assert predicted_local(Prediction(0.5), SIZES) == (None, None)


# ---------------------------------------------------------------------------------------------------- regimes


@pytest.mark.parametrize(
    ("capacity", "share", "stopped", "regime"),
    [
        ("grows with n", 0.0, None, "data-limited"),
        ("grows with n", 0.9, None, "data-limited"),
        ("grows with n", 1.1, None, "model-limited"),
        ("fixed", 0.09, None, "data-limited"),
        ("fixed", 0.11, None, "model-limited"),
        ("fixed", 0.09, "budget", "data-limited"),
        ("fixed", 0.11, "budget", "budget-limited"),
        ("fixed", 0.09, "interpolated", "data-limited"),
        ("fixed", 0.11, "interpolated", "budget-limited"),
    ],
)
def test_the_rule(capacity: str, share: float, stopped: str | None, regime: str) -> None:
    summaries = summarise(points_of(train_share=share, stopped=stopped), 4, capacity, 1 / 16)
    assert {entry.regime for entry in summaries} == {regime}
    assert regime in RULE
    assert all(f"{share:.2g} of test risk" in entry.reason for entry in summaries)


def test_the_rule_looks_at_the_mean_of_the_replicates() -> None:
    """One replicate that did not interpolate does not decide for all; the mean does."""
    points = [
        Point("x", 128, i, 1.0, share, 0.5, math.inf, info={"stopped": end})
        for i, (share, end) in enumerate([(0.0, "interpolated"), (0.0, "interpolated"), (0.24, "budget")])
    ]
    (entry,) = summarise(points, 3, "fixed", 1 / 16)
    assert entry.regime == "data-limited"
    assert "1 budget, 2 interpolated" in entry.reason
    (entry,) = summarise(points[1:], 2, "fixed", 1 / 16)
    assert entry.regime == "budget-limited"


def test_sizes_beyond_the_population_s_fraction() -> None:
    points = [dataclasses.replace(point, n_population=8192.0) for point in points_of()]
    summaries = summarise(points, 4, "grows with n", 1 / 16)
    assert [entry.regime for entry in summaries] == ["data-limited"] * 3 + ["population-limited"] * 2


@given(
    regimes=st.lists(st.sampled_from(["data-limited", "model-limited", "population-limited", "failed"]), max_size=8),
    low=st.none() | st.integers(1, 300),
    high=st.none() | st.integers(1, 300),
)
def test_windows_are_contiguous_data_limited_and_complete(
    regimes: list[str], low: int | None, high: int | None
) -> None:
    summaries = [SizeSummary(2 << i, 1.0, 0.0, 3, regime, "why") for i, regime in enumerate(regimes)]
    window = choose_window(summaries, {"window_low": low, "window_high": high})
    inside = [s for s in summaries if (low or 0) <= s.n <= (high or 10**9)]
    assert len(window.sizes) + len(window.excluded) == len(summaries)
    limited = [s.n for s in inside if s.regime == "data-limited"]
    assert bool(window.sizes) == bool(limited)
    if window.sizes:
        assert window.sizes[0] == limited[0]
        positions = [s.n for s in inside]
        first = positions.index(window.sizes[0])
        assert tuple(positions[first : first + len(window.sizes)]) == window.sizes
        assert all(s.regime == "data-limited" for s in inside if s.n in window.sizes)
        after = inside[first + len(window.sizes) :]
        assert not after or after[0].regime != "data-limited"


# ---------------------------------------------------------------------------------------------------- other evidence


def curve_points(floor: float, *, seeds: int = 4, share: float = 0.0) -> list[Point]:
    """Risk n^-1/2 + floor at nine sizes, with 0.5 % noise."""
    sizes = [32 << i for i in range(9)]
    z = normals(key64(7, 1), seeds * len(sizes)).reshape(seeds, -1)
    risks = (np.array(sizes) ** -0.5 + floor) * np.exp(0.005 * z)
    return [
        Point("x", n, i, risks[i, j], share * risks[i, j], 0.5, math.inf)
        for i in range(seeds)
        for j, n in enumerate(sizes)
    ]


def test_small_sizes_predict_large_ones_or_the_verdict_says_so() -> None:
    straight = verdict_of(curve_points(0.0), Prediction(0.5))
    assert straight.held_out is not None
    assert straight.held_out["up_to"] == 32 << 5
    assert straight.held_out["laws"]["power"]["error"] < 0.02
    assert straight.sensitivity < 0.02
    assert not any("predicts the larger sizes" in text for text in straight.warnings)
    bent = verdict_of(curve_points(0.02), Prediction(0.5))
    assert next(iter(bent.held_out["laws"])) == "floor"
    assert any("a floor law predicts the larger sizes better" in text for text in bent.warnings)
    assert any("depends on the window" in text for text in bent.warnings)
    assert bent.sensitivity > 0.05
    short = verdict_of(points_of(), Prediction(0.5))
    assert short.held_out is None
    json.dumps([straight.to_dict(), bent.to_dict(), short.to_dict()], allow_nan=False)


@pytest.mark.parametrize(
    ("axis", "share", "gains", "floor", "regime"),
    [
        ("n", 0.05, {"width": 0.02, "steps": 0.05}, None, "data-limited"),
        ("n", 0.05, {"width": 0.30, "steps": 0.05}, None, "model-limited"),
        ("n", 0.05, {"width": 0.20, "steps": 0.30}, None, "budget-limited"),
        ("n", 0.50, {"width": 0.02, "steps": 0.05}, None, "undecided"),
        ("n", 0.50, {"width": 0.30, "steps": 0.05}, 0.95, "data-limited"),
        ("width", 0.95, {"width": 0.30, "steps": 0.05}, None, "model-limited"),
        ("width", 0.95, {"width": 0.30, "steps": 0.15}, None, "budget-limited"),
        ("width", 0.30, {"width": 0.30, "steps": 0.05}, None, "undecided"),
        ("width", 0.05, {"width": 0.30, "steps": 0.05}, None, "data-limited"),
        ("width", 0.95, {"width": 0.30, "steps": 0.05}, 0.95, "data-limited"),
        ("steps", 0.95, {"width": 0.05, "steps": 0.30}, None, "budget-limited"),
        ("steps", 0.95, {"width": 0.40, "steps": 0.30}, None, "model-limited"),
        ("steps", 0.95, {"width": 0.05, "steps": 0.05}, None, "undecided"),
        ("noise", 0.05, {"width": 0.02, "steps": 0.05}, None, "data-limited"),
    ],
)
def test_the_rule_with_doubling_checks(
    axis: str, share: float, gains: dict[str, float], floor: float | None, regime: str
) -> None:
    info = {"stopped": "budget"}
    points = [Point("mlp", 64, i, 1.0, share, 0.5, math.inf, info=info, value=8, parameters=9) for i in range(3)]
    checks = [dataclasses.replace(p, doubled=key, risk=1.0 - gain) for key, gain in gains.items() for p in points]
    given: dict[str, Any] = {"axis": axis_named(axis), "asked": tuple(gains)}
    (entry,) = summarise(points, 3, "fixed", 1 / 16, checks=checks, floor={8: floor} if floor else {}, **given)
    assert entry.regime == regime
    assert entry.gains == pytest.approx(gains)
    assert regime in RULE
    (unfinished,) = summarise(points, 3, "fixed", 1 / 16, checks=checks[:-1], **given)
    assert unfinished.regime == "unfinished"
