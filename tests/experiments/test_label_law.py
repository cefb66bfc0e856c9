"""Labels against the covariance that is declared: sabotage that no risk sees is seen, clean labels pass."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIns

from fractalman import generation
from fractalman.experiments import load_spec, run_sweep
from fractalman.experiments.label_law import INFO, label_law, label_modes
from fractalman.experiments.points import Point
from fractalman.theory import FieldCovariance

SWEEP = {"train_sizes": [32, 64, 128], "seeds": 3, "test_size": 256, "label_draws": 16, "learners": ["1-nn"]}
ENSEMBLE = {"family": "percolation-ensemble", "ensemble": "size-biased", "n_points": 2048, "ambient_dim": 3}
SIGN = {"family": "cascade", "n_points": 2048, "branching": 3, "hurst": 0.6, "ambient_dim": 6, "target": "sign"}
WAVES = {"family": "smooth-manifold", "n_points": 2048, "dim": 2, "hurst": 0.8, "ambient_dim": 4}
label_draws, generate = generation.label_draws, generation.generate


def point(modes: list[list[float]]) -> Point:
    return Point("1-nn", 32, 0, 0.1, 0.0, 1.0, 100.0, info={INFO: modes})


def test_p_values_of_gaussian_labels_are_what_they_say_and_another_scale_is_seen() -> None:
    """400 sweeps of two replicates: 5 % of the least of all bands' p-values lie below .05, or fewer."""
    rng = np.random.default_rng(5)
    places = rng.normal(size=(60, 3))
    field = FieldCovariance(places / np.linalg.norm(places, axis=1, keepdims=True), 0.4, noise=0.2)
    everyone = np.arange(60)
    root = np.linalg.cholesky(field.block(everyone, everyone))
    p_values, scaled = [], []
    for _ in range(400):
        labels = [root @ rng.normal(size=(60, 4)) for _ in range(2)]
        for found, factor in ((p_values, 1.0), (scaled, 1.3)):
            law = label_law([point(label_modes(field, factor * y)) for y in labels], 4, gaussian=True)
            assert law is not None
            found.append(law.p_value)
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.08
    assert np.mean(np.array(scaled) < 1e-4) > 0.99
    assert label_law([], 4, gaussian=True) is None


def _trend(data: Any, draws: int) -> np.ndarray:
    x = data.X[:, :1].astype(np.float64)
    return label_draws(data, draws) + 0.3 * x / x.std()


def _rougher(data: Any, draws: int) -> np.ndarray:
    return label_draws(generate(data.recipe.replace(label_exponent=0.15)), draws)


def _flipped(data: Any, draws: int) -> np.ndarray:
    labels = label_draws(data, draws)
    some = np.random.default_rng(3).random(len(labels)) < 0.04
    return np.where(some[:, None], 1.0 - labels, labels)


def _noisy(data: Any, draws: int) -> np.ndarray:
    labels = label_draws(data, draws)
    return labels + 0.1 * np.random.default_rng(4).normal(size=labels.shape)


@cache
def _clean_reason(recipe: str) -> str:
    """What is said of labels as they are, once for all sabotage of a recipe."""
    [clean] = run_sweep(load_spec({"recipe": json.loads(recipe), "sweep": SWEEP})).verdicts
    return clean.reason


@pytest.mark.parametrize(
    ("recipe", "sabotage"),
    [(ENSEMBLE, _trend), (ENSEMBLE, _rougher), (ENSEMBLE, _noisy), (SIGN, _flipped), (WAVES, _noisy)],
    ids=["a trend", "another exponent", "noise", "flipped classes", "noise on waves"],
)
def test_sabotage_that_moves_a_risk_by_a_hundredth_never_agrees(
    recipe: dict[str, Any], sabotage: Any, tmp_path: Path
) -> None:
    assert "that the recipe declares" not in _clean_reason(json.dumps(recipe))
    spec = load_spec({"recipe": recipe, "sweep": SWEEP})
    with StandIns(label_draws=sabotage).playing():
        [verdict] = run_sweep(spec, tmp_path / "sabotaged").verdicts
    assert verdict.agrees is False
    assert "times the variance that the recipe declares" in verdict.reason
