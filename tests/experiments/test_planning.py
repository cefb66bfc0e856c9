"""What would not fit is refused before anything is written, naming the keys that matter; what fits is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fractalman import runs, study_runs
from fractalman.errors import RecipeError, ResourceError
from fractalman.experiments import load_spec, planning
from fractalman.experiments.planning import plan_sweep, refuse_unfit
from fractalman.experiments.sweep import SWEEP
from fractalman.studies import base, study

RECIPE = {"family": "percolation-cluster", "n_points": 100_000, "ambient_dim": 64}
SPEC: dict[str, Any] = {
    "recipe": RECIPE,
    "sweep": {"learners": ["1-nn", "ridge"], "train_sizes": [64, 128, 256], "seeds": 3},
}


def test_the_plan_counts_alike_tasks_once_and_every_point() -> None:
    spec = load_spec(SPEC)
    plan = plan_sweep(spec, flops=1e10)
    assert plan.points == {"bayes": 9, "1-nn": 9, "ridge": 9}
    assert plan.tasks == 27
    more = plan_sweep(load_spec({**SPEC, "sweep": {**SPEC["sweep"], "seeds": 9000}}), flops=1e10)
    assert more.points["ridge"] == 27_000
    assert more.seconds["ridge"] == pytest.approx(3000 * plan.seconds["ridge"], rel=0.2)


def test_a_sweep_that_does_not_fit_is_refused_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load_spec(SPEC)
    plan = plan_sweep(spec, flops=1e10)
    refuse_unfit(spec, plan)
    monkeypatch.setattr(planning, "available_bytes", lambda: plan.memory)
    refuse_unfit(spec, plan)
    with pytest.raises(ResourceError, match=r"2 processes of [\d,]+ bytes each.*recipe\.n_points.*--jobs"):
        refuse_unfit(spec, plan, jobs=2)
    monkeypatch.setattr(planning, "available_bytes", lambda: plan.memory - 1)
    for start in (lambda: runs.run_confirmation(SPEC, tmp_path / "run"), lambda: runs.plan_confirmation(SPEC)):
        with pytest.raises(ResourceError, match=r"needs [\d,]+ bytes at once and .*; use a smaller recipe\.n_points"):
            start()
    assert list(tmp_path.iterdir()) == []


def test_a_study_whose_data_do_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"recipe": RECIPE, "granularity": {"scales": [32], "train_size": 64}}
    monkeypatch.setattr(base, "available_bytes", lambda: 1000)
    with pytest.raises(ResourceError, match=r"this study needs .*recipe\.n_points"):
        study_runs.run_study("granularity", spec, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_is_needed_is_said() -> None:
    said: list[str] = []
    SWEEP.prepare(load_spec(SPEC), 1, said.append)
    assert len(said) == 1
    assert said[0].startswith("27 tasks need ")
    kind = study("granularity")
    kind.prepare(kind.read({"recipe": RECIPE, "granularity": {"scales": [32], "train_size": 64}}), 1, said.append)
    assert said[1].startswith("8 tasks need ")


@pytest.mark.parametrize("seeds", [10**9, 10**30, 10**400])
def test_an_integer_without_bounds_is_refused_at_once(seeds: int) -> None:
    with pytest.raises(RecipeError, match=r"sweep\.seeds = .*: expected an integer from 1 to 10000"):
        load_spec({**SPEC, "sweep": {**SPEC["sweep"], "seeds": seeds}})
