"""Sweeps along other axes than n: settings tables, conditions, doubling checks, divided journals, checkpoints."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIns

from fractalman.errors import RecipeError
from fractalman.experiments import Point, load_result, load_spec, run_sweep
from fractalman.experiments.journal import NAME, Journal, part_name, read_journal
from fractalman.experiments.points import POINTS, Task
from fractalman.experiments.specification import tasks_of
from fractalman.learners import Learner, Outcome, Problem
from fractalman.random.streams import Role, key64, normals

CASCADE = {"family": "cascade", "n_points": 64, "ambient_dim": 4, "branching": 4, "hurst": 0.5, "seed": 3}


class Sized(Learner):
    """A network that is played: risk ~ P^-1/2, where P is its width, twice as much before 100 steps."""

    name = "mlp"
    capacity = "fixed"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.batched = True  # type: ignore[misc]
        self.settings = {"width": 8, "steps": 100, "batch_size": 4, **settings}

    @property
    def conventions(self) -> str:
        return "played"

    def setting(self, key: str) -> Any:
        return self.settings[key]

    def parameters(self, d: int, outputs: int = 1) -> int:
        return int(self.settings["width"]) * outputs + 0 * d

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        risk = self.settings["width"] ** -0.5 * (1.0 if self.settings["steps"] >= 100 else 2.0)
        share = 0.9 if self.settings["width"] < 64 else 0.01
        outcomes = []
        for p in problems:
            mine = risk * math.exp(0.02 * normals(key64(p.key, Role.VALIDATION), 1)[0])
            shape = (p.X_test.shape[0], p.y_train.shape[1])
            outcomes.append(Outcome(np.full(shape, math.sqrt(mine)), share * mine, {"stopped": "budget", "n": p.n}))
        return outcomes


def no_labels(data: Any, draws: int) -> np.ndarray:
    return np.zeros((data.n_points, draws))


def no_floor(tree: Any, *, observed: np.ndarray) -> np.ndarray:
    return np.full(int((~observed).sum()), 0.01 + 0.0 * tree.n_points)


def make_sized(name: str, settings: Mapping[str, Any]) -> Learner:
    assert name == "mlp"
    return Sized(settings)


PLAYED = StandIns(label_draws=no_labels, label_modes=lambda *_: [], bayes_risk=no_floor, make=make_sized)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is played."""
    PLAYED.install(monkeypatch)


def along(
    axis: str | None, values: list[Any] | None, mlp: Mapping[str, Any] | None = None, **sweep: Any
) -> dict[str, Any]:
    """The tables of a sweep of networks along an axis; None takes a key away."""
    table = {"learners": ["mlp"], "axis": axis, "values": values, "train_size": 32, "seeds": 3, "test_size": 8, **sweep}
    return {"recipe": CASCADE, "sweep": {k: v for k, v in table.items() if v is not None}, "mlp": dict(mlp or {})}


def table(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Everything but the time it took."""
    return [{k: v for k, v in point.to_dict().items() if k != "seconds"} for point in points]


# ---------------------------------------------------------------------------------------------------- specification


def test_every_learner_has_its_table_and_every_mistake_in_them_is_named() -> None:
    sweep = {"learners": ["1-nn", "random-features", "k-nn"], "train_sizes": [8, 16, 32], "seeds": 2, "test_size": 8}
    tables = {"recipe": CASCADE, "sweep": sweep, "mlp": {}, "random-features": {"features": 64}, "k-nn": {"k": 3}}
    spec = load_spec(tables)
    assert spec.settings == {"random-features": {"features": 64}, "k-nn": {"k": 3}}
    assert (spec.mlp, spec.learner_settings("k-nn")) == ({}, {"k": 3})
    assert load_spec(json.loads(json.dumps(spec.to_dict()))) == spec
    wrong = {"random-features": {"featurs": 64}, "k-nn": {"k": 0}, "ntk-kernl": {"depth": 2}, "ridge": {"x": 1}}
    with pytest.raises(RecipeError) as caught:
        load_spec({**tables, **wrong})
    for said in (
        "random-features.featurs", "did you mean 'features'", "k-nn.k = 0", "unknown table ntk-kernl",
        "did you mean 'ntk-kernel'", "[ridge]: ridge has no settings; leave the table out",
    ):  # fmt: skip
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (along("widht", [2, 4, 8]), r"sweep\.axis = 'widht'.*did you mean 'width'"),
        (along("features", [2, 4, 8]), "learner 'mlp' has no features; expected random-features"),
        (along("width", [2, 4]), "expected a list of 3 to 200 entries"),
        (along("width", [2, 2, 4]), "rising values, each once"),
        (along("width", [2.5, 3, 4]), "expected integers >= 1 along width"),
        (along("width", [2, 4, 8], train_size=None), "missing key sweep.train_size"),
        (along("width", None), "missing key sweep.values"),
        (along("noise", [-1, 0, 1]), "noise = -1"),
        (along("n_points", [10, 20, 30]), r"sweep\.axis = 'n_points': expected one of"),
        (
            along("has_hierarchy", [1, 2, 3]),
            r"sweep\.axis = 'has_hierarchy': expected .* n, .*, hurst, recipe\.depth$",
        ),
        (along("rotate", [1, 2, 3]), r"sweep\.axis = 'rotate': expected one of"),
        (along("seed", [10, 20, 30]), r"sweep\.axis = 'seed': expected one of"),
        (along("noise", [0, 1, 2], train_sizes=[4, 8]), "train_sizes belongs to axis"),
        (along("n", [4, 8, 16]), "belongs to another axis"),
        (along("width", [2, 4, 8], doubling_checks=1), "sweep.doubling_checks = 1: expected true or false"),
        (along(None, None, train_size=None), "missing key sweep.train_sizes"),
        (along("width", [2, 4, 8], {"sampling": "one-pass", "steps": 9}), "needs 36 training points"),
    ],
)
@pytest.mark.usefixtures("played")
def test_bad_axes_are_refused(tables: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_spec(tables)


@pytest.mark.usefixtures("played")
def test_the_digest_follows_axis_and_settings() -> None:
    plain = along(None, None, train_size=None, train_sizes=[8, 16, 32])
    specs = [
        load_spec(tables)
        for tables in (
            plain, {**plain, "sweep": {**plain["sweep"], "doubling_checks": True}}, along("width", [2, 4, 8]),
            along("width", [2, 4, 16]), along("width", [2, 4, 8], train_size=16),
            along("width", [2, 4, 8], doubling_checks=True),
            along("depth", [2, 4, 8]), along("recipe.depth", [2, 4, 8]), along("width", [2, 4, 8], {"steps": 7}),
        )
    ]  # fmt: skip
    assert len({spec.digest for spec in specs}) == len(specs)
    for spec in specs:
        assert load_spec(spec.to_dict()) == spec
        assert pickle.loads(pickle.dumps(spec)).digest == spec.digest


@pytest.mark.usefixtures("played")
def test_one_pass_training_sets_follow_from_steps_and_batches() -> None:
    one_pass = {"sampling": "one-pass", "batch_size": 4, "steps": 10}
    spec = load_spec(along("width", [2, 4, 8], one_pass, train_size=None))
    assert spec.train_sizes == (40,)
    assert spec.to_dict()["sweep"]["train_size"] == 40
    probed = load_spec(along("width", [2, 4, 8], one_pass, train_size=None, doubling_checks=True))
    place = probed.condition(4, "steps")
    assert (place.n, place.key_n, place.settings["mlp"]["steps"], probed.largest(4)) == (80, 40, 20, 80)
    assert probed.condition(4, "width").settings["mlp"]["width"] == 8
    assert probed.learner_settings("mlp", place)["max_train"] == 80
    steps = load_spec(along("steps", [5, 10, 20], {**one_pass, "learning_rate": [0.1, 0.2]}, train_size=None))
    assert steps.train_sizes == (25, 50, 100)  # a fifth validates
    assert [steps.condition(v).n for v in steps.values] == [25, 50, 100]
    assert load_spec(steps.to_dict()) == steps


# ---------------------------------------------------------------------------------------------------- the sweeps


@pytest.mark.usefixtures("played")
def test_a_model_axis_is_fitted_in_parameters_where_the_model_limits(tmp_path: Path) -> None:
    spec = load_spec(along("width", [2, 4, 8, 16, 32, 64], doubling_checks=True))
    assert len([u for u in tasks_of(spec) if u.learner == "mlp"]) == 6 * 3
    result = run_sweep(spec, tmp_path)
    assert [(p.value, p.parameters) for p in result.points if p.learner == "mlp" and p.seed == 0] == [
        (w, w) for w in spec.values
    ]
    assert {(p.value, p.doubled, p.parameters) for p in result.doubling_checks if p.value == 4} == {
        (4, "width", 8), (4, "steps", 4),
    }  # fmt: skip
    (verdict,) = result.verdicts
    assert (verdict.axis, verdict.abscissa, verdict.fitted) == ("width", "P", (2, 4, 8, 16, 32))
    assert verdict.measured == pytest.approx(0.5, abs=0.03)
    assert verdict.predicted == pytest.approx(0.5)
    assert verdict.agrees is True
    assert verdict.regimes == {"model-limited": 15, "data-limited": 3}
    assert "width = 64: data-limited" in verdict.excluded[0]
    summary = result.summaries["mlp"][0]
    assert summary.gains["width"] == pytest.approx(1 - 0.5**0.5, abs=0.05)
    assert summary.gains["steps"] == pytest.approx(0, abs=0.05)
    assert verdict.efficiency == pytest.approx(32**-0.5 / 0.01, rel=0.1)
    assert verdict.sensitivity is not None
    assert all(p.efficiency == pytest.approx(p.risk / 0.01) for p in result.points if p.learner == "mlp")
    assert table(load_result(tmp_path).points) == table(result.points)
    json.dumps([verdict.to_dict(), result.table()], allow_nan=False)


@pytest.mark.usefixtures("played")
def test_more_steps_that_help_are_a_budget_and_untried_ones_decide_nothing(tmp_path: Path) -> None:
    starved = load_spec(along("width", [2, 4, 8, 16], {"steps": 50}, doubling_checks=True))
    (verdict,) = run_sweep(starved, tmp_path / "a").verdicts
    assert verdict.measured is None
    assert verdict.regimes == {"budget-limited": 12}
    assert "not measurable: 0 model-limited conditions" in verdict.reason
    unprobed = load_spec(along("width", [2, 4, 8, 16]))
    (verdict,) = run_sweep(unprobed, tmp_path / "b").verdicts
    assert verdict.regimes == {"undecided": 12}
    assert "use doubling_checks = true" in verdict.excluded[0]
    steps = load_spec(along("steps", [50, 60, 70, 80, 200], {"width": 32}, doubling_checks=True))
    (verdict,) = run_sweep(steps, tmp_path / "c").verdicts
    assert (verdict.abscissa, verdict.fitted) == ("steps", (50, 60, 70, 80))
    assert verdict.agrees is None
    assert "no curve along steps: a curve along the steps is one of a network" in verdict.reason


@pytest.mark.usefixtures("played")
def test_probes_along_n_tell_what_the_ratio_cannot(tmp_path: Path) -> None:
    sizes = {"train_size": None, "train_sizes": [8, 16, 32]}
    spec = load_spec(along(None, None, {"width": 128}, doubling_checks=True, **sizes))
    (verdict,) = run_sweep(spec, tmp_path).verdicts
    assert verdict.regimes == {"model-limited": 9}  # it fits its training set, and yet a wider one is better
    without = load_spec(along(None, None, {"width": 128}, **sizes))
    (verdict,) = run_sweep(without, tmp_path / "x").verdicts
    assert verdict.regimes == {"data-limited": 9}


def test_a_keyword_of_the_recipe_is_swept_with_the_seeds_held(tmp_path: Path) -> None:
    tables = {**along("noise", [0.0, 0.5, 1.0], learners=["1-nn", "ridge"]), "mlp": {}}
    spec = load_spec(tables)
    assert [spec.replicate_recipe(1, v).noise for v in spec.values] == [0.0, 0.5, 1.0]
    assert len({spec.replicate_recipe(1, v).seeds for v in spec.values}) == 1
    result = run_sweep(spec, tmp_path)
    assert {(p.value, p.n) for p in result.points} == {(0.0, 32), (0.5, 32), (1.0, 32)}
    assert len(result.points) == 3 * 3 * 3
    assert result.floor.value.tolist() == [0.0, 0.5, 1.0]
    assert result.floor.risk[2] > result.floor.risk[1] > result.floor.risk[0]
    assert result.floor.risk[2] > 1.0  # the noise of the test labels
    assert all(v.measured is None and "not fitted: noise is no axis" in v.reason for v in result.verdicts)
    plain = load_spec({**tables, "sweep": {**tables["sweep"], "axis": "ambient_dim", "values": [3, 4, 5]}})
    other = run_sweep(plain, tmp_path / "d")
    zero = {(p.learner, p.seed): p.risk for p in result.points if p.value == 0.0}
    assert {(p.learner, p.seed): p.risk for p in other.points if p.value == 4} == zero


def test_random_features_along_their_number(tmp_path: Path) -> None:
    tables = along("features", [2, 4, 8], learners=["random-features"], train_size=256, doubling_checks=True)
    spec = load_spec({**tables, "random-features": {"ridge": 1e-6}, "mlp": {}})
    result = run_sweep(spec, tmp_path)
    draws = spec.label_draws
    assert {(p.value, p.parameters) for p in result.points if p.learner != "bayes"} == {
        (k, (k + 1) * draws) for k in (2, 4, 8)
    }
    assert {p.doubled for p in result.doubling_checks} == {"features"}
    four = {p.seed: p.risk for p in result.doubling_checks if p.value == 2}
    assert four == {p.seed: p.risk for p in result.points if p.value == 4 and p.learner != "bayes"}


# ---------------------------------------------------------------------------------------------------- journals


@pytest.mark.usefixtures("played")
def test_shards_make_the_table_of_one_run_and_duplicates_are_harmless(tmp_path: Path) -> None:
    spec = load_spec(along("width", [2, 4, 8], doubling_checks=True))
    whole = run_sweep(spec, tmp_path / "whole")
    first = run_sweep(spec, tmp_path / "x", shard=(1, 2))
    assert 0 < first.missing < len(tasks_of(spec))
    assert not (tmp_path / "x" / NAME).exists()
    second = run_sweep(spec, tmp_path / "x", shard=(2, 2))
    assert second.missing == 0
    assert table(second.points) == table(whole.points)
    assert table(load_result(tmp_path / "x").doubling_checks) == table(whole.doubling_checks)
    # parts of other folders, put beside each other; one of them twice
    other = tmp_path / "y"
    run_sweep(spec, other, shard=(1, 3))
    for name in (part_name((1, 2)), part_name((2, 2))):
        (other / name).write_bytes((tmp_path / "x" / name).read_bytes())
    merged = run_sweep(spec, other)
    assert table(merged.points) == table(whole.points)
    assert len((other / NAME).read_bytes().splitlines()) == 1  # nothing was left to do
    with pytest.raises(RecipeError, match="force with a shard"):
        run_sweep(spec, other, shard=(1, 3), force=True)
    run_sweep(spec, other, force=True)
    assert [path.name for path in other.iterdir()] == [NAME]


@pytest.mark.usefixtures("played")
def test_parts_of_different_sweeps_are_refused(tmp_path: Path) -> None:
    one, two = (load_spec(along("width", values)) for values in ([2, 4, 8], [2, 4, 16]))
    run_sweep(one, tmp_path / "x", shard=(1, 2))
    with pytest.raises(RecipeError, match="another specification"):
        run_sweep(two, tmp_path / "x", shard=(2, 2))
    run_sweep(two, tmp_path / "y", shard=(2, 2))
    part = part_name((2, 2))
    (tmp_path / "x" / part).write_bytes((tmp_path / "y" / part).read_bytes())
    with pytest.raises(RecipeError, match="parts of different runs"):
        read_journal(POINTS, tmp_path / "x", "confirm")


def test_a_task_that_stands_twice_counts_once(tmp_path: Path) -> None:
    with Journal(POINTS, tmp_path, "confirm", "digest", {}) as journal:
        for risk in (0.5, 0.7):
            journal.append(Task("1-nn", 4, 0), [Point("1-nn", 4, 0, risk, 0.0, 0.5, math.inf)])
    _, finished = read_journal(POINTS, tmp_path, "confirm")
    assert [point.risk for point in finished[Task("1-nn", 4, 0)]] == [0.5]


# ---------------------------------------------------------------------------------------------------- checkpoints


@pytest.mark.slow(reason="networks trained three times over")
def test_a_network_stopped_inside_a_task_goes_on_and_ends_as_if_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jax")
    from fractalman.learners.networks import checkpoints, training

    mlp = {"width": 4, "depth": 1, "steps": 1200, "batch_size": 4, "interpolation_tolerance": 0.0}
    sizes = {"train_size": None, "train_sizes": [8, 16, 32]}
    spec = load_spec(along(None, None, mlp, seeds=2, **sizes))
    whole = run_sweep(spec, tmp_path / "whole")
    real, published = checkpoints.publish, []

    def stop_after_two(*arguments: Any) -> None:
        real(*arguments)
        published.append(arguments[0])
        if len(published) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "publish", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            run_sweep(spec, tmp_path / "x")
    assert [path.parent for path in published] == [tmp_path / "x" / "checkpoints"] * 2
    assert published[1].exists()
    blocks, block = [], training.train_block
    monkeypatch.setattr(training, "train_block", lambda *a, **k: (blocks.append(int(a[6])), block(*a, **k))[1])
    resumed = run_sweep(spec, tmp_path / "x")
    assert blocks[0] == 1000  # of 1200: what was done is not done again
    assert table(resumed.points) == table(whole.points)
    assert not (tmp_path / "x" / "checkpoints").exists()
