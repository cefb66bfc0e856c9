"""Sweeps: the journal, resumption, executors; the rest of the package is played by small stand-ins."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from stand_ins import StandIns

from fractalman.datasets.memory import split_indices
from fractalman.errors import CorruptFileError, RecipeError
from fractalman.experiments import Point, load_result, load_spec, run_experiment, run_sweep
from fractalman.experiments.journal import NAME, Journal
from fractalman.experiments.points import POINTS, Task
from fractalman.experiments.replicates import make_replicate
from fractalman.experiments.sweep import Sweep
from fractalman.learners import Learner, Outcome, Problem
from fractalman.random.streams import Role, key64, normals
from fractalman.recipes import Recipe

# ---------------------------------------------------------------------------------------------------- stand-ins


class Stand(Learner):
    """Predicts the true label plus an error of standard deviation n^(-1/4); the labels are the first coordinate."""

    name = "1-nn"
    capacity = "grows with n"

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self.kind, self.settings = name, dict(settings)
        self.batched = name == "mlp"  # type: ignore[misc]

    @property
    def conventions(self) -> str:
        return f"{self.kind} has none"

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        outcomes = []
        for problem in problems:
            t, m = problem.X_test.shape[0], problem.y_train.shape[1]
            error = normals(key64(problem.key, Role.VALIDATION), t * m).reshape(t, m) * problem.n**-0.25
            truth = problem.X_test[:, :1].astype(np.float64)
            outcomes.append(Outcome(truth + error, 0.001 / problem.n, {"n": problem.n, "batch": len(problems)}))
        return outcomes


class SlowStand(Stand):
    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        time.sleep(0.2)
        return super().run(problems)


def make_stand(name: str, settings: Mapping[str, Any]) -> Learner:
    if name not in ("1-nn", "ridge", "mlp"):
        raise RecipeError(f"unknown learner {name!r}")
    for key in settings:
        if key not in ("width", "max_train"):
            raise RecipeError(f"unknown key mlp.{key}: expected width")
    return Stand(name, settings)


def make_slow_stand(name: str, settings: Mapping[str, Any]) -> Learner:
    return SlowStand(name, settings)


class DyingStand(Stand):
    """Kills its process in the middle of one task, once, where that is a worker."""

    def run(self, problems: Sequence[Problem]) -> list[Outcome]:
        made = super().run(problems)
        if multiprocessing.parent_process() is not None and self.kind == "ridge" and problems[0].n == 32:
            with contextlib.suppress(FileExistsError):
                Path(os.environ[DEATH]).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
        return made


DEATH = "SWEEP_WORKER_DIED"


def make_dying_stand(name: str, settings: Mapping[str, Any]) -> Learner:
    return DyingStand(name, settings)


def make_data(recipe: Recipe) -> SimpleNamespace:
    n = recipe.n_points
    X = normals(key64(recipe.seeds.geometry, Role.ORDER), n * 2).reshape(n, 2).astype(np.float32)
    X[:, 1] = np.arange(n)
    return SimpleNamespace(
        X=X,
        y=X[:, 0].astype(np.float64),
        n_points=n,
        label_tree=SimpleNamespace(n=n),
        split=lambda train, test, seed: split_indices(n, train, test, seed),
    )


def make_draws(data: SimpleNamespace, draws: int) -> np.ndarray:
    return np.repeat(data.y[:, None], draws, axis=1)


def make_floor(tree: SimpleNamespace, *, observed: np.ndarray) -> np.ndarray:
    """The unseen point i has posterior variance i + 1/(number seen): shows that test points are found again."""
    return np.arange(tree.n)[~observed] + 1.0 / observed.sum()


def make_v_in(tree: SimpleNamespace) -> float:
    return 0.5 + 0.0 * tree.n


class StandPrediction:
    data_exponent, model_exponent, logarithmic, law, has_curve = 0.5, 0.5, False, "a law", True
    attained, affordable = True, float("inf")

    def curve(self, sizes: Any) -> SimpleNamespace:
        n = np.asarray(sizes)
        return SimpleNamespace(
            n=n, risk=n**-0.5, standard_error=np.zeros(n.size), kind="exact", shared_error=0.0, draws=1
        )

    def local_exponent(self, low: int, high: int, sizes: list[int]) -> SimpleNamespace:
        assert low < high
        assert sizes
        return SimpleNamespace(value=0.5, standard_error=0.0)


def make_prediction(recipe: Recipe, learner: str) -> StandPrediction:
    if learner == "ridge":
        raise RecipeError(f"nothing is known about ridge on {recipe.family}")
    return StandPrediction()


def make_covariance(tree: SimpleNamespace) -> SimpleNamespace:
    """Nothing is known of how these labels covary."""
    return SimpleNamespace(n=tree.n, restricted=lambda _points: None)


STANDS = StandIns(make_data, make_draws, make_floor, make_v_in, make_stand, make_prediction, make_covariance)
DYING_STANDS = dataclasses.replace(STANDS, make=make_dying_stand)
SLOW_STANDS = dataclasses.replace(STANDS, make=make_slow_stand)


class PlayedSweep(Sweep):
    """A sweep whose workers play, too, wherever they are."""

    def run(self, spec: Any, task: Task, checkpoint: Path | None = None) -> list[Point]:
        with STANDS.playing():
            return super().run(spec, task, checkpoint)


class DyingSweep(Sweep):
    """The same, and one worker dies."""

    def run(self, spec: Any, task: Task, checkpoint: Path | None = None) -> list[Point]:
        with DYING_STANDS.playing():
            return super().run(spec, task, checkpoint)


@pytest.fixture(autouse=True)
def played(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of this module plays, but those of the package's own functions."""
    if not request.node.name.endswith("package_s_own_functions"):
        STANDS.install(monkeypatch)


SPEC: dict[str, Any] = {
    "recipe": {"family": "cascade", "n_points": 100, "ambient_dim": 2, "branching": 4, "seed": 3},
    "sweep": {"learners": ["1-nn", "ridge", "mlp"], "train_sizes": [16, 32, 64], "seeds": 2, "test_size": 50},
    "mlp": {"width": 8},
}


def changed(**tables: Mapping[str, Any]) -> dict[str, Any]:
    return {**SPEC, **{name: {**SPEC.get(name, {}), **table} for name, table in tables.items()}}


def spec_of(**tables: Mapping[str, Any]) -> Any:
    return load_spec(changed(**tables))


def table(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Everything but the time it took."""
    return [{k: v for k, v in point.to_dict().items() if k != "seconds"} for point in points]


# ---------------------------------------------------------------------------------------------------- replicates


def test_replicates_share_nothing_and_training_sets_nest() -> None:
    spec = spec_of()
    seeds = [spec.replicate_seeds(i) for i in range(50)]
    assert len({value for s in seeds for value in (s.geometry, s.embedding, s.labels)}) == 150
    made = make_replicate(spec, 0)
    assert made.X_train[:, 1].tolist() == list(range(64))  # a cascade: the first n and the last of n + test_size
    assert made.X_test[:, 1].tolist() == list(range(64, 114))
    assert made.v_in == 0.5
    assert made.bayes[16] == pytest.approx(np.arange(64, 114).mean() + 1 / 16)


def test_a_cluster_s_test_points_are_never_trained_on() -> None:
    spec = load_spec(
        changed() | {"recipe": {"family": "percolation-cluster", "n_points": 120, "ambient_dim": 2}},
    )
    made = [make_replicate(spec, i) for i in range(2)]
    for replicate in made:
        train, test = set(replicate.X_train[:, 1]), set(replicate.X_test[:, 1])
        assert (len(train), len(test), len(train & test)) == (64, 50, 0)
        assert replicate.bayes[64] == pytest.approx(np.mean(replicate.X_test[:, 1]) + 1 / 64)
    assert set(made[0].X_train[:, 1]) != set(made[1].X_train[:, 1])
    assert spec.population == 120


# ---------------------------------------------------------------------------------------------------- the sweep


def test_a_sweep_makes_every_point_once(tmp_path: Path) -> None:
    lines: list[str] = []
    result = run_sweep(spec_of(sweep={"label_draws": 3}), tmp_path / "x", lines.append)
    assert [(p.learner, p.n, p.seed) for p in result.points] == [
        (name, n, seed) for name in ("1-nn", "ridge", "mlp", "bayes") for n in (16, 32, 64) for seed in (0, 1)
    ]
    for point in result.points:
        if point.learner != "bayes":
            assert point.risk == pytest.approx(point.n**-0.5, rel=0.5)
            assert point.info == {"n": point.n, "batch": 2 if point.learner == "mlp" else 1}
            assert point.regime == "data-limited"
            assert point.train_risk == 0.001 / point.n
        assert point.n_population == math.inf
        assert point.v_in == 0.5
    assert result.floor.n.tolist() == [16, 32, 64]
    assert result.floor.risk == pytest.approx(88.5 + 1 / result.floor.n)
    assert [v.learner for v in result.verdicts] == ["1-nn", "ridge", "mlp"]
    assert list(result.notes) == ["ridge"]
    assert result.notes["ridge"].startswith("nothing is known about ridge on cascade; its risk is ")
    assert result.predictions["ridge"] is None
    assert result.verdicts[1].agrees is False  # the played risks lie below the played floor: an alarm
    assert "nothing is known about ridge on cascade" in result.verdicts[1].reason
    assert result.conventions["mlp"] == "mlp has none"
    assert sum(line.startswith("task ") for line in lines) == 2 * 3 * 3 + 3
    assert "task 21 of 21" in "".join(lines)
    tasks = [line for line in lines if line.startswith("task ")]
    assert ["left" in line or "done in" in line for line in tasks] == [False] + [True] * 20  # the first tells nothing
    json.dumps([result.table(), [v.to_dict() for v in result.verdicts]], allow_nan=False)


def test_populations_beyond_the_trusted_fraction_are_marked(tmp_path: Path) -> None:
    recipe = {"family": "percolation-cluster", "n_points": 800, "ambient_dim": 2}
    spec = load_spec({**changed(), "recipe": recipe})
    result = run_sweep(spec, tmp_path)
    marked = {p.n: (p.regime, p.reason) for p in result.points if p.learner == "1-nn"}
    assert [marked[n][0] for n in (16, 32, 64)] == ["data-limited", "data-limited", "population-limited"]
    assert "n = 64 is beyond the 50" in marked[64][1]
    assert result.verdicts[0].measured is None
    assert "2 data-limited sizes" in result.verdicts[0].reason
    assert any("n = 64" in line for line in result.verdicts[0].excluded)
    trusting = load_spec({**changed(sweep={"max_fraction": 0.25}), "recipe": recipe})
    assert run_sweep(trusting, tmp_path / "t").verdicts[0].n_sizes == 3


class Counting:
    """Counts the tasks that learners run, and can stop in the middle of one."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.runs, self.stop_at = 0, stop_at

    def __call__(self, name: str, settings: Mapping[str, Any]) -> Learner:
        counter = self

        class Counted(Stand):
            def run(self, problems: Sequence[Problem]) -> list[Outcome]:
                counter.runs += 1
                if counter.runs == counter.stop_at:
                    raise KeyboardInterrupt
                return super().run(problems)

        return Counted(name, settings)


def test_control_c_keeps_what_is_finished(tmp_path: Path) -> None:
    whole = run_sweep(spec_of(), tmp_path / "whole")
    stopped = Counting(stop_at=6)
    with pytest.raises(KeyboardInterrupt), dataclasses.replace(STANDS, make=stopped).playing():
        run_sweep(spec_of(), tmp_path / "x")
    partial = load_result(tmp_path / "x")
    assert 5 <= len(partial.points) < 24
    assert all(v.measured is None for v in partial.verdicts)
    resumed = Counting()
    with dataclasses.replace(STANDS, make=resumed).playing():
        result = run_sweep(spec_of(), tmp_path / "x")
    assert resumed.runs == 15 - 5  # 2 learners × 3 sizes × 2 replicates one by one, 3 sizes of the batched one
    assert table(result.points) == table(whole.points)
    again = Counting()
    with dataclasses.replace(STANDS, make=again).playing():
        run_sweep(spec_of(), tmp_path / "x")
    assert again.runs == 0
    assert table(load_result(tmp_path / "x").points) == table(whole.points)


def slow_child(folder: str) -> None:
    """What the process that gets killed runs."""
    with SLOW_STANDS.playing():
        run_sweep(spec_of(), folder)


def test_a_killed_sweep_resumes_to_the_same_table(tmp_path: Path) -> None:
    whole = run_sweep(spec_of(), tmp_path / "whole")
    command = "import sys; from tests.experiments import test_sweep; test_sweep.slow_child(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    journal = tmp_path / "x" / NAME
    child = subprocess.Popen([sys.executable, "-c", command, str(tmp_path / "x")], env=environment)
    try:
        while child.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 6):
            time.sleep(0.02)
        assert child.poll() is None, "the child ended by itself"
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    finished = journal.read_bytes().count(b"\n") - 1
    assert 5 <= finished < 21
    with journal.open("ab") as file:  # as if the kill had torn a line
        file.write(b'{"task":["1-nn",16,')
    counter = Counting()
    with dataclasses.replace(STANDS, make=counter).playing():
        result = run_sweep(spec_of(), tmp_path / "x")
    assert table(result.points) == table(whole.points)
    assert 0 < counter.runs < 15


def test_a_torn_header_is_written_again(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"journal":1,"dig')
    result = run_sweep(spec_of(), tmp_path)
    assert table(load_result(tmp_path).points) == table(result.points)


def test_another_sweep_in_the_folder_is_refused_and_force_replaces_it(tmp_path: Path) -> None:
    run_sweep(spec_of(), tmp_path / "x")
    before = (tmp_path / "x" / NAME).read_bytes()
    with pytest.raises(RecipeError, match=r"another specification.*another folder, or --force"):
        run_sweep(spec_of(sweep={"seeds": 3}), tmp_path / "x")
    assert (tmp_path / "x" / NAME).read_bytes() == before
    result = run_sweep(spec_of(sweep={"seeds": 3}), tmp_path / "x", force=True)
    assert len(result.points) == 36
    assert table(load_result(tmp_path / "x").points) == table(result.points)


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RecipeError, match="holds other files"):
        run_sweep(spec_of(), tmp_path)
    with pytest.raises(RecipeError, match="is a file"):
        run_sweep(spec_of(), tmp_path / "thesis.tex")
    with pytest.raises(RecipeError, match="run confirm first"):
        load_result(tmp_path)
    (tmp_path / NAME).write_text("not a journal\n")
    with pytest.raises(CorruptFileError, match="no journal"):
        run_sweep(spec_of(), tmp_path)
    assert (tmp_path / NAME).read_text() == "not a journal\n"


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    run_sweep(spec_of(), tmp_path)
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:20] + b"\n"
    (tmp_path / NAME).write_bytes(b"".join(lines))
    with pytest.raises(CorruptFileError, match="line 4 is damaged"):
        run_sweep(spec_of(), tmp_path)


def test_two_writers_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with Journal(POINTS, tmp_path, "confirm", "digest", {}) as journal:
        journal.append(Task("1-nn", 4, 0), [Point("1-nn", 4, 0, math.nan, 0.0, 0.5, math.inf)])
        with pytest.raises(RecipeError, match="another process"):
            Journal(POINTS, tmp_path, "confirm", "digest", {})
    with Journal(POINTS, tmp_path, "confirm", "digest", {}) as journal:
        (point,) = journal.finished[Task("1-nn", 4, 0)]
        assert math.isnan(point.risk)
        assert point.n_population == math.inf


def test_a_risk_that_is_no_number_is_kept_and_not_fitted(tmp_path: Path) -> None:
    def diverging(name: str, settings: Mapping[str, Any]) -> Learner:
        class Diverging(Stand):
            def run(self, problems: Sequence[Problem]) -> list[Outcome]:
                made = super().run(problems)
                if problems[0].n == 64:
                    return [dataclasses.replace(outcome, train_risk=math.nan) for outcome in made]
                return made

        return Diverging(name, settings)

    with dataclasses.replace(STANDS, make=diverging).playing():
        result = run_sweep(spec_of(), tmp_path)
    assert {p.regime for p in result.points if p.learner == "1-nn" and p.n == 64} == {"failed"}
    assert result.verdicts[0].measured is None


# ---------------------------------------------------------------------------------------------------- executors


@pytest.mark.slow(reason="processes that start and are killed")
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_one_two_and_four_processes_give_one_table_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    one = run_experiment(DyingSweep(), spec_of(), tmp_path / "1")
    for jobs in (2, 4):
        monkeypatch.setenv(DEATH, str(tmp_path / f"died-of-{jobs}"))
        more = run_experiment(DyingSweep(), spec_of(), tmp_path / str(jobs), jobs=jobs)
        assert (tmp_path / f"died-of-{jobs}").exists()
        assert table(more.points) == table(one.points)
        lines = [sorted((tmp_path / name / NAME).read_text().splitlines()) for name in ("1", str(jobs))]
        assert len(lines[0]) == len(lines[1])  # every task once, the lost one too
    assert os.environ["OMP_NUM_THREADS"] == "7"  # given back
    assert "MKL_NUM_THREADS" not in os.environ


class OnlyResult:
    """A scheduler whose handles can do nothing but wait."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> SimpleNamespace:
        return SimpleNamespace(result=lambda: function(*arguments))

    def close(self) -> None:
        raise AssertionError("the caller closes what the caller made")


def test_submit_and_result_are_enough(tmp_path: Path) -> None:
    whole = run_sweep(spec_of(), tmp_path / "whole")
    other = run_sweep(spec_of(), tmp_path / "x", executor=OnlyResult())
    assert table(other.points) == table(whole.points)


# ------------------------------------------------------------------------------------------ the package's own functions


@pytest.mark.slow(reason="two whole sweeps with all replicates")
def test_a_sweep_with_the_package_s_own_functions(tmp_path: Path) -> None:
    """A small cascade and a small cluster: nobody beats the Bayes floor, 1-NN follows its predicted curve."""
    sweep = {
        "learners": ["1-nn", "ridge"],
        "train_sizes": [32, 64, 128],
        "seeds": 6,
        "test_size": 256,
        "label_draws": 4,
    }
    for recipe in (
        {"family": "cascade", "n_points": 512, "ambient_dim": 24, "branching": 4, "hurst": 0.5},
        {"family": "percolation-cluster", "n_points": 4096, "ambient_dim": 64},
    ):
        spec = load_spec({"recipe": recipe, "sweep": sweep})
        result = run_sweep(spec, tmp_path / recipe["family"])
        assert table(load_result(tmp_path / recipe["family"]).points) == table(result.points)
        mean = {
            (name, n): np.mean([p.risk for p in result.points if (p.learner, p.n) == (name, n)])
            for name in ("1-nn", "ridge", "bayes")
            for n in spec.train_sizes
        }
        curve = result.predictions["1-nn"].curve(np.array(spec.train_sizes))
        for n, risk in zip(spec.train_sizes, curve.risk, strict=True):
            assert mean["bayes", n] < mean["1-nn", n]
            assert mean["bayes", n] < mean["ridge", n]
            assert mean["1-nn", n] == pytest.approx(risk, rel=0.35)
        verdict = result.verdicts[0]
        assert verdict.n_sizes == 3
        assert verdict.predicted == pytest.approx(0.5)
        assert verdict.predicted_local == pytest.approx(verdict.measured, abs=0.25)
        assert all(0.0 < p.v_in <= 1.1 for p in result.points)
