"""Transformers and convolutional networks: forward passes against plain NumPy, gradients, training, resumption."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fractalman as fm
from fractalman import learners
from fractalman._typing import F64
from fractalman.errors import RecipeError
from fractalman.experiments import load_spec
from fractalman.learners import Problem
from fractalman.random.streams import normals, uniforms

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

from fractalman.learners.networks import training  # noqa: E402
from fractalman.learners.networks.convolution import ConvolutionNetwork  # noqa: E402
from fractalman.learners.networks.network import batch_loss  # noqa: E402
from fractalman.learners.networks.transformer import TransformerNetwork  # noqa: E402


def tokens(key: int, n: int, T: int, v: int) -> Any:
    return np.floor(v * uniforms(key, n * T)).reshape(n, T)


def moved(weights: dict[str, Any]) -> dict[str, Any]:
    """Weights with every bias, gain and shift off its start, so that none of them can be left out unseen."""
    return {
        name: (w + 0.1 * normals(k + 1, w.size).reshape(w.shape)).astype(np.float32)
        for k, (name, w) in enumerate(weights.items())
    }


# ------------------------------------------------------------------------------------------------ slow references


def slow_transformer(net: TransformerNetwork, w: dict[str, Any], x: F64) -> tuple[F64, list[F64]]:
    """One point, loop over positions, float64; outputs of all positions, and the states after every layer."""

    def norm(h: F64, gain: F64, shift: F64) -> F64:
        return np.asarray((h - h.mean()) / math.sqrt(h.var() + 1e-5) * gain + shift)

    w = {name: np.asarray(a, np.float64) for name, a in w.items()}
    if net.vocabulary is None:
        blocks = x.reshape(-1, net.block)
        h = np.array([b @ w["embedding/weight"] for b in blocks])
    else:
        h = np.array([w["embedding/weight"][int(t)] for t in x])
    h = h + w["embedding/position"]
    T, e, size = len(h), net.width, net.width // net.heads
    found = [h]
    for layer in range(1, net.depth + 1):
        own = {name: w[f"layer-{layer}/{name}"] for name in ("gain-1", "shift-1", "attend", "collect", "gain-2")}
        seen = np.array([norm(row, own["gain-1"], own["shift-1"]) for row in h]) @ own["attend"]
        mixed = np.zeros((T, e))
        for i, head in itertools.product(range(T), range(net.heads)):
            part = slice(head * size, (head + 1) * size)
            q, keys, values = seen[i, :e][part], seen[:, e : 2 * e][:, part], seen[:, 2 * e :][:, part]
            known = range(i + 1) if net.pooling == "last" else range(T)
            share = np.array([math.exp(q @ keys[j] / math.sqrt(size)) for j in known])
            mixed[i, part] = sum(s * values[j] for s, j in zip(share / share.sum(), known, strict=True))
        h = h + mixed @ own["collect"]
        for i in range(T):
            up = norm(h[i], own["gain-2"], w[f"layer-{layer}/shift-2"]) @ w[f"layer-{layer}/up"]
            up = up + w[f"layer-{layer}/bias-up"]
            gelu = np.array([0.5 * u * (1.0 + math.erf(u / math.sqrt(2.0))) for u in up])
            h[i] = h[i] + gelu @ w[f"layer-{layer}/down"] + w[f"layer-{layer}/bias-down"]
        found.append(h.copy())
    answering = [*h] if net.pooling == "last" else [h.mean(axis=0)]
    read = [norm(a, w["readout/gain"], w["readout/shift"]) @ w["readout/weight"] + w["readout/bias"] for a in answering]
    return np.array(read), found


def slow_convolution(net: ConvolutionNetwork, w: dict[str, Any], x: F64) -> tuple[F64, list[F64]]:
    """One point, loops over patches and what is in them."""
    size = len(x) // net.block
    side = math.isqrt(size) if net.image else size
    h = x.reshape((side, side, net.block) if net.image else (1, side, net.block))
    found = []
    for layer in range(1, net.depth + 1):
        weight, bias = np.float64(w[f"layer-{layer}/weight"]), np.float64(w[f"layer-{layer}/bias"])
        after, starts = 1, [0]
        while starts[-1] + net.patch < h.shape[1]:
            starts.append(starts[-1] + net.stride)
        after = len(starts)
        rows = starts if net.image else [0]
        out = np.zeros((len(rows), after, net.width))
        for (i, r), (j, c) in itertools.product(enumerate(rows), enumerate(starts)):
            patch = []
            for dr, dc in itertools.product(range(net.patch if net.image else 1), range(net.patch)):
                inside = r + dr < h.shape[0] and c + dc < h.shape[1]
                patch.append(h[r + dr, c + dc] if inside else np.zeros(h.shape[2]))
            place = i * after + j
            own, shift = (weight[place], bias[place]) if net.weights == "local" else (weight, bias)
            out[i, j] = np.maximum(np.concatenate(patch) @ own + shift, 0.0)
        h = out
        found.append(h.ravel())
    return h.ravel() @ np.float64(w["readout/weight"]) + w["readout/bias"], found


TRANSFORMERS = (
    TransformerNetwork(8, 2, 2, 1, 5, "last", "last"),
    TransformerNetwork(6, 1, 3, 3, None, "mean", "last"),
    TransformerNetwork(4, 3, 1, 1, None, "last", "last"),
)
CONVOLUTIONS = tuple(
    ConvolutionNetwork(3, depth, patch, stride, block, image, weights, "relu")
    for depth, patch, stride, block, image in ((2, 2, 2, 2, False), (2, 3, 2, 1, False), (2, 3, 1, 1, True),
                                               (2, 2, 2, 2, True))
    for weights in ("shared", "local")
)  # fmt: skip


@pytest.mark.slow(reason="transformers compiled for every setting", but=["net0"])
@pytest.mark.parametrize("net", TRANSFORMERS)
def test_a_transformer_is_its_slow_reference(net: TransformerNetwork) -> None:
    X = tokens(3, 4, 6, 5)
    weights = moved(net.start(11, 6, 7))
    outputs = np.asarray(net.apply(weights, (), X.astype(np.float32)))
    layers = net.layers(weights, (), X.astype(np.float32))
    for row, x in enumerate(X):
        read, states = slow_transformer(net, weights, x)
        np.testing.assert_allclose(outputs[row], read[-1], rtol=2e-5, atol=2e-5)
        pooled = [s[-1] if net.pooling == "last" else s.mean(axis=0) for s in states]
        for (name, found), due in zip(layers.items(), pooled, strict=True):
            np.testing.assert_allclose(np.asarray(found)[row], due, rtol=2e-5, atol=2e-5, err_msg=name)
    other = moved(net.start(12, 6, 7))  # the control: the reference of other weights is rejected
    assert np.abs(slow_transformer(net, other, X[0])[0][-1] - outputs[0]).max() > 1e-2


@pytest.mark.slow(  # shared and local weights, strings and images stay, with patches that overlap and that do not
    reason="convolutions compiled for every setting", but=["net0", "net5"]
)
@pytest.mark.parametrize("net", CONVOLUTIONS)
def test_a_convolution_is_its_slow_reference(net: ConvolutionNetwork) -> None:
    d = (25 if net.image else 7) * net.block
    X = normals(3, 4 * d).reshape(4, d).astype(np.float32)
    weights = moved(net.start(11, d, 3))
    outputs, layers = np.asarray(net.apply(weights, (), X)), net.layers(weights, (), X)
    for row, x in enumerate(X.astype(np.float64)):
        due, maps = slow_convolution(net, weights, x)
        np.testing.assert_allclose(outputs[row], due, rtol=2e-5, atol=2e-5)
        for found, own in zip(layers.values(), maps, strict=True):
            np.testing.assert_allclose(np.asarray(found)[row], own, rtol=2e-5, atol=2e-5)


def test_a_decoder_does_not_see_ahead_and_learns_every_position() -> None:
    net = TransformerNetwork(8, 2, 2, 1, 5, "last", "every")
    X, y = tokens(3, 4, 6, 5), tokens(4, 4, 1, 5)
    weights = moved(net.start(11, 6, 5))
    states = np.asarray(net.states(weights, X.astype(np.float32))[-1])
    changed = X.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % 5
    ahead = np.asarray(net.states(weights, changed.astype(np.float32))[-1])
    np.testing.assert_array_equal(states[:, :4], ahead[:, :4])
    assert np.abs(states[:, 4:] - ahead[:, 4:]).min(axis=(0, 2)).max() > 1e-4
    losses = []
    for x, target in zip(X, y, strict=True):
        read = slow_transformer(net, weights, x)[0]
        wanted = [*x[1:], *target]
        losses += [math.log(np.exp(r).sum()) - r[int(t)] for r, t in zip(read, wanted, strict=True)]
    columns = (y == np.arange(5)).astype(np.float32)
    found = net.loss(weights, (), X.astype(np.float32), columns, 5)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)
    last = batch_loss(net.apply(weights, (), X.astype(np.float32)), columns, 5)
    assert abs(float(last) - float(found)) > 1e-3


# ------------------------------------------------------------------------------------------------ the learners


SMALL: dict[str, dict[str, Any]] = {
    "transformer": {
        "width": 8,
        "heads": 2,
        "depth": 1,
        "vocabulary": 4,
        "steps": 600,
        "batch_size": 16,
        "max_train": 64,
    },
    "convolution": {"width": 8, "depth": 2, "steps": 600, "batch_size": 16, "max_train": 64},
}


def problem(key: int, n: int = 64) -> Problem:
    """The target is the first token: of four."""
    X = tokens(key, n + 16, 4, 4)
    return Problem(X[:n].astype(np.float32), X[:n, :1], X[n:].astype(np.float32), key, 4)


@pytest.mark.slow(reason="networks trained on strings")
@pytest.mark.parametrize("name", SMALL)
def test_they_learn_which_token_is_first(name: str) -> None:
    learner = learners.make(name, {**SMALL[name], "learning_rate": 1e-2})
    problems = [problem(1), problem(2, 48)]
    together = learner.run(problems)
    for p, outcome in zip(problems, together, strict=True):
        assert outcome.info["parameters"] == learner.parameters(4, 4)
        assert outcome.train_risk < 0.1
        assert np.mean(outcome.prediction[:, 0].argmax(axis=1) == p.X_test[:, 0]) > 0.8
    (alone,) = learner.run(problems[1:])
    np.testing.assert_allclose(alone.prediction, together[1].prediction, atol=5e-3)


@pytest.mark.parametrize("name", SMALL)
def test_weights_are_counted(name: str) -> None:
    learner = learners.make(name, SMALL[name])
    weights = learner.network.start(5, 4, 4)  # type: ignore[attr-defined]
    assert sum(np.size(leaf) for leaf in jax.tree.leaves(weights)) == learner.parameters(4, 4)


@pytest.mark.slow(reason="networks trained on strings")
@pytest.mark.parametrize("name", SMALL)
def test_fitted_networks_answer(name: str) -> None:
    learner = learners.make(name, SMALL[name])
    p = problem(3)
    fitted = learner.fitted(p)  # type: ignore[attr-defined]
    assert sum(np.size(leaf) for leaf in jax.tree.leaves(fitted.weights)) == learner.parameters(4, 4)
    own = learners.own_network(fitted.own(), p.X_test)
    found = own.activations(p.X_test)
    share = np.exp(found["output"] - found["output"].max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        share / share.sum(axis=1, keepdims=True), fitted.outcome.prediction[:, 0], rtol=1e-4, atol=1e-6
    )
    assert own.layers[-1] == f"layer-{SMALL[name]['depth']}"


@pytest.mark.slow(reason="networks trained three times over")
@pytest.mark.parametrize("name", SMALL)
def test_a_killed_training_goes_on(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**SMALL[name], "learning_rate": [1e-2, 1e-3], "interpolation_tolerance": 0.0}
    learner, p = learners.make(name, settings), problem(4)
    (whole,) = learner.run([p])
    real, calls = training.train_block, itertools.count()

    def dying(*arguments: Any, **named: Any) -> Any:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(training, "train_block", dying)
    with pytest.raises(KeyboardInterrupt):
        learner.resume([p], tmp_path / "state")
    assert list(tmp_path.iterdir())
    (resumed,) = learner.resume([p], tmp_path / "state")
    assert next(calls) < 4 + 6  # not all blocks again
    np.testing.assert_array_equal(resumed.prediction, whole.prediction)
    assert not list(tmp_path.iterdir())


def test_a_sweep_over_strings_says_what_a_position_is() -> None:
    for encoding, layout in (("one-hot", {"block": 6}), ("tokens", {"vocabulary": 7}), ("embedding", {"block": 5})):
        recipe = {
            "family": "grammar-language", "n_points": 1, "levels": 2, "vocabulary": 6, "synonyms": 2,
            "target": "masked-token", "encoding": encoding, "embedding_dim": 5,
        }  # fmt: skip
        sweep = {"learners": ["transformer", "convolution", "mlp"], "train_sizes": [16, 32, 64], "seeds": 2}
        spec = load_spec({"recipe": recipe, "sweep": sweep})
        table = spec.learner_settings("transformer")
        assert {key: table[key] for key in layout} == layout
        assert "block" not in spec.learner_settings("mlp")
        assert "vocabulary" not in spec.learner_settings("convolution")
        turned = load_spec({"recipe": {**recipe, "rotate": True}, "sweep": sweep})
        assert not {"block", "vocabulary"} & set(turned.learner_settings("transformer"))
    typed = load_spec({"recipe": recipe, "sweep": sweep, "transformer": {"block": 1}})
    assert typed.learner_settings("transformer")["block"] == 1


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("transformer", {"width": 10, "heads": 4}, "expected a multiple of heads = 4"),
        ("transformer", {"targets": "every"}, "use vocabulary = V"),
        ("transformer", {"pooling": "men"}, "did you mean 'mean'"),
        ("transformer", {"block": 3}, r"transformer\.block = 3: expected a divisor of the 4 columns"),
        ("transformer", {"vocabulary": 3}, "expected X with numbers of tokens from 0 to 2"),
        ("transformer", {"vocabulary": 5, "targets": "every"}, "found 4 classes and 1 label columns"),
        ("convolution", {"depth": 3}, "one position is left after 2 layers"),
        ("convolution", {"stride": 3}, "expected at most patch = 2"),
        ("convolution", {"image": True, "block": 2}, "found 2 positions of 2 columns, expected a square;"),
        ("convolution", {"weights": "lokal"}, "did you mean 'local'"),
        ("convolution", {"steps": 0}, r"convolution\.steps = 0: expected an integer"),
    ],
)
def test_what_cannot_be_is_said(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        learners.make(name, settings).run([problem(1)])


@pytest.mark.slow(reason="a transformer is compiled", only=["transformer"])
@pytest.mark.parametrize(
    ("name", "settings", "d"),
    [
        ("transformer", {"width": 64, "vocabulary": 16, "heads": 2}, 32),
        ("convolution", {"width": 64, "patch": 4, "block": 16, "weights": "local"}, 1024),
        ("mlp", {"width": 128}, 64),
    ],
    ids=["transformer", "convolution", "mlp"],
)
def test_operations_are_those_of_the_compiled_program(name: str, settings: dict[str, Any], d: int) -> None:
    """XLA counts what the forward pass computes: the products are most of it."""
    learner, outputs = learners.make(name, settings), 16
    network = learner.network  # type: ignore[attr-defined]
    weights = network.start(1, d, outputs)
    factors, _ = network.constants("adam", d, weights)
    X = np.zeros((8, d), np.float32)
    cost = jax.jit(lambda w, x: network.apply(w, factors, x)).lower(weights, X).compile().cost_analysis()
    counted = (cost[0] if isinstance(cost, list) else cost)["flops"] / 8
    assert learner.operations(d, outputs) == pytest.approx(counted, rel=0.3)  # type: ignore[attr-defined]


@pytest.mark.slow(reason="networks trained in a whole sweep")
def test_a_sweep_runs_on_a_language(tmp_path: Path) -> None:
    spec = {
        "recipe": {"family": "grammar-language", "n_points": 1, "levels": 2, "vocabulary": 4, "synonyms": 2},
        "sweep": {
            "learners": ["transformer", "convolution"], "train_sizes": [16, 32, 64], "seeds": 2, "test_size": 64,
            "loss": "cross-entropy",
        },
        "transformer": {"width": 8, "heads": 2, "depth": 1, "steps": 100}, "convolution": {"width": 8, "steps": 100},
    }  # fmt: skip
    result = fm.confirm(spec, out=tmp_path / "run", progress=False)
    risks = {p.learner: p.risk for p in result.points if p.n == 64}
    assert set(risks) == {"transformer", "convolution", "bayes"}
    assert all(risk > risks["bayes"] for name, risk in risks.items() if name != "bayes")
