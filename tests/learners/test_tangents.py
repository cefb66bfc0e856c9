"""Networks in the midst of training, their tangent kernels against explicit Jacobians, patterns and distances."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fractalman as fm
from fractalman.errors import FitError, RecipeError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import normals
from fractalman.studies.locality import pairs as pairing
from fractalman.studies.locality import patterns
from fractalman.studies.sources import RecipeSource

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

from fractalman.learners.networks import tangents, training  # noqa: E402
from fractalman.learners.networks.dense import dense  # noqa: E402
from fractalman.learners.networks.mlp import MLP, Settings  # noqa: E402
from fractalman.learners.networks.parameterization import initial_weights  # noqa: E402
from fractalman.learners.networks.snapshots import prepare, snapshots  # noqa: E402

SMALL = Settings(width=12, depth=2, steps=700, batch_size=16, learning_rate=5e-3)


def problem(n: int = 40, m: int = 1, d: int = 4, t: int = 30) -> Problem:
    X = normals(7, (n + t) * d).reshape(n + t, d).astype(np.float32)
    y = np.sin(X[:, :1].astype(np.float64) + np.arange(m)) + 0.5 * X[:, 1:2]
    return Problem(X[:n], y[:n], X[n:], 3)


@pytest.mark.slow(reason="networks trained with and without snapshots")
def test_the_last_snapshot_is_the_trained_network_bit_for_bit() -> None:
    p = problem(m=2)
    made = prepare(MLP(SMALL), p)
    found = list(snapshots(made, (0, 130, 500, 700)))
    test = made.scale.inputs(p.X_test).astype(np.float32)
    (end,) = training.train(made.run, [made.X], [made.y], [test], [p.key])
    stacked = [training.stack([snap.weights]) for snap in found]
    predicted = [training.forward(w, [test], 2, made.factors, made.network)[0] for w in stacked]
    np.testing.assert_array_equal(predicted[-1], end.prediction)
    assert (found[-1].taken, found[-1].train_risk) == (end.steps, end.train_risk)
    assert [snap.taken for snap in found] == [0, 130, 500, 700]
    first = initial_weights(p.key, 4, 12, 2, 2)
    for (w, b), (w0, b0) in zip(found[0].weights, first, strict=True):
        np.testing.assert_array_equal(w, w0)
        np.testing.assert_array_equal(b, b0)
    gaps = [np.abs(a - b).max() for a, b in itertools.pairwise(predicted)]
    assert min(gaps) > 1e-3  # the control: other steps are other networks


@pytest.mark.slow(reason="networks trained until they interpolate")
def test_a_network_that_has_interpolated_stays_as_it_is() -> None:
    easy = Problem(np.eye(2, 4, dtype=np.float32), np.array([[0.0], [1.0]]), np.zeros((1, 4), np.float32), 5)
    made = prepare(MLP(dataclasses.replace(SMALL, interpolation_tolerance=1e-4)), easy)
    *_, before, after = snapshots(made, (0, 500, 700))
    assert before.taken == after.taken == 500
    np.testing.assert_array_equal(before.weights[0][0], after.weights[0][0])


def test_what_snapshots_refuse() -> None:
    made = prepare(MLP(SMALL), problem())
    for steps in ((1, 1), (5, 2), (0, 701), (-1, 3)):
        with pytest.raises(RecipeError, match="expected rising numbers of steps from 0 to 700"):
            list(snapshots(made, steps))
    with pytest.raises(RecipeError, match="expected one rate"):
        prepare(MLP(dataclasses.replace(SMALL, learning_rate=(1e-3, 1e-2))), problem())
    with pytest.raises(RecipeError, match="for 11200 = steps"):
        prepare(MLP(dataclasses.replace(SMALL, sampling="one-pass")), problem())


@pytest.mark.slow(reason="a network is trained until it diverges")
def test_snapshots_of_what_diverges_are_refused() -> None:
    wild = prepare(MLP(dataclasses.replace(SMALL, optimizer="sgd", learning_rate=100.0, batch_size=4)), problem())
    with pytest.raises(FitError, match="diverged"), np.errstate(all="ignore"):
        list(snapshots(wild, (0, 700)))


# ---------------------------------------------------------------------------------------------------- influence


@pytest.mark.slow(reason="a network is compiled for every setting", but=["relu-standard-2"])
@pytest.mark.parametrize(
    ("activation", "parameterization", "depth"), [("relu", "standard", 2), ("tanh", "ntk", 1), ("gelu", "mup", 2)]
)
def test_influence_is_the_product_of_explicit_jacobians_layer_by_layer(
    activation: str, parameterization: str, depth: int
) -> None:
    kind = {"activation": activation, "parameterization": parameterization}
    settings = dataclasses.replace(SMALL, depth=depth, width=80, **kind)
    made = prepare(MLP(settings), problem(m=2))
    start = next(iter(snapshots(made, (0,))))
    weights = tuple((w, b + 0.1 * np.arange(b.size, dtype=np.float32) / b.size) for w, b in start.weights)
    X = made.X[:6]

    def network(w: object) -> object:
        return jax.vmap(lambda x: dense(w, made.factors, x, activation))(X)

    jacobian = jax.jacrev(network)(weights)
    at = tangents.signals(weights, made.factors, X, activation)
    np.testing.assert_allclose(at.output, network(weights), rtol=1e-5, atol=1e-6)
    i, j = (a.ravel().astype(np.int64) for a in np.meshgrid(np.arange(6), np.arange(6), indexing="ij"))
    found = tangents.kernel_pairs(at, i, at, j, made.factors, made.rates)
    assert found.shape == (depth + 1, 36)
    for layer, (of_weight, of_bias) in enumerate(jacobian):
        W, B = (np.asarray(part, np.float64).reshape(6, 2, -1) for part in (of_weight, of_bias))
        gram = made.rates[layer][0] * np.einsum("ikp,jkp->ij", W, W)
        gram += made.rates[layer][1] * np.einsum("ikp,jkp->ij", B, B)
        np.testing.assert_allclose(found[layer].reshape(6, 6), gram / 2.0, rtol=2e-4, atol=2e-5 * gram.max())
    opened = made.opened(weights)
    assert opened.parts == (*(str(k + 1) for k in range(depth)), "output")
    np.testing.assert_allclose(opened.kernel(X, X).reshape(depth + 1, 36), found, rtol=1e-6, atol=1e-6 * found.max())
    np.testing.assert_allclose(opened.own(X), found[:, ::7], rtol=1e-6, atol=1e-6 * found.max())
    np.testing.assert_allclose(opened.activations(X)["output"], network(weights), rtol=1e-5, atol=1e-6)
    # the control: another layer's part is another number
    assert np.abs(found[0] - found[1]).max() > 1e-2 * np.abs(found[0]).max()


def test_influence_in_a_linear_model_is_its_gram_matrix_and_training_does_not_move_it() -> None:
    made = prepare(MLP(SMALL), problem(), linear=True)
    X = made.X[:8]
    i, j = (a.ravel().astype(np.int64) for a in np.meshgrid(np.arange(8), np.arange(8)))
    gram = (X.astype(np.float64) @ X.T.astype(np.float64) + 1.0).ravel()
    risks = []
    for snap in snapshots(made, (0, 100, 700)):
        at = tangents.signals(snap.weights, made.factors, X, "relu")
        (found,) = tangents.kernel_pairs(at, i, at, j, made.factors, made.rates)
        np.testing.assert_allclose(found, gram, rtol=1e-6, atol=1e-6)
        risks.append(snap.train_risk)
    assert risks[2] < risks[0]  # it did learn


@pytest.mark.slow(reason="networks trained at several rates")
def test_a_small_step_does_what_the_kernel_says() -> None:
    made = prepare(MLP(dataclasses.replace(SMALL, activation="tanh")), problem())
    (snap,) = snapshots(made, (0,))
    X, label = made.X[:20], made.y[0] - 0.7
    at = tangents.signals(snap.weights, made.factors, X, "tanh")
    kernel = tangents.kernel_pairs(at, np.zeros(20, np.int64), at, np.arange(20), made.factors, made.rates).sum(axis=0)
    sizes = np.array([0.04, 0.4]) / kernel[0]
    slope, change = tangents.steps_at(made.network, snap.weights, made.factors, made.rates, X[0], label, X, sizes)
    np.testing.assert_allclose(slope[:, 0], -kernel * (at.output[0] - label), rtol=1e-4, atol=1e-5)
    errors = [np.abs(change[k] - sizes[k] * slope).max() / np.abs(sizes[k] * slope).max() for k in range(2)]
    assert errors[0] < 0.05
    assert 5.0 < errors[1] / errors[0] < 20.0  # second order


# ---------------------------------------------------------------------------------------------------- distances


def test_profiles_of_known_influences() -> None:
    x = np.linspace(0.0, 1.0, 2001)[1:]
    ones = np.ones(x.size)
    bins = np.minimum((10 * x).astype(np.int64), 9)
    flat = pairing.profile(pairing.Distance("euclidean", x, bins, 0.0, False), 0.3 * ones, ones)
    assert flat.near_share == pytest.approx(0.1)
    assert np.isnan(flat.explained)
    assert flat.half is not None
    assert 0.0 < flat.half <= flat.x[0]  # it falls between the point itself and its nearest neighbours
    falling = pairing.profile(pairing.Distance("euclidean", x, bins, 0.0, False), 1.0 - x, ones)
    assert falling.half == pytest.approx(0.475, abs=1e-3)  # the last bin's mean is .05
    assert falling.explained > 0.98
    assert falling.near_share == pytest.approx(0.19, abs=2e-3)
    near = pairing.profile(pairing.Distance("euclidean", x, bins, 0.0, False), (x < 0.05).astype(float), ones)
    assert near.near_share == pytest.approx(1.0)
    rising = pairing.profile(pairing.Distance("euclidean", x, bins, 0.0, False), 1.0 + x, ones)
    assert rising.half is None


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(1, 5))
def test_near_shares_are_shares_and_ties_make_no_difference(strength: list[int], repeats: int) -> None:
    s = np.array(strength, float)
    distance = np.arange(s.size) // 3 * 1.0
    share = pairing.near_share(distance, s, np.ones(s.size))
    if not s.any():
        assert np.isnan(share)
        return
    assert -1e-9 <= share <= 1.0 + 1e-9
    again = pairing.near_share(np.tile(distance, repeats), np.tile(s, repeats), np.full(s.size * repeats, 2.0))
    assert again == pytest.approx(share)
    if np.all(distance == 0.0):
        assert share == pytest.approx(0.1)


def test_pairs_are_strata_of_the_hierarchy() -> None:
    recipe = fm.PercolationCluster(n_points=600, ambient_dim=16, seed=3)
    sample = RecipeSource(recipe).sample(0, 100, 200)
    X = sample.X.astype(np.float64)
    made = pairing.stratified_pairs(sample, X, sample.train, sample.test, (4, 16, 64), 50)
    tree, graph, euclidean, random = made.distances
    assert [d.name for d in made.distances] == ["hierarchy", "graph", "euclidean", "random"]
    assert made.weight.sum() == pytest.approx(100 * 200)
    assert np.bincount(tree.bin).max() <= 50
    data = fm.generate(sample.recipe)
    above = [set(data.hierarchy.ancestors(int(p)).tolist()) for p in range(600)]
    for k in range(0, made.i.size, 7):
        a, b = int(sample.train[made.i[k]]), int(sample.test[made.j[k]])
        assert tree.of[k] == min(data.hierarchy.size[list(above[a] & above[b])])
        assert tree.bin[k] == int(np.sum(tree.of[k] > np.array([4, 16, 64])))
    assert np.corrcoef(np.log(graph.of), np.log(euclidean.of))[0, 1] > 0.9  # squared distance ~ graph distance
    assert abs(np.corrcoef(np.log(graph.of), np.log(random.of))[0, 1]) < 0.3
    # what depends on the tree distance alone is explained by it, and not by a hierarchy of strangers
    strength = 1.0 / (1.0 + tree.bin)
    assert pairing.profile(tree, strength, made.weight).explained == pytest.approx(1.0)
    assert pairing.profile(random, strength, made.weight).explained < 0.1
    assert pairing.profile(random, strength, made.weight).near_share == pytest.approx(0.1, abs=0.06)


# ---------------------------------------------------------------------------------------------------- patterns


@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=12))
def test_regions_and_hamming_distances_against_plain_python(rows: list[list[bool]]) -> None:
    pattern = np.array(rows)
    region = patterns.regions(pattern)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(len(rows)), np.arange(len(rows))))
    apart = patterns.hamming(pattern, i, pattern, j)
    for a, b, found in zip(i, j, apart, strict=True):
        assert found == sum(x != y for x, y in zip(rows[a], rows[b], strict=True)) / 9
        assert (region[a] == region[b]) == (rows[a] == rows[b])
    assert region.max() + 1 == len({tuple(row) for row in rows})


def test_agreement_is_one_for_equal_partitions_and_zero_for_random_ones() -> None:
    draws = normals(5, 4000).reshape(20, 200)
    found = []
    for row in draws:
        a = (4 * row % 4).astype(np.int64)
        assert patterns.agreement(a, 7 - a) == pytest.approx(1.0)
        found.append(patterns.agreement(a, np.roll(a, 101)))
    assert abs(np.mean(found)) < 4.0 * np.std(found) / np.sqrt(20) + 1e-9
    assert max(map(abs, found)) < 0.1
    # the control: half of the points moved
    a = (4 * draws[0] % 4).astype(np.int64)
    assert 0.1 < patterns.agreement(a, np.where(np.arange(200) < 100, a, np.roll(a, 101))) < 0.9


def test_groups_of_separated_patterns_are_found() -> None:
    kinds = np.array([[True] * 12, [False] * 12, [True] * 6 + [False] * 6])
    which = np.arange(30) % 3
    noisy = kinds[which]
    noisy[np.arange(30), np.arange(30) % 12] ^= True
    (three, one) = patterns.groups(noisy, [3, 1])
    assert patterns.agreement(three, which) == pytest.approx(1.0)
    assert np.unique(one).size == 1
    (by_place,) = patterns.groups(np.array([[0.0], [0.1], [5.0], [5.1]]), [2])
    assert by_place[0] == by_place[1] != by_place[2] == by_place[3]
