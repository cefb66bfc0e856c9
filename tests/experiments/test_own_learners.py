"""Somebody's own learner in a sweep: from Python, from the command line and from an installed package."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import fractalman as fm
from fractalman import learners
from fractalman.cli import main
from fractalman.errors import RecipeError
from fractalman.experiments import load_result, load_spec, plan_sweep, run_sweep
from fractalman.experiments.points import Point
from fractalman.experiments.references import ratios
from fractalman.learners import registry
from fractalman.prediction import make_prediction

ROOT = Path(fm.__file__).parent.parent
SWEEP = {"learners": ["1-nn", "mine"], "train_sizes": [16, 32, 64], "seeds": 3, "test_size": 64, "label_draws": 4}
SPEC: dict[str, Any] = {
    "recipe": {"family": "cascade", "n_points": 600, "branching": 4, "hurst": 0.5, "ambient_dim": 24},
    "sweep": SWEEP,
}
MANY = {"seeds": 8, "test_size": 256, "label_draws": 32}
MODULE = '''
"""A module of somebody's own: it counts how often it is asked, and can be told to take its time or to die."""
import os, time
from pathlib import Path
import numpy as np
from scipy.spatial.distance import cdist

def nearest(X, y, X_test, seed):
    told = os.environ.get("OWN_LEARNER_COUNTS")
    if told:
        with open(told, "a") as file:
            file.write(f"{len(X)} {seed} {os.getpid()}\\\\n")
    time.sleep(float(os.environ.get("OWN_LEARNER_SECONDS", "0")))
    return y[cdist(X_test, X).argmin(axis=1)]

class Mean:
    def fit(self, X, y):
        self.mean = y.mean()
        return self
    def predict(self, X):
        return np.full(len(X), self.mean)

mean = Mean()
'''.replace("\\\\n", "\\n")


def nearest(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001
    label: np.ndarray = y[cdist(X_test, X).argmin(axis=1)]
    return label


def shuffled(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, seed: int) -> np.ndarray:
    """Nearest neighbours whose labels are another point's: no learner at all."""
    return nearest(X, np.random.RandomState(seed).permutation(y), X_test, seed)


def fails_at_32(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, seed: int) -> np.ndarray:
    if len(X) == 32:
        raise MemoryError("not today")
    return nearest(X, y, X_test, seed)


def risks(points: Any, learner: str) -> list[float]:
    return [point.risk for point in points if point.learner == learner]


# ---------------------------------------------------------------------------------------------------- from Python


def test_a_function_is_measured_as_the_learner_that_it_is(tmp_path: Path) -> None:
    result = run_sweep(load_spec(SPEC, {"mine": nearest}), tmp_path / "run")
    assert risks(result.points, "mine") == risks(result.points, "1-nn")
    header = json.loads((tmp_path / "run/journal.jsonl").read_text().splitlines()[0])
    kept = header["spec"]["brought"]["mine"]
    assert kept["repr"].startswith(f"{__name__}.nearest (source ")
    mine = result.verdicts[1]
    assert mine.agrees is None
    assert "like" in mine.reason
    assert "times 1-nn's curve at n = 64" in mine.reason
    assert "times laplace-kernel's curve at n = 64" in mine.reason
    assert result.predictions["mine"] is None


def test_ratios_to_curves_that_stand_beside(tmp_path: Path) -> None:
    """Nearest neighbours are once 1-NN's curve, within errors; shuffled labels are many times it."""
    sizes = {**SPEC, "sweep": {**SWEEP, "learners": ["1-nn"], "train_sizes": [32, 64, 128], **MANY}}
    result = run_sweep(load_spec(sizes, {"mine": nearest, "control": shuffled}), tmp_path / "run")
    curves = {"1-nn": result.predictions["1-nn"]}
    for name, good in (("mine", True), ("control", False)):
        n, ratio, error = ratios([p for p in result.points if p.learner == name], curves)["1-nn"]
        assert n == 128
        assert 0.0 < error < 0.5 * ratio
        assert (abs(ratio - 1.0) < 3.0 * error) is good
    failed = [p for p in result.points if p.learner == "mine"]
    failed = [replace(p, risk=float("nan")) if p.n == 128 and p.seed == 1 else p for p in failed]
    assert ratios(failed, curves)["1-nn"][0] == 64  # a size with a point without a risk is left out


@pytest.mark.slow(reason="a sweep of many label vectors", only=["like1"])
@pytest.mark.parametrize("like", ["1-nn", learners.make("k-nn", {"k": 1})])
def test_a_learner_is_judged_by_what_it_is_like(like: Any, tmp_path: Path) -> None:
    """The verdict is that of the learner named; a control whose labels are shuffled does not agree."""
    brought = {
        "mine": learners.own(nearest, like=like),
        "control": learners.own(shuffled, like=like),
    }
    sizes = {**SPEC, "sweep": {**SWEEP, "train_sizes": [32, 64, 128, 256], **MANY}}
    result = run_sweep(load_spec(sizes, brought), tmp_path / "run")
    own, mine, control = result.verdicts
    assert own.agrees is True
    assert mine.agrees is True
    assert mine.measured == own.measured
    assert mine.level.ratio == pytest.approx(own.level.ratio, rel=0.05)
    assert mine.predicted_local == pytest.approx(own.predicted_local, abs=0.05)
    assert control.agrees is not True


def test_the_level_of_what_it_is_like_is_asked_whatever_limits_it(tmp_path: Path) -> None:
    """Half of 1-NN's answer falls with n as 1-NN does, a constant not at all: neither is like 1-NN."""
    brought = {
        "half": learners.own(lambda X, y, Z, seed: 0.5 * nearest(X, y, Z, seed), like="1-nn"),
        "constant": learners.own(lambda X, y, Z, seed: np.full(len(Z), y.mean()), like=learners.make("laplace-kernel")),  # noqa: ARG005
    }
    sizes = {**SPEC, "sweep": {**SWEEP, "learners": list(brought), "train_sizes": [32, 64, 128, 256], **MANY}}
    for verdict in run_sweep(load_spec(sizes, brought), tmp_path / "run").verdicts:
        assert verdict.agrees is False
        assert verdict.level.agrees is False


def test_a_table_says_what_it_is_like(tmp_path: Path) -> None:
    named = {**SPEC, "mine": {"like": "1-nn", "capacity": "grows with n"}}
    spec = load_spec(named, {"mine": nearest})
    assert spec.brought["mine"].like == "1-nn"  # type: ignore[attr-defined]
    again = load_spec(spec.to_dict(), {"mine": learners.own(nearest, like="1-nn")})
    assert (again.digest, again.to_dict()) == (spec.digest, spec.to_dict())
    run_sweep(spec, tmp_path / "run")
    told = load_result(tmp_path / "run")  # by the journal alone
    assert told.predictions["mine"] is not None
    assert told.conventions["mine"] == spec.brought["mine"].conventions


def test_names_that_are_left_out_come_last() -> None:
    spec = load_spec({**SPEC, "sweep": {**SWEEP, "learners": ["1-nn"]}}, {"a": nearest, "b": nearest})
    assert spec.learners == ("1-nn", "a", "b")
    plan = plan_sweep(spec, flops=1e11)
    assert plan.points["b"] == 9


def test_what_fails_is_a_point_with_its_reason(tmp_path: Path) -> None:
    result = run_sweep(load_spec(SPEC, {"mine": fails_at_32}), tmp_path / "run")
    mine = {n: [p for p in result.points if p.learner == "mine" and p.n == n] for n in (16, 32, 64)}
    assert all(np.isfinite(p.risk) for n in (16, 64) for p in mine[n])
    for point in mine[32]:
        assert np.isnan(point.risk)
        assert point.info["failed"] == "MemoryError: not today"
        assert point.regime == "failed"
        assert point.reason == "3 of 3 failed: MemoryError: not today"
    again = load_result(tmp_path / "run")
    assert [p.reason for p in again.points] == [p.reason for p in result.points]


@pytest.mark.parametrize(
    ("change", "brought", "message"),
    [
        ({}, {}, "unknown learner 'mine'"),
        ({}, {"mine": 3}, "mine is 3: expected an estimator"),
        ({}, {"ridge": nearest}, "'ridge': the name is taken"),
        ({}, {"7-nn": nearest}, "'7-nn': the name is taken"),
        ({}, {"sweep": nearest}, "'sweep': the name is taken"),
        ({}, {"my own": nearest}, "expected a name of letters"),
        ({"mine": {"likes": "1-nn"}}, {"mine": nearest}, r"unknown key mine\.likes: .*did you mean 'like'"),
        ({"mine": {"like": 3}}, {"mine": nearest}, "expected words"),
        ({"mine": {"capacity": "big"}}, {"mine": nearest}, "capacity = 'big'"),
        ({"mine": {"like": "1-nn"}}, {"mine": learners.OwnKernel(function=cdist)}, "leave the table out"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], brought: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_spec({**SPEC, **change}, brought)


def test_a_specification_alone_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a name nor a table of a journal makes code run: the learner is told of, and cannot run."""
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("evil:thing", "evil"):
        with pytest.raises(RecipeError, match="unknown learner"):
            load_spec({**SPEC, "sweep": {**SWEEP, "learners": [name]}})
    words = {"repr": "evil.thing", "version": "", "capacity": "fixed", "like": "", "conventions": "evil"}
    forged = {**SPEC, "brought": {"mine": words}}
    assert load_spec(forged).make("mine").conventions == "evil"
    with pytest.raises(RecipeError, match=r"'mine' \(evil\.thing\) was brought .* --learner mine=module:attribute"):
        fm.confirm(forged, tmp_path / "run")
    assert "evil" not in sys.modules


def test_another_learner_of_the_same_name_is_another_run(tmp_path: Path) -> None:
    run_sweep(load_spec(SPEC, {"mine": nearest}), tmp_path / "run")
    with pytest.raises(RecipeError):
        run_sweep(load_spec(SPEC, {"mine": shuffled}), tmp_path / "run")
    calls: list[str] = []
    run_sweep(load_spec(SPEC, {"mine": nearest}), tmp_path / "run", calls.append)  # the same one goes on
    assert any("18 of 18" in line or "are in the journal already" in line for line in calls)


def test_a_kernel_of_ones_own_is_judged_by_its_own_curve(tmp_path: Path) -> None:
    kernel = learners.OwnKernel(function=cusp)
    sizes = {**SPEC, "sweep": {**SWEEP, "learners": ["laplace-kernel"], "train_sizes": [32, 64, 128], **MANY}}
    result = run_sweep(load_spec(sizes, {"mine": kernel}), tmp_path / "run")
    mine = result.verdicts[1]
    assert mine.predicted is None  # no law
    assert mine.predicted_local is not None
    assert mine.agrees is True
    measured = np.mean([p.risk for p in result.points if p.learner == "mine" and p.n == 128])
    curve = result.predictions["mine"].curve([128])
    assert measured == pytest.approx(curve.risk[0], rel=0.35)


def cusp(X: np.ndarray, Z: np.ndarray) -> np.ndarray:
    kernel: np.ndarray = np.exp(-cdist(X, Z))
    return kernel


def test_predictions_take_kernels_lengths_and_ridges() -> None:
    recipe = fm.Cascade(n_points=600, branching=4, ambient_dim=24)
    given = make_prediction(recipe, learners.make("laplace-kernel", {"length": 1.0, "ridge": 1e-3}))
    same = make_prediction(recipe, learners.OwnKernel(function=cusp, ridge=1e-3))
    plain = make_prediction(recipe, "laplace-kernel")
    np.testing.assert_allclose(given.curve([32, 64]).risk, same.curve([32, 64]).risk, rtol=1e-9)
    assert given.data_exponent == plain.data_exponent
    assert same.data_exponent is None
    assert "no law" in same.why()
    by_function = make_prediction(recipe, cusp)
    assert not np.allclose(by_function.curve([64]).risk, same.curve([64]).risk, rtol=1e-6)  # another ridge
    with pytest.raises(RecipeError, match="expected a name, a learner or a kernel"):
        make_prediction(recipe, 3)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="nothing is predicted for 'mine'"):
        make_prediction(recipe, learners.own(nearest))


@pytest.mark.slow(reason="forests fitted in a whole run")
def test_a_forest_is_measured_against_floor_and_curves(tmp_path: Path) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    pytest.importorskip("matplotlib")
    forest = ensemble.RandomForestRegressor(n_estimators=10)
    result = fm.confirm(SPEC, tmp_path / "run", learners={"mine": forest})
    points = [p for p in result.points if p.learner == "mine"]
    assert all(p.efficiency is not None and p.efficiency > 0.9 for p in points)  # over the floor of its replicate
    report = (tmp_path / "run/report.html").read_text()
    assert "RandomForestRegressor(n_estimators=10)" in report


def test_without_a_folder_nothing_is_kept_and_what_failed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def fails(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
        raise ZeroDivisionError("by nothing")

    result = fm.confirm(SPEC, learners={"mine": fails})
    (verdict,) = [one for one in result.verdicts if one.learner == "mine"]
    assert verdict.agrees is None
    assert "failed: ZeroDivisionError: by nothing" in verdict.reason
    assert not list(tmp_path.iterdir())
    with pytest.raises(RecipeError, match="learner mine cannot be sent to other processes"):
        fm.confirm(SPEC, learners={"mine": fails}, jobs=2)
    with pytest.raises(RecipeError, match="expected a dict name → learner"):
        fm.confirm(SPEC, learners=[fails])  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- processes


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    (tmp_path / "own_module.py").write_text(MODULE)
    (tmp_path / "spec.toml").write_text(
        '[recipe]\nfamily = "cascade"\nn_points = 600\nbranching = 4\nambient_dim = 24\n'
        '[sweep]\nlearners = ["1-nn", "mine"]\ntrain_sizes = [16, 32, 64]\nseeds = 2\ntest_size = 64\n'
        'label_draws = 2\n[mine]\nlike = "1-nn"\n'
    )
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def confirm(*more: str) -> list[str]:
    learner = ["--learner", "mine=own_module:nearest"]
    return [sys.executable, "-m", "fractalman", "confirm", "spec.toml", *learner, "-o", "run", "--json", *more]


def without_time(folder: Path) -> list[Point]:
    return [Point.from_dict({**p.to_dict(), "seconds": 0.0}) for p in load_result(folder).points if p.learner == "mine"]


@pytest.mark.slow(reason="processes that start and are killed")
def test_from_the_command_line_killed_and_resumed_by_two_workers(tmp_path: Path) -> None:
    """A run with a learner of the current folder is killed in its middle and goes on with two processes."""
    pytest.importorskip("matplotlib")
    counts = tmp_path / "counts"
    slow = environment(tmp_path, OWN_LEARNER_COUNTS=str(counts), OWN_LEARNER_SECONDS="0.3")
    running = subprocess.Popen(
        confirm(), cwd=tmp_path, env=slow, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 120.0
    while time.monotonic() < end and (not counts.exists() or len(counts.read_text().splitlines()) < 5):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    before = len(counts.read_text().splitlines())
    assert before >= 5, "the run was killed before it had begun"
    fast = environment(tmp_path, OWN_LEARNER_COUNTS=str(counts))
    done = subprocess.run(
        confirm("--jobs", "2"), cwd=tmp_path, env=fast, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    lines = [line.split() for line in counts.read_text().splitlines()]
    assert len(lines) < 2 * 12  # six points of two columns: the finished ones were not done again
    assert len({pid for _, _, pid in lines[before:]}) <= 2
    assert json.loads(done.stdout)
    (tmp_path / "whole").mkdir()
    whole = confirm()
    whole[whole.index("run")] = "whole/run"
    subprocess.run(whole, cwd=tmp_path, env=fast, capture_output=True, timeout=240, check=False)
    assert without_time(tmp_path / "run") == without_time(tmp_path / "whole/run")
    assert len(without_time(tmp_path / "run")) == 6


@pytest.mark.slow(reason="processes that start and are killed")
@pytest.mark.parametrize("brought", ["{'mine': own_module.nearest}", "None"], ids=["python", "package"])
def test_from_python_and_a_package_killed_and_resumed(brought: str, tmp_path: Path) -> None:
    """As above; what is finished was not done again, and the whole is one neighbour's."""
    counts = tmp_path / "counts"
    told = {"OWN_LEARNER_COUNTS": str(counts)}
    slow = environment(tmp_path, **told, OWN_LEARNER_SECONDS="0.3")
    if brought == "None":
        info = tmp_path / "own-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[fractalman.learners]\nmine = own_module:nearest\n")
    script = (
        "import own_module\nfrom pathlib import Path\nfrom fractalman.experiments import load_spec, run_sweep\n"
        f"run_sweep(load_spec('spec.toml', {brought}), Path('run'))\n"
    )
    command = [sys.executable, "-c", script]
    with (tmp_path / "errors").open("w") as errors:
        running = subprocess.Popen(command, cwd=tmp_path, env=slow, start_new_session=True, stderr=errors)
    end = time.monotonic() + 120.0
    while time.monotonic() < end and (not counts.exists() or len(counts.read_text().splitlines()) < 5):
        if running.poll() is not None:
            break
        time.sleep(0.02)
    killed = running.poll() is None
    if killed:
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert killed, (tmp_path / "errors").read_text()
    before = len(counts.read_text().splitlines())
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path, **told), capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert before >= 5
    assert len(counts.read_text().splitlines()) < 12 + before  # six points of two columns, some of them kept
    points = load_result(tmp_path / "run").points
    assert len(risks(points, "mine")) == 6
    assert risks(points, "mine") == risks(points, "1-nn")


def test_the_command_line_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_module", raising=False)
    for change, message in (
        (["--learner", "mine=own_module:mean"], "given twice"),
        (["--learner", "other"], "expected NAME=module:attribute"),
        (["--learner", "other=own_module:none"], "own_module has no 'none'"),
        (["--learner", "other=own_module:Mean"], "use Mean()"),
    ):
        assert main(confirm(*change)[3:]) == 2
        assert message in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- packages


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A distribution that announces a learner, found as an installed one is."""
    info = tmp_path / "own_package-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-package\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(
        "[fractalman.learners]\npackaged = own_module_of_package:nearest\nridge = own_module_of_package:mean\n"
    )
    (tmp_path / "own_module_of_package.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.installed.cache_clear()
    yield "packaged"
    registry.installed.cache_clear()


def test_an_installed_package_brings_learners(package: str, tmp_path: Path) -> None:
    assert "own_module_of_package" not in sys.modules
    spec = load_spec({**SPEC, "sweep": {**SWEEP, "learners": ["1-nn", package]}})
    result = run_sweep(spec, tmp_path / "run")
    assert risks(result.points, package) == risks(result.points, "1-nn")
    assert learners.make("ridge").conventions.startswith("ridge: linear regression")  # the registry's own name stays
    with pytest.raises(RecipeError, match="did you mean 'packaged'"):
        learners.make("pakaged")


def test_without_the_package_its_learner_is_unknown() -> None:
    assert importlib.metadata.entry_points(group=registry.GROUP).names == set()
    with pytest.raises(RecipeError, match="unknown learner 'packaged'"):
        learners.make("packaged")
