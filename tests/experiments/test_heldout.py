"""The held-out cascades of datasets/reference: fitted again from their points, within what was promised beforehand."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from fractalman.experiments import load_spec
from fractalman.measure import fit_power_law

BOUNDS = {"1-nn": 0.05, "laplace-kernel": 0.05, "mlp": 0.08}
RUNS = ("heldout-k6-h0.7", "heldout-k3or9-h0.5", "heldout-mlp-k6-h0.7", "heldout-mlp-k3or9-h0.5")


def moran(branching: tuple[int, ...], ratio: float, hurst: float) -> float:
    """The exponent β with E k^β = r^-2H."""
    goal = ratio ** (-2.0 * hurst)
    return float(brentq(lambda b: sum(k**b for k in branching) / len(branching) - goal, 0.01, 5.0))


@pytest.mark.parametrize("run", RUNS)
def test_held_out_exponents_are_within_what_was_promised(repository: Path, run: str) -> None:
    folder = repository / "datasets" / "reference" / run
    spec = load_spec(folder / "spec.toml")
    recipe = spec.recipe.to_dict()
    branching = recipe["branching"]
    beta = moran(
        tuple(branching) if isinstance(branching, (list, tuple)) else (branching,),
        recipe["contraction"],
        recipe["hurst"],
    )
    with (folder / "points.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["learner"] for row in rows} == {*spec.learners, "bayes"}
    others = [moran((6,), 0.4, 0.7), moran((3, 9), 0.5, 0.5)]
    for learner in spec.learners:
        mine = [row for row in rows if row["learner"] == learner]
        assert len(mine) == len(spec.train_sizes) * spec.seeds
        sizes = sorted({int(row["n"]) for row in mine if row["regime"] == "data-limited"})
        assert len(sizes) >= 4
        losses = [
            [float(row["risk"]) for n in sizes for row in mine if int(row["n"]) == n and int(row["seed"]) == seed]
            for seed in range(spec.seeds)
        ]
        fit = fit_power_law(sizes, np.array(losses))
        assert abs(fit.value - beta) <= BOUNDS[learner]
        # the control: the other recipe's exponent is far beyond the bound
        assert max(abs(fit.value - other) for other in others) > 2 * BOUNDS[learner]
    assert math.isclose(min(others), 0.4057, abs_tol=1e-4)
