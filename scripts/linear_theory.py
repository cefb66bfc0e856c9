#!/usr/bin/env python3
"""Linear theory held against regressions that are run: Gaussian designs, random features, embedded datasets.

    .venv/bin/python scripts/linear_theory.py [--only gaussian features clusters cascades smooth spectrum] [--quick]

Every row compares a measured risk with the one that follows from the spectrum alone. Gaussian designs and random
features draw only the training points (and the projection); the averages over noise and over test points are taken
exactly. On datasets, regressions with an intercept are run on several label draws and tested on every point that was
not drawn; the spectrum is that of the dataset with the same labels. Errors are those over drawn training sets. The
last columns are seconds of measuring and of predicting (for datasets: without the spectrum, which is made once).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg

import fractalman as fm
from fractalman import generation, kernels, theory
from fractalman.theory.linear import power_law_spectrum
from fractalman.theory.spectra.grams import median_distance


class Row(NamedTuple):
    """One line: what, the measured risk with its standard error, the predicted one, seconds of both."""

    what: str
    measured: float
    error: float
    predicted: float
    seconds: tuple[float, float]


def row(what: str, measure: Callable[[], np.ndarray], predict: Callable[[], theory.LinearRisk]) -> Row:
    """Measure, predict, time both."""
    start = time.perf_counter()
    sample = measure()
    middle = time.perf_counter()
    predicted = float(predict().risk[0])
    error = float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Row(what, float(sample.mean()), error, predicted, (middle - start, time.perf_counter() - middle))


# ---------------------------------------------------------------------------------------------------- drawn designs


def gaussian_risks(
    eigenvalues: np.ndarray,
    coefficients: np.ndarray,
    n: int,
    ridge: float,
    noise: float,
    draws: int,
    seed: int,
    features: int | None = None,
) -> np.ndarray:
    """Risk on noisy labels of ridge regression on n Gaussian points, exact over noise and test points, (draws,).

    Args:
        eigenvalues, coefficients: (m,) λ_i and v_i². ridge: δ. noise: σ². features: k random projections, None = all.
    """
    rng, m, out = np.random.default_rng(seed), eigenvalues.size, []
    for _ in range(draws):
        G = rng.standard_normal((n, m))
        v = np.sqrt(coefficients) * rng.choice([-1.0, 1.0], m)
        root = np.sqrt(eigenvalues)
        # inputs are G·diag(root)·W; what weights w on them say along direction i is (root·W w)_i
        W = None if features is None else rng.standard_normal((m, features)) / math.sqrt(features)
        F = G * root if W is None else (G * root) @ W
        wide = F.shape[1] >= n
        s2, Q = scipy.linalg.eigh(F @ F.T if wide else F.T @ F, driver="evd", check_finite=False)
        kept = s2 > 1e-12 * s2[-1]
        inverse, Q = 1.0 / (s2[kept] + ridge), Q[:, kept]
        weights = (F.T @ Q if wide else Q) * inverse  # w = weights · rightᵀ y
        right = Q if wide else F @ Q
        said = root[:, None] * (weights if W is None else W @ weights)
        answer = said @ (right.T @ (G @ v))
        spent = float(np.square(said).sum()) if wide else float(np.square(said).sum(axis=0) @ s2[kept])
        out.append(float(np.square(v - answer).sum()) + noise * (1.0 + spent))
    return np.array(out)


def gaussian(quick: bool) -> Iterator[Row]:
    """Double descent in n for d = 4 … 4096, with label noise: ridgeless off the peak, a ridge on it."""
    for d in (4, 16, 64, 256, 1024, 4096):
        values, v2 = power_law_spectrum(1.5, 2.0, d)
        for n in (64, 256, 1024, 2048):
            if not (d <= 8 * n and n <= max(4 * d, 64)) or n * d > (1 << 17 if quick else 1 << 22):
                continue
            draws = 400 if n * d < 1 << 15 else 48 if n * d < 1 << 19 else 6
            for ridge in (0.05, 0.5) if n == d else (0.0, 0.05):
                yield row(
                    f"Gaussian d={d} n={n} δ={ridge:g} σ²=.1",
                    lambda: gaussian_risks(values, v2, n, ridge, 0.1, draws, n + d),  # noqa: B023
                    lambda: theory.kernel_ridge_risk(values, v2, n, ridge, 0.1),  # noqa: B023
                )


def features(quick: bool) -> Iterator[Row]:
    """Random features at several (n, k), n ≈ k among them."""
    values, v2 = power_law_spectrum(1.5, 2.0, 600)
    for n, k in ((64, 128), (128, 64), (128, 120), (128, 128), (128, 140), (128, 400), (400, 128), (256, 256)):
        for ridge in (0.0, 0.05) if abs(n - k) >= 64 else (0.01, 0.05):
            draws = 20 if quick else 200
            yield row(
                f"features n={n} k={k} δ={ridge:g} σ²=.05",
                lambda: gaussian_risks(values, v2, n, ridge, 0.05, draws, n + k, k),  # noqa: B023
                lambda: theory.random_features_risk(values, v2, n, k, ridge, 0.05),  # noqa: B023
            )


# ---------------------------------------------------------------------------------------------------- datasets


def gram_of(X: np.ndarray, kernel: str) -> np.ndarray:
    """The dataset's Gram matrix with the defaults of `theory.spectrum_of`."""
    centred = X.astype(np.float64) - X.astype(np.float64).mean(axis=0)
    if kernel in ("ntk", "nngp"):
        centred /= math.sqrt(float(np.square(centred).mean()))
    length = median_distance(centred) if kernel in kernels.KERNELS else 1.0
    return kernels.matrix(kernel, centred, centred, length=length)


def dataset_risks(
    gram: np.ndarray, y: np.ndarray, n: int, ridge: float, sets: int, seed: int, centre_kernel: bool
) -> np.ndarray:
    """Risk on the points not drawn of regressions on ``sets`` drawn training sets, averaged over label columns.

    Args:
        gram: (N, N). y: (N, draws). centre_kernel: subtract the training mean in feature space, as linear regression
            does; else only the labels are centred, as the harness's kernel ridge does.
    """
    rng, N, out = np.random.default_rng(seed), y.shape[0], []
    for _ in range(sets):
        order = rng.permutation(N)
        train, test = order[:n], order[n:]
        K, cross = gram[np.ix_(train, train)], gram[np.ix_(test, train)]
        if centre_kernel:
            mean = K.mean(axis=0)
            cross = cross - cross.mean(axis=1, keepdims=True) - mean + mean.mean()
            K = K - mean - (mean - mean.mean())[:, None]
        s, Q = scipy.linalg.eigh(K, driver="evd", check_finite=False)
        inverse = np.where(s > 1e-12 * s[-1], 1.0 / np.maximum(s + ridge, 1e-300), 0.0)
        offset = y[train].mean(axis=0)
        answer = offset + (cross @ (Q * inverse)) @ (Q.T @ (y[train] - offset))
        out.append(float(np.square(y[test] - answer).mean()))
    return np.array(out)


def learned(
    name: str, recipe: fm.Recipe, kernel: str, sizes: tuple[int, ...], sets: int, ridge: float = 0.0
) -> Iterator[Row]:
    """Measured and predicted curves of one dataset, ridge in units of the kernel's mean diagonal."""
    data = fm.generate(recipe)
    y = generation.label_draws(data, 8)
    gram = gram_of(data.X, kernel)
    start = time.perf_counter()
    spectrum = theory.spectrum_of(data.X, y, kernel=kernel, method="exact", max_points=data.n_points)
    made = time.perf_counter() - start
    delta = ridge * float(np.trace(gram)) / data.n_points
    for n in sizes:
        yield row(
            f"{name} N={data.n_points} {kernel} δ={delta:.3g} n={n}"
            + (f" (spectrum: {made:.1f} s)" if n == sizes[0] else ""),
            lambda: dataset_risks(gram, y, n, delta, sets, n, kernel == "linear"),  # noqa: B023
            lambda: theory.learning_curve_from_spectrum(spectrum, n, delta),  # noqa: B023
        )


def clusters(quick: bool) -> Iterator[Row]:
    """Embedded critical clusters."""
    N, sets = (1000, 6) if quick else (3000, 12)
    sizes = tuple(n for n in (32, 64, 128, 256, 512, 1024) if n <= N // 4)
    for seed in (0, 1):
        cluster = fm.PercolationCluster(n_points=N, ambient_dim=128, seed=seed)
        yield from learned(f"cluster {seed}", cluster, "laplace", sizes, sets)
        wide = fm.PercolationCluster(n_points=N, ambient_dim=2 * N, seed=seed)
        yield from learned(f"cluster {seed}, d={2 * N}", wide, "linear", sizes, sets)
    yield from learned("cluster 0", fm.PercolationCluster(n_points=N, ambient_dim=128), "laplace", sizes, sets, 0.1)
    yield from learned("cluster 0", fm.PercolationCluster(n_points=N, ambient_dim=128), "ntk", sizes, sets)
    yield from learned("cluster 0", fm.PercolationCluster(n_points=N, ambient_dim=128), "linear", sizes, sets, 1e-2)
    smooth = fm.PercolationCluster(n_points=N, ambient_dim=128, label_exponent=0.5)
    yield from learned("cluster 0, a=.5", smooth, "laplace", sizes, sets)


def cascades(quick: bool) -> Iterator[Row]:
    """Cascades: between the clusters and the smooth controls."""
    N, sets = (1000, 6) if quick else (3000, 12)
    sizes = tuple(n for n in (32, 64, 128, 256, 512, 1024) if n <= N // 4)
    for k, H in ((4, 0.5), (4, 1.0), (16, 0.5), (16, 1.0)):
        recipe = fm.Cascade(n_points=N, ambient_dim=32, branching=k, hurst=H)
        yield from learned(f"cascade k={k} H={H:g}", recipe, "laplace", sizes, sets)


def smooth(quick: bool) -> Iterator[Row]:
    """Smooth low-dimensional controls, where the equivalents are known to fail."""
    N, sets = (1000, 6) if quick else (3000, 12)
    sizes = tuple(n for n in (32, 64, 128, 256, 512, 1024) if n <= N // 4)
    for dim in (1, 2, 4, 8):
        for H in (0.5, 1.5):
            recipe = fm.SmoothManifold(n_points=N, kind="sphere", dim=dim, ambient_dim=max(16, dim + 1), hurst=H)
            yield from learned(f"sphere D={dim} H={H:g}", recipe, "laplace", sizes, sets)


def graph_gram(data: fm.Dataset) -> np.ndarray:
    """The inner products of an embedding in infinitely many dimensions: squared distance = graph distance."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    n, edges = data.n_points, data.edges.astype(np.int32)  # scipy before 1.15 takes no others
    tree = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)).tocsr()
    distance = shortest_path(tree, directed=False, unweighted=True)
    mean = distance.mean(axis=0)
    return -0.5 * (distance - mean - mean[:, None] + mean.mean())


def spectrum(quick: bool) -> Iterator[Row]:
    """Slope of the PCA spectrum of an embedded critical cluster over k = 3 … 300: −3/2."""
    sizes = ((1000, 0), (1000, 500)) if quick else ((1000, 0), (3000, 0), (3000, 1024), (3000, 4096), (32000, 1024))
    for N, d in sizes:
        slopes = []
        start = time.perf_counter()
        for seed in range(2 if quick else 8 if N == 1000 else 4):
            data = fm.generate(fm.PercolationCluster(n_points=N, ambient_dim=d or 2, seed=seed))
            known = {"kernel": "linear", "max_points": 4096} if d else {"kernel": "gram"}
            slopes.append(theory.spectrum_of(data.X if d else graph_gram(data), data, **known).slope(3, 300))
        found = np.array(slopes)
        yield Row(
            f"PCA slope N={N} d={d or '∞'}, {found.size} clusters, {found.min():.3f} to {found.max():.3f}",
            float(found.mean()),
            float(found.std(ddof=1) / math.sqrt(found.size)),
            -1.5,
            (time.perf_counter() - start, 0.0),
        )


SECTIONS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "gaussian": gaussian,
    "features": features,
    "clusters": clusters,
    "cascades": cascades,
    "smooth": smooth,
    "spectrum": spectrum,
}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer draws")
    asked = parser.parse_args()
    print("| problem | measured | s.e. | predicted | measured/predicted | seconds | |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in asked.only:
        for r in SECTIONS[name](asked.quick):
            print(
                f"| {r.what} | {r.measured:.4f} | {r.error:.4f} | {r.predicted:.4f} | {r.measured / r.predicted:.3f} "
                f"| {r.seconds[0]:.2f} | {r.seconds[1]:.4f} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
