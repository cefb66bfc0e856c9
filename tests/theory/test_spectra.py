"""Spectra of datasets: conservation, independence of route, and learning curves against regressions that are run."""

from __future__ import annotations

import math

import linear_script
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from theory_trees import cut_tree, dense_covariance, label_tree, uniform_tree

import fractalman as fm
from fractalman import generation, kernels, learners, theory
from fractalman.errors import RecipeError, ResourceError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import normals
from fractalman.theory import learning_curve_from_spectrum, spectrum_of
from fractalman.trees import LabelTree


def points(key: int, n: int, d: int) -> np.ndarray:
    return normals(key, n * d).reshape(n, d)


def small_tree(n: int, key: int) -> LabelTree:
    """A hierarchical label tree over a uniform tree's cut tree, made without the generator."""
    parent, size = cut_tree(uniform_tree(n, key), key + 1)
    return label_tree(parent, size.astype(np.float64) ** 0.3, np.arange(n))


class Dense:
    """A covariance that multiplies by a matrix."""

    def __init__(self, sigma: np.ndarray) -> None:
        self.sigma = sigma

    def times(self, vectors: np.ndarray) -> np.ndarray:
        return self.sigma @ vectors


# ---------------------------------------------------------------------------------------------------- exact


@examples(25)
@given(
    key=st.integers(0, 2**63),
    n=st.integers(2, 40),
    d=st.integers(1, 6),
    kernel=st.sampled_from([name for name in kernels.NAMES if name != "gaussian"]),
    intercept=st.booleans(),
)
def test_trace_and_label_variance_are_conserved(key: int, n: int, d: int, kernel: str, intercept: bool) -> None:
    X, y = points(key, n, d), points(key + 1, n, 3) + 2.0
    found = spectrum_of(X, y, kernel=kernel, intercept=intercept)
    centred = y - y.mean(axis=0) if intercept else y
    assert found.variance == pytest.approx(np.square(centred).mean(), rel=1e-9)
    assert (np.diff(found.eigenvalues) <= 0.0).all()
    assert (found.eigenvalues > 0.0).all()
    assert (found.coefficients >= 0.0).all()
    assert found.eigenvalues.size <= n - intercept
    Z = X - X.mean(axis=0) if intercept or kernel in ("nngp", "ntk") else X
    if kernel in ("nngp", "ntk"):
        Z = Z / np.sqrt(np.square(Z).mean())
    r = kernels.distances(Z, Z)[np.triu_indices(n, 1)]
    K = kernels.matrix(kernel, Z, Z, length=float(np.median(r)))
    assert found.trace == pytest.approx(np.trace(K) / n - (K.mean() if intercept else 0.0), rel=1e-9)
    own = spectrum_of(K, y, kernel="gram", intercept=intercept)
    m = int(np.sum(found.eigenvalues > 1e-9 * found.trace))
    np.testing.assert_allclose(own.eigenvalues[:m], found.eigenvalues[:m], rtol=1e-5)
    # a constant in labels and kernel is nothing to a learner with an intercept, and something to one without
    shifted = spectrum_of(K + 3.0, y + 5.0, kernel="gram", intercept=intercept)
    same = shifted.variance == pytest.approx(found.variance, rel=1e-9)
    assert same == intercept


def test_the_mean_of_labels_stays_out_of_vectors_of_tiny_eigenvalues() -> None:
    """Forty points of a line under a smooth kernel: the last vectors are a mixture with the constant."""
    X, y = points(0, 40, 1), points(1, 40, 3)
    plain, shifted = (spectrum_of(X, y + far, kernel="matern-5/2") for far in (0.0, 1000.0))
    own = np.square(y - y.mean(axis=0)).mean()
    assert plain.variance == pytest.approx(own, rel=1e-9)
    assert shifted.variance == pytest.approx(own, rel=1e-9)
    np.testing.assert_allclose(shifted.coefficients, plain.coefficients, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_labels_in_every_form_are_the_same_labels(intercept: bool) -> None:
    """A label tree, its dense covariance, and many draws of it."""
    n = 60
    tree = small_tree(n, 5)
    sigma = dense_covariance(tree)
    X = points(9, n, 4)

    class Carrier:
        label_tree = tree

    from_tree, from_carrier, from_dense = (
        spectrum_of(X, labels, intercept=intercept) for labels in (tree, Carrier(), Dense(sigma))
    )
    np.testing.assert_allclose(from_tree.coefficients, from_dense.coefficients, rtol=1e-9)
    np.testing.assert_array_equal(from_tree.coefficients, from_carrier.coefficients)
    assert from_tree.variance == pytest.approx(from_dense.variance, rel=1e-12)
    wanted = theory.within_variance(tree) if intercept else 1.0
    assert from_tree.variance == pytest.approx(wanted, rel=1e-12)
    m = 20_000
    draws = np.linalg.cholesky(sigma + 1e-12 * np.eye(n)) @ points(3, n, m)
    drawn = spectrum_of(X, draws, intercept=intercept)
    z = (drawn.coefficients / from_tree.coefficients - 1.0) / math.sqrt(2.0 / m)
    assert np.abs(z).max() < 4.5
    wrong = spectrum_of(X, label_tree(tree.parent, np.ones(tree.parent.size), tree.leaf), intercept=intercept)
    assert np.abs((drawn.coefficients / wrong.coefficients - 1.0) / math.sqrt(2.0 / m)).max() > 20.0


def test_noise_on_the_tree_or_on_the_curve() -> None:
    """A noisy tree's spectrum gives the risk that the clean one gives with the noise named."""
    tree, X = small_tree(50, 8), points(2, 50, 3)
    n = [5, 20, 45]
    for ridge in (0.0, 0.3):
        clean = learning_curve_from_spectrum(spectrum_of(X, tree), n, ridge, 0.04)
        noisy = learning_curve_from_spectrum(spectrum_of(X, tree.noisy(0.2)), n, ridge)
        np.testing.assert_allclose(noisy.risk, clean.risk, rtol=1e-9)
        np.testing.assert_allclose(clean.clean_risk, clean.risk - 0.04, rtol=1e-9)


def test_the_linear_kernel_by_either_route() -> None:
    X, y = points(1, 70, 5) * np.array([9.0, 3.0, 1.0, 0.3, 0.0]), points(2, 70, 2)
    found = spectrum_of(X.astype(np.float32), y, kernel="linear", max_points=10)
    assert (found.method, found.eigenvalues.size) == ("exact", 4)
    centred = X.astype(np.float32).astype(np.float64)
    centred -= centred.mean(axis=0)
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(centred.T @ centred / 70)[:0:-1], rtol=1e-9)
    by_gram = spectrum_of(centred @ centred.T, y, kernel="gram")
    np.testing.assert_allclose(by_gram.coefficients, found.coefficients, rtol=1e-7)
    assert found.outside == pytest.approx(by_gram.outside, rel=1e-9)
    # the part that no linear function reaches is the residual of the regression on everything
    residual = y - y.mean(axis=0) - centred @ np.linalg.lstsq(centred, y - y.mean(axis=0))[0]
    assert found.outside == pytest.approx(np.square(residual).mean(), rel=1e-9)


def test_landmarks_that_are_all_points_are_exact_and_fewer_are_close() -> None:
    data = fm.generate(fm.PercolationCluster(n_points=600, ambient_dim=64))
    exact = spectrum_of(data.X, data)
    whole = spectrum_of(data.X, data, method="nystrom", max_points=600)
    np.testing.assert_allclose(whole.eigenvalues, exact.eigenvalues, rtol=1e-6)
    np.testing.assert_allclose(whole.coefficients, exact.coefficients, rtol=1e-4, atol=1e-9)
    some = spectrum_of(data.X, data, method="nystrom", max_points=300, seed=1)
    again = spectrum_of(data.X, data, max_points=300, seed=1)
    other = spectrum_of(data.X, data, method="nystrom", max_points=300, seed=2)
    assert some.method == again.method == "nystrom"
    np.testing.assert_array_equal(some.eigenvalues, again.eigenvalues)
    assert not np.array_equal(some.eigenvalues, other.eigenvalues)
    assert some.variance == pytest.approx(exact.variance, rel=1e-9)
    assert some.trace == pytest.approx(exact.trace, rel=0.01)
    assert some.multiplicity.sum() == 599
    np.testing.assert_allclose(some.eigenvalues[:10], exact.eigenvalues[:10], rtol=0.08)
    n = np.array([8, 16, 32])
    ratio = learning_curve_from_spectrum(some, n).risk / learning_curve_from_spectrum(exact, n).risk
    np.testing.assert_allclose(ratio, 1.0, atol=0.03)
    truncated = theory.kernel_ridge_risk(  # the control: landmarks without the rest of the trace
        some.eigenvalues[:-1],
        some.coefficients[:-1],
        250,
        outside=some.coefficients[-1],
        intercept=True,
        population=600,
    )
    assert truncated.risk[0] > 1.5 * learning_curve_from_spectrum(exact, 250).risk[0]


def test_order_of_points_and_unit_of_inputs_do_not_matter() -> None:
    X, y = points(4, 60, 3), points(5, 60, 1)[:, 0]
    order = np.random.default_rng(1).permutation(60)
    for kernel in ("laplace", "ntk"):
        found = spectrum_of(X, y, kernel=kernel)
        shuffled = spectrum_of(1e3 * X[order] + 7.0, y[order], kernel=kernel)
        np.testing.assert_allclose(shuffled.eigenvalues, found.eigenvalues, rtol=1e-7)
        np.testing.assert_allclose(shuffled.coefficients, found.coefficients, rtol=1e-5, atol=1e-10)


def test_a_function_is_a_kernel_too() -> None:
    X, y = points(4, 30, 3), points(5, 30, 1)

    def cubic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (1.0 + a @ b.T) ** 3

    found = spectrum_of(X, y, kernel=cubic)
    centred = X - X.mean(axis=0)
    own = spectrum_of(cubic(centred, centred), y, kernel="gram")
    np.testing.assert_allclose(found.eigenvalues[:15], own.eigenvalues[:15], rtol=1e-9)
    assert found.kernel == "cubic"


@pytest.mark.parametrize("kernel", ["laplace", "linear", "ntk"])
def test_sets_that_barely_are_sets(kernel: str) -> None:
    two = spectrum_of(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]), kernel=kernel)
    assert two.eigenvalues.size == 1
    assert two.variance == pytest.approx(1.0)
    assert learning_curve_from_spectrum(two, 1).risk[0] == pytest.approx(4.0)  # the other point, 2 away
    equal = spectrum_of(np.ones((5, 2)), np.arange(5.0), kernel=kernel)
    assert equal.eigenvalues.size == 0
    assert equal.outside == pytest.approx(2.0)
    np.testing.assert_allclose(learning_curve_from_spectrum(equal, [1, 4]).risk, [5.0, 2.0 * 1.25 * 5 / 4])
    flat = spectrum_of(points(1, 9, 2), np.zeros(9), kernel=kernel)
    assert learning_curve_from_spectrum(flat, [1, 8]).risk.max() == 0.0


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda X: spectrum_of(X, np.zeros(4)), r"labels of shape \(4,\) for 6 inputs"),
        (lambda X: spectrum_of(X, np.full(6, math.nan)), "finite drawn labels"),
        (lambda X: spectrum_of(X[:, 0], np.zeros(6)), "a finite table"),
        (lambda X: spectrum_of(X, np.zeros(6), kernel="laplas"), "did you mean 'laplace'"),
        (lambda X: spectrum_of(X, np.zeros(6), method="nistrom"), "did you mean 'nystrom'"),
        (lambda X: spectrum_of(X, np.zeros(6), max_points=1), "max_points = 1"),
        (lambda X: spectrum_of(X, np.zeros(6), kernel="gram"), "a finite square table"),
        (lambda X: spectrum_of(X[:1], np.zeros(1)), "at least 2"),
        (lambda X: spectrum_of(X, small_tree(5, 1)), "6 inputs and a label tree of 5 points"),
        (lambda X: spectrum_of(X, type("Bare", (), {"label_tree": None})()), "carry no label tree"),
        (lambda X: spectrum_of(X, np.zeros(6)).slope(1, 20), "ranks from 1 to 5"),
        (lambda X: learning_curve_from_spectrum(spectrum_of(X, np.zeros(6)), 6), "n < population"),
    ],
)
def test_what_cannot_be_is_refused(call: object, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        call(points(1, 6, 2))  # type: ignore[operator]


def test_a_spectrum_that_would_not_fit_is_refused_before_it_is_begun() -> None:
    X, y = np.zeros((10**6, 1), np.float32), np.broadcast_to(0.0, 10**6)
    with pytest.raises(ResourceError, match="max_bytes"):
        spectrum_of(X, y, method="exact", length=1.0)
    with pytest.raises(ResourceError, match="a smaller max_points"):
        spectrum_of(X, y, length=1.0)


# ---------------------------------------------------------------------------------------------------- learning curves


@pytest.mark.slow(reason="kernel regressions on many training sets")
def test_the_harness_kernel_ridge_follows_the_curve_of_its_spectrum() -> None:
    """Laplace kernel on an embedded cluster: within 5 % + 2 standard errors; another kernel's curve is rejected."""
    data = fm.generate(fm.PercolationCluster(n_points=1500, ambient_dim=96, seed=3))
    y = generation.label_draws(data, 6)
    found, smooth = spectrum_of(data.X, y), spectrum_of(data.X, y, kernel="gaussian")
    rng, learner = np.random.default_rng(0), learners.make("laplace-kernel")
    for n, sets in ((32, 24), (128, 8), (256, 4)):
        risks, ridges = [], []
        for _ in range(sets):
            order = rng.permutation(1500)
            outcome = learner.run([Problem(data.X[order[:n]], y[order[:n]], data.X[order[n:]], int(order[0]))])[0]
            risks.append(float(np.square(outcome.prediction - y[order[n:]]).mean()))
            ridges.append(outcome.info["ridge"])  # chosen on validation points
        mean, error = np.mean(risks), np.std(risks, ddof=1) / math.sqrt(sets)
        law = learning_curve_from_spectrum(found, n, ridges).risk.mean()
        assert abs(mean / law - 1.0) < 0.05 + 2.0 * error / mean
        other = learning_curve_from_spectrum(smooth, n).risk[0]
        elsewhere = theory.kernel_ridge_risk(found.eigenvalues, found.coefficients[::-1], n, intercept=True).risk[0]
        for wrong in (other, elsewhere) if n > 32 else (elsewhere,):  # few points do not tell kernels apart
            assert abs(mean / wrong - 1.0) > 0.05 + 3.0 * error / mean
    # without the factor N/(N − n) the curve of a finite population is too low
    fresh = learning_curve_from_spectrum(found, n, population=math.inf).risk[0]
    assert abs(mean / fresh - 1.0) > 0.1


@pytest.mark.parametrize(
    ("kernel", "ambient_dim", "ridge", "sizes"),
    [("linear", 1600, 0.0, (32, 64)), ("linear", 64, 0.02, (32, 64, 300)), ("ntk", 64, 0.0, (32, 128))],
)
def test_regressions_on_clusters_follow_the_curves_of_their_spectra(
    kernel: str, ambient_dim: int, ridge: float, sizes: tuple[int, ...]
) -> None:
    """Ridgeless with d ≫ n, on both sides of the peak n = d with a ridge, and the network's kernel.

    The control has the label in other directions and nothing of it out of reach.
    """
    script = linear_script.load()
    data = fm.generate(fm.PercolationCluster(n_points=1000, ambient_dim=ambient_dim, seed=1))
    y = generation.label_draws(data, 6)
    gram = script.gram_of(data.X, kernel)
    delta = ridge * float(np.trace(gram)) / 1000
    found = spectrum_of(data.X, y, kernel=kernel)
    for n in sizes:
        sample = script.dataset_risks(gram, y, n, delta, 12, n, kernel == "linear")
        law, error = learning_curve_from_spectrum(found, n, delta).risk[0], sample.std(ddof=1) / math.sqrt(12)
        assert abs(sample.mean() / law - 1.0) < 0.05 + 2.0 * error / law
        wrong = theory.kernel_ridge_risk(
            found.eigenvalues, found.coefficients[::-1], n, delta, intercept=True, population=1000
        ).risk[0]
        assert abs(sample.mean() / wrong - 1.0) > 0.2


def test_low_dimensional_smooth_sets_lie_outside_the_domain() -> None:
    """On a circle the measured risk is 1.15 to 1.9 times the prediction, at D = 8 it is the prediction."""
    script = linear_script.load()
    for dim, low, high in ((1, 1.15, 1.9), (8, 0.95, 1.05)):
        data = fm.generate(fm.SmoothManifold(n_points=700, dim=dim, ambient_dim=16, hurst=0.5))
        y = generation.label_draws(data, 8)
        found = spectrum_of(data.X, y)
        sample = script.dataset_risks(script.gram_of(data.X, "laplace"), y, 64, 0.0, 24, 1, False)
        assert low < sample.mean() / learning_curve_from_spectrum(found, 64).risk[0] < high


@pytest.mark.slow(reason="spectra of 2000 points in 500 dimensions")
def test_the_principal_components_of_a_cluster_fall_as_the_spectral_dimension_says() -> None:
    """λ_k ~ k^−3/2 = k^(−2/d_s), d_s = 4/3, over k = 3 … 300; points without structure are told apart."""
    script = linear_script.load()
    embedded, limit = [], []
    for seed in range(3):
        data = fm.generate(fm.PercolationCluster(n_points=2000, ambient_dim=500, seed=seed))
        embedded.append(spectrum_of(data.X, data, kernel="linear", max_points=512).slope(3, 300))
        small = fm.generate(fm.PercolationCluster(n_points=800, ambient_dim=2, seed=seed))
        limit.append(spectrum_of(script.graph_gram(small), small, kernel="gram").slope(3, 300))
    assert np.mean(embedded) == pytest.approx(-1.5, abs=0.06)
    assert np.mean(limit) == pytest.approx(-1.5, abs=0.03)
    noise = spectrum_of(points(1, 2000, 500), np.zeros(2000), kernel="linear", max_points=512)
    assert abs(noise.slope(3, 300) + 1.5) > 0.5
