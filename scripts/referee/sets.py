"""Sets and sequences of exactly known truth that several trials ask about."""

from __future__ import annotations

import math

import numpy as np

import fractalman as fm


def points(recipe: fm.Recipe) -> np.ndarray:
    """Return the points of a recipe as float64."""
    return np.asarray(fm.generate(recipe, progress=False).X if _takes_progress() else fm.generate(recipe).X, np.float64)


def _takes_progress() -> bool:
    import inspect

    return "progress" in inspect.signature(fm.generate).parameters


def iterated(ratio: float, shifts: list[tuple[float, ...]], n: int, seed: int) -> np.ndarray:
    """Return points of the attractor of x → ratio·x + shift, all shifts equally likely."""
    rng, table = np.random.default_rng([7, seed]), np.array(shifts)
    x = np.zeros((n, table.shape[1]))
    for _ in range(math.ceil(40.0 / -math.log2(ratio))):
        x = ratio * x + table[rng.integers(len(table), size=n)]
    return x


def cantor_product(ratio: float, copies: int, n: int, seed: int) -> np.ndarray:
    """Return points of a product of Cantor sets of two parts; its dimension is copies·log 2/log(1/ratio)."""
    corners = [tuple((1.0 - ratio) * ((i >> k) & 1) for k in range(copies)) for i in range(2**copies)]
    return iterated(ratio, corners, n, seed)


def carpet(n: int, seed: int) -> np.ndarray:
    """Return points of the Sierpinski carpet; dimension log 8/log 3."""
    return iterated(1 / 3, [(i / 3, j / 3) for i in range(3) for j in range(3) if (i, j) != (1, 1)], n, seed)


def sponge(n: int, seed: int) -> np.ndarray:
    """Return points of the Menger sponge; dimension log 20/log 3."""
    cells = [(i, j, k) for i in range(3) for j in range(3) for k in range(3) if (i, j, k).count(1) < 2]
    return iterated(1 / 3, [(i / 3, j / 3, k / 3) for i, j, k in cells], n, seed)


def ball(dim: int, space: int, n: int, seed: int, noise: float = 0.0) -> np.ndarray:
    """Return uniform points of a ball, turned into a larger space, with isotropic noise of a total deviation."""
    rng = np.random.default_rng([11, dim, space, seed])
    x = rng.standard_normal((n, dim))
    x *= (rng.random(n) ** (1 / dim) / np.linalg.norm(x, axis=1))[:, None]
    turn = np.linalg.qr(rng.standard_normal((space, space)))[0][:dim]
    return x @ turn + rng.normal(0.0, noise / math.sqrt(space), (n, space)) if noise else x @ turn


def henon(n: int, seed: int) -> np.ndarray:
    """Return points of the Hénon attractor a = 1.4, b = .3, in the order of a shuffled orbit."""
    rng = np.random.default_rng([13, seed])
    x, y = rng.uniform(-0.1, 0.1, 2)
    orbit = np.empty((n + 1000, 2))
    for i in range(n + 1000):
        x, y = 1.0 - 1.4 * x * x + y, 0.3 * x
        orbit[i] = x, y
    return rng.permutation(orbit[1000:])


def brownian(hurst: float, n: int, seed: int) -> np.ndarray:
    """Return a path of fractional Brownian motion by circulant embedding: its covariance is exact."""
    lag = np.arange(n + 1.0)
    cov = 0.5 * ((lag + 1) ** (2 * hurst) - 2 * lag ** (2 * hurst) + np.abs(lag - 1) ** (2 * hurst))
    circle = np.r_[cov, cov[-2:0:-1]]
    weight = np.sqrt(np.maximum(np.fft.fft(circle).real, 0.0))
    rng = np.random.default_rng([17, seed])
    white = rng.standard_normal(len(circle)) + 1j * rng.standard_normal(len(circle))
    return np.cumsum(np.fft.fft(weight * white).real[:n] / math.sqrt(len(circle)))
