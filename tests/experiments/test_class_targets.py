"""Sweeps whose target is a class: 0–1 risks, verdicts against the predicted 0–1 curve, sabotage refuted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from stand_ins import StandIns

import fractalman as fm
from fractalman import generation
from fractalman.experiments import load_spec, predicted, results, run_sweep
from fractalman.experiments.class_risks import class_risk
from fractalman.experiments.replicates import make_replicate
from fractalman.random.streams import Role, key64, permutation
from fractalman.report import page as pages
from fractalman.theory import bayes_risk

RECIPE = {
    "family": "cascade", "n_points": 4096, "ambient_dim": 24, "branching": 4, "contraction": 0.5, "hurst": 0.5,
    "target": "sign",
}  # fmt: skip
SWEEP = {"train_sizes": [32, 64, 128, 256], "seeds": 5, "test_size": 512, "label_draws": 64}


def spec_of(*names: str, **recipe: Any) -> Any:
    return load_spec({"recipe": {**RECIPE, **recipe}, "sweep": {**SWEEP, "learners": list(names)}})


def shuffled(data: Any, draws: int) -> np.ndarray:
    labels = generation_draws(data, draws)
    return labels[permutation(key64(data.recipe.seeds.labels, Role.ORDER), len(labels))]


generation_draws = generation.label_draws


def test_class_risk_counts_wrong_answers_and_ties_answer_zero() -> None:
    wrong = class_risk(np.array([[0.5, 0.9], [0.5 + 1e-12, 0.1]]), np.array([[0.0, 1.0], [1.0, 1.0]]))
    assert wrong == 0.5
    assert np.isnan(class_risk(np.array([[np.nan]]), np.array([[1.0]])))


@pytest.fixture(scope="module")
def predictions() -> dict[str, Any]:
    """What is predicted of clean labels, curves at the sweep's sizes computed: votes are counted over drawn labels."""
    spec = spec_of("1-nn", "laplace-kernel", "ridge", "5-nn")
    found = {name: fm.predict(spec.recipe, name) for name in spec.learners}
    for prediction in found.values():
        prediction.curve(list(spec.train_sizes))
    return found


@pytest.fixture(scope="module")
def clean(predictions: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Any]:
    """A specification, the folder of its run, and the result."""
    spec, folder = spec_of(*predictions), tmp_path_factory.mktemp("clean")
    with StandIns(predict=lambda _, learner, **__: predictions[learner]).playing():
        return spec, folder, run_sweep(spec, folder)


@pytest.mark.usefixtures("sketched")
def test_clean_classes_agree_and_rows_are_shares(clean: tuple[Any, Path, Any]) -> None:
    result = clean[2]
    verdicts = {verdict.learner: verdict for verdict in result.verdicts}
    for name, verdict in verdicts.items():
        assert verdict.agrees is not False, (name, verdict.reason)
        assert verdict.level is not None, name
    assert verdicts["1-nn"].agrees is True, verdicts["1-nn"].reason
    assert verdicts["1-nn"].predicted == pytest.approx(0.25)
    floor = {(p.n, p.seed): p.risk for p in result.points if p.learner == "bayes"}
    for point in result.points:
        assert 0.0 < point.risk < 0.5
        if point.learner != "bayes":
            assert point.efficiency == point.risk / floor[point.n, point.seed]
            assert point.info["squared_error"] > 0.0
    assert all(p.train_risk == 0.0 for p in result.points if p.learner == "1-nn")
    assert "shares of wrong classes" in pages.page("classes", {"run": result}, {}, {})


@pytest.mark.slow(reason="a sweep with many replicates")
def test_the_measured_risk_is_that_of_a_plain_neighbour(tmp_path: Path) -> None:
    spec = spec_of("1-nn", target="threshold", threshold=0.5, noise=0.2)
    result = run_sweep(spec, tmp_path)
    replicate = make_replicate(spec, 0)
    X, Z = replicate.X_train[:64].astype(float), replicate.X_test.astype(float)
    near = np.linalg.norm(Z[:, None] - X[None], axis=2).argmin(axis=1)
    expected = (replicate.y_train[near] != replicate.y_test)[:, : spec.label_draws].mean()
    [point] = [p for p in result.points if (p.learner, p.n, p.seed) == ("1-nn", 64, 0)]
    assert point.risk == pytest.approx(float(expected), abs=1e-12)
    floors = [p.risk for p in result.points if p.learner == "bayes" and p.n == 64]
    predicted = fm.predict(spec.recipe, "bayes").curve([64])
    error = np.hypot(np.std(floors, ddof=1) / np.sqrt(len(floors)), predicted.standard_error[0])
    assert abs(np.mean(floors) - predicted.risk[0]) < 4.0 * error


@pytest.mark.parametrize("sabotage", ["shuffled", "another Hurst exponent"])
def test_sabotaged_classes_are_refuted(sabotage: str, predictions: dict[str, Any], tmp_path: Path) -> None:
    generate, spec = generation.generate, spec_of("1-nn", "laplace-kernel")
    sabotaged: dict[str, Any] = (
        {"label_draws": shuffled}
        if sabotage == "shuffled"
        else {"generate": lambda recipe: generate(recipe.replace(hurst=0.25))}
    )
    stand_ins = StandIns(predict=lambda _, learner, **__: predictions[learner], **sabotaged)
    with stand_ins.playing():
        result = run_sweep(spec, tmp_path)
    assert {v.learner: v.agrees for v in result.verdicts} == {"1-nn": False, "laplace-kernel": False}


@pytest.mark.slow(reason="four learners predicted anew")
def test_the_journal_of_classes_is_read_back(clean: tuple[Any, Path, Any]) -> None:
    """By predictions made anew."""
    spec, folder, first = clean
    again = run_sweep(spec, folder)
    assert json.dumps(first.table(), default=str) == json.dumps(again.table(), default=str)


# ---------------------------------------------------------------------------------------- many classes, two losses

STRINGS = {
    "family": "random-hierarchy-model", "n_points": 1, "levels": 2, "vocabulary": 6, "synonyms": 3, "classes": 5,
    "ambiguous": True, "zipf_exponent": 0.5,
}  # fmt: skip
TASKS = {"family": "sparse-parities", "n_points": 1, "n_tasks": 12, "n_bits": 8, "task_size": 2}
MANY = {"train_sizes": [64, 128, 256], "seeds": 2, "test_size": 256}


def many(recipe: dict[str, Any], *names: str, loss: str = "0-1", **tables: Any) -> Any:
    return load_spec({"recipe": recipe, "sweep": {**MANY, "learners": list(names), "loss": loss}, **tables})


@pytest.mark.slow(reason="classifiers trained on strings at six sizes")
@pytest.mark.parametrize("loss", ["0-1", "cross-entropy"])
def test_strings_have_classifiers_with_curves_and_an_exact_floor(loss: str, tmp_path: Path) -> None:
    """Rules under which strings have several derivations: the floor is above 0, and every risk above it."""
    pytest.importorskip("sklearn")
    names = ("logistic", "1-nn", "k-nn", "laplace-kernel") if loss == "0-1" else ("logistic",)
    spec = many(STRINGS, *names, loss=loss)
    assert (spec.label_draws, spec.loss) == (1, loss)
    result = run_sweep(spec, tmp_path)
    data = generation.generate(spec.replicate_recipe(0))
    posterior = fm.theory.posterior(data, np.arange(data.n_points - 256, data.n_points))
    own = {p.seed: p.risk for p in result.points if p.learner == "bayes" and p.n == 128}
    if loss == "0-1":
        assert own[0] == pytest.approx(np.mean(1.0 - posterior.max(axis=1)))
    else:
        assert own[0] == pytest.approx(-np.mean(np.sum(posterior * np.log(np.maximum(posterior, 1e-300)), axis=1)))
    assert 0.0 < own[0] != own[1]
    for point in result.points:
        if point.learner == "bayes":
            continue
        scatter = np.sqrt(0.25 / 256) if loss == "0-1" else 0.15  # the floor is the mean of what labels can be
        assert own[point.seed] - 3.0 * scatter < point.risk < point.v_in
        assert point.efficiency == point.risk / own[point.seed]
        assert ("cross_entropy" in point.info) == (point.learner == "logistic")
    share = np.bincount(data.y.astype(int)) / data.n_points
    v_in = 1.0 - share.max() if loss == "0-1" else -np.sum(share * np.log(share))
    assert all(p.v_in == pytest.approx(v_in) for p in result.points if p.seed == 0)
    assert result.notes == {}  # each has a curve: exact of one neighbour, trained on rules drawn anew of the others
    assert all(verdict.agrees is not False for verdict in result.verdicts), result.verdicts
    worst = next(e for e in result.summaries["logistic"] if e.n == 64)
    assert worst.efficiency is not None
    assert worst.efficiency > 1.2  # few strings: far above the floor
    again = run_sweep(spec, tmp_path)
    assert json.dumps(result.table(), default=str) == json.dumps(again.table(), default=str)
    page = pages.page("strings", {"run": result}, {}, {})
    assert ("share of wrong classes" in page.lower()) == (loss == "0-1")
    assert "who knows the rules" in page


def test_the_floor_of_classes_of_values_in_nats(tmp_path: Path) -> None:
    """Against a plain average over posterior means, for the sign of a noisy cluster."""
    pytest.importorskip("sklearn")
    recipe = {**RECIPE, "noise": 0.4, "n_points": 1024}
    spec = load_spec(
        {
            "recipe": recipe,
            "sweep": {**MANY, "train_sizes": [32, 64], "learners": ["logistic"], "loss": "cross-entropy"},
            "logistic": {"ridge": 0.1},  # else one is chosen among many for every point of the curve
        }
    )
    result = run_sweep(spec, tmp_path)
    data = generation.generate(spec.replicate_recipe(0))
    test = np.arange(data.n_points - 256, data.n_points)
    seen = np.arange(data.n_points) < 64
    left = np.zeros(data.n_points)
    left[~seen] = bayes_risk(data.label_tree.noisy(0.4), observed=seen)
    rng, nats = np.random.default_rng(0), []
    for s2 in left[test]:
        chance = np.clip(ndtr(rng.normal(size=5_000) * np.sqrt(1.16 - s2) / np.sqrt(s2)), 1e-12, 1.0 - 1e-12)
        nats.append(-np.mean(chance * np.log(chance) + (1.0 - chance) * np.log1p(-chance)))
    [floor] = [p.risk for p in result.points if (p.learner, p.n, p.seed) == ("bayes", 64, 0)]
    assert floor == pytest.approx(float(np.mean(nats)), rel=0.01)
    [zero_one] = [p for p in result.points if (p.learner, p.n, p.seed) == ("logistic", 64, 0)]
    assert zero_one.risk == zero_one.info["cross_entropy"] > floor
    # nats are never held against curves of 0–1 risks: neither beside another learner's nor beside one's own
    for name, loss, known in (
        ("1-nn", "cross-entropy", False),
        ("1-nn", "0-1", True),
        ("gradient-boosting", "cross-entropy", False),
        ("logistic", "cross-entropy", True),
    ):
        asked = dataclasses.replace(spec, learners=(name,), loss=loss)
        made = predicted.predictions_of(asked, lambda _: None)[0][name]
        assert (made is not None) == known, (name, loss)
        assert made is None or made.loss == loss
    assert "no curve of cross-entropy" in results._no_curve(spec, "gradient-boosting")
    assert "1-nn" not in results._no_curve(spec, "gradient-boosting")


@pytest.mark.slow(reason="logistic regressions of two sweeps and their curve")
def test_logistic_regression_is_judged_in_nats(tmp_path: Path) -> None:
    """With a ridge that keeps it from being sure: clean classes are not refuted, shuffled ones are."""
    pytest.importorskip("sklearn")
    recipe = {**RECIPE, "ambient_dim": 6, "n_points": 2048, "noise": 0.4}
    sweep = {"train_sizes": [64, 128, 256], "seeds": 4, "test_size": 512, "label_draws": 8, "loss": "cross-entropy"}
    tables = {"recipe": recipe, "sweep": {**sweep, "learners": ["logistic"]}, "logistic": {"ridge": 0.1}}
    spec = load_spec(tables)
    prediction = fm.predict(spec.recipe, fm.learners.make("logistic", {"ridge": 0.1}), loss="cross-entropy")
    with StandIns(predict=lambda *_, **__: prediction).playing():
        [verdict] = run_sweep(spec, tmp_path / "clean").verdicts
    assert verdict.level is not None
    assert verdict.agrees is not False, verdict.reason
    assert abs(verdict.level.ratio - 1.0) < max(0.15, verdict.level.half_width)
    with StandIns(predict=lambda *_, **__: prediction, label_draws=shuffled).playing():
        [verdict] = run_sweep(spec, tmp_path / "shuffled").verdicts
    assert verdict.agrees is False, verdict.reason
    assert verdict.level is not None
    assert verdict.level.ratio > 1.1


@pytest.mark.slow(reason="networks trained until they interpolate")
def test_parities_that_are_learned_leave_no_wrong_answer(tmp_path: Path) -> None:
    """A network learns all even tasks: no risk is left, the condition says so, and the verdict says why it has none."""
    pytest.importorskip("jax")
    spec = many({**TASKS, "zipf_exponent": -1.0, "n_tasks": 2, "n_bits": 4}, "mlp", mlp={"width": 64, "steps": 600})
    result = run_sweep(spec, tmp_path)
    last = result.summaries["mlp"][-1]
    assert (last.regime, last.risk) == ("learned", 0.0)
    assert "no wrong answer among 256" in last.reason
    assert result.verdicts[0].agrees is None
    assert "no wrong answer at" in result.verdicts[0].reason
    pages.page("tasks", {"run": result}, {}, {})


def test_what_classes_refuse() -> None:
    pytest.importorskip("sklearn")
    for changes, because in (
        ({"loss": "cross-entropy", "learners": ["1-nn"]}, "'1-nn' gives no probabilities"),
        ({"label_draws": 4}, "points decide their classes"),
        ({"loss": "hinge"}, "sweep.loss = 'hinge'"),
    ):
        with pytest.raises(fm.RecipeError, match=because):
            load_spec({"recipe": STRINGS, "sweep": {**MANY, "learners": ["logistic"], **changes}})
    with pytest.raises(fm.RecipeError, match="expected 2 or more"):
        load_spec({"recipe": {**STRINGS, "classes": 1}, "sweep": {**MANY, "learners": ["1-nn"]}})
    values = {**RECIPE, "target": "value"}
    for sweep, because in (
        ({"learners": ["logistic"]}, "'logistic' takes classes"),
        ({"learners": ["1-nn"], "loss": "0-1"}, "labels are values"),
    ):
        with pytest.raises(fm.RecipeError, match=because):
            load_spec({"recipe": values, "sweep": {**MANY, **sweep}})
    assert fm.predict(values, "logistic").data_exponent is None


@pytest.mark.slow(reason="classifiers trained in a whole sweep")
def test_somebodys_classifier_gives_its_probabilities(tmp_path: Path) -> None:
    sklearn = pytest.importorskip("sklearn.ensemble")
    forest = sklearn.RandomForestClassifier(20)
    careful = sklearn.RandomForestClassifier(20, min_samples_leaf=5)
    spec = load_spec(
        {"recipe": STRINGS, "sweep": {**MANY, "learners": ["forest"]}}, {"forest": forest, "careful": careful}
    )
    result = run_sweep(spec, tmp_path)
    points = [p for p in result.points if p.learner == "forest"]
    assert all(p.info["cross_entropy"] is None for p in points)  # a forest of full trees gives probability 0
    assert all(p.risk < p.v_in for p in points)
    assert all(0.0 < p.info["cross_entropy"] < 3.0 for p in result.points if p.learner == "careful")
    again = run_sweep(spec, tmp_path / "again")
    assert [p.risk for p in points] == [p.risk for p in again.points if p.learner == "forest"]
