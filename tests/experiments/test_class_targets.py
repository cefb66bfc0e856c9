"""Sweeps whose target is a class: 0–1 risks, verdicts against the predicted 0–1 curve, sabotage refuted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIns

import fractalman as fm
from fractalman import generation
from fractalman.experiments import load_spec, run_sweep
from fractalman.experiments.replicates import make_replicate
from fractalman.experiments.sweep import class_risk
from fractalman.random.streams import Role, key64, permutation
from fractalman.report import page as pages

RECIPE = {
    "family": "cascade", "n_points": 4096, "ambient_dim": 24, "branching": 4, "contraction": 0.5, "hurst": 0.5,
    "target": "sign",
}  # fmt: skip
SWEEP = {"train_sizes": [32, 64, 128, 256], "seeds": 5, "test_size": 512, "label_draws": 16}


def spec_of(*names: str, **recipe: Any) -> Any:
    return load_spec({"recipe": {**RECIPE, **recipe}, "sweep": {**SWEEP, "learners": list(names)}})


def shuffled(data: Any, draws: int) -> np.ndarray:
    labels = generation_draws(data, draws)
    return labels[permutation(key64(data.recipe.seeds.labels, Role.ORDER), len(labels))]


generation_draws = generation.label_draws


def test_class_risk_counts_wrong_answers_and_ties_answer_zero() -> None:
    wrong = class_risk(np.array([[0.5, 0.9], [0.5 + 1e-12, 0.1]]), np.array([[0.0, 1.0], [1.0, 1.0]]))
    assert wrong == 0.5
    assert np.isnan(class_risk(np.array([[np.nan]]), np.array([[1.0]])))


def test_clean_classes_agree_and_rows_are_shares(tmp_path: Path) -> None:
    result = run_sweep(spec_of("1-nn", "laplace-kernel", "ridge", "5-nn"), tmp_path)
    verdicts = {verdict.learner: verdict for verdict in result.verdicts}
    for name, verdict in verdicts.items():
        assert verdict.agrees is not False, (name, verdict.reason)
        assert verdict.level is not None, name
    assert verdicts["1-nn"].agrees is True, verdicts["1-nn"].reason
    assert verdicts["1-nn"].predicted == pytest.approx(0.25)
    floor = {(p.n, p.seed): p.risk for p in result.points if p.learner == "bayes"}
    for point in result.points:
        assert 0.0 < point.risk < 0.5
        if point.learner != "bayes":
            assert point.efficiency == point.risk / floor[point.n, point.seed]
            assert point.info["squared_error"] > 0.0
    assert all(p.train_risk == 0.0 for p in result.points if p.learner == "1-nn")
    assert "shares of wrong classes" in pages.page("classes", {"run": result}, {}, {})


def test_the_measured_risk_is_that_of_a_plain_neighbour(tmp_path: Path) -> None:
    spec = spec_of("1-nn", target="threshold", threshold=0.5, noise=0.2)
    result = run_sweep(spec, tmp_path)
    replicate = make_replicate(spec, 0)
    X, Z = replicate.X_train[:64].astype(float), replicate.X_test.astype(float)
    near = np.linalg.norm(Z[:, None] - X[None], axis=2).argmin(axis=1)
    expected = (replicate.y_train[near][:, :16] != replicate.y_test[:, :16]).mean()
    [point] = [p for p in result.points if (p.learner, p.n, p.seed) == ("1-nn", 64, 0)]
    assert point.risk == pytest.approx(float(expected), abs=1e-12)
    floors = [p.risk for p in result.points if p.learner == "bayes" and p.n == 64]
    predicted = fm.predict(spec.recipe, "bayes").curve([64])
    error = np.hypot(np.std(floors, ddof=1) / np.sqrt(len(floors)), predicted.standard_error[0])
    assert abs(np.mean(floors) - predicted.risk[0]) < 4.0 * error


@pytest.mark.parametrize("sabotage", ["shuffled", "another Hurst exponent"])
def test_sabotaged_classes_are_refuted(sabotage: str, tmp_path: Path) -> None:
    generate, spec = generation.generate, spec_of("1-nn", "laplace-kernel")
    clean = {name: fm.predict(spec.recipe, name) for name in spec.learners}
    for prediction in clean.values():  # votes are predicted over drawn labels: computed before anybody touches them
        prediction.curve(list(spec.train_sizes))
    stand_ins = (
        StandIns(label_draws=shuffled, predict=lambda _, learner: clean[learner])
        if sabotage == "shuffled"
        else StandIns(generate=lambda recipe: generate(recipe.replace(hurst=0.25)))
    )
    with stand_ins.playing():
        result = run_sweep(spec, tmp_path)
    assert {v.learner: v.agrees for v in result.verdicts} == {"1-nn": False, "laplace-kernel": False}


def test_the_journal_of_classes_is_read_back(tmp_path: Path) -> None:
    spec = spec_of("1-nn")
    first = run_sweep(spec, tmp_path)
    again = run_sweep(spec, tmp_path)
    assert json.dumps(first.table(), default=str) == json.dumps(again.table(), default=str)
