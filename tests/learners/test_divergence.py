"""Networks that diverge: recorded without a risk, alone in their company, last choice of a rate, never a crash."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fractalman import learners
from fractalman.experiments import load_result, load_spec, run_sweep
from fractalman.experiments.journal import NAME
from fractalman.experiments.regimes import choose_window
from fractalman.learners.protocol import Problem
from fractalman.random.streams import normals

pytest.importorskip("jax")
pytest.importorskip("optax")

import jax.numpy as jnp

from fractalman.learners.networks import training

TABLE = {"width": 16, "depth": 2, "steps": 600, "batch_size": 16, "max_train": 64}  # a program of test_networks.py
WILD = (39, 31)
"""Sizes, with and without validation points, of the problem whose network is made to diverge."""


def problem(key: int, n: int = 40) -> Problem:
    """A smooth target."""
    X = normals(key, (n + 30) * 4).reshape(n + 30, 4).astype(np.float32)
    y = np.sin(X[:, :1].astype(np.float64))
    return Problem(X[:n], y[:n], X[n:], key)


@pytest.fixture
def unstable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of `WILD` problems end their blocks in nan at rates above 0.001."""
    real = training.train_block

    def poisoned(state: Any, X: Any, y: Any, n: Any, *more: Any, **settings: Any) -> Any:
        state = real(state, X, y, n, *more, **settings)
        (first, bias), *rest = state.weights
        lost = np.isin(np.asarray(n), WILD) & (np.asarray(more[-1].peak) > 0.001)
        return state._replace(weights=((jnp.where(lost[:, None, None], jnp.nan, first), bias), *rest))

    monkeypatch.setattr(training, "train_block", poisoned)


@pytest.mark.usefixtures("unstable")
def test_a_network_that_diverges_costs_no_other() -> None:
    """The tame problems learn as they would alone, the wild one ends without a risk."""
    learner = learners.make("mlp", {**TABLE, "learning_rate": 0.01})
    first, wild, last = learner.run([problem(1), problem(2, 39), problem(3)])
    assert wild.info["stopped"] == learners.DIVERGED
    assert wild.info["steps"] == 500  # frozen at the first look
    assert math.isnan(wild.train_risk)
    assert wild.prediction.shape == (30, 1)
    assert np.isnan(wild.prediction).all()
    assert json.loads(json.dumps(wild.info, allow_nan=False))["train_risk_over_variance"] is None
    for key, outcome in ((1, first), (3, last)):
        (alone,) = learner.run([problem(key)])
        assert outcome.info["steps"] == alone.info["steps"] == 600
        np.testing.assert_allclose(outcome.prediction, alone.prediction, atol=1e-3)


@pytest.mark.slow(reason="networks trained at two rates and at one")
@pytest.mark.usefixtures("unstable")
def test_a_rate_at_which_a_network_diverges_is_the_worst_for_it_alone() -> None:
    learner = learners.make("mlp", {**TABLE, "learning_rate": [1e-5, 0.01]})
    tame, wild = learner.run([problem(1), problem(2, 39)])
    assert (tame.info["learning_rate"], tame.info["stopped"]) == (0.01, "budget")
    assert (wild.info["learning_rate"], wild.info["stopped"]) == (1e-5, "budget")
    (fixed,) = learners.make("mlp", {**TABLE, "learning_rate": 0.01}).run([problem(1)])
    np.testing.assert_array_equal(tame.prediction, fixed.prediction)


@pytest.mark.usefixtures("unstable")
def test_a_network_that_diverges_at_every_rate_is_recorded() -> None:
    tame, wild = learners.make("mlp", {**TABLE, "learning_rate": [0.01, 0.02]}).run([problem(1), problem(2, 39)])
    assert tame.info["stopped"] == "budget"
    assert tame.info["validation_risk"] > 0.0
    assert (wild.info["stopped"], wild.info["learning_rate"], wild.info["validation_risk"]) == ("diverged", None, None)
    assert wild.prediction.shape == (30, 1)
    assert np.isnan(wild.prediction).all()
    json.dumps(wild.info, allow_nan=False)


# ---------------------------------------------------------------------------------------------------- sweeps

RECIPE = {"family": "cascade", "n_points": 64, "ambient_dim": 4, "branching": 4, "hurst": 0.5, "seed": 3}
SWEEP = {"learners": ["1-nn", "mlp"], "train_sizes": [8, 16, 32], "seeds": 2, "test_size": 8, "label_draws": 1}
MLP = {"width": 4, "depth": 1, "steps": 20, "batch_size": 4}


@pytest.mark.slow(reason="networks trained in a whole sweep")
def test_a_sweep_of_networks_that_all_diverge_is_not_measurable(tmp_path: Path) -> None:
    """And it ends: the other learner has its verdict, the journal its rows, the report its page."""
    pytest.importorskip("matplotlib")
    from fractalman.report import write_report

    tables = {"recipe": RECIPE, "sweep": SWEEP, "mlp": {**MLP, "optimizer": "sgd", "learning_rate": 100.0}}
    said: list[str] = []
    result = run_sweep(load_spec(tables), tmp_path / "x", said.append)
    assert any("2 of 2 without a risk" in line for line in said)
    points = [point for point in result.points if point.learner == "mlp"]
    assert {(point.regime, point.info["stopped"], point.efficiency) for point in points} == {
        ("diverged", "diverged", None)
    }
    nearest, network = result.verdicts
    assert nearest.measured is not None
    assert (network.measured, network.agrees) == (None, None)
    assert network.reason == (
        "not measurable: 0 data-limited sizes in a row, needed are 3; at 3 of 3 networks diverged: use a smaller "
        "mlp.learning_rate"
    )
    assert network.regimes == {"diverged": 6}
    assert network.excluded[0] == (
        "n = 8: diverged, 2 of 2 networks diverged at learning_rate = 100: use a smaller learning_rate"
    )
    json.dumps(result.table(), allow_nan=False)
    for line in (tmp_path / "x" / NAME).read_text().splitlines():
        assert "NaN" not in line
    page = write_report(load_result(tmp_path / "x"), tmp_path / "x").read_text()
    assert "2 of 2 networks diverged" in page
    assert re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", page)) is None
    only = {**tables, "sweep": {**SWEEP, "learners": ["mlp"]}}
    alone = run_sweep(load_spec(only), tmp_path / "alone")
    assert "log-log" not in write_report(alone, tmp_path / "alone").read_text()  # nothing to draw


@pytest.mark.slow(reason="networks trained in a whole sweep")
def test_one_network_without_a_risk_leaves_its_condition_out_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replicate 1 at n = 16, and a doubling check at n = 32, end in nan; nothing else is touched."""
    tables: dict[str, Any] = {
        "recipe": RECIPE,
        "sweep": {**SWEEP, "learners": ["mlp"], "doubling_checks": True},
        "mlp": MLP,
    }
    spec = load_spec(tables)
    whole = run_sweep(spec, tmp_path / "whole")
    real = training.train_block

    def poisoned(state: Any, X: Any, y: Any, n: Any, *more: Any, **settings: Any) -> Any:
        state = real(state, X, y, n, *more, **settings)
        (first, bias), *rest = state.weights
        size, doubled = int(n[0]), first.shape[2] == 2 * MLP["width"]
        if (size, doubled) in {(16, False), (32, True)}:
            first = first.at[1].set(np.nan)
        return state._replace(weights=((first, bias), *rest))

    monkeypatch.setattr(training, "train_block", poisoned)
    result = run_sweep(spec, tmp_path / "x")
    rows, before = ([*r.points, *r.doubling_checks] for r in (result, whole))
    changed = [
        (a.value, a.seed, a.doubled)
        for a, b in zip(rows, before, strict=True)
        if not (a.risk == b.risk and a.train_risk == b.train_risk)
    ]
    assert changed == [(16, 1, ""), (16, 1, "steps"), (32, 1, "width")]
    said = {entry.value: (entry.regime, entry.reason) for entry in result.summaries["mlp"]}
    assert said[16] == ("diverged", "1 of 2 networks diverged at learning_rate = 0.001: use a smaller learning_rate")
    assert said[32][0] == "undecided"
    assert said[32][1].startswith("with width doubled 1 of 4 networks diverged")
    assert said[8][0] == next(entry.regime for entry in whole.summaries["mlp"] if entry.value == 8)
    excluded = choose_window(result.summaries["mlp"], {}).excluded
    assert any(sentence.startswith("n = 16: diverged") for sentence in excluded)
