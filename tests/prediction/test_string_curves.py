"""Verdicts on strings: exact curves, learners trained on drawn rules, and false ones refuted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sampled import some

import fractalman as fm
from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.experiments import load_spec
from fractalman.experiments.results import _level_regimes
from fractalman.experiments.verdicts import judge
from fractalman.learners import Problem
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.trained import trained_on_symbols

CLASSES = {"family": "random-hierarchy-model", "n_points": 1, "levels": 2, "synonyms": 4, "seed": 3}
TOKENS = {"family": "grammar-language", "n_points": 1, "levels": 2, "synonyms": 4, "seed": 3}


def _confirmed(recipe: dict[str, Any], learner: str, loss: str, table: dict[str, Any] | None = None) -> Any:
    spec: dict[str, Any] = {
        "recipe": recipe,
        "sweep": {
            "learners": [learner], "train_sizes": [16, 64, 256, 1024], "seeds": 6, "test_size": 1024, "loss": loss,
        },
    }  # fmt: skip
    return fm.confirm(spec | ({learner: table} if table else {}))


def _against(result: Any, learner: str, recipe: dict[str, Any], table: dict[str, Any] | None = None) -> Any:
    """The same points held against another recipe's curve, or that of other settings."""
    own = learners.make(learner, table or {})
    return judge(
        learner, [p for p in result.points if p.learner == learner], result.summaries[learner],
        fm.predict(fm.from_dict(recipe), own), seeds=6, fit=result.spec.fit, level_regimes=_level_regimes(own),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "wrong"),
    [
        (CLASSES, {"synonyms": 6}),
        (CLASSES | {"encoding": "tokens"}, {"encoding": "one-hot"}),
        (CLASSES | {"target": 1, "node": 1}, {"target": 0, "node": 0}),
        (CLASSES | {"zipf_exponent": 0.8, "seed": 8}, {"zipf_exponent": None}),
        (CLASSES | {"levels": 3, "unary_probability": 0.6, "synonyms": 2}, {"unary_probability": 0.2}),
        (TOKENS, {"synonyms": 2}),
    ],
)
@pytest.mark.slow(reason="sweeps of six replicates each", but=["recipe0-wrong0", "recipe2-wrong2"])
def test_one_neighbour_on_strings_agrees_and_other_rules_differ(recipe: dict[str, Any], wrong: dict[str, Any]) -> None:
    result = _confirmed(recipe, "1-nn", "0-1")
    [verdict] = result.verdicts
    assert verdict.agrees, verdict.reason
    assert "of the predicted curve" in verdict.reason
    changed = {key: value for key, value in (recipe | wrong).items() if value is not None}
    other = _against(result, "1-nn", changed)
    assert other.agrees is False, other.reason


@pytest.mark.parametrize(
    ("recipe", "context", "wrong"),
    [
        (TOKENS | {"seed": 5}, 1, {"context": 2}),
        (TOKENS, 3, {"context": 2}),
        (CLASSES | {"encoding": "tokens"}, 2, {"context": 1}),
    ],
    ids=["one", "three", "numbers"],
)
@pytest.mark.slow(reason="sweeps of six replicates each", but=["three"])
def test_losses_of_counts_agree_and_those_of_other_contexts_differ(
    recipe: dict[str, Any], context: int, wrong: dict[str, Any]
) -> None:
    result = _confirmed(recipe, "n-gram", "cross-entropy", {"context": context})
    [verdict] = result.verdicts
    assert verdict.agrees, verdict.reason
    other = _against(result, "n-gram", recipe, wrong)
    assert other.agrees is False, other.reason
    floor = np.array([p.risk for p in result.points if p.learner == "bayes"])
    assert (
        np.array([p.risk for p in result.points if p.learner == "n-gram"]).reshape(4, 6).mean(1) > floor.mean()
    ).all()


def test_what_a_curve_is_of_and_where_there_is_none() -> None:
    language = fm.GrammarLanguage(n_points=1, levels=2)
    assert fm.predict(language, "1-nn").loss == "0-1"
    counts = fm.predict(language, "n-gram")
    assert counts.loss == "cross-entropy"
    assert counts.within_variance == pytest.approx(np.log(8), rel=0.1)
    assert fm.predict(fm.Cascade(n_points=100), "1-nn").loss == "squared"
    assert (np.diff(counts.curve([4, 64, 1024]).risk) < 0).all()
    for recipe, learner in (
        (dict(TOKENS, target="masked-token"), "1-nn"),
        (dict(TOKENS, encoding="embedding"), "1-nn"),
        (TOKENS, learners.make("n-gram", {"context": 40})),
        (TOKENS, "5-nn"),
        (TOKENS, "logistic"),
    ):
        assert "0–1 risk" in fm.predict(recipe, learner, loss="0-1").curve([8]).kind
    for learner in ("mlp", "transformer", "gradient-boosting"):
        with pytest.raises(RecipeError, match="compare it with the curves of 1-nn and logistic regression"):
            fm.predict(language, learner).curve([8])
    assert "exact" in fm.predict(language, learners.make("k-nn", {"k": 1})).curve([8]).kind
    data = fm.generate(language.replace(n_points=64))
    assert "over splits" in fm.predict(data, "1-nn").curve([8]).kind
    assert not fm.predict(data, "n-gram").has_curve


@pytest.mark.parametrize("recipe", [TOKENS, dict(CLASSES, encoding="tokens")], ids=["one-hot", "numbers"])
def test_trained_on_drawn_strings_is_the_exact_curve_where_one_is_known(recipe: dict[str, Any]) -> None:
    recipe = fm.from_dict(recipe)
    draws = some(DrawnRealizations(recipe).usual, fast=10)
    exact = fm.predict(recipe, "1-nn", draws=draws)
    source = DrawnRealizations(recipe)
    rows = trained_on_symbols(source, learners.make("1-nn"), recipe.target_classes, "0-1")((32, 256), 0, draws)
    own = exact.replicates([32, 256])
    gap = (rows - own).mean(axis=0)
    error = (rows - own).std(axis=0, ddof=1) / np.sqrt(len(rows))
    assert (np.abs(gap) < 4.0 * error).all()
    wrong = fm.predict(recipe.replace(synonyms=3), "1-nn", draws=draws).replicates([32, 256])
    assert (np.abs((rows - wrong).mean(axis=0)) > 4.0 * error).all()


@pytest.mark.parametrize(
    ("recipe", "learner", "loss", "wrong"),
    [
        (TOKENS, "laplace-kernel", "0-1", {"synonyms": 2}),
        (TOKENS | {"target": "masked-token"}, "1-nn", "0-1", {"synonyms": 2}),
        (CLASSES | {"encoding": "embedding"}, "ridge", "0-1", {"synonyms": 6}),
        (CLASSES | {"synonyms": 2}, "logistic", "cross-entropy", {"synonyms": 4}),
    ],
    ids=["kernel", "masked", "embedding", "nats"],
)
@pytest.mark.slow(reason="sweeps of six replicates each", but=["masked"])
def test_learners_trained_on_drawn_rules_agree_and_other_rules_differ(
    recipe: dict[str, Any], learner: str, loss: str, wrong: dict[str, Any]
) -> None:
    result = _confirmed(recipe, learner, loss)
    [verdict] = result.verdicts
    assert verdict.agrees is not False, verdict.reason
    assert "of the predicted curve" in verdict.reason
    spec = result.spec
    other = judge(
        learner, [p for p in result.points if p.learner == learner], result.summaries[learner],
        fm.predict(fm.from_dict(recipe | wrong), learner, loss=loss), seeds=6, fit=spec.fit,
        level_regimes=_level_regimes(learners.make(learner)),
    )  # fmt: skip
    assert other.agrees is False, other.reason


def test_counts_are_what_they_say() -> None:
    """Of the last blocks as they are, of contexts that were not met the classes alike, in every column of labels."""
    X = np.array([[1, 0, 5], [2, 0, 5], [3, 1, 5], [9, 9, 9]], np.float32)
    y = np.array([[0, 1], [1, 1], [0, 0], [1, 1]], np.float64)
    problem = Problem(X[:3], y[:3], X, key=1, classes=2)
    [found] = learners.make("n-gram", {"context": 2, "prior_count": 1.0}).run([problem])
    assert found.info == {"contexts": 2}
    np.testing.assert_allclose(found.prediction[:, 0, 0], [2 / 4, 2 / 4, 2 / 3, 1 / 2])
    np.testing.assert_allclose(found.prediction[:, 1, 1], [3 / 4, 3 / 4, 1 / 3, 1 / 2])
    [none] = learners.make("n-gram", {"context": 0}).run([problem])
    np.testing.assert_allclose(none.prediction[:, 0, 0], 2.5 / 4)
    [wide] = learners.make("n-gram", {"context": 99}).run([problem])
    assert wide.info == {"contexts": 3}
    with pytest.raises(RecipeError, match="divisor of the 3 columns"):
        learners.make("n-gram", {"block": 2}).run([problem])
    for table in ({"context": -1}, {"prior_count": 0.0}, {"block": 0}):
        with pytest.raises(RecipeError, match=r"n-gram\."):
            learners.make("n-gram", table)
    with pytest.raises(RecipeError, match="takes classes"):
        load_spec({"recipe": {"family": "cascade", "n_points": 100}, "sweep": {"learners": ["n-gram"]}})
