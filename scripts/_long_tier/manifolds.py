"""Smooth manifolds: moments of their points, distances in X, the rotation, the Gaussian field on them."""

from __future__ import annotations

import numpy as np
from scipy import stats

import fractalman as fm
from _long_tier.core import FIRST, Outcome, chi_square, count, family, mean_test, seed_range
from fractalman.families.smooth_manifold.field import field_covariance, gaussian_field
from fractalman.families.smooth_manifold.points import manifold_points, own_dimension
from fractalman.random import streams
from fractalman.random.streams import Role, key64

SPACES = [("sphere", 1), ("sphere", 2), ("sphere", 7), ("torus", 2), ("torus", 3), ("cube", 1), ("cube", 3)]
BLOCK = 1 << 18


def flattened(kind: str, dim: int, n: int, first: int) -> np.ndarray:
    """The control: coordinates uniform in a cube, normalised; crowded towards the corners. A cube: normals instead."""
    m = own_dimension(kind, dim)
    key = key64(FIRST, Role.MEASUREMENT, 9)
    if kind == "cube":
        return streams.normals(key, n * m, first * m).reshape(n, m) / np.sqrt(dim)
    x = streams.draws(key, n * m, first * m).reshape(n, m) * 2.0**-63 - 1.0
    groups = x.reshape(n, -1, m if kind == "sphere" else 2)
    radius = 1.0 if kind == "sphere" else dim**-0.5
    return np.asarray(groups * (radius / np.linalg.norm(groups, axis=2, keepdims=True))).reshape(n, m)


def powers(x: np.ndarray) -> np.ndarray:
    """x_1, x_1², x_1⁴, x_1⁶ of every point; with two coordinates or more also x_1 x_2, x_1³ x_2, x_1² x_m²."""
    a, b, c = x[:, 0], x[:, min(1, x.shape[1] - 1)], x[:, -1]
    out = [a, a**2, a**4, a**6]
    return np.stack(out if x.shape[1] == 1 else [*out, a * b, a**3 * b, a**2 * c**2], axis=1)


def exact_powers(kind: str, dim: int) -> np.ndarray:
    """Their means: those of a sphere of ``group`` coordinates, of independent circles, of a cube."""
    m = own_dimension(kind, dim)
    if kind == "cube":
        q = 3.0 / dim  # half the side, squared
        even = [q / 3.0, q**2 / 5.0, q**3 / 7.0]
    else:
        group, square = (m, 1.0) if kind == "sphere" else (2, 1.0 / dim)
        even = [square / group, 3.0 * square**2 / (group * (group + 2))]
        even.append(15.0 * square**3 / (group * (group + 2) * (group + 4)))
    both = even[1] / 3.0 if kind == "sphere" else even[0] ** 2  # x_m lies on another circle than x_1
    return np.array([0.0, *even] if m == 1 else [0.0, *even, 0.0, 0.0, both])


@family("manifold/moments/{0},D={1}", *SPACES)
def moments(scale: float, kind: str, dim: int) -> Outcome:
    """Seven moments of the coordinates of 2·10^6 points; control: a cube's points normalised (a cube: normal ones).

    The control's fourth moments are 5 to 25 % off (a cube's 67 %): .05 of their deviation, 50 standard errors of 10^6.
    """
    n = count(scale, 2_000_000, 50_000)
    rows, wrong = [], []
    for first in range(0, n, BLOCK):
        points = np.arange(first, min(n, first + BLOCK))
        rows.append(powers(manifold_points(points, kind, dim, FIRST + 100 + SPACES.index((kind, dim)))))
        if first < 4 * BLOCK:
            wrong.append(powers(flattened(kind, dim, points.size, first)))
    # on the circle x_2² = 1 − x_1², so the last moment follows from two others
    kept = np.arange(rows[0].shape[1] - ((kind, dim) == ("sphere", 1)))
    exact = exact_powers(kind, dim)[kept]
    p, scores = mean_test(np.concatenate(rows)[:, kept], exact)
    return Outcome(p, n, mean_test(np.concatenate(wrong)[:, kept], exact)[0], scores)


@family("manifold/distances/sphere,D={0},d={1}", (1, 8), (2, 8), (7, 32))
def sphere_distances(scale: float, dim: int, d: int) -> Outcome:
    """|x − y|²/4 of pairs of points in X is Beta(D/2, D/2), 500 equal cells; control: Beta of D + 1."""
    n = count(scale, 500_000, 20_000)
    cells = np.linspace(0.0, 1.0, 501)[1:-1]

    def p_value(of: int) -> tuple[float, np.ndarray]:
        found = np.searchsorted(stats.beta.ppf(cells, of / 2, of / 2), quarter)
        return chi_square(np.bincount(found, minlength=500), np.full(500, 1 / 500))

    quarters = []
    for s, first in zip(seed_range(n, 50), range(0, n, BLOCK), strict=False):  # a draw of its own for every block
        pairs = min(BLOCK, n - first)
        X = fm.generate(fm.SmoothManifold(n_points=2 * pairs, kind="sphere", dim=dim, ambient_dim=d, seed=s)).X
        quarters.append(((X[::2].astype(float) - X[1::2]) ** 2).sum(axis=1) / 4.0)
    quarter = np.concatenate(quarters)
    p, scores = p_value(dim)
    return Outcome(p, n, p_value(dim + 1)[0], scores)


@family("manifold/rotation/d={0}", 3, 8)
def rotation(scale: float, d: int) -> Outcome:
    """One point under random rotations is uniform on the sphere of R^d, by its moments; control: those of R^(d + 1).

    Squares of 1/9 in place of 1/8, which scatter by 1.18 of themselves: 13 standard errors of 20 000.
    """
    m = count(scale, 20_000, 1_000)
    recipe = fm.SmoothManifold(n_points=1, kind="sphere", dim=1, ambient_dim=d)
    rows = powers(np.array([fm.generate(recipe.replace(seed=s)).X[0] for s in seed_range(m, 51)]).astype(float))
    p, scores = mean_test(rows, exact_powers("sphere", d - 1))
    return Outcome(p, m, mean_test(rows, exact_powers("sphere", d))[0], scores)


@family("manifold/field/{0},H={1}", ("sphere", 0.3), ("torus", 0.5), ("cube", 0.8))
def field(scale: float, kind: str, hurst: float) -> Outcome:
    """Variance and squared differences of the label at four distances, over draws; control: H + .1.

    4000 draws give the control p-values of 10^-38 and less.
    """
    m, dim = count(scale, 12_000, 1_000), 2
    x = manifold_points(np.arange(4_000), kind, dim, FIRST)
    r = np.linalg.norm(x - x[0], axis=1)
    near = np.array([np.argmin(np.abs(r - target) + (r == 0)) for target in (0.03, 0.1, 0.3, 1.0)])
    asked = x[[0, *near]]
    width = own_dimension(kind, dim)
    y = np.array([gaussian_field(width, hurst, s)(asked) for s in seed_range(m, 52)])
    squares = np.column_stack([y[:, 0] ** 2, (y[:, 1:] - y[:, :1]) ** 2])

    def exact(h: float) -> np.ndarray:
        return np.append(1.0, 2.0 - 2.0 * field_covariance(r[near], h))

    p, scores = mean_test(squares, exact(hurst))
    remark = f"distances {', '.join(f'{value:.3f}' for value in r[near])}"
    return Outcome(p, m, mean_test(squares, exact(hurst + 0.1))[0], scores, remark)


@family("manifold/angles/{0},D={1}", ("torus", 2))
def angles(scale: float, kind: str, dim: int) -> Outcome:
    """Angles between pairs of points: uniform, independent on every circle; control: a cube's points normalised."""
    n = count(scale, 1_000_000, 50_000)

    def board(x: np.ndarray) -> np.ndarray:
        angle = np.arctan2(x[:, 1::2], x[:, ::2])
        turn = ((angle[::2] - angle[1::2]) / (2 * np.pi)) % 1.0
        cell = (turn * 32).astype(int).clip(0, 31)
        return np.bincount(cell[:, 0] * 32 + cell[:, 1], minlength=1024)

    counts, wrong = np.zeros(1024), np.zeros(1024)
    for first in range(0, 2 * n, BLOCK):
        size = min(BLOCK, 2 * n - first)
        counts += board(manifold_points(np.arange(first, first + size), kind, dim, FIRST + 1))
        wrong += board(flattened(kind, dim, size, first))
    law = np.full(1024, 1 / 1024)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)
