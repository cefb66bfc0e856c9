"""Learners declare what others must know of them; a new one is one file and one line of the registry."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fractalman as fm
from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.experiments import load_spec, plan_sweep, run_sweep
from fractalman.experiments.axes import axis_named
from fractalman.learners import Learner, Problem
from fractalman.prediction import LEARNERS, law_of
from fractalman.random.streams import normals

EVERY = learners.names()

TOY = '''
"""The mean of the first training labels: a learner of fixed size, in one file."""

from dataclasses import dataclass

import numpy as np

from fractalman.learners import Cost, Learner, LearnerProperties, Outcome


@dataclass(frozen=True)
class FirstLabels(Learner):
    points: int = 4

    name = "first-labels"
    capacity = "fixed"
    axes = {"points": "model"}
    doubled = ("points",)
    properties = LearnerProperties("first-labels", "unknown")

    @property
    def conventions(self):
        return f"first-labels: the mean of the first {self.points} training labels."

    def parameters(self, d, outputs=1):
        return self.points * outputs

    def cost(self, n, d, t, m):
        return Cost(operations=0.0, memory=8.0 * m, seconds=7.0)

    def run(self, problems):
        found = []
        for p in problems:
            mean = p.y_train[: self.points].mean(axis=0)
            train_risk = float(np.mean((p.y_train - mean) ** 2))
            found.append(Outcome(np.tile(mean, (len(p.X_test), 1)), train_risk, {"points": self.points}))
        return found
'''


def problem(n: int = 24, d: int = 3, m: int = 2, t: int = 5) -> Problem:
    numbers = normals(n, (n + t) * d + n * m)
    X = numbers[: (n + t) * d].reshape(n + t, d).astype(np.float32)
    return Problem(X[:n], numbers[(n + t) * d :].reshape(n, m), X[n:], 3)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One file on the path, one line in the registry, nothing else."""
    (tmp_path / "toy_first_labels.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(learners.REGISTRY, "first-labels", "toy_first_labels:FirstLabels")
    return "first-labels"


@pytest.mark.usefixtures("sketched")
def test_a_learner_is_added_by_one_file_and_one_line(toy: str, tmp_path: Path) -> None:
    """A specification names it, its table is read, a plan counts its cost, a sweep measures it, a report shows it."""
    pytest.importorskip("matplotlib")
    spec = {
        "recipe": {"family": "cascade", "n_points": 600, "branching": 4, "ambient_dim": 8},
        "sweep": {"learners": ["1-nn", toy], "train_sizes": [16, 32, 64], "seeds": 3, "test_size": 64},
        toy: {"points": 8},
    }
    plan = plan_sweep(load_spec(spec), flops=1e11)
    assert plan.seconds[toy] > 9 * 7.0 > plan.seconds["1-nn"]  # nine points of seven seconds each, as it says itself
    result = fm.confirm(spec, tmp_path / "run")
    mine = [point for point in result.points if point.learner == toy]
    assert {point.parameters for point in mine} == {8 * 8}  # label draws are outputs
    assert {point.info["points"] for point in mine} == {8}
    by_size = [np.mean([point.risk for point in mine if point.n == n]) for n in (16, 32, 64)]
    assert max(by_size) < 1.02 * min(by_size)  # it sees eight labels whatever n
    nearest = np.mean([point.risk for point in result.points if point.learner == "1-nn" and point.n == 64])
    assert by_size[-1] > 2.0 * nearest
    verdict = result.verdicts[1]
    assert (verdict.learner, verdict.agrees, verdict.predicted) == (toy, None, None)
    assert "the mean of the first 8 training labels." in (tmp_path / "run/report.html").read_text()


def test_its_settings_are_axes_and_doubling_checks(toy: str, tmp_path: Path) -> None:
    spec = load_spec(
        {
            "recipe": {"family": "cascade", "n_points": 600, "branching": 4, "ambient_dim": 8},
            "sweep": {
                "learners": [toy], "axis": "points", "values": [1, 4, 16], "train_size": 40, "seeds": 2,
                "test_size": 32, "doubling_checks": True,
            },
        }
    )  # fmt: skip
    assert (axis_named("points").kind, axis_named("points").abscissa) == ("model", "P")
    result = run_sweep(spec, tmp_path / "run")
    assert {(p.value, p.info["points"]) for p in result.points if p.learner == toy} == {(1, 1), (4, 4), (16, 16)}
    assert {(p.value, p.info["points"]) for p in result.doubling_checks} == {(1, 2), (4, 8), (16, 32)}
    with pytest.raises(RecipeError, match=r"unknown key first-labels\.pionts: .*did you mean 'points'"):
        learners.make(toy, {"pionts": 3})


def test_without_its_line_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_first_labels.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RecipeError, match="unknown learner 'first-labels'"):
        learners.make("first-labels")
    assert axis_named("points").kind == "recipe"


def test_a_setting_without_a_default_is_asked_for() -> None:
    fields = [("length", float), ("ridge", float, 0.0)]
    needy = dataclasses.make_dataclass(
        "Needy", fields, bases=(Learner,), namespace={"name": "needy", "conventions": "", "run": None}
    )
    assert needy.from_table({"length": 2.0}).setting("length") == 2.0
    with pytest.raises(RecipeError, match=r"needy.length: expected a value, .*; use \[needy\] length = "):
        needy.from_table({"ridge": 1.0})


KERNEL = """
from fractalman.learners import LearnerProperties
from fractalman.learners.kernel_ridge import RadialKernel

class SmootherKernel(RadialKernel):
    name = "smoother-kernel"
    kernel = "matern-5/2"
    properties = LearnerProperties("smoother-kernel", "kernel", smoothness=2.5)
"""


def test_a_kernel_by_name_has_the_curve_that_its_class_declares(
    toy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list of names stands beside the registry; what declares no smoother says that it has no curve."""
    (tmp_path / "toy_kernel.py").write_text(KERNEL)
    monkeypatch.setitem(learners.REGISTRY, "smoother-kernel", "toy_kernel:SmootherKernel")
    recipe = fm.Cascade(n_points=256, branching=4, ambient_dim=8, hurst=0.5)
    by_name = fm.predict(recipe, "smoother-kernel").curve([16, 32])
    assert by_name.risk.tolist() == fm.predict(recipe, learners.make("smoother-kernel")).curve([16, 32]).risk.tolist()
    assert by_name.risk.tolist() != fm.predict(recipe, "matern-kernel").curve([16, 32]).risk.tolist()  # another order
    classes = fm.predict(recipe.replace(target="sign"), "smoother-kernel")
    assert 0.0 < classes.curve([16]).risk[0] < 0.5
    assert not fm.predict(recipe, toy).has_curve
    with pytest.raises(RecipeError, match="no theory gives the curve of 'first-labels'"):
        fm.predict(recipe, toy).curve([16])


# ---------------------------------------------------------------------------------------------------- declarations


@pytest.mark.parametrize("name", EVERY)
def test_every_learner_declares_itself(name: str) -> None:
    cls = learners.learner_class(name)
    assert cls.name == name == cls.properties.name
    assert cls.capacity in ("grows with n", "fixed")
    assert cls.properties.kind in ("local", "kernel", "linear", "trees", "network", "counts")
    assert {*cls.axes, *cls.doubled} <= set(cls.defaults())
    assert set(cls.axes.values()) <= {"model", "budget"}
    assert not cls.padding or cls.padding in cls.defaults()
    assert not cls.reference or cls.reference in EVERY
    assert learners.settings_of(name) == tuple(cls.defaults())
    assert learners.properties_of(name) == cls.properties


@pytest.mark.parametrize("name", [*EVERY, "5-nn"])
def test_a_made_learner_keeps_its_declaration(name: str) -> None:
    pytest.importorskip(
        "jax"
        if name in ("mlp", "convolution", "transformer")
        else "sklearn"
        if name == "gradient-boosting"
        else "numpy"
    )
    cls, made = learners.learner_class(name), learners.make(name)
    for key, value in cls.defaults().items():
        assert made.setting(key) == (5 if name == "5-nn" else value)
    assert (made.smoother() is not None) == (cls.linear_smoother or name == "mlp")
    assert (type(made).resume is not Learner.resume) == cls.checkpoints
    count = made.parameters(7, 2)
    assert (count is None) == (cls.capacity == "grows with n" or name == "ridge")
    for small, large in (((64, 8, 32, 1), (128, 8, 32, 1)), ((64, 8, 32, 1), (64, 16, 32, 1))):
        costs = [made.cost(*size) for size in (small, large)]
        assert costs[0] is not None
        assert costs[1] is not None
        assert 0.0 < costs[0].seconds_at(1e11) < costs[1].seconds_at(1e11)
        assert costs[1].seconds_at(1e11) < costs[1].seconds_at(1e9)  # a slower machine
        assert 0.0 < costs[0].memory <= costs[1].memory


def test_a_number_of_features_reaches_the_law() -> None:
    assert learners.properties_of("random-features").features == 1024
    assert learners.make("random-features", {"features": 64}).own_properties.features == 64
    window = law_of(fm.Cascade(n_points=10), "random-features").windows[0]
    assert window.high == 1024 / 4


def test_names_that_laws_know_are_the_learners_and_the_floor() -> None:
    assert (*EVERY, "bayes") == LEARNERS


def test_declarations_need_no_library() -> None:
    """JAX and scikit-learn are imported when a learner is made, not when one asks what there is."""
    code = (
        "import json, sys\n"
        "from fractalman import learners\n"
        "from fractalman.experiments import reading\n"
        "found = [learners.learner_class(n).defaults() for n in learners.names()]\n"
        "print(json.dumps(sorted({'jax', 'sklearn', 'optax', 'torch'} & set(sys.modules))))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert json.loads(loaded.stdout) == []


def test_the_networks_words_are_those_that_train() -> None:
    pytest.importorskip("jax")
    from fractalman.learners.networks import settings, training

    assert tuple(training.ACTIVATIONS) == settings.ACTIVATIONS
    assert tuple(training.OPTIMIZERS) == settings.OPTIMIZERS


def test_a_missing_library_is_said_after_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the specification is a mistake whatever is installed; without one the missing extra is named."""
    monkeypatch.setitem(sys.modules, "jax", None)
    spec = {
        "recipe": {"family": "cascade", "n_points": 600},
        "sweep": {"learners": ["mlp", "1-nn"], "train_sizes": [16, 32, 64], "seeds": 3, "test_size": 64},
    }
    with pytest.raises(fm.MissingExtraError, match=r"pip install jax"):
        load_spec(spec)
    with pytest.raises(RecipeError, match=r"unknown key k-nn\.n"):
        load_spec({**spec, "k-nn": {"n": 3}})
