"""Your own learner: estimators, functions and PyTorch modules as learners; seeds, copies, failures, descriptions."""

from __future__ import annotations

import functools
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import fractalman as fm
from fractalman import learners, theory
from fractalman.cli.brought import brought_learners
from fractalman.errors import FitError, MissingExtraError, RecipeError
from fractalman.learners import Learner, Problem, UserLearner, own
from fractalman.learners.user import absent, shown, version_of
from fractalman.random.streams import normals


def problem(n: int = 40, d: int = 3, m: int = 3, t: int = 12, key: int = 3) -> Problem:
    numbers = normals(n, (n + t) * d)
    X = numbers.reshape(n + t, d).astype(np.float32)
    y = np.stack([np.sin(X[:, 0] + j).astype(np.float64) for j in range(m)], axis=1)
    return Problem(X[:n], y[:n], X[n:], key)


def nearest_label(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, seed: int) -> np.ndarray:
    """1-NN in three lines, with a ± of the seed's parity that tests look for."""
    label: np.ndarray = y[cdist(X_test, X).argmin(axis=1)]
    return label + 0.0 * seed


def seed_itself(X: np.ndarray, y: np.ndarray, X_test: np.ndarray, seed: int) -> list[float]:  # noqa: ARG001
    return [float(seed)] * len(X_test)


class Meddler:
    """An estimator that changes everything it is given, itself included."""

    fits = 0

    def fit(self, X: np.ndarray, y: np.ndarray) -> Meddler:
        self.fits += 1
        self.mean = float(y.mean()) + 1000.0 * (self.fits - 1)
        X[:] = np.nan
        y[:] = np.nan
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        X[:] = np.nan
        return np.full((len(X), 1), self.mean)


# ---------------------------------------------------------------------------------------------------- functions


def test_a_function_is_the_learner_that_it_is() -> None:
    p = problem()
    (mine,) = own(nearest_label, called="mine").run([p])
    (theirs,) = learners.make("1-nn").run([p])
    np.testing.assert_array_equal(mine.prediction, theirs.prediction)
    assert mine.train_risk == theirs.train_risk == 0.0


def test_every_column_and_problem_has_a_seed_of_its_own() -> None:
    p, other = problem(), problem(key=4)
    first, again = (own(seed_itself).run([p])[0] for _ in range(2))
    np.testing.assert_array_equal(first.prediction, again.prediction)
    seeds = first.info["seeds"]
    np.testing.assert_array_equal(first.prediction[0], seeds)
    assert len({*seeds, *own(seed_itself).run([other])[0].info["seeds"]}) == 6
    assert all(0 <= seed < 1 << 31 for seed in seeds)


def test_problems_run_together_or_alone_are_the_same() -> None:
    problems = [problem(), problem(n=20), problem(key=9)]
    learner = own(nearest_label)
    for together, alone in zip(learner.run(problems), (learner.run([p])[0] for p in problems), strict=True):
        np.testing.assert_array_equal(together.prediction, alone.prediction)


# ---------------------------------------------------------------------------------------------------- estimators


def test_an_estimator_is_copied_and_its_data_too() -> None:
    p = problem()
    before = p.X_train.copy(), p.y_train.copy(), p.X_test.copy()
    meddler = Meddler()
    learner = own(meddler)
    for _ in range(2):
        (outcome,) = learner.run([p])
        np.testing.assert_allclose(outcome.prediction, np.tile(p.y_train.mean(axis=0), (12, 1)))
        assert outcome.train_risk == pytest.approx(p.y_train.var(axis=0).mean())
    assert meddler.fits == 0
    for now, then in zip((p.X_train, p.y_train, p.X_test), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_forest_is_seeded_from_the_key() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    pipeline = pytest.importorskip("sklearn.pipeline")
    forest = ensemble.RandomForestRegressor(n_estimators=5, random_state=None)
    nested = pipeline.make_pipeline("passthrough", forest)
    p = problem(m=2)
    for thing, place in ((forest, "random_state"), (nested, "randomforestregressor__random_state")):
        learner = own(thing, called="forest")
        first, again = (learner.run([p])[0] for _ in range(2))
        np.testing.assert_array_equal(first.prediction, again.prediction)
        (other,) = learner.run([problem(m=2, key=8)])
        assert not np.array_equal(first.prediction, other.prediction)  # control: another key, another forest
        assert thing.get_params()[place] is None  # the user's own object stays as it was
        by_hand = ensemble.RandomForestRegressor(n_estimators=5, random_state=first.info["seeds"][1])
        by_hand.fit(p.X_train.astype(np.float64), p.y_train[:, 1])
        np.testing.assert_allclose(first.prediction[:, 1], by_hand.predict(p.X_test.astype(np.float64)))
    assert "RandomForestRegressor(n_estimators=5)" in own(forest, called="forest").conventions
    assert version_of(forest).startswith("sklearn ")


# ---------------------------------------------------------------------------------------------------- failures


def raises(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    raise ZeroDivisionError("by nothing")


def too_few(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    return np.zeros(len(X_test) - 1)


def nowhere(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    return np.where(np.arange(len(X_test)) == 2, np.inf, 0.0)


def words(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    return ["a"] * len(X_test)


def masked(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    return np.ma.masked_array(np.zeros(len(X_test)), mask=np.arange(len(X_test)) == 3)


def rotated(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    return np.zeros(len(X_test)) + 1j


def huge(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    return np.full(len(X_test), 1e200)


def leaves(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (masked, "ValueError: predictions of kind float64, 1 masked"),
        (rotated, "ValueError: predictions of kind complex128"),
        (huge, "ValueError: predictions up to 1e+200: expected at most 1e+100"),
        (leaves, "SystemExit: 3"),
        (raises, "ZeroDivisionError: by nothing"),
        (too_few, "ValueError: predictions of shape (51,): expected (52,)"),
        (nowhere, "ValueError: 1 of 52 predictions are not finite"),
        (words, "ValueError: could not convert"),
    ],
)
def test_what_fails_is_a_point_without_a_risk(function: Any, reason: str) -> None:
    outcomes = own(function).run([problem()])
    assert np.isnan(outcomes[0].prediction).all()
    assert np.isnan(outcomes[0].train_risk)
    assert outcomes[0].info["failed"].startswith(reason)


def test_predictions_may_be_what_libraries_give_out() -> None:
    pandas = pytest.importorskip("pandas")
    for kind in (list, tuple, pandas.Series, lambda a: a[:, None], lambda a: np.ma.masked_array(a)):

        def of_kind(X: Any, y: Any, X_test: Any, seed: int, kind: Any = kind) -> Any:  # noqa: ARG001
            return kind(np.arange(len(X_test), dtype=float))

        outcome = own(of_kind).run([problem()])[0]
        np.testing.assert_array_equal(outcome.prediction[:, 0], np.arange(len(outcome.prediction)))


def test_what_a_learner_sets_of_numpy_ends_with_it() -> None:
    def strict(X: Any, y: Any, X_test: Any, seed: int) -> Any:  # noqa: ARG001
        np.seterr(all="raise")
        return np.zeros(len(X_test))

    before = np.geterr()
    own(strict).run([problem()])
    assert np.geterr() == before


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "expected an estimator with fit and predict, a function"),
        (Meddler, r"is the class .*Meddler.*use Meddler\(\)"),
        (None, "expected an estimator"),
    ],
)
def test_what_can_be_no_learner_is_refused(thing: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        own(thing)


def test_bad_words_are_refused() -> None:
    with pytest.raises(RecipeError, match="capacity = 'small'"):
        own(nearest_label, capacity="small")
    with pytest.raises(RecipeError, match="like = 3: expected a learner's name"):
        own(nearest_label, like=3)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- descriptions


def test_descriptions_are_the_same_in_every_process() -> None:
    """No address in memory: a run that was killed goes on in another process."""
    for thing in (nearest_label, functools.partial(nearest_label, seed=3), Meddler()):
        assert "0x" not in shown(thing)
        assert shown(pickle.loads(pickle.dumps(thing))) == shown(thing)
    assert shown(nearest_label).startswith(f"{__name__}.nearest_label (source ")
    assert shown(nearest_label) != shown(seed_itself)
    learner = own(nearest_label, called="mine", like="1-nn")
    assert learner.description["like"] == "1-nn"
    kept = absent("mine", learner.description)
    assert kept.description == learner.description
    assert (kept.conventions, kept.capacity) == (learner.conventions, learner.capacity)
    (outcome,) = kept.run([problem()])
    assert "--learner mine=module:attribute" in outcome.info["failed"]


def test_a_learner_travels_to_another_process() -> None:
    learner = own(nearest_label, called="mine")
    arrived = pickle.loads(pickle.dumps(learner))
    p = problem()
    np.testing.assert_array_equal(arrived.run([p])[0].prediction, learner.run([p])[0].prediction)


def test_a_module_and_an_attribute_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_own_learners.py").write_text("class Box:\n    mean = staticmethod(lambda X, y, Z, seed: Z[:, 0])\n")
    (tmp_path / "my_broken_learners.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    found = brought_learners(["m=my_own_learners:Box.mean"])
    assert list(found) == ["m"]
    assert callable(found["m"])
    for arguments, message in (
        (["m"], "expected NAME=module:attribute"),
        (["m=my_own_learners"], "expected NAME=module:attribute"),
        (["m=no_such_module_here:x"], "cannot be imported: No module named"),
        (["m=my_broken_learners:x"], "fails where it is imported: ZeroDivisionError: division by zero"),
        (["m=my_own_learners:Box.median"], r"my_own_learners has no 'Box\.median'"),
        (["m=my_own_learners:Box.maen"], r"did you mean 'mean'"),
        (["m=my_own_learners:Box.mean"] * 2, "m was given twice"),
    ):
        with pytest.raises(RecipeError, match=message):
            brought_learners(arguments)


# ---------------------------------------------------------------------------------------------------- kernels


def cusp(X: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return np.exp(-cdist(X, Z) / 0.7)


def test_a_kernel_of_ones_own_is_the_one_that_has_its_formula() -> None:
    p = problem()
    mine = learners.OwnKernel(function=cusp, ridge=1e-3)
    theirs = learners.make("laplace-kernel", {"length": 0.7, "ridge": 1e-3})
    outcomes = [learner.run([p])[0] for learner in (mine, theirs)]
    np.testing.assert_allclose(outcomes[0].prediction, outcomes[1].prediction, rtol=1e-9)
    assert outcomes[1].info["length"] == pytest.approx(0.7)
    assert outcomes[0].info["ridge"] == outcomes[1].info["ridge"] == 1e-3
    X, Z = p.X_train.astype(np.float64), p.X_test.astype(np.float64)
    mean = p.y_train.mean(axis=0)
    plain = mean + cusp(Z, X) @ np.linalg.solve(cusp(X, X) + 1e-3 * np.eye(p.n), p.y_train - mean)
    np.testing.assert_allclose(outcomes[0].prediction, plain, rtol=1e-8)
    (median,) = learners.make("laplace-kernel").run([p])
    assert not np.allclose(median.prediction, plain, rtol=1e-3)  # control: the length matters


@pytest.mark.parametrize(
    "learner",
    [
        learners.OwnKernel(function=cusp, ridge=1e-3),
        learners.make("matern-kernel", {"length": 2.0}),
        learners.make("gaussian-kernel", {"length": 0.5, "ridge": 1e-4}),
        learners.make("ntk-kernel", {"depth": 3, "ridge": 1e-2}),
        learners.make("random-features", {"features": 9, "ridge": 1e-2}),
    ],
    ids=lambda learner: learner.name,
)
def test_theory_has_the_weights_of_given_lengths_and_ridges(learner: Learner) -> None:
    p = problem()
    (outcome,) = learner.run([p])
    smoother = learner.smoother()
    assert smoother is not None
    H = smoother.weights(p.X_train, p.X_test, p.key, outcome.info["ridge"])
    np.testing.assert_allclose(H @ p.y_train, outcome.prediction, atol=1e-7)
    plain = learners.make(learner.name).smoother() if learner.name != "own-kernel" else theory.KernelRidge("gaussian")
    assert isinstance(plain, theory.Smoother)
    assert not np.allclose(plain.weights(p.X_train, p.X_test, p.key) @ p.y_train, outcome.prediction, atol=1e-4)


def test_kernels_that_cannot_be_are_refused() -> None:
    for settings, message in (
        ({"length": -1.0}, r"laplace-kernel\.length = -1\.0: expected a number with 0 < length"),
        ({"ridge": 0}, r"laplace-kernel\.ridge = 0"),
        ({"lenght": 1.0}, "did you mean 'length'"),
    ):
        with pytest.raises(RecipeError, match=message):
            learners.make("laplace-kernel", settings)
    with pytest.raises(RecipeError, match=r"own-kernel\.function = 3"):
        learners.OwnKernel(function=3)  # type: ignore[arg-type]
    (lost,) = learners.OwnKernel(function=lambda X, Z: np.ones(3)).run([problem()])  # noqa: ARG005
    assert "expected a finite table (40, 40)" in lost.info["failed"]
    (lost,) = learners.OwnKernel(function=lambda X, Z: -cdist(X, Z), ridge=1e-9).run([problem()])
    assert "too small to factorise" in lost.info["failed"]


def test_what_is_given_is_said() -> None:
    learner = learners.make("laplace-kernel", {"length": 0.5, "ridge": 1e-3})
    assert "length = 0.5 in units of the coordinates" in learner.conventions
    assert "is 0.001." in learner.conventions
    assert any("length = 0.5 and ridge = 0.001" in said for said in learner.own_properties.assumptions)
    assert learners.make("laplace-kernel").own_properties == learners.properties_of("laplace-kernel")
    assert "cusp" in learners.OwnKernel(function=cusp).conventions


# ---------------------------------------------------------------------------------------------------- PyTorch


def small(inputs: int, outputs: int) -> Any:
    torch = pytest.importorskip("torch")
    return torch.nn.Sequential(torch.nn.Linear(inputs, 32), torch.nn.ReLU(), torch.nn.Linear(32, outputs))


def test_a_torch_module_learns_and_is_seeded() -> None:
    torch = pytest.importorskip("torch")
    p = problem(n=150, m=2)
    learner = own(learners.TorchRegressor(small, steps=400, learning_rate=1e-2), called="net")
    state = torch.random.get_rng_state()
    first, again = (learner.run([p])[0] for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())  # the user's own numbers are not touched
    np.testing.assert_array_equal(first.prediction, again.prediction)
    truth = np.stack([np.sin(p.X_test[:, 0] + j) for j in range(2)], axis=1)
    assert np.median(np.square(first.prediction - truth)) < 0.02 * truth.var()  # far points are extrapolated
    assert first.train_risk < 0.05 * truth.var()
    (other,) = learner.run([problem(n=150, m=2, key=9)])
    assert not np.array_equal(first.prediction, other.prediction)
    assert "TorchRegressor(" in learner.conventions
    assert "0x" not in learner.conventions
    (lost,) = own(learners.TorchRegressor(small, steps=50, learning_rate=1e30)).run([p])
    assert "not finite" in lost.info["failed"]


def test_a_torch_learner_shows_itself_alike_in_every_process() -> None:
    """Its journal is found again by these words; PyTorch need not be here for them."""
    said = repr(learners.TorchRegressor(small, steps=3))
    assert f"TorchRegressor({shown(small)}, steps=3" in said
    assert "0x" not in said


def test_two_label_columns_are_two_outputs() -> None:
    pytest.importorskip("torch")
    p = problem(n=60, m=2)
    fitted = learners.TorchRegressor(small, steps=20).fit(p.X_train, p.y_train)
    assert fitted.predict(p.X_test).shape == (12, 2)
    assert learners.TorchRegressor(small, steps=20).fit(p.X_train, p.y_train[:, 0]).predict(p.X_test).shape == (12,)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"pip install torch"):
        learners.TorchRegressor(small).fit(np.zeros((3, 2)), np.zeros(3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"steps": 0}, "steps = 0"), ({"batch_size": True}, "batch_size = True"), ({"learning_rate": 0.0}, "> 0")],
)
def test_settings_of_a_torch_module_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        learners.TorchRegressor(small, **settings)


def test_a_function_of_two_tables_is_a_kernel() -> None:
    found = own(cusp, called="mine")
    assert isinstance(found, learners.OwnKernel)
    one, other = (learner.run([problem()])[0].prediction for learner in (found, learners.OwnKernel(function=cusp)))
    assert one.tolist() == other.tolist()
    assert isinstance(own(lambda *parts: parts[1][:1], called="any"), learners.UserLearner)
    for function in (np.linalg.inv, functools.partial(raises, 1)):
        with pytest.raises(RecipeError, match=r"function \(X, y, X_test, seed\) → prediction, or a kernel"):
            own(function, called="mine")
    with pytest.raises(RecipeError, match="nothing that it is like"):
        own(cusp, called="mine", like="1-nn")


def test_what_makes_a_network_is_told_from_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """By PyTorch's class of modules; a network by itself is refused with what to bring instead."""

    class Module:
        def __init__(self, inputs: int, outputs: int) -> None:
            self.inputs, self.outputs = inputs, outputs

        def __call__(self, *inputs: Any) -> Any:
            return inputs

    fake = types.ModuleType("torch")
    fake.nn = types.SimpleNamespace(Module=Module)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", fake)
    for brought in (Module, functools.partial(Module)):
        made = own(brought, called="net")
        assert isinstance(made, UserLearner)
        assert isinstance(made.brought, learners.TorchRegressor)
    for kernel in (lambda A, B: A @ B.T, lambda A, B: A[:, :1] * B[:, 0]):
        assert isinstance(own(kernel), learners.OwnKernel)
    with pytest.raises(RecipeError, match=r"one network, .* use its class, or a function"):
        own(Module(3, 1))


def test_a_kernel_that_fails_is_a_point_with_its_reason() -> None:
    def failing(A: Any, B: Any) -> Any:  # noqa: ARG001
        raise ValueError("not today")

    p = problem()
    (lost,) = own(failing).run([p])
    assert np.isnan(lost.prediction).all()
    assert "ValueError: not today" in lost.info["failed"]
    (lost,) = own(lambda A, B: A[:, :1] + 0.0 * B[:1, :1]).run([p])
    assert "expected a finite table" in lost.info["failed"]
    with pytest.raises(FitError, match="not today"):
        fm.predict("cascade-plain-1e3", failing).curve([16])
    (found,) = own(lambda A, B: 1.0 + A @ B.T).run([p])
    assert np.isfinite(found.prediction).all()
