"""Curves of networks along their steps: gradient flow by hand, the constant in use, and what has no such curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman.errors import RecipeError
from fractalman.learners import make
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.stopped import STOPPED
from fractalman.theory.network_smoothers import TangentNetwork, training_time

SETTINGS = {"optimizer": "sgd", "learning_rate": 2e-3, "width": 64, "steps": 700}
RECIPE = fm.Cascade(n_points=300, branching=4, hurst=0.5, ambient_dim=8)


def test_it_is_the_flow_at_the_area_under_the_schedule_times_the_measured_ratio() -> None:
    curve = fm.predict(RECIPE, make("mlp", SETTINGS), draws=3).steps_curve([4, 400], n=32)
    rows = []
    for draw in DrawnRealizations(RECIPE).draws((32,), 0, 3):
        X, train = draw.coordinates(), draw.order[:32]
        for steps, warmup in ((4, 1), (400, 20)):  # a twentieth of the steps
            flow = TangentNetwork(width=64, time=training_time(2e-3, steps, warmup))
            rows.append(flow.expected(draw.covariance, X[train], X[draw.test], train, draw.test, 0).risk.mean())
    by_hand = np.reshape(rows, (3, 2))
    np.testing.assert_allclose(curve.risk, STOPPED.ratio * by_hand.mean(axis=0), rtol=1e-10)
    assert curve.risk[0] > 1.2 * curve.risk[1]
    own = STOPPED.ratio * by_hand.std(axis=0, ddof=1) / np.sqrt(3.0)
    ratio = np.hypot(STOPPED.shared_error, STOPPED.size_error)
    np.testing.assert_allclose(curve.standard_error, np.hypot(own, ratio * curve.risk), rtol=1e-10)
    assert curve.axis == curve.to_pandas().index.name == "steps"
    assert "steps" in repr(curve)


def test_the_constant_is_what_the_table_says_and_holds_the_other_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "scripts"))
    import steps_axis

    assert steps_axis.main(["--check"]) == 0
    table = steps_axis.read(steps_axis.TABLE)
    held = steps_axis.inside(table)
    assert held[0] >= 0.9 * held[1]
    assert held[2] == held[3] == STOPPED.families
    worse = [{**row, "risk": str(float(row["risk"]) * 1.3 ** (row["n"] == "512"))} for row in table]
    assert steps_axis.measured(worse)["shared_error"] > 2.0 * STOPPED.shared_error  # the control


@pytest.mark.parametrize(
    ("learner", "steps", "n", "words"),
    [
        (make("mlp", {**SETTINGS, "optimizer": "adam"}), [10], 32, "time that its steps take"),
        (make("mlp", {**SETTINGS, "parameterization": "mup"}), [10], 32, "tangent kernel is known"),
        (make("mlp", {**SETTINGS, "sampling": "one-pass"}), [10], 32, "replacement"),
        (make("mlp", {**SETTINGS, "learning_rate": [1e-3, 1e-2]}), [10], 32, "one learning_rate"),
        ("laplace-kernel", [10], 32, "one of a network"),
        (make("mlp", SETTINGS), [0], 32, "expected integers"),
        (make("mlp", SETTINGS), [1.5], 32, "expected integers"),
        (make("mlp", SETTINGS), [10], 1, "2 to 4096"),
        (make("mlp", SETTINGS), [10], 5000, "2 to 4096"),
    ],
)
def test_what_has_no_such_curve_says_why(learner: Any, steps: list[Any], n: int, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        fm.predict(RECIPE, learner).steps_curve(steps, n)


def test_classes_have_none() -> None:
    with pytest.raises(RecipeError, match="values"):
        fm.predict(RECIPE.replace(target="sign"), make("mlp", SETTINGS)).steps_curve([10], 32)
