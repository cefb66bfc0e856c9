"""Sabotaged labels never agree, clean ones do: level and slope together, for learners that are held to their curve."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIns

from fractalman import generation, prediction
from fractalman.experiments import load_spec, run_sweep
from fractalman.random.streams import Role, key64, normals, permutation
from fractalman.recipes import Recipe, from_dict

ROUGH = {"family": "cascade", "n_points": 4096, "ambient_dim": 32, "branching": 4, "contraction": 0.4, "hurst": 0.5}
SMOOTH = {**ROUGH, "hurst": 1.0}
SLOW = {**ROUGH, "hurst": 0.05}
SWEEP = {"train_sizes": [32, 64, 128, 256, 512], "seeds": 5, "test_size": 512}
generate, label_draws, make_prediction = generation.generate, generation.label_draws, prediction.make_prediction


@cache
def _prediction(toml: str, learner: str) -> Any:
    return make_prediction(from_dict(dict(eval(toml))), learner=learner)


def predict(recipe: Recipe, learner: str) -> Any:
    """A recipe's prediction, made once for all sabotage of it."""
    return _prediction(json.dumps(recipe.to_dict()), learner)


def scaled(factor: float) -> StandIns:
    """Labels times a factor."""
    return StandIns(label_draws=lambda data, draws: factor * label_draws(data, draws), predict=predict)


def _cubed(data: Any, draws: int) -> np.ndarray:
    return label_draws(data, draws) ** 3


def _shuffled(data: Any, draws: int) -> np.ndarray:
    labels = label_draws(data, draws)
    return labels[permutation(key64(data.recipe.seeds.labels, Role.ORDER), len(labels))]


def _noisy(data: Any, draws: int) -> np.ndarray:
    labels = label_draws(data, draws)
    noise = normals(key64(data.recipe.seeds.labels, Role.NOISE), labels.size).reshape(labels.shape)
    return labels + 0.1 * noise


def other_hurst(factor: float) -> StandIns:
    """The data of another Hurst exponent under the same name."""
    return StandIns(generate=lambda recipe: generate(recipe.replace(hurst=factor * recipe.hurst)), predict=predict)


def verdicts(recipe: dict[str, Any], stand_ins: StandIns, folder: Path, learners: tuple[str, ...]) -> dict[str, Any]:
    """Run a sweep with sabotage in place."""
    with stand_ins.playing():
        result = run_sweep(load_spec({"recipe": recipe, "sweep": {**SWEEP, "learners": list(learners)}}), folder)
    return {verdict.learner: verdict for verdict in result.verdicts}


SABOTAGE: dict[str, Callable[[], StandIns]] = {
    "times .3": lambda: scaled(0.3),
    "times 2": lambda: scaled(2.0),
    "times 5": lambda: scaled(5.0),
    "cubed": lambda: StandIns(label_draws=_cubed, predict=predict),
    "shuffled": lambda: StandIns(label_draws=_shuffled, predict=predict),
    "half the Hurst exponent": lambda: other_hurst(0.5),
}


@pytest.mark.slow(
    reason="every sabotage of every recipe",
    only=[f"{name}-{recipe}" for name in ("times 2", "times 5", "cubed", "shuffled", "half the Hurst exponent")
          for recipe in ("smooth", "slow")],
)  # fmt: skip
@pytest.mark.parametrize("recipe", [ROUGH, SMOOTH, SLOW], ids=["rough", "smooth", "slow"])
@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_never_agrees(name: str, recipe: dict[str, Any], tmp_path: Path) -> None:
    found = verdicts(recipe, SABOTAGE[name](), tmp_path, ("1-nn",))
    assert {learner: verdict.agrees for learner, verdict in found.items() if verdict.agrees is True} == {}


def test_undeclared_noise_never_agrees_where_risks_are_small(tmp_path: Path) -> None:
    found = verdicts(SMOOTH, StandIns(label_draws=_noisy, predict=predict), tmp_path, ("1-nn",))
    assert found["1-nn"].agrees is False


@pytest.mark.parametrize(("recipe", "slope"), [(ROUGH, True), (SMOOTH, True)], ids=["rough", "smooth"])
def test_clean_labels_agree(recipe: dict[str, Any], slope: bool | None, tmp_path: Path) -> None:
    """The level does, and the slope, that of the smooth labels to 4/3 ± .24."""
    found = verdicts(recipe, StandIns(predict=predict), tmp_path, ("1-nn",))
    for verdict in found.values():
        assert verdict.level.agrees is True, (verdict.learner, verdict.reason)
        assert (verdict.slope_agrees, verdict.agrees) == (slope, slope), (verdict.learner, verdict.reason)


def test_half_of_the_risk_lies_below_the_floor(tmp_path: Path) -> None:
    """Labels times .3 have 9 % of the risk: less than the Bayes floor, which is an alarm."""
    verdict = verdicts(ROUGH, scaled(0.3), tmp_path, ("1-nn",))["1-nn"]
    assert verdict.level.below_floor
    assert "below the Bayes floor" in verdict.reason
    assert verdict.level.ratio == pytest.approx(0.09, rel=0.2)
