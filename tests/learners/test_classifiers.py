"""Learners of classes: probabilities against plain NumPy, classes nobody has seen, losses, resumption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fractalman import learners
from fractalman.conventions import input_scale
from fractalman.errors import RecipeError
from fractalman.learners import Problem
from fractalman.learners.class_targets import answers, columns_of, cross_entropy, of_all_classes, one_hot

CLASSES, N, D = 4, 120, 3


def problem(seed: int = 0, draws: int = 2, classes: int = CLASSES, n: int = N) -> Problem:
    """Classes of a random multinomial model, so that probabilities are worth fitting."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + 60, D)).astype(np.float32)
    y = np.empty((n + 60, draws))
    for column in range(draws):
        scores = np.exp(X @ rng.normal(size=(D, classes)) * 1.5)
        cumulated = np.cumsum(scores / scores.sum(axis=1, keepdims=True), axis=1)
        y[:, column] = (rng.random((n + 60, 1)) > cumulated[:, :-1]).sum(axis=1)
    return Problem(X[:n], y[:n], np.concatenate([X[n:], X[:n]]), 17 + seed, classes)


def entropy_of(weights: np.ndarray, X: np.ndarray, y: np.ndarray, ridge: float) -> tuple[float, np.ndarray]:
    """Penalised mean −ln(probability) and its gradient, in plain NumPy; the last row of weights are intercepts."""
    table = np.c_[X, np.ones(len(X))]
    scores = table @ weights
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    target = np.eye(weights.shape[1])[y.astype(int)]
    penalised = np.r_[weights[:-1], np.zeros((1, weights.shape[1]))]
    value = -np.mean(np.log(p[np.arange(len(y)), y.astype(int)])) + 0.5 * ridge * np.sum(penalised**2)
    return float(value), table.T @ (p - target) / len(X) + ridge * penalised


def test_logistic_regression_is_where_the_gradient_vanishes() -> None:
    """The fit's probabilities are those of weights at which a plain gradient of the penalised loss is 0."""
    pytest.importorskip("sklearn")
    task, ridge = problem(), 0.03
    [outcome] = learners.make("logistic", {"ridge": ridge}).run([task])
    centre, scale = input_scale(task.X_train)
    X = (task.X_train.astype(float) - centre) / scale
    Z = (task.X_test.astype(float) - centre) / scale
    for column in range(2):
        weights = np.zeros((D + 1, CLASSES))
        for _ in range(6000):
            weights -= 1.0 * entropy_of(weights, X, task.y_train[:, column], ridge)[1]
        assert np.abs(entropy_of(weights, X, task.y_train[:, column], ridge)[1]).max() < 1e-9
        scores = np.exp(np.c_[Z, np.ones(len(Z))] @ weights)
        np.testing.assert_allclose(outcome.prediction[:, column], scores / scores.sum(axis=1, keepdims=True), atol=2e-4)


def test_two_classes_have_the_weights_of_the_symmetric_model() -> None:
    """scikit-learn fits one weight vector for two classes; ours says so: the penalty is that of their difference."""
    pytest.importorskip("sklearn")
    task = problem(classes=2, draws=1)
    [outcome] = learners.make("logistic", {"ridge": 0.1}).run([task])
    centre, scale = input_scale(task.X_train)
    X, y = (task.X_train.astype(float) - centre) / scale, task.y_train[:, 0]
    w, b = np.zeros(D), 0.0
    for _ in range(6000):
        error = 1.0 / (1.0 + np.exp(-(X @ w + b))) - y
        w, b = w - (X.T @ error / len(X) + 0.1 * w), b - error.mean()
    Z = (task.X_test.astype(float) - centre) / scale
    np.testing.assert_allclose(outcome.prediction[:, 0, 1], 1.0 / (1.0 + np.exp(-(Z @ w + b))), atol=2e-4)


@pytest.mark.slow(reason="networks are trained twice", only=["mlp"])
@pytest.mark.parametrize("name", ["logistic", "gradient-boosting", "mlp"])
def test_probabilities_beat_the_shares_and_shuffled_classes_do_not(name: str) -> None:
    pytest.importorskip("sklearn" if name != "mlp" else "jax")
    table = {"mlp": {"width": 32, "steps": 300}, "gradient-boosting": {"trees": 40}}.get(name, {})
    learner = learners.make(name, table)
    assert learner.probabilities
    task = problem(n=400, draws=1)
    [outcome] = learner.run([task])
    assert outcome.prediction.shape == (60 + 400, 1, CLASSES)
    np.testing.assert_allclose(outcome.prediction.sum(axis=2), 1.0, atol=1e-9)
    fresh = np.random.default_rng(0)  # the same points and classes as in `problem`
    X = fresh.normal(size=(460, D)).astype(np.float32)
    scores = np.exp(X @ fresh.normal(size=(D, CLASSES)) * 1.5)
    truth = scores / scores.sum(axis=1, keepdims=True)
    expected = -np.mean(np.sum(truth[400:] * np.log(outcome.prediction[:60, 0]), axis=1))
    least = -np.mean(np.sum(truth[400:] * np.log(truth[400:]), axis=1))
    shares = one_hot(task.y_train, CLASSES)[:, 0].mean(axis=0)
    constant = -np.mean(truth[400:] @ np.log(shares))
    assert expected > least
    if name != "mlp":  # a network trained to the end is sure of itself, and pays for it
        assert expected < constant
    wrong = np.mean(outcome.prediction[:60, 0].argmax(axis=1) != truth[400:].argmax(axis=1))
    assert wrong < 0.35
    mixed = np.random.default_rng(5).permutation(task.y_train)
    [control] = learner.run([Problem(task.X_train, mixed, task.X_test, 3, CLASSES)])
    assert np.mean(control.prediction[:60, 0].argmax(axis=1) != truth[400:].argmax(axis=1)) > 0.5
    assert outcome.train_risk == pytest.approx(cross_entropy(outcome.prediction[60:], task.y_train), rel=2e-5)


@pytest.mark.slow(reason="networks are compiled for five classes", only=["mlp"])
@pytest.mark.parametrize("name", ["logistic", "gradient-boosting", "mlp"])
def test_classes_that_no_training_point_has_keep_a_probability(name: str) -> None:
    """Two of five classes seen, or a single one: nothing is infinite, nothing fails."""
    pytest.importorskip("sklearn" if name != "mlp" else "jax")
    learner = learners.make(name, {"mlp": {"width": 16, "steps": 600}}.get(name))
    X = np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32)
    for y in (np.where(X[:, :1] > 0.0, 1.0, 3.0), np.full((30, 1), 2.0)):
        [outcome] = learner.run([Problem(X, y, X, 5, 5)])
        assert (outcome.prediction > 0.0).all()
        assert (answers(outcome.prediction, 5, 1) == y).mean() > 0.8
        if name != "mlp":
            seen = np.unique(y).astype(int)
            rest = np.delete(outcome.prediction[:, 0], seen, axis=1)
            np.testing.assert_allclose(rest, 1.0 / 35.0)


def test_boosting_and_networks_can_be_told_to_fit_squares() -> None:
    pytest.importorskip("jax")
    pytest.importorskip("sklearn")
    zeros = np.zeros((3, 1), np.float32)
    for name in ("gradient-boosting", "mlp"):
        assert not learners.make(name, {"loss": "squared"}).probabilities
        with pytest.raises(RecipeError, match=f"{name}.loss = 'hinge': expected"):
            learners.make(name, {"loss": "hinge"})
    with pytest.raises(RecipeError, match="expected a problem of classes"):
        learners.make("logistic").run([Problem(zeros, zeros.astype(float), zeros, 1)])
    with pytest.raises(RecipeError, match="problem of 2 classes"):
        Problem(zeros, np.full((3, 1), 2.0), zeros, 1, 2)


@pytest.mark.slow(reason="networks trained three times over")
def test_a_network_of_classes_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, and its gradient is that of plain cross-entropy: one step of descent is computed by hand."""
    pytest.importorskip("jax")
    from fractalman.learners.networks import checkpoints

    learner = learners.make("mlp", {"width": 16, "depth": 1, "steps": 1500, "learning_rate": [1e-3, 1e-2]})
    tasks = [problem(seed, draws=2) for seed in (1, 2)]
    whole = learner.run(tasks)
    assert {o.info["learning_rate"] for o in whole} <= {1e-3, 1e-2}
    published, publish = [], checkpoints.publish

    def stop_after_two(*arguments: object) -> None:
        publish(*arguments)  # type: ignore[arg-type]
        published.append(1)
        if len(published) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "publish", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            learner.resume(tasks, tmp_path / "state")
    again = learner.resume(tasks, tmp_path / "state")
    for a, b in zip(whole, again, strict=True):
        assert np.array_equal(a.prediction, b.prediction)
        assert a.train_risk == b.train_risk


def test_the_loss_of_a_batch_is_the_mean_of_minus_ln_probability() -> None:
    pytest.importorskip("jax")
    from fractalman.learners.networks import training
    from fractalman.learners.networks.network import batch_loss

    rng = np.random.default_rng(2)
    outputs, y = rng.normal(size=(7, 6)) * 30.0, rng.integers(0, 3, size=(7, 2)).astype(float)
    by_hand = []
    for row in range(7):
        for column in range(2):
            own = outputs[row, 3 * column : 3 * column + 3]
            by_hand.append(np.log(np.exp(own - own[int(y[row, column])]).sum()))
    columns = one_hot(y, 3).reshape(7, 6)
    assert float(batch_loss(outputs, columns, 3)) == pytest.approx(np.mean(by_hand), rel=1e-5)
    probabilities = np.exp(training.log_probabilities(outputs, 3))
    assert cross_entropy(probabilities, y) == pytest.approx(np.mean(by_hand), rel=1e-12)


def test_least_squares_on_columns_of_classes_votes() -> None:
    """k-NN on columns counts votes: the most frequent class among the neighbours, the smallest of a tie."""
    task = problem(draws=1)
    [outcome] = learners.make("5-nn").run(
        [Problem(task.X_train, columns_of(task.y_train, CLASSES), task.X_test[:60], task.key)]
    )
    given = answers(outcome.prediction, CLASSES, 1)[:, 0]
    for t in range(60):
        near = np.linalg.norm(task.X_train.astype(float) - task.X_test[t].astype(float), axis=1).argsort(kind="stable")
        assert given[t] == np.bincount(task.y_train[near[:5], 0].astype(int), minlength=CLASSES).argmax()
    assert answers(np.array([[0.2, 0.4, 0.4 + 1e-12]]), 3, 1)[0, 0] == 1
    assert of_all_classes(np.ones((1, 1)), np.array([1.0]), 2, 8).tolist() == [[0.1, 0.9]]
