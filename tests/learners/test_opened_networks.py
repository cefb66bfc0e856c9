"""Networks of the harness as studies look into them: activations, tangent kernels, snapshots, for every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import normals

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

from fractalman.learners.networks import tangents  # noqa: E402
from fractalman.learners.networks.snapshots import prepare, snapshots  # noqa: E402

D, M = 16, 2
BUDGET = {"steps": 40, "batch_size": 8, "learning_rate": 5e-3}
KINDS = {
    "convolution": ("convolution", {"width": 3, "depth": 2, "patch": 2, "image": True}),
    "locally connected": ("convolution", {"width": 3, "depth": 2, "patch": 4, "stride": 2, "weights": "local"}),
    "transformer": ("transformer", {"width": 8, "depth": 1, "heads": 2, "block": 4}),
    "dense": ("mlp", {"width": 6, "depth": 2, "activation": "gelu"}),
}


def problem(n: int = 24) -> Problem:
    X = normals(7, (n + 6) * D).reshape(n + 6, D).astype(np.float32)
    y = np.sin(X[:, :1].astype(np.float64) + np.arange(M))
    return Problem(X[:n], y[:n], X[n:], 3)


def made_of(kind: str) -> Any:
    name, settings = KINDS[kind]
    return prepare(learners.make(name, {**settings, **BUDGET}), problem())  # type: ignore[arg-type]


@pytest.mark.slow(reason="a network is compiled for every kind, and all its Jacobians")
@pytest.mark.parametrize("kind", KINDS)
def test_an_opened_network_answers_and_its_kernel_is_the_product_of_jacobians(kind: str) -> None:
    made = made_of(kind)
    (snap,) = snapshots(made, (3,))
    X = made.X[:5]
    opened = made.opened(snap.weights)
    held = opened.activations(X)
    answers = made.network.apply(snap.weights, made.factors, X)
    np.testing.assert_allclose(held["output"], answers, rtol=1e-5, atol=1e-6)
    assert opened.layers == tuple(made.network.layers(snap.weights, made.factors, X))
    assert opened.parts[-1] in ("readout", "output")
    # every array by itself, by its name; parts are sums over those of a layer
    jacobian = jax.jit(jax.jacrev(lambda w: made.network.apply(w, made.factors, X)))(snap.weights)
    own: dict[str, Any] = {}
    for layer, arrays in made.network.by_layer(jacobian).items() if kind != "dense" else enumerate(jacobian):
        flat = [np.asarray(a, np.float64).reshape(5, M, -1) for a in jax.tree.leaves(arrays)]
        own[str(layer)] = sum(np.einsum("imp,jmp->ij", a, a) for a in flat) / M
    expected = np.stack(list(own.values()))
    found = opened.kernel(X, X)
    assert len(found) == len(opened.parts) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5 * expected.max())
    np.testing.assert_allclose(opened.own(X), np.einsum("pii->pi", found), rtol=2e-4)
    # a small step from a residual in the first output does what the Jacobians say
    wanted = np.asarray(answers[0], np.float64) - [1.0, 0.0]
    size = np.array([1e-3 / found[:, 0, 0].sum()])
    slope, change = tangents.steps_at(made.network, snap.weights, made.factors, made.rates, X[0], wanted, X, size)
    flat = [np.asarray(a, np.float64).reshape(5, M, -1) for a in jax.tree.leaves(jacobian)]
    np.testing.assert_allclose(slope, -sum(np.einsum("p,imp->im", a[0, 0], a) for a in flat), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(change[0], size[0] * slope, atol=0.05 * np.abs(size[0] * slope).max())


def test_a_convolution_of_one_patch_is_a_fully_connected_network() -> None:
    """Planted: the same weights, written as either kind, have the same layers and the same influence, part by part."""
    wide = {"width": 6, "depth": 1}
    conv = prepare(learners.make("convolution", {**wide, **BUDGET, "patch": D}), problem())  # type: ignore[arg-type]
    dense = prepare(learners.make("mlp", {**wide, **BUDGET}), problem())  # type: ignore[arg-type]
    (snap,) = snapshots(conv, (40,))
    w = snap.weights
    same = (
        (w["layer-1/weight"], w["layer-1/bias"]),
        (w["readout/weight"], w["readout/bias"]),
    )
    X = conv.X[:6]
    one, other = conv.opened(w), dense.opened(same)
    np.testing.assert_allclose(one.kernel(X, X), other.kernel(X, X), rtol=1e-4)
    np.testing.assert_allclose(one.activations(X)["layer-1"], other.activations(X)["1"], rtol=1e-5, atol=1e-6)
    shifted = dense.opened(((same[0][0] + 0.1, same[0][1]), same[1]))  # the control
    assert np.abs(one.kernel(X, X) - shifted.kernel(X, X)).max() > 1e-2


def test_a_locally_connected_network_learns_where_it_looks() -> None:
    """Planted: points that are 0 but in one patch, the biases off: a step moves no weight of another patch's."""
    made = prepare(
        learners.make("convolution", {"width": 4, "depth": 1, "patch": 4, "weights": "local", **BUDGET}),  # type: ignore[arg-type]
        problem(),
    )
    (snap,) = snapshots(made, (0,))
    X = np.zeros((4, D), np.float32)
    X[0, :4] = X[1, :4] = [1.0, -2.0, 0.5, 1.0]
    X[2, 4:8] = X[3, 12:] = 1.0
    opened = made.opened(snap.weights)
    biases = np.asarray(jax.jacrev(lambda b: made.network.apply({**snap.weights, "layer-1/bias": b}, (), X))(
        snap.weights["layer-1/bias"]), np.float64).reshape(4, M, -1)  # fmt: skip
    by_weights = opened.kernel(X, X)[0] - np.einsum("imp,jmp->ij", biases, biases) / M
    np.testing.assert_allclose(by_weights[0, 2:], 0.0, atol=1e-5)
    np.testing.assert_allclose(by_weights[0, 1], by_weights[0, 0], rtol=1e-5)
    assert by_weights[0, 0] > 0.1
    shared = prepare(learners.make("convolution", {"width": 4, "depth": 1, "patch": 4, **BUDGET}), problem())  # type: ignore[arg-type]
    (snap,) = snapshots(shared, (0,))
    assert np.abs(shared.opened(snap.weights).kernel(X, X)[0, 0, 2:]).max() > 0.1  # the control: shared weights


def test_what_a_study_cannot_look_into_is_refused_before_it_trains() -> None:
    for settings, said in (
        ({"image": True, "block": 2}, "expected a square"),
        ({"sampling": "one-pass", "patch": 2}, "convolution.sampling"),
        ({"learning_rate": [1e-3, 1e-2]}, "convolution.learning_rate"),
    ):
        with pytest.raises(RecipeError, match=said):
            prepare(learners.make("convolution", {"depth": 1, **BUDGET, **settings}), problem())  # type: ignore[arg-type]


@pytest.mark.slow(reason="a network is trained for every kind", but=["dense"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_learner_has_fitted_is_a_network_of_ones_own(kind: str) -> None:
    """At the points as they came: scaling of inputs and labels is part of what it answers and of its kernel."""
    name, settings = KINDS[kind]
    p = problem()
    p = Problem(3.0 * p.X_train + 2.0, 5.0 * p.y_train - 1.0, 3.0 * p.X_test + 2.0, 3)
    fitted = learners.make(name, {**settings, **BUDGET}).fitted(p)  # type: ignore[attr-defined]
    network = learners.own_network(fitted, p.X_test)
    answers = network.activations(p.X_test)["output"]
    expected = fitted.outcome.prediction
    centred = [values - values.mean(axis=0) for values in (answers, expected)]  # each output has a centre of its own
    unit = np.linalg.norm(centred[1]) / np.linalg.norm(centred[0])  # and all have one unit
    np.testing.assert_allclose(unit * centred[0], centred[1], rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert np.std(expected) > 0.0
    kernel = network.kernel(p.X_test[:2], p.X_test)
    np.testing.assert_allclose(kernel[:, :, :2], np.swapaxes(kernel[:, :, :2], 1, 2), rtol=1e-4, atol=1e-5)
    assert (network.own(p.X_test).sum(axis=0) > 0.0).all()
