"""Anybody's networks as the studies see them: one network written five ways gives the same activations and kernels."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

from fractalman import learners
from fractalman.errors import RecipeError
from fractalman.learners.own_networks import OUTPUT, OwnNetwork, activations_at, own_network
from fractalman.learners.own_networks.finite_steps import SteppedNetwork
from fractalman.learners.own_networks.piped import PipedNetwork
from fractalman.learners.own_networks.protocol import blocks

rng = np.random.default_rng(3)
WIDTHS = (5, 8, 6, 2)
WEIGHTS = [(rng.normal(size=(a, b)) / np.sqrt(a), 0.1 * rng.normal(size=b)) for a, b in itertools.pairwise(WIDTHS)]
X = rng.normal(size=(40, WIDTHS[0]))
PARTS = 3


def forward(parameters: Any, points: Any, relu: Any = lambda s: np.maximum(s, 0.0)) -> Any:
    """The network in NumPy, with its hidden layers."""
    held, a = {}, points
    for k, (W, b) in enumerate(parameters):
        a = a @ W + b
        if k + 1 < len(parameters):
            a = held[str(k + 1)] = relu(a)
    return a, held


def reference_kernel(A: Any, B: Any) -> Any:
    """Σ over outputs and single parameters of products of central differences, parameter by parameter in a loop."""
    out = np.zeros((PARTS, len(A), len(B)))
    h = 1e-6
    for part, pair in enumerate(WEIGHTS):
        for which, array in enumerate(pair):
            for place in np.ndindex(array.shape):
                slopes = []
                for points in (A, B):
                    ends = []
                    for sign in (1.0, -1.0):
                        moved = [[W.copy(), b.copy()] for W, b in WEIGHTS]
                        moved[part][which][place] += sign * h
                        ends.append(forward(moved, points)[0])
                    slopes.append((ends[0] - ends[1]) / (2 * h))
                out[part] += slopes[0] @ slopes[1].T
    return out / WIDTHS[-1]


def in_scikit_learn() -> OwnNetwork:
    model = SimpleNamespace(
        coefs_=[W for W, _ in WEIGHTS], intercepts_=[b for _, b in WEIGHTS], activation="relu"
    )  # what a fitted MLPRegressor holds
    return own_network(model, X)


def in_numpy() -> OwnNetwork:
    return own_network((forward, WEIGHTS), X)


def in_jax() -> OwnNetwork:
    jax = pytest.importorskip("jax")
    return own_network((lambda p, x: forward(p, x, jax.nn.relu), WEIGHTS), X)


def torch_module() -> Any:
    torch = pytest.importorskip("torch")
    layers: list[Any] = []
    for k, (W, b) in enumerate(WEIGHTS):
        layer = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.as_tensor(W.T))
            layer.bias.copy_(torch.as_tensor(b))
        layers += [layer] + ([torch.nn.ReLU()] if k + 1 < len(WEIGHTS) else [])
    return torch.nn.Sequential(*layers)


def in_torch() -> OwnNetwork:
    return own_network(torch_module(), X, layers=["1", "3"])


def in_equinox() -> OwnNetwork:
    pytest.importorskip("jax")
    eqx = pytest.importorskip("equinox")
    import jax

    module = eqx.nn.MLP(5, 2, 8, 2, key=jax.random.key(0))
    arrays = [(W.T, b) for W, b in WEIGHTS]
    # 8 and 6 units: equinox's MLP has one width, so the layers are put in
    layers = tuple(
        eqx.tree_at(lambda one: (one.weight, one.bias), eqx.nn.Linear(W.shape[1], W.shape[0], key=jax.random.key(1)),
                    (jax.numpy.asarray(W, "float32"), jax.numpy.asarray(b, "float32")))
        for W, b in arrays
    )  # fmt: skip
    module = eqx.tree_at(lambda one: one.layers, module, layers)
    readers = {
        "1": lambda one, x: jax.nn.relu(one.layers[0](x)),
        "3": lambda one, x: jax.nn.relu(one.layers[1](jax.nn.relu(one.layers[0](x)))),
    }
    return own_network(module, X, layers=readers)


WAYS = {"scikit-learn": in_scikit_learn, "numpy": in_numpy, "jax": in_jax, "torch": in_torch, "equinox": in_equinox}


@pytest.mark.slow(reason="modules of another package are compiled", only=["equinox"])  # others of its stay, below
@pytest.mark.parametrize("way", WAYS)
def test_one_network_is_the_same_however_it_is_written(way: str) -> None:
    network = WAYS[way]()
    output, held = forward(WEIGHTS, X)
    found = network.activations(X)
    assert len(network.parts) == PARTS
    for name, wanted in zip((*network.layers, OUTPUT), (*held.values(), output), strict=True):
        np.testing.assert_allclose(found[name], wanted, rtol=1e-5, atol=1e-5)
    A, B = X[:6], X[5:16]
    wanted = reference_kernel(A, B)
    np.testing.assert_allclose(network.kernel(A, B), wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
    own = np.stack([np.diag(part) for part in reference_kernel(A, A)])
    np.testing.assert_allclose(network.own(A), own, rtol=1e-5, atol=1e-5 * own.max())
    assert network.fingerprint() == WAYS[way]().fingerprint()


def test_blocks_of_points_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    network = in_numpy()
    whole = network.kernel(X[:9], X)
    monkeypatch.setattr("fractalman.learners.own_networks.protocol.BLOCK_BYTES", 4 * 2 * 120 * 4)
    assert len(list(blocks(9, 4 * 2 * 120))) == 3
    np.testing.assert_allclose(network.kernel(X[:9], X), whole, rtol=1e-8, atol=1e-8)  # of differences


def test_a_numpy_function_takes_small_steps_and_a_jax_function_gradients() -> None:
    pytest.importorskip("jax")
    assert isinstance(in_numpy(), SteppedNetwork)
    assert not isinstance(in_jax(), SteppedNetwork)


def test_the_module_is_left_as_it_was() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch_module(), torch.nn.Dropout(0.5), torch.nn.Linear(2, 1))
    module.train()
    module[1].eval()
    before = [child.training for child in module.modules()]
    network = own_network(module, X)
    once, again = network.activations(X), network.activations(X)
    assert all(np.array_equal(once[name], again[name]) for name in once)  # dropout is off
    network.kernel(X[:2], X[:3])
    assert [child.training for child in module.modules()] == before
    assert all(not child._forward_hooks for child in module.modules())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert network.layers[0] == "0.0"


def test_activations_know_the_steps_of_readouts_only() -> None:
    hidden = rng.normal(size=(40, 3))
    network = own_network({"h": hidden, OUTPUT: hidden[:, 0]}, X)
    np.testing.assert_allclose(network.kernel(X[3:5], X[:7])[0], hidden[3:5] @ hidden[:7].T + 1.0)
    np.testing.assert_allclose(network.own(X[3:5])[0], np.square(hidden[3:5]).sum(axis=1) + 1.0)
    with pytest.raises(RecipeError, match="known at the points of the data alone"):
        network.kernel(X[:2] + 1.0, X)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"h": np.zeros((3, 2))}, r"shape \(3, 2\).*expected finite numbers \(40, units\)"),
        ({"h": np.full((40, 2), np.nan)}, "expected finite numbers"),
        ({OUTPUT: np.zeros(40)}, "at least one layer beside the output"),
        ({"input": np.zeros(40)}, "the points are the input"),
        ({"h": np.zeros((2, 40))}, r"use \.T of it"),
        ({"h": np.where(np.arange(80).reshape(40, 2) > 77, np.inf, 0.0)}, "in 1 rows, the first 39"),
        ({"0.weight": np.zeros((3, 2)), "0.bias": np.zeros(3)}, "these are parameters.*use the module itself"),
        (np.zeros((40, 2)), 'use {"layer": array, "output": array}'),
        ([np.zeros((40, 2))], 'use {"layer": array'),
        (({}, np.sin), "the function first"),
        (np.sin, r"use \(function, parameters\)"),
        (MLPRegressor, "is a class: expected a trained network"),
        (MLPRegressor(), r"use network\.fit\(X, y\) first"),
        (make_pipeline(MLPRegressor()), "expected a fitted one"),
        (SimpleNamespace(regressor_=1), r"use network=network\.regressor_"),
        (SimpleNamespace(apply=np.sin, init=np.cos), r"use network=\(model, variables\)$"),
        (
            (lambda _p, x: np.asarray(x), {"w": np.ones(2), "a": print}),
            "parameter a is a builtin_function_or_method: expected arrays",
        ),
        ("model.pkl", "of type str: expected a dict of activations, a PyTorch module.*load it with its library"),
        ((lambda _p, x: np.asarray(x), {}), r"expected (1 to 20,000|a pytree with arrays)"),
        (SimpleNamespace(coefs_=[], intercepts_=[], activation="swish"), "'swish': expected one of relu"),
    ],
)
def test_what_is_no_network_is_refused(given: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        own_network(given, X)


def in_numbers(function: Any) -> Any:
    """A network in NumPy whose outputs are a function of the points."""
    return (lambda p, x: function(np.asarray(x)) + 0 * p["a"].sum(), {"a": np.ones(2)})


FOREIGN: dict[str, tuple[Any, str]] = {
    "of other points": (SimpleNamespace(coefs_=[np.ones((9, 1))], intercepts_=[np.ones(1)], activation="relu"),
                        r"asked at points of shape \(40, .*ValueError.*coordinates"),
    "raises": (in_numbers(lambda x: {}[len(x)]), "cannot be asked.*KeyError"),
    "one number": (in_numbers(np.sum), "one number for all points"),
    "fewer rows": (in_numbers(lambda x: x[::2, 0]), "20 rows at 40 points"),
    "not a number": (in_numbers(lambda x: np.where(x[:, 0] > x[0, 0], np.nan, 1.0)), "output holds NaN or infinity at"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_network_that_cannot_be_asked_is_an_error_of_the_network(name: str) -> None:
    given, message = FOREIGN[name]
    with pytest.raises(RecipeError, match=message):
        activations_at(own_network(given, X), X)


def test_copies_of_a_point_keep_activations_of_their_own() -> None:
    points, hidden = np.repeat(X[:20], 2, axis=0), rng.normal(size=(40, 3))
    held = activations_at(own_network({"h": hidden}, points), points)
    np.testing.assert_array_equal(held["h"], hidden)


def test_torch_layers_are_those_that_are_called_once() -> None:
    torch = pytest.importorskip("torch")

    class Pair(torch.nn.Linear):  # type: ignore[misc, name-defined, unused-ignore]
        def forward(self, x: Any) -> Any:
            return super().forward(x), None

    class Module(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.last, self.twice, self.never = (torch.nn.Linear(X.shape[1], X.shape[1]) for _ in range(3))
            self.first = Pair(X.shape[1], X.shape[1])

        def forward(self, x: Any) -> Any:
            hidden, _ = self.first(x)  # a tuple: its first tensor counts
            return self.last(self.twice(self.twice(hidden))), None

    module = Module().bfloat16()  # which NumPy does not know
    network = own_network(module, X)
    assert network.layers == ("first",)
    held = activations_at(network, X)
    with torch.no_grad():
        hidden = module.first(torch.as_tensor(X).bfloat16())[0]
    np.testing.assert_array_equal(held["first"], hidden.float().numpy())
    assert network.kernel(X[:2], X[:3]).shape[1:] == (2, 3)
    for name, calls in (("twice", 2), ("never", 0)):
        with pytest.raises(RecipeError, match=f"'{name}' is called {calls} times"):
            own_network(module, X, layers=[name])


def test_an_unknown_layer_is_named() -> None:
    pytest.importorskip("torch")
    with pytest.raises(RecipeError, match=r"layer '33': expected 0, 1, 2, 3, 4"):
        own_network(torch_module(), X, layers=["33"])


def test_layers_and_parts_stand_in_the_order_in_which_they_were_written() -> None:
    """JAX sorts the keys of dicts; the last layer of a network is not the last of the alphabet."""
    jax = pytest.importorskip("jax")
    stem, head = WEIGHTS[0][0].astype(np.float32), WEIGHTS[1][0].astype(np.float32)
    parameters = {"stem": {"w": stem, "b": np.zeros(8, np.float32)}, "body": [head], "a-head": {"w": head.T[:, :1]}}

    def function(p: Any, points: Any) -> Any:
        first = points @ p["stem"]["w"] + p["stem"]["b"]
        second = first @ p["body"][0]
        return second @ p["a-head"]["w"][:6], {"second-last": first, "last": second}

    network = own_network((function, parameters), X)
    assert network.layers == ("second-last", "last")
    assert network.parts == ("stem", "body", "a-head")
    kernel, single = network.kernel(X[:3], X[:4]), X @ stem
    held = network.activations(X)
    np.testing.assert_allclose(held["second-last"], single, rtol=1e-4, atol=1e-5)
    # each part is the part of its name: the readout's is the Gram matrix of the last layer
    other = own_network((lambda p, points: points @ p["w"], {"w": parameters["a-head"]["w"][:6]}), held["last"])
    np.testing.assert_allclose(kernel[2], other.kernel(held["last"][:3], held["last"][:4])[0], rtol=1e-4)
    box = jax.tree_util.register_dataclass(dataclasses.make_dataclass("Box", ["value"]), ["value"], [])
    boxed = {"stem": {"w": box(stem), "b": box(np.zeros(8, np.float32))}}
    network = own_network((lambda p, x: x @ p["stem"]["w"].value + p["stem"]["b"].value, boxed), X)
    assert network.parts == ("stem",)  # as the variables of flax nnx are boxed
    read = own_network((function, parameters), X, {"z": lambda _, x: x, "a": lambda _, x: -x})
    assert read.layers == ("z", "a")


def test_torch_is_asked_within_what_wraps_it_in_evaluation_and_by_whole_numbers_where_it_takes_no_others() -> None:
    torch = pytest.importorskip("torch")

    class Reader(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(4, 3)
            self.lower = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(15, 6))
            self.norm, self.drop, self.last = torch.nn.BatchNorm1d(6), torch.nn.Dropout(0.5), torch.nn.Linear(6, 2)

        def forward(self, x: Any) -> Any:
            hidden = self.drop(self.norm(self.lower(self.table(x).flatten(1))))
            return {"loss": torch.zeros(()), "logits": self.last(hidden)}

    module = Reader().train()
    tokens = rng.integers(0, 4, size=(30, 5)).astype(np.float64)
    network = own_network(torch.nn.DataParallel(module), tokens)
    assert network.layers == ("table", "lower", "norm", "drop")  # no table of weights that is made anew
    assert own_network(torch.nn.DataParallel(module), tokens, ["module.norm"]).layers == ("norm",)
    found = network.activations(tokens)[OUTPUT]
    with torch.no_grad():
        wanted = module.eval()(torch.as_tensor(tokens).long())["logits"].numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert network.kernel(tokens[:2], tokens[:3]).shape == (5, 2, 3)
    with pytest.raises(RecipeError, match=r"Embedding|indices"):  # by other numbers it cannot be asked
        own_network(module, tokens + 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.trace(torch_module(), torch.zeros(1, 5))
    with pytest.raises(RecipeError, match="TorchScript module has no hooks"):
        own_network(scripted, X)


def test_jax_functions_of_one_point_of_tokens_and_of_modules() -> None:
    jax = pytest.importorskip("jax")
    eqx = pytest.importorskip("equinox")
    W, v = np.float32(WEIGHTS[0][0]), np.float32(WEIGHTS[0][1])
    of_many = own_network((lambda p, x: (jax.numpy.tanh(x @ p["W"]) @ p["v"], [x @ p["W"]]), {"W": W, "v": v}), X)
    of_one = own_network((lambda p, x: p["v"] @ jax.numpy.tanh(p["W"].T @ x), {"W": W, "v": v}), X)
    assert of_many.layers == ("1",)
    np.testing.assert_allclose(of_one.activations(X)[OUTPUT], of_many.activations(X)[OUTPUT], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(of_one.kernel(X[:3], X), of_many.kernel(X[:3], X), rtol=1e-4, atol=1e-5)
    table = own_network((lambda p, x: p["table"][x].sum(axis=(1, 2)), {"table": W}), np.floor(np.abs(X)))
    assert table.own(np.array([[0.0, 1.0, 1.0, 0.0, 0.0]])).item() == 8 * (3**2 + 2**2)
    linear, last = eqx.nn.Linear(5, 8, key=jax.random.key(0)), eqx.nn.Linear(8, 1, key=jax.random.key(1))
    dropped = eqx.nn.Sequential([linear, eqx.nn.Dropout(0.5), eqx.nn.Lambda(jax.nn.relu), last])
    alone = own_network(dropped, X)
    in_pair = own_network((lambda module, x: jax.vmap(module)(x), dropped), X)
    wanted = np.maximum(X @ np.asarray(linear.weight).T + linear.bias, 0.0) @ np.asarray(last.weight).T + last.bias
    for network in (alone, in_pair):
        np.testing.assert_allclose(network.activations(X)[OUTPUT], wanted, rtol=1e-5, atol=1e-6)
    variables = {"params": {"W": W}, "batch_stats": {"mean": v}}  # as flax linen's: means take no steps
    kernel = own_network((lambda p, x: x @ p["params"]["W"] - p["batch_stats"]["mean"], variables), X)
    np.testing.assert_allclose(kernel.kernel(X, X)[0], X @ X.T, rtol=1e-4, atol=1e-5)
    for function, said in (
        (lambda p, x: (x @ p, x, x), "layer output is a tuple"),
        (lambda p, x: (x @ p, {"state": {"mean": x}}), "layer state is a dict"),
        (lambda p, x: x[::2] @ p, r"layer output of shape \(3, 8\) at 6 points"),
    ):
        with pytest.raises(RecipeError, match=said):
            own_network((function, jax.numpy.asarray(W)), X)


def test_modules_of_flax_are_asked_in_evaluation_and_step_by_their_parameters_alone() -> None:
    nnx = pytest.importorskip("flax.nnx")
    jax = pytest.importorskip("jax")

    class Module(nnx.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.low, self.norm = nnx.Linear(5, 8, rngs=rngs), nnx.BatchNorm(8, epsilon=0.0, rngs=rngs)
            self.drop, self.high = nnx.Dropout(0.5, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.high(self.drop(nnx.relu(self.norm(self.low(x)))))

    module = Module()
    network = own_network(module, X, layers={"low": lambda one, x: one.low(x)})
    assert (network.layers, network.parts) == (("low",), ("low", "norm", "high"))
    low, high = (np.asarray(one.kernel[...]) for one in (module.low, module.high))
    np.testing.assert_allclose(network.activations(X)[OUTPUT], np.maximum(X @ low, 0.0) @ high, rtol=1e-4, atol=1e-5)
    hidden = np.maximum(X @ low, 0.0)
    np.testing.assert_allclose(network.kernel(X, X)[2], hidden @ hidden.T + 1.0, rtol=1e-4, atol=1e-5)
    in_pair = own_network((lambda one, x: one(x), module), X)
    np.testing.assert_allclose(in_pair.kernel(X[:2], X), network.kernel(X[:2], X), rtol=1e-5)
    assert not module.drop.deterministic
    assert not jax.numpy.any(module.norm.mean[...])


def test_narrow_and_sparse_activations_are_widened() -> None:
    torch = pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    from scipy.sparse import csr_array

    hidden = np.floor(4.0 * np.maximum(rng.normal(size=(40, 3)), 0.0))
    given = torch.as_tensor(hidden).bfloat16(), jax.numpy.asarray(hidden, "bfloat16"), csr_array(hidden)
    for one in given:
        np.testing.assert_array_equal(own_network({"h": one}, X).activations(X)["h"], hidden)


class Applied:
    """A module whose variables lie elsewhere, as linen's do."""

    def init(self, key: Any, X: Any) -> Any:
        raise NotImplementedError

    def apply(self, variables: Any, X: Any) -> Any:
        return X @ variables["w"]


class Random(Applied):
    """As haiku's: a key comes second."""

    def apply(self, params: Any, rng: Any, X: Any) -> Any:  # type: ignore[override]
        assert rng is None
        return X @ params["w"]


class Stateful(Applied):
    """As haiku's with a state, which no step moves."""

    def apply(self, params: Any, state: Any, rng: Any, X: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        return X @ params["w"] + state["shift"], state


@pytest.mark.parametrize("kind", [Applied, Random, Stateful])
def test_modules_with_variables_elsewhere_are_taken_as_pairs(kind: type[Applied]) -> None:
    X, weights = np.random.default_rng(0).normal(size=(20, 3)), {"w": np.ones((3, 2), np.float32)}
    variables: Any = (weights, {"shift": np.float32(1.0)}) if kind is Stateful else weights
    network = own_network((kind(), variables), X)
    shift = 1.0 if kind is Stateful else 0.0
    np.testing.assert_allclose(network.activations(X)["output"], X @ weights["w"] + shift, rtol=1e-5)
    np.testing.assert_allclose(network.kernel(X[:2], X[2:5])[0], X[:2] @ X[2:5].T, rtol=1e-4, atol=1e-5)
    with pytest.raises(RecipeError, match=r"use network=\(model, variables\)"):
        own_network(kind(), X)


def test_pipelines_and_searches_are_asked_at_the_points_as_they_come() -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import StandardScaler

    X = np.random.default_rng(0).normal(3.0, 5.0, size=(60, 3))
    y = X[:, 0] - np.abs(X[:, 1])
    steps = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        steps.fit(X, y)
        search = GridSearchCV(steps, {"mlpregressor__alpha": [1e-4]}, cv=2).fit(X, y)
    network, inner, Z = own_network(steps, X), own_network(steps[-1], X), steps[:-1].transform(X)
    assert network.layers == ("1",)
    np.testing.assert_array_equal(network.activations(X)["output"][:, 0], steps.predict(X))
    np.testing.assert_array_equal(network.kernel(X[:3], X[3:7]), inner.kernel(Z[:3], Z[3:7]))
    np.testing.assert_array_equal(network.own(X[:3]), inner.own(Z[:3]))
    np.testing.assert_array_equal(own_network(search, X).activations(X)["output"][:, 0], search.predict(X))
    alone = own_network(make_pipeline(steps[-1]), X).activations(Z)["output"]
    np.testing.assert_array_equal(alone[:, 0], steps.predict(X))


def test_sparse_points_of_a_pipeline_are_refused() -> None:
    from scipy import sparse

    class Sparse:
        def transform(self, X: Any) -> Any:
            return sparse.csr_array(X)

    with pytest.raises(RecipeError, match="sparse points"):
        PipedNetwork(Sparse(), own_network({"a": np.eye(3)}, np.eye(3))).activations(np.eye(3))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (learners.make("mlp"), r"a learner of sweeps, not trained: use learner\.fitted\(problem\)"),
        (learners.make("ridge"), "a learner of sweeps, not trained: use a network"),
        (SimpleNamespace(predict=lambda X: X), r"no layers: fractalman\.confirm takes it as a learner"),
    ],
)
def test_what_has_no_layers_is_named(given: Any, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        own_network(given, np.eye(4))


def test_layers_choose_among_activations_and_are_refused_of_what_has_its_own() -> None:
    table = {"a": np.eye(4), "b": np.ones((4, 2)), "output": np.ones((4, 1))}
    assert own_network(table, np.eye(4), layers=["b"]).layers == ("b",)
    with pytest.raises(RecipeError, match="layer 'c': expected a, b, output"):
        own_network(table, np.eye(4), layers=["c"])
    one = np.ones((1, 1))
    dense = SimpleNamespace(coefs_=[one, one], intercepts_=[one[0], one[0]], activation="relu")
    with pytest.raises(RecipeError, match="leave it out"):
        own_network(dense, np.ones((4, 1)), layers=["1"])
