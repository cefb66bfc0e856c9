"""Linear smoothers against what is expected on the very points of every replicate: labels are all that scatters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sampled import some
from stand_ins import StandIns

import fractalman as fm
from fractalman import generation
from fractalman.experiments import load_spec, run_sweep
from fractalman.experiments.levels import level_of
from fractalman.experiments.own_points import expected_on, expects
from fractalman.experiments.points import Point
from fractalman.experiments.replicates import make_replicate
from fractalman.experiments.sweep import _problem_key
from fractalman.learners import make
from fractalman.prediction.networks import CAMPAIGN

CLUSTER = {"family": "percolation-cluster", "n_points": 2048, "ambient_dim": 128, "noise": 0.2}
FIELD = {"family": "smooth-manifold", "n_points": 1000, "kind": "torus", "dim": 2, "ambient_dim": 8, "hurst": 0.5,
         "field": "exact"}  # fmt: skip
WAVES = {**FIELD, "n_points": 450, "field": "waves"}
SIZES = [32, 64, 128]
LEARNERS = ["1-nn", "k-nn", "laplace-kernel", "ridge", "random-features"]


def sweep(recipe: dict[str, Any], learners: list[str], draws: int, folder: Path, seeds: int = 2) -> Any:
    """Run one with so many label vectors."""
    table = {"learners": learners, "train_sizes": SIZES, "seeds": seeds, "test_size": 256, "label_draws": draws}
    return run_sweep(load_spec({"recipe": recipe, "sweep": table}), folder)


@pytest.mark.slow(reason="sweeps with hundreds of label vectors", but=["field"])
@pytest.mark.parametrize(
    ("recipe", "learners", "draws"),
    [
        (CLUSTER, LEARNERS, 200),
        (FIELD, ["1-nn", "laplace-kernel"], 200),
        (WAVES, ["1-nn", "laplace-kernel"], 60),
        ({**CLUSTER, "target": "sign"}, ["1-nn"], 400),
        ({**CLUSTER, "target": "threshold", "threshold": 0.7}, ["1-nn"], 400),
        ({**CLUSTER, "target": "sign"}, LEARNERS[1:], 60),
        ({**FIELD, "target": "threshold", "threshold": 0.5}, ["k-nn", "laplace-kernel", "ridge"], 60),
    ],
    ids=["tree", "field", "waves", "signs", "classes", "votes", "votes on a field"],
)
def test_the_expected_risk_is_the_mean_over_many_labels(
    recipe: dict[str, Any], learners: list[str], draws: int, tmp_path: Path
) -> None:
    """Within 4 standard errors over the label vectors, and the other replicate's expectation is rejected."""
    result = sweep(recipe, learners, draws, tmp_path)
    swapped = []
    for point in (p for p in result.points if p.learner != "bayes"):
        error = np.std(point.draw_risks, ddof=1) / np.sqrt(draws)
        slack = 0.01 * point.risk  # a choice looks at labels
        assert abs(point.risk - point.expected_risk) < 4.0 * error + slack, point
        other = next(
            p for p in result.points if (p.learner, p.n) == (point.learner, point.n) and p.seed == 1 - point.seed
        )
        swapped.append(abs(point.risk - other.expected_risk) / error)
        assert Point.from_dict(point.to_dict()) == point
    assert max(swapped) > (4.0 if recipe in (CLUSTER, FIELD) else 3.0 if draws > 100 else 1.5)


def test_votes_are_expected_over_other_classes_on_the_same_points() -> None:
    """By hand for three neighbours, with classes from a factor of my own; votes of nearest alone are rejected."""
    recipe = {**CLUSTER, "target": "sign"}
    table = {"learners": ["k-nn"], "train_sizes": SIZES, "seeds": 2, "test_size": 256, "label_draws": 64}
    spec = load_spec({"recipe": recipe, "sweep": table})
    replicate = make_replicate(spec, 0)
    X, Z, rng = replicate.X_train[:64].astype(float), replicate.X_test.astype(float), np.random.default_rng(3)
    points = np.concatenate([np.arange(64), len(replicate.X_train) + np.arange(256)])
    factor = np.linalg.cholesky(replicate.covariance.block(points, points) + 1e-12 * np.eye(320))
    classes = factor @ rng.standard_normal((320, 2000)) > 0.0
    order = np.square(Z[:, None] - X).sum(axis=2).argsort(axis=1)
    by_hand = {k: (classes[order[:, :k]].sum(axis=1) * 2 > k) != classes[64:] for k in (1, 3)}
    error = by_hand[3].mean(axis=0).std() * np.sqrt(1.0 / 1024.0 + 1.0 / 2000.0)  # of the package's vectors and these
    found = expected_on(make("k-nn"), spec, replicate, 64, 0, {"k": 3})
    assert abs(found - by_hand[3].mean()) < 4.0 * error
    assert abs(found - by_hand[1].mean()) > 4.0 * error
    assert expected_on(make("k-nn"), spec, replicate, 64, 0, {"k": 3}) == found


@pytest.mark.parametrize("target", ["sign", "classes"])
def test_nothing_is_expected_of_classes_that_points_decide(target: str, tmp_path: Path) -> None:
    """The control: of signs something is, of one neighbour's answers and of votes."""
    recipe = {key: value for key, value in CLUSTER.items() if key != "noise"} | {"target": target}
    names = ["1-nn", "laplace-kernel"]
    table = {"learners": names, "train_sizes": [32], "seeds": 2, "test_size": 64, "label_draws": 1}
    spec = load_spec({"recipe": recipe, "sweep": table})
    assert [expects(make(name), spec, 32) for name in names] == [target == "sign"] * 2
    assert not expects(make("logistic"), spec, 32)
    found = [point.expected_risk for point in run_sweep(spec, tmp_path).points if point.learner != "bayes"]
    assert [risk is not None for risk in found] == [target == "sign"] * 4


@pytest.mark.parametrize("factor", [1.0, 1.15])
def test_random_features_are_judged_along_their_number_on_the_very_points(factor: float, tmp_path: Path) -> None:
    """Their exponent in P and their level; labels times 1.15, whose exponent is the same, differ."""
    recipe = {
        "family": "cascade",
        "n_points": 8192,
        "ambient_dim": 24,
        "branching": 4,
        "hurst": 0.5,
        "contraction": 0.4,
    }
    table = {"learners": ["random-features"], "axis": "features", "values": [8, 16, 32, 64], "train_size": 512,
             "seeds": 3, "test_size": 256, "label_draws": 16}  # fmt: skip
    drawn = generation.label_draws
    with StandIns(label_draws=lambda data, draws: factor * drawn(data, draws)).playing():
        verdict = run_sweep(load_spec({"recipe": recipe, "sweep": table}), tmp_path).verdicts[0]
    assert verdict.agrees is (factor == 1.0), verdict.reason
    assert (verdict.abscissa, len(verdict.level.sizes), verdict.level.agrees) == ("P", 4, factor == 1.0)
    assert verdict.slope_agrees
    assert abs(verdict.predicted_local - verdict.measured) < verdict.half_width < 0.5 * verdict.predicted_local


def test_a_network_is_expected_to_have_its_tangent_kernel_s_risk_times_the_measured_ratio(tmp_path: Path) -> None:
    """And its level has the errors of that ratio, however many replicates there are."""
    table = {"learners": ["mlp", "ntk-kernel"], "train_sizes": [32], "seeds": 2, "test_size": 64, "label_draws": 1}
    network = {"width": 8, "steps": 2, "batch_size": 16}
    clean = {key: value for key, value in CLUSTER.items() if key != "noise"}
    spec = load_spec({"recipe": clean, "sweep": table, "mlp": network})
    replicate, points = make_replicate(spec, 0), run_sweep(spec, tmp_path).points
    points_of = {point.learner: point for point in points if point.seed == 0}
    kernel = fm.theory.smoother_risk(
        replicate.covariance, np.concatenate([replicate.X_train, replicate.X_test]), np.arange(32),
        32 + np.arange(64), "ntk-kernel", _problem_key(spec, 0, 32),
    ).risk.mean()  # fmt: skip
    assert points_of["mlp"].expected_risk == pytest.approx(CAMPAIGN.ratio * kernel)
    assert points_of["ntk-kernel"].expected_risk != pytest.approx(points_of["mlp"].expected_risk)

    class Measured(Flat):
        ratio_errors = (0.04, 0.05, 0.03)

    exact = [
        Point("mlp", n, seed, 0.3 * (1.0 + 1e-4 * seed), 0.0, 1.0, 1e4, expected_risk=0.3)
        for seed in range(5) for n in SIZES
    ]  # fmt: skip
    due = 2.776 * np.hypot(0.04, 0.05 / np.sqrt(3.0))  # Student's t of 4 degrees of freedom
    assert level_of(exact, Measured(), SIZES, 5).own_half_width == pytest.approx(due, rel=1e-2)
    assert level_of(exact, Flat(), SIZES, 5).own_half_width < 0.01


def test_one_neighbour_s_expectation_by_hand(tmp_path: Path) -> None:
    """E(y_t − y_i)² of the nearest training point, by the moments of label vectors drawn on the same points."""
    spec = load_spec({"recipe": CLUSTER, "sweep": {"learners": ["1-nn"], "train_sizes": SIZES, "seeds": 2,
                                                   "test_size": 256, "label_draws": some(1000, fast=250)}})  # fmt: skip
    replicate = make_replicate(spec, 0)
    X, Z = replicate.X_train[:64].astype(np.float64), replicate.X_test.astype(np.float64)
    nearest = np.square(Z[:, None] - X).sum(axis=2).argmin(axis=1)
    by_hand = np.mean((replicate.y_test - replicate.y_train[nearest]) ** 2, axis=0)
    point = next(p for p in run_sweep(spec, tmp_path).points if (p.learner, p.n, p.seed) == ("1-nn", 64, 0))
    assert abs(by_hand.mean() - point.expected_risk) < 4.0 * by_hand.std() / np.sqrt(by_hand.size)


@pytest.mark.parametrize("noisy", [False, True], ids=["clean", "undeclared noise"])
def test_noise_hidden_by_structures_shows_on_the_very_points(noisy: bool, tmp_path: Path) -> None:
    """A tenth of the labels' standard deviation, which the scatter of critical clusters hides from their mean curve."""
    drawn = generation.label_draws

    def labels(data: Any, draws: int) -> np.ndarray:
        found = drawn(data, draws)
        return found + 0.1 * noisy * np.random.default_rng(data.n_points).standard_normal(found.shape)

    clean = {key: value for key, value in CLUSTER.items() if key != "noise"}
    with StandIns(label_draws=labels).playing():
        verdict = sweep(clean, ["1-nn"], 256, tmp_path, seeds=5).verdicts[0]
    level = verdict.level
    assert abs(level.ratio - 1.0) < level.half_width  # of the mean curve: nothing seen
    assert level.own_half_width < 0.3 * level.half_width
    assert verdict.agrees is (not noisy), verdict.reason


class Flat:
    """A predicted curve without errors."""

    has_curve, affordable, shared_error = True, float("inf"), 0.0

    def curve(self, sizes: Any) -> Any:
        return fm.prediction.Curve(np.asarray(sizes), np.full(len(sizes), 0.3), np.zeros(len(sizes)), "flat", 0, "")


def test_intervals_hold_the_truth_whatever_structures_do() -> None:
    """Structures scatter by half, labels by a fifth: 95 % intervals of the own level hold 1 in 92 to 98 % of 400 runs,
    and are several times as narrow as those of the mean curve.
    """
    rng = np.random.default_rng(5)
    held, widths = 0, []
    for _ in range(400):
        due = 0.3 * np.exp(0.5 * rng.standard_normal(3))
        points = []
        for seed in range(3):
            common = rng.standard_normal(16)
            for n in SIZES:
                draws = due[seed] * (1.0 + 0.2 * (0.8 * common + 0.6 * rng.standard_normal(16)))
                points.append(
                    Point("1-nn", n, seed, float(draws.mean()), 0.0, 1.0, 1e4, draw_risks=tuple(draws.tolist()),
                          expected_risk=float(due[seed]))
                )  # fmt: skip
        level = level_of(points, Flat(), SIZES, 3, 256)
        held += abs(level.own_ratio - 1.0) <= level.own_half_width
        widths.append(level.half_width / level.own_half_width)
    assert 0.92 <= held / 400 <= 0.98
    assert np.median(widths) > 4.0


def test_the_half_width_is_students() -> None:
    """Of a curve without errors and three replicates: t of two degrees of freedom times their scatter over √3."""
    risks = np.array([0.24, 0.31, 0.35])
    points = [Point("1-nn", n, seed, float(risks[seed]), 0.0, 1.0, 1e4) for seed in range(3) for n in SIZES]
    level = level_of(points, Flat(), SIZES, 3)
    assert level.own_ratio is None
    assert level.ratio == pytest.approx(1.0)
    assert level.half_width == pytest.approx(4.302653 * (risks / 0.3).std(ddof=1) / np.sqrt(3.0), rel=1e-6)


def test_what_is_expected_of_a_learner_that_chose_to_learn_nothing_tells_nothing() -> None:
    """Shuffled labels: measured and expected are the constant's risk alike, whatever the curve promised."""
    rng = np.random.default_rng(6)

    def level(expected: float) -> Any:
        points = [
            Point("ridge", n, seed, expected * (1.0 + 0.004 * rng.standard_normal()), 0.0, 0.31, 1e4,
                  expected_risk=expected * (1.0 + 0.001 * seed), info={"ridge": 10.0})
            for seed in range(4) for n in SIZES
        ]  # fmt: skip
        return level_of(points, Flat(), SIZES, 4)

    nothing, some = level(0.314), level(0.28)
    assert nothing.own_constant == pytest.approx(1.0, abs=0.02)
    assert not nothing.tells
    assert some.own_constant > 1.1
    assert some.tells


def test_an_exact_field_has_a_floor_where_double_precision_holds_it(tmp_path: Path) -> None:
    """Conditioning in plain NumPy; of a smooth field on close points nothing is said."""
    table = {"learners": ["1-nn"], "train_sizes": [16, 64], "seeds": 2, "test_size": 64, "label_draws": 32}
    circle = {**FIELD, "n_points": 300, "dim": 1}
    spec = load_spec({"recipe": {**circle, "noise": 0.1}, "sweep": table})
    result = run_sweep(spec, tmp_path / "rough")
    for i in range(2):
        covariance = make_replicate(spec, i).covariance
        assert covariance is not None
        whole = covariance.block(np.arange(128), np.arange(128))
        for n in (16, 64):
            left = whole[64:, 64:] - whole[64:, :n] @ np.linalg.solve(whole[:n, :n], whole[:n, 64:])
            (floor,) = (p for p in result.points if (p.learner, p.n, p.seed) == ("bayes", n, i))
            assert floor.risk == pytest.approx(np.diag(left).mean(), rel=1e-6)
    assert all(point.efficiency > 1.0 for point in result.points if point.learner == "1-nn")
    smooth = run_sweep(load_spec({"recipe": {**circle, "hurst": 5.0}, "sweep": table}), tmp_path / "smooth")
    assert 64 not in smooth.floor.n.tolist()
    assert "field" in smooth.floor.kind


def test_a_level_says_which_noise_it_cannot_see() -> None:
    """Noise of standard deviation σ raises risks of .3 by σ²: the interval's end; classes have no such number."""
    rng = np.random.default_rng(4)

    def found(sigma: float, predicted: Any) -> Any:
        points = []
        for seed in range(4):
            for n in SIZES:
                draws = (0.3 + sigma**2) * (1.0 + 0.02 * rng.standard_normal(64))
                points.append(
                    Point("1-nn", n, seed, float(draws.mean()), 0.0, 1.0, 1e4, draw_risks=tuple(draws.tolist()),
                          expected_risk=0.3)
                )  # fmt: skip
        return level_of(points, predicted, SIZES, 4, 256)

    clean, hidden, seen = (found(sigma, Flat()) for sigma in (0.0, 0.02, 0.2))
    assert (clean.agrees, seen.agrees) == (True, False)
    assert hidden.agrees is not False
    assert clean.unseen_noise == pytest.approx(np.sqrt(0.3 * (clean.own_ratio + clean.own_half_width - 1.0)))
    assert 0.02 < hidden.unseen_noise < 0.06
    assert 0.2 < seen.unseen_noise < 0.23

    class Shares(Flat):
        loss = "0-1"

    assert found(0.0, Shares()).unseen_noise is None


def test_no_dear_curve_is_computed_where_the_very_points_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels beyond the sizes at which curves take seconds: what is expected on these points is the reference."""
    monkeypatch.setattr("fractalman.prediction.methods._KERNEL_SECONDS", 64)
    asked: list[tuple[int, ...]] = []
    own = fm.theory.smoother_curve

    def counted(covariance: Any, X: Any, order: Any, sizes: Any, *words: Any) -> Any:
        asked.append(tuple(sizes))
        return own(covariance, X, order, sizes, *words)

    monkeypatch.setattr("fractalman.theory.smoother_curve", counted)
    monkeypatch.setitem(CLUSTER, "noise", 0.0)
    result = sweep({**CLUSTER, "n_points": 3000}, ["laplace-kernel"], 32, tmp_path, seeds=3)
    verdict = result.verdicts[0]
    expected = [
        np.mean([p.expected_risk for p in result.points if (p.learner, p.n) == ("laplace-kernel", n)])
        for n in verdict.fitted
    ]
    assert verdict.fitted[-1] == 128
    slope = -np.polyfit(np.log(verdict.fitted), np.log(expected), 1)[0]
    assert verdict.predicted_local == pytest.approx(slope, rel=1e-6)
    assert max(n for sizes in asked for n in sizes) <= 64
    assert verdict.level.sizes == (32, 64)
    assert "128" not in str(verdict.level.sizes)
