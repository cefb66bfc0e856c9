"""Plans along the steps: the flow's own scatter, which window is taken, and what cannot be planned."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman.cli import main
from fractalman.errors import RecipeError
from fractalman.learners import make
from fractalman.prediction import stopped
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.plans import Plan
from fractalman.report import jsonable, plan_lines
from fractalman.theory.network_smoothers import TangentNetwork

NETWORK = make("mlp", {"optimizer": "sgd", "learning_rate": 2e-3, "width": 64})
RECIPE = fm.Cascade(n_points=400, branching=4, hurst=0.5, ambient_dim=8)


@pytest.fixture(scope="module")
def usual() -> Plan:
    """What is planned of it by default, at 32 training points."""
    return fm.plan(RECIPE, NETWORK, 0.1, 8_000, axis="steps", n=32)


def test_drawn_vectors_and_starts_have_the_expected_risk() -> None:
    """Thousands of label vectors, each learned from a start of its own; without the starts the mean is another."""
    flow, times = TangentNetwork(width=64), [0.02, 0.4]
    draw = next(iter(DrawnRealizations(RECIPE).draws((24,), 0, 1)))
    X, train, test = draw.coordinates(), draw.order[:24], draw.test[:60]
    due = np.array([risk.mean() for risk in flow.along(draw.covariance, X[train], X[test], train, test, times)])
    count = some(4000, fast=1000)
    y = draw.labels(count, None)
    single = flow.drawn(y[train], y[test], X[train], X[test], times, key=5)
    error = single.std(axis=0) / np.sqrt(len(single))
    assert single.shape == (count, 2)
    assert (np.abs(single.mean(axis=0) - due) < 4.0 * error).all()
    without = replace(flow, from_start=False).drawn(y[train], y[test], X[train], X[test], times, key=5)
    assert (np.abs(without.mean(axis=0) - due) > 8.0 * error).all()


def test_a_plan_takes_the_steps_that_tell_something(usual: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the curve still falls; a budget of a few steps, and what is asked of other learners, is refused."""
    plan = usual
    assert plan.possible
    assert plan.chosen is not None
    assert plan.chosen.points == plan.chosen.seeds * sum(plan.sizes) <= 8_000
    last = max(plan.options, key=lambda option: option.sizes)
    assert plan.sizes[-1] < last.sizes[-1]
    assert (plan.chosen.exponent or 0.0) > 3.0 * abs(last.exponent or 0.0)
    curve = fm.predict(RECIPE, NETWORK, draws=8).steps_curve(plan.sizes, n=32)
    slope = -np.polyfit(np.log(plan.sizes), np.log(curve.risk), 1)[0]
    assert plan.chosen.exponent == pytest.approx(slope, rel=1e-6)
    json.dumps(jsonable(plan), allow_nan=False)
    text = "\n".join(plan_lines(plan))
    for part in ('axis = "steps"', f"values = {list(plan.sizes)}", "train_size = 32", "learning_rate = 0.002"):
        assert part in text
    poor = fm.plan(RECIPE, NETWORK, budget=100, axis="steps", n=32)
    assert not poor.possible
    assert "use budget = 1125 or more" in poor.reason
    assert main(["plan", "cascade-plain", "--axis", "steps", "--n", "64", "--dry-run"]) == 0
    assert "25, 50, 100" in capsys.readouterr().out
    assert main(["plan", "cascade-plain", "--width", "64"]) == 2
    assert "use --axis steps" in capsys.readouterr().err
    assert main(["plan", "cascade-plain", "--n", "64"]) == 2
    assert "use --axis steps" in capsys.readouterr().err
    assert main(["plan", "cascade-plain", "--axis", "steps", "--learner", "1-nn"]) == 2
    assert "one of a network" in capsys.readouterr().err


def test_the_scatter_is_that_of_both_parts(usual: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the scatter of label vectors takes more seeds, which a plan of expected risks alone would not see."""
    own = stopped.stopped_draws

    def wider(*words: object) -> tuple[np.ndarray, np.ndarray]:
        expected, single = own(*words)  # type: ignore[arg-type]
        mean = single.mean(axis=(0, 1))
        return expected, mean + 2.0 * (single - mean)

    monkeypatch.setattr("fractalman.prediction.steps_planning.stopped_draws", wider)
    other = fm.plan(RECIPE, NETWORK, 0.1, 8_000, axis="steps", n=32)
    scatters = [{option.sizes: option.scatter for option in plan.options} for plan in (usual, other)]
    assert all(scatters[1][sizes] > 1.2 * scatter for sizes, scatter in scatters[0].items())


@pytest.mark.parametrize(
    ("learner", "words", "match"),
    [
        ("laplace-kernel", {"axis": "steps"}, "expected learner = 'mlp'"),
        ("mlp", {"axis": "steps"}, "optimizer = 'adam': no theory"),
        (NETWORK, {"axis": "width"}, "expected 'n', the training points, or 'steps'"),
        (NETWORK, {"axis": "steps", "n": 1}, "from 2 to 4096"),
        (NETWORK, {"axis": "steps", "budget": 0}, "a number of steps of at least 1"),
    ],
)
def test_what_has_no_plan_along_steps(learner: object, words: dict[str, object], match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        fm.plan(RECIPE, learner, **words)  # type: ignore[arg-type]
