"""Random numbers: uniform draws, neighbouring keys, normals to their tails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from _long_tier.core import FIRST, Outcome, check, chi_square, count
from fractalman.random import streams
from fractalman.random.constants import GAMMA
from fractalman.random.streams import Role, key64

BLOCK = 1 << 20


def blocks(n: int) -> Iterator[tuple[int, int]]:
    """(first, how many) of every block."""
    for first in range(0, n, BLOCK):
        yield first, min(BLOCK, n - first)


@check("seeds/uniform-values")
def uniform_values(scale: float) -> Outcome:
    """The top 16 bits of the draws of one key are uniform; control: a counter that is not mixed."""
    n, key = count(scale, 10**8, 10**6), key64(FIRST, Role.PATH)
    counts, wrong = np.zeros(1 << 16), np.zeros(1 << 16)
    for first, size in blocks(n):
        counts += np.bincount(streams.draws(key, size, first) >> np.uint64(48), minlength=1 << 16)
        steps = np.arange(first + 1, first + size + 1, dtype=np.uint64) * np.uint64(GAMMA)
        wrong += np.bincount(steps >> np.uint64(48), minlength=1 << 16)
    law = np.full(1 << 16, 2.0**-16)
    p, scores = chi_square(counts, law)
    evenly = chi_square(wrong, law)[0]  # far too even: the other tail of χ²
    return Outcome(p, n, min(evenly, 1 - evenly), scores)


@check("seeds/uniform-pairs")
def uniform_pairs(scale: float) -> Outcome:
    """Neighbouring draws of one key fill a 256 × 256 board evenly; control: as above."""
    n, key = count(scale, 10**8, 10**6), key64(FIRST, Role.PATH, 1)
    counts, wrong = np.zeros(1 << 16), np.zeros(1 << 16)
    for first, size in blocks(n):
        x = streams.draws(key, size - size % 2, first) >> np.uint64(56)
        counts += np.bincount(x[0::2] * np.uint64(256) + x[1::2], minlength=1 << 16)
        y = (np.arange(first + 1, first + x.size + 1, dtype=np.uint64) * np.uint64(GAMMA)) >> np.uint64(56)
        wrong += np.bincount(y[0::2] * np.uint64(256) + y[1::2], minlength=1 << 16)
    law = np.full(1 << 16, 2.0**-16)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)


@check("seeds/neighbouring-keys")
def neighbouring_keys(scale: float) -> Outcome:
    """The first draws of neighbouring addresses are uniform; control: addresses added to the key instead of hashed."""
    n = count(scale, 2 * 10**6, 20_000)
    first = np.array([streams.draws(key64(FIRST, Role.PATH, a), 1)[0] for a in range(n)])
    law = np.full(1 << 10, 2.0**-10)
    p, scores = chi_square(np.bincount(first >> np.uint64(54), minlength=1 << 10), law)
    wrong = (np.uint64(key64(FIRST, Role.PATH)) + np.arange(n, dtype=np.uint64)) >> np.uint64(54)
    return Outcome(p, n, chi_square(np.bincount(wrong, minlength=1 << 10), law)[0], scores)


def _normal_cells(draw: Callable[[int, int], np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts and law of 1024 equal cells of which the outer two are halved eight times, and counts at scale 1.002.

    Over n draws a width of 1 + ε adds 2nε² to χ²: 800 at n = 10^8, where χ² of 1039 degrees of freedom scatters by 46.
    """
    inner = stats.norm.ppf(np.arange(1, 1024) / 1024)
    tail = stats.norm.ppf(2.0 ** -np.arange(18, 10, -1))
    edges = np.concatenate([tail, inner, -tail[::-1]])
    counts, wrong = np.zeros(edges.size + 1), np.zeros(edges.size + 1)
    for first, size in blocks(n):
        z = draw(first, size).astype(np.float64)
        counts += np.bincount(np.searchsorted(edges, z), minlength=edges.size + 1)
        wrong += np.bincount(np.searchsorted(edges, 1.002 * z), minlength=edges.size + 1)
    law = np.diff(np.concatenate([[0.0], stats.norm.cdf(edges), [1.0]]))
    return counts, law, wrong


@check("seeds/normals-double")
def normals_double(scale: float) -> Outcome:
    """Double-precision normals, tails to 2^-18; control: 1.002 times as wide."""
    n, key = count(scale, 10**8, 2 * 10**6), key64(FIRST, Role.LATENT)
    counts, law, wrong = _normal_cells(lambda first, size: streams.normals(key, size, first), n)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)


@check("seeds/normals-single")
def normals_single(scale: float) -> Outcome:
    """Single-precision normals of the embedding, one of each pair of 2·10^8; control: 1.002 times as wide."""
    n = count(scale, 10**8, 2 * 10**6)

    def draw(first: int, size: int) -> np.ndarray:
        return streams.normal_pairs(key64(FIRST, Role.DIRECTION, first), size)[first // BLOCK % 2]

    counts, law, wrong = _normal_cells(draw, n)
    p, scores = chi_square(counts, law)
    return Outcome(p, n, chi_square(wrong, law)[0], scores)
