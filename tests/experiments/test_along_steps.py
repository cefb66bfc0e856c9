"""Networks of gradient descent along their steps: held against gradient flow, clean labels and sabotaged ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIns

import fractalman as fm
from fractalman import generation
from fractalman.experiments import load_spec, run_sweep
from fractalman.experiments.own_points import expected_on
from fractalman.experiments.replicates import make_replicate
from fractalman.learners import make
from fractalman.prediction.stopped import STOPPED
from fractalman.random.streams import Role, key64, permutation
from fractalman.theory.network_smoothers import TangentNetwork, training_time

RECIPE = {"family": "cascade", "n_points": 2048, "branching": 4, "hurst": 0.5, "ambient_dim": 24}
NETWORK = {"width": 64, "batch_size": 32, "optimizer": "sgd", "learning_rate": 2e-3}
SWEEP = {
    "learners": ["mlp"], "axis": "steps", "values": [50, 150, 450], "train_size": 128, "seeds": 4,
    "test_size": 256, "network_draws": 8, "label_draws": 8,
}  # fmt: skip
label_draws = generation.label_draws


def spec_of(**changed: Any) -> Any:
    return load_spec({"recipe": RECIPE, "sweep": SWEEP, "mlp": {**NETWORK, **changed}})


def _shuffled(data: Any, draws: int) -> np.ndarray:
    labels = label_draws(data, draws)
    return labels[permutation(key64(data.recipe.seeds.labels, Role.ORDER), len(labels))]


SABOTAGE = {
    "times .3": lambda data, draws: 0.3 * label_draws(data, draws),
    "times 2": lambda data, draws: 2.0 * label_draws(data, draws),
    "shuffled": _shuffled,
}


def test_a_network_agrees_with_the_flow_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    result = run_sweep(spec_of(), tmp_path)
    [verdict] = result.verdicts
    assert verdict.agrees is True, verdict.reason
    assert verdict.level.sizes == tuple(SWEEP["values"])
    assert verdict.level.own_ratio == pytest.approx(1.0, abs=3.0 * STOPPED.shared_error)
    assert "of what is expected on these very points" in verdict.reason
    assert verdict.predicted_local is not None
    # trained with rates for which its 8 outputs share the time: one output's curve would be another
    alone = fm.predict(spec_of().recipe, make("mlp", NETWORK), draws=3)
    curves = [alone.steps_curve([80], 128, outputs=m).risk[0] for m in (1, 8)]
    assert curves[1] > 1.2 * curves[0]
    assert curves[1] == pytest.approx(result.predictions["mlp"].curve([80]).risk[0], rel=0.2)


@pytest.mark.slow(reason="networks trained on wrong labels", but=["shuffled"])
@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotaged_labels_do_not(name: str, tmp_path: Path) -> None:
    pytest.importorskip("jax")
    with StandIns(label_draws=SABOTAGE[name]).playing():
        [verdict] = run_sweep(spec_of(), tmp_path).verdicts
    assert verdict.agrees is False, verdict.reason


def test_what_is_expected_is_the_flow_on_the_replicate() -> None:
    spec = spec_of()
    learner, replicate = spec.make("mlp", spec.condition(80)), make_replicate(spec, 0)
    found = expected_on(learner, spec, replicate, 128, 1, {})
    flow = TangentNetwork(width=64, time=training_time(2e-3, 80, 4), outputs=8)
    train, test = np.arange(128), 128 + np.arange(256)
    risk = flow.expected(replicate.covariance, replicate.X_train, replicate.X_test, train, test, 0).risk.mean()
    assert found == pytest.approx(STOPPED.ratio * float(risk), rel=1e-10)


def test_other_descents_have_no_verdict_and_the_reason(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    short = {"recipe": RECIPE, "sweep": {**SWEEP, "values": [2, 3, 4], "seeds": 2}}
    [verdict] = run_sweep(load_spec({**short, "mlp": {**NETWORK, "optimizer": "adam"}}), tmp_path).verdicts
    assert (verdict.agrees, verdict.level) == (None, None)
    assert "no curve along steps: optimizer = 'adam': no theory gives the time" in verdict.reason
