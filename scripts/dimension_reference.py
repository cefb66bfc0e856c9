#!/usr/bin/env python3
"""Make the table from which measure/ corrects the bias of nearest-neighbour dimensions at n points.

    .venv/bin/python scripts/dimension_reference.py > fractalman/measure/dimension_reference.csv

Uniform balls, cubes and spheres and standard normal points of known dimension D are drawn, and the growth of the mass
around a point is read between the k-th and the 2k-th neighbour, at q = √2·k/n. Around a point of a set with an edge or
a density that varies, the reading falls short of D by a share that grows with the radius, and the radius is ~ q^(1/D):

    reading / D = 1 − a·u − b·u²,    u = q^(1/D).

The table holds a and b of every set and D, by least squares, with the root of the mean squared misfit. Takes minutes.
"""

from __future__ import annotations

import datetime
import platform
import sys
from collections.abc import Callable

import numpy as np
import scipy
from scipy.special import psi

DIMENSIONS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 55, 80)
N, SOURCES, SEED = 65536, 768, 20261128
FIRST_RANK = 8


def ball(rng: np.random.Generator, n: int, D: int) -> np.ndarray:
    x = rng.standard_normal((n, D))
    return x / np.linalg.norm(x, axis=1, keepdims=True) * rng.random((n, 1)) ** (1.0 / D)


def cube(rng: np.random.Generator, n: int, D: int) -> np.ndarray:
    return rng.random((n, D)) - 0.5


def normal(rng: np.random.Generator, n: int, D: int) -> np.ndarray:
    return rng.standard_normal((n, D))


def sphere(rng: np.random.Generator, n: int, D: int) -> np.ndarray:
    x = rng.standard_normal((n, D + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


SETS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "ball": ball,
    "cube": cube,
    "normal": normal,
    "sphere": sphere,
}


def readings(points: np.ndarray, sources: int) -> tuple[np.ndarray, np.ndarray]:
    """Return q and the reading at every octave of ranks; the points are drawn independently, so the first will do."""
    n, last = len(points), len(points) // 12
    square = np.square(points).sum(axis=1)
    ranks = 2 ** np.arange(int(np.log2(FIRST_RANK)), int(np.log2(last)) + 1)
    logs = []
    for start in range(0, sources, 64):
        own = slice(start, start + 64)
        d2 = square[own, None] + square - 2.0 * points[own] @ points.T
        d2[np.arange(d2.shape[0]), np.arange(start, start + d2.shape[0])] = -1.0  # the point itself comes first
        near = np.partition(d2, ranks, axis=1)[:, ranks]
        logs.append(0.5 * np.log(near))
    growth = np.diff(np.concatenate(logs).mean(axis=0))
    return np.sqrt(2.0) * ranks[:-1] / n, (psi(ranks[1:]) - psi(ranks[:-1])) / growth


def main() -> None:
    """Print the table."""
    print(f"# made by scripts/dimension_reference.py on {datetime.date.today().isoformat()}: {N} points,")
    print(
        f"# {SOURCES} sources, seed {SEED}; Python {platform.python_version()}, numpy {np.__version__}, scipy", end=" "
    )
    print(f"{scipy.__version__}. reading / D = 1 - a u - b u^2, u = q^(1/D)")
    print("set,D,a,b,misfit")
    for number, (name, draw) in enumerate(SETS.items()):
        for D in DIMENSIONS:
            q, reading = readings(draw(np.random.default_rng([SEED, number, D]), N, D), SOURCES)
            u = q ** (1.0 / D)
            columns = np.stack([-u, -u * u], axis=1)
            weight = np.sqrt(q)  # the reading's sampling error falls as the root of the rank
            ab = np.linalg.lstsq(columns * weight[:, None], (reading / D - 1.0) * weight, rcond=None)[0]
            misfit = np.sqrt(np.mean((columns @ ab - reading / D + 1.0) ** 2))
            print(f"{name},{D},{ab[0]:.5f},{ab[1]:.5f},{misfit:.4f}", flush=True)
            print(name, D, np.round(reading, 2), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
