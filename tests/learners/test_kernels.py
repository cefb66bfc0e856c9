"""Kernels against closed forms, positive definiteness, and the formula that must not be used."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractalman import kernels
from fractalman.errors import RecipeError
from fractalman.random.streams import normals


def points(key: int, n: int, d: int) -> np.ndarray:
    return normals(key, n * d).reshape(n, d)


@pytest.mark.parametrize(
    ("name", "r", "length", "value"),
    [
        ("laplace", 3.0, 2.0, math.exp(-1.5)),
        ("gaussian", 3.0, 2.0, math.exp(-9.0 / 8.0)),
        ("matern-3/2", 3.0, 2.0, (1.0 + 1.5 * math.sqrt(3.0)) * math.exp(-1.5 * math.sqrt(3.0))),
        ("matern-5/2", 2.0, 1.0, (1.0 + 2.0 * math.sqrt(5.0) + 20.0 / 3.0) * math.exp(-2.0 * math.sqrt(5.0))),
    ],
)
def test_closed_forms(name: str, r: float, length: float, value: float) -> None:
    assert kernels.by_name(name)(np.array([r]), length)[0] == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("name", kernels.KERNELS)
@given(key=st.integers(0, 2**64 - 1), length=st.floats(0.1, 10.0), factor=st.floats(0.01, 100.0))
def test_every_kernel_is_one_at_zero_decreasing_positive_definite_and_scales(
    name: str, key: int, length: float, factor: float
) -> None:
    kernel = kernels.by_name(name)
    X = points(key, 12, 3)
    r = kernels.distances(X, X)
    K = kernel(r, length)
    assert np.all(np.diag(K) == 1.0)
    assert np.linalg.eigvalsh(K).min() > -1e-12
    line = kernel(np.linspace(0.0, 5.0 * length, 64), length)
    assert np.all(np.diff(line) < 0.0)
    np.testing.assert_allclose(kernel(r * factor, length * factor), K, rtol=1e-12, atol=1e-300)


def test_positive_definiteness_can_fail() -> None:
    """A negative control: exp(−r³) is no kernel, and the check above sees it."""
    r = kernels.distances(points(3, 40, 1), points(3, 40, 1))
    assert np.linalg.eigvalsh(np.exp(-(r**3))).min() < -1e-6


def test_the_roughness_at_zero_tells_the_orders_apart() -> None:
    """1 − k(ε) ~ ε for Laplace, ε² for the smoother ones."""
    eps = np.array([1e-4, 2e-4])
    for name, power in (("laplace", 1.0), ("gaussian", 2.0), ("matern-3/2", 2.0), ("matern-5/2", 2.0)):
        small, large = 1.0 - kernels.by_name(name)(eps, 1.0)
        assert math.log2(large / small) == pytest.approx(power, abs=1e-2)


def test_distances_keep_the_small_scales_that_the_product_formula_loses() -> None:
    gap = 2.0**-20
    X = np.array([[1000.0, 0.0], [1000.0 + gap, 0.0]])
    assert kernels.distances(X, X)[0, 1] == gap
    square = (X**2).sum(axis=1)
    product = square[:, None] - 2.0 * (X @ X.T) + square
    assert abs(math.sqrt(max(product[0, 1], 0.0)) - gap) > 0.01 * gap


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_distances_by_products_are_those_of_differences_to_twelve_digits(offset: float) -> None:
    """64 coordinates; every row has one near it, 1e-9 to 1 apart, two are the same; control: the bare products."""
    far = normals(3, 350 * 64).reshape(350, 64)
    gaps = 10.0 ** -np.linspace(0.0, 9.0, 350)[:, None]
    X = np.concatenate([far, far + gaps * normals(4, 350 * 64).reshape(350, 64)])
    X[7] = X[5]
    X += offset
    Z = X[100:350] + 1e-6
    for one, other in ((X, X), (X, Z), (X, X.copy()), (X[:0], Z)):
        exact = np.array([np.sqrt(np.square(row - other).sum(axis=1)) for row in one]).reshape(len(one), len(other))
        found = kernels.distances(one, other)
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=0.0)
        if one is other:
            assert np.array_equal(found, found.T)
            assert not found.diagonal().any()
    squares = np.square(X).sum(axis=1)
    bare = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * X @ X.T, 0.0))
    assert np.abs(bare - kernels.distances(X, X)).max() > 1e-8


def test_distances_of_single_precision_points_are_taken_in_double() -> None:
    X = np.array([[1.0], [1.0 + 2.0**-23]], np.float32)
    assert kernels.distances(X, X)[0, 1] == 2.0**-23


@pytest.mark.parametrize("length", [0.0, -1.0, math.nan, math.inf])
def test_a_length_that_cannot_be_is_refused(length: float) -> None:
    with pytest.raises(RecipeError, match=r"length = .*: expected a finite number > 0"):
        kernels.laplace(np.ones(2), length)


def test_an_unknown_kernel_is_refused_with_the_nearest_match() -> None:
    with pytest.raises(RecipeError, match=r"unknown kernel 'laplase'.*did you mean 'laplace'"):
        kernels.by_name("laplase")


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="the same d"):
        kernels.distances(np.zeros((2, 3)), np.zeros((2, 4)))


# ---------------------------------------------------------------------------------------------------- wide networks


def test_one_layer_has_the_arc_cosine_closed_form() -> None:
    """Cho & Saul 2009 at chosen angles; the tangent kernel of one hidden layer written out."""
    X = np.array([[2.0, 0.0], [0.0, 3.0], [-2.0, 0.0], [1.0, 1.0]])
    angle = np.array([0.0, math.pi / 2, math.pi, math.pi / 4])
    norms = 2.0 * np.linalg.norm(X, axis=1) / 2.0  # |x||z|/d beside x = (2, 0)
    forward = norms * (np.sin(angle) + (math.pi - angle) * np.cos(angle)) / math.pi
    np.testing.assert_allclose(kernels.nngp(X[:1], X, 1)[0], forward, atol=1e-15)
    share = (math.pi - angle) / math.pi
    inputs = norms * np.cos(angle)
    for width in (1.0, 64.0):
        wanted = forward + 1.0 / width + (2.0 * inputs + 1.0) * share / (2.0 * width)
        np.testing.assert_allclose(kernels.ntk(X[:1], X, 1, width)[0], wanted, atol=1e-14)
    np.testing.assert_allclose(kernels.ntk(X[:1], X, 1)[0], forward, atol=1e-14)
    jacot = kernels.ntk(X[:1], X, 1, parameterization="ntk")[0]
    np.testing.assert_allclose(jacot, forward + inputs * share, atol=1e-14)


def tangent_of_a_pair(x: np.ndarray, z: np.ndarray, depth: int, width: float) -> float:
    """The tangent kernel of one pair, by sines and cosines, layer by layer."""
    if not x.any() or not z.any():
        return 1.0 / width
    one, other = x / math.sqrt(x @ x), z / math.sqrt(z @ z)
    theta = 2.0 * math.asin(min(1.0, 0.5 * math.sqrt(np.square(one - other).sum())))
    scale, out = math.sqrt(x @ x) * math.sqrt(z @ z) / x.size, 0.0
    for layer in range(depth + 1):
        if layer > 0:
            out *= (math.pi - theta) / math.pi * (0.5 if layer == depth else 1.0)
            theta = math.acos(min(1.0, (math.sin(theta) + (math.pi - theta) * math.cos(theta)) / math.pi))
        out += (scale * math.cos(theta) * (x.size if layer == 0 else width) + 1.0) / width
    return out


@pytest.mark.parametrize("d", [3, 64])
def test_tables_by_blocks_equal_pairs_one_by_one_reference(d: int) -> None:
    """More rows than a block, a point at the origin, differences and products of rows; control: another depth."""
    X = points(9, 700, d)
    X[[0, 600]] = 0.0
    Z = X[:40].copy()
    rows, columns = [0, 5, 511, 512, 600, 699], [0, 7, 39]
    found, all_pairs = kernels.ntk(X, Z, 3, 16.0), kernels.ntk(X, X, 3, 16.0)
    assert np.array_equal(all_pairs, all_pairs.T)
    wanted = [[tangent_of_a_pair(X[i], X[j], 3, 16.0) for j in columns] for i in rows]
    np.testing.assert_allclose(found[np.ix_(rows, columns)], wanted, rtol=1e-7)
    np.testing.assert_allclose(all_pairs[np.ix_(rows, columns)], wanted, rtol=1e-7)
    assert np.abs(kernels.ntk(X, Z, 2, 16.0)[np.ix_(rows, columns)] - wanted).max() > 1e-3
    for other in (X, Z):
        assert np.array_equal(kernels.distances(X, other, np.exp), np.exp(kernels.distances(X, other)))


@given(key=st.integers(0, 2**64 - 1), depth=st.integers(1, 6), factor=st.floats(1e-3, 1e3))
def test_network_kernels_are_symmetric_positive_and_homogeneous(key: int, depth: int, factor: float) -> None:
    X = points(key, 10, 4)
    for kernel in (
        lambda X: kernels.nngp(X, X, depth),
        lambda X: kernels.ntk(X, X, depth),
        lambda X: kernels.ntk(X, X, depth, parameterization="ntk"),
        lambda X: kernels.ntk(X, X, depth, 32.0),
    ):
        K = kernel(X)
        np.testing.assert_allclose(K, K.T, rtol=1e-12)
        assert np.linalg.eigvalsh(K).min() > -1e-12 * np.trace(K)
    np.testing.assert_allclose(kernels.ntk(factor * X, X, depth), factor * kernels.ntk(X, X, depth), rtol=1e-9, atol=0)
    # He initialisation keeps the mean square of the activations
    np.testing.assert_allclose(np.diag(kernels.nngp(X, X, depth)), np.square(X).sum(axis=1) / 4, rtol=1e-12)
    np.testing.assert_allclose(
        np.diag(kernels.ntk(X, X, depth, parameterization="ntk")),
        (depth + 1) * np.square(X).sum(axis=1) / 4,
        rtol=1e-12,
    )


def test_layers_compose_and_close_points_keep_their_digits() -> None:
    """Two layers are one layer on the first one's angles; 1 − k is linear in a tiny angle for the tangent kernel."""
    X = points(5, 6, 3)
    one = kernels.nngp(X, X, 1)
    norm = np.sqrt(np.diag(one))
    angle = np.arccos(np.clip(one / np.multiply.outer(norm, norm), -1.0, 1.0))
    two = np.multiply.outer(norm, norm) * (np.sin(angle) + (math.pi - angle) * np.cos(angle)) / math.pi
    np.testing.assert_allclose(kernels.nngp(X, X, 2), two, rtol=1e-7)
    tiny = np.array([1e-6, 2e-6, 4e-6])
    Z = np.column_stack([np.cos(tiny), np.sin(tiny)])
    x = np.array([[1.0, 0.0]])
    gap = kernels.ntk(x, x, 3)[0] - kernels.ntk(x, Z, 3)[0]
    np.testing.assert_allclose(gap[1:] / gap[:-1], 2.0, rtol=1e-4)
    smooth = kernels.nngp(x, x, 1)[0] - kernels.nngp(x, Z * 1.0, 1)[0]
    np.testing.assert_allclose(smooth[1:] / smooth[:-1], 4.0, rtol=1e-3)


def test_a_point_at_the_origin_reaches_the_output_through_the_last_bias_only() -> None:
    X = np.array([[0.0, 0.0], [1.0, 2.0]])
    np.testing.assert_array_equal(kernels.nngp(X, X, 3)[0], 0.0)
    np.testing.assert_allclose(kernels.ntk(X, X, 3, 8.0)[0], 1.0 / 8.0)
    np.testing.assert_array_equal(kernels.ntk(X, X, 3)[0], 0.0)


def test_the_kernels_are_those_of_the_harness_own_networks() -> None:
    """Gradients and outputs of drawn networks by autodiff; another depth, or no first layer and biases, is rejected."""
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    from fractalman.learners.networks.dense import dense
    from fractalman.learners.networks.parameterization import initial_weights

    d = 12
    X = points(11, 5, d)
    X[1] = X[0] + 1e-2
    X[4] *= 2.0
    single = X.astype(np.float32)
    grad = jax.jit(jax.vmap(jax.grad(lambda w, x: dense(w, np.ones(len(w)), x, "relu")[0]), in_axes=(None, 0)))
    for depth, width, networks in ((1, 12, 96), (2, 256, 16)):
        found = []
        for key in range(networks):
            leaves = jax.tree.leaves(grad(initial_weights(key, d, width, depth, 1), single))
            J = np.concatenate([np.asarray(leaf, np.float64).reshape(len(X), -1) for leaf in leaves], axis=1)
            found.append(J @ J.T / width)
        mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / math.sqrt(networks)
        law = kernels.ntk(X, X, depth, width)
        # exact on average for one hidden layer, to order 1/width for two
        assert np.all(np.abs(mean - law) < 4.5 * error + (depth - 1) * 5.0 / width * law.max())
        assert np.all(error < 3.0 * law.max() / math.sqrt(width * networks))
        limit = [kernels.ntk(X, X, depth)] if depth == 1 else []
        for wrong in (kernels.ntk(X, X, depth + 1, width), *limit):
            assert np.max(np.abs(mean - wrong) / error) > 6.2
    found = []
    for key in range(24):  # many outputs of one network share its hidden units: networks are the sample
        outputs = np.asarray(dense(initial_weights(key, d, 256, 2, 256), np.ones(3), single, "relu"), np.float64)
        found.append(outputs @ outputs.T / 256)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / math.sqrt(24)
    assert np.all(np.abs(mean - kernels.nngp(X, X, 2)) < 4.5 * error + 0.01)
    assert np.max(np.abs(mean - kernels.nngp(X, X, 3)) / error) > 6.2


def test_every_kernel_has_a_name() -> None:
    X, Z = points(1, 4, 3), points(2, 5, 3)
    r = kernels.distances(X, Z)
    np.testing.assert_array_equal(kernels.matrix("laplace", X, Z, length=2.0), kernels.laplace(r, 2.0))
    np.testing.assert_array_equal(kernels.matrix("linear", X, Z), X @ Z.T)
    np.testing.assert_array_equal(kernels.matrix("nngp", X, Z, depth=3), kernels.nngp(X, Z, 3))
    np.testing.assert_array_equal(kernels.matrix("ntk", X, Z, depth=3, width=7), kernels.ntk(X, Z, 3, 7))
    assert {kernels.matrix(name, X, Z).shape for name in kernels.NAMES} == {(4, 5)}
    with pytest.raises(RecipeError, match=r"unknown kernel 'ntkk'.*did you mean 'ntk'"):
        kernels.matrix("ntkk", X, Z)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda X: kernels.nngp(X, X, 0), "depth = 0: expected"),
        (lambda X: kernels.ntk(X, X, 1.5), "depth = 1.5: expected"),
        (lambda X: kernels.ntk(X, X, 2, 0.0), "width = 0.0: expected"),
        (lambda X: kernels.ntk(X, X, 2, parameterization="ntks"), "did you mean 'ntk'"),
    ],
)
def test_networks_that_cannot_be_are_refused(call: object, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        call(np.ones((2, 2)))  # type: ignore[operator]


def test_layers_of_angles_keep_their_digits_at_both_ends() -> None:
    ends = 10.0 ** np.linspace(-300.0, 0.0, 400)
    gap = np.concatenate([ends, np.linspace(0.0, 2.0, 1001), 2.0 - ends[ends > 1e-15], [np.nextafter(2.0, 3.0)]])
    theta, turned = kernels._one_layer(gap.reshape(1, -1))
    square = np.minimum(gap.astype(np.longdouble) / 2.0, 1.0)
    half = np.where(square < 0.5, np.arcsin(np.sqrt(square)), np.pi / 2.0 - np.arcsin(np.sqrt(1.0 - square)))
    np.testing.assert_allclose(theta[0], np.asarray(2.0 * half, np.float64), rtol=2e-15)
    sine, few = np.sin(2.0 * half), np.square(2.0 * half)
    excess = np.where(few < 1e-5, few * half / 3.0 * (1.0 - few / 20.0), 2.0 * half - sine)
    wanted = (excess + (np.pi - 2.0 * half) * gap) / np.pi
    np.testing.assert_allclose(turned[0], np.asarray(wanted, np.float64), rtol=1e-13)
    plain = 2.0 * np.arcsin(np.sqrt(np.minimum(gap / 2.0, 1.0)))  # control: arcsin loses half of them near 1
    assert not np.allclose(plain, np.asarray(2.0 * half, np.float64), rtol=1e-10, atol=0.0)
    assert np.isnan(kernels._one_layer(np.array([np.nan]))).all()


def test_threads_and_blocks_change_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    X, Z = normals(3, 60 * 3).reshape(60, 3), normals(4, 40 * 3).reshape(40, 3)
    monkeypatch.setenv("FRACTALMAN_THREADS", "1")
    alone = [kernels.ntk(X, X, 2), kernels.ntk(X, Z, 2), kernels.distances(X, X, np.exp)]
    monkeypatch.setenv("FRACTALMAN_THREADS", "3")
    monkeypatch.setattr(kernels, "_BLOCK", 7)
    for one, other in zip(
        alone, [kernels.ntk(X, X, 2), kernels.ntk(X, Z, 2), kernels.distances(X, X, np.exp)], strict=True
    ):
        np.testing.assert_array_equal(one, other)
