"""Addressed randomness: every draw is a function of (seed, role, address, counter) and of nothing else.

A *key* is 64 bits hashed from a seed, a role and any further address words (`keys.key64`). Draw number ``c`` of a key
is output ``c`` of SplitMix64 started at that key (Steele, Lea & Flood, OOPSLA 2014), computed directly:
``mix64(key + (c + 1)·γ)``. Draws can therefore be made in any order, on any number of threads, again and again.

Uniform integers below ``n`` come from the high half of a 64×64-bit product (relative bias below n/2^64). Normals are
Box–Muller pairs in which logarithm, sine and cosine are short series of IEEE additions, multiplications and
divisions, never a library call: the same key gives the same bits on every machine.

The reference implementation, in unbounded integers and one operation at a time, is `tests.reference.streams`; tests
compare the two for equality.
"""

from __future__ import annotations

import numpy as np

from fractalman._typing import F32, F64, I64, U64
from fractalman.random._draw_kernels import fill_draws, fill_normal_pairs, fill_normals, fill_permutation
from fractalman.random.constants import GAMMA, M1, M2
from fractalman.random.keys import STREAM_VERSION as STREAM_VERSION
from fractalman.random.keys import Role as Role
from fractalman.random.keys import Seeds as Seeds
from fractalman.random.keys import check_seed as check_seed
from fractalman.random.keys import key64 as key64

_U = np.uint64

FEW = 4096
"""Draws up to which NumPy makes them: the rules of a grammar are looked at without the half second that numba takes."""


def draws(key: int, n: int, first: int = 0) -> U64:
    """Return draws first … first + n − 1 of ``key`` as uint64."""
    if n <= FEW:
        return _few_draws(key, n, first)
    out = np.empty(n, np.uint64)
    fill_draws(_U(key), _U(first), out)
    return out


def _few_draws(key: int, n: int, first: int) -> U64:
    """`draws` by NumPy, whose 64-bit integers wrap around as the kernel's do."""
    counters = np.arange(n, dtype=np.uint64) + _U(first) + _U(1)
    z: U64 = _U(key) + counters * _U(GAMMA)
    z = (z ^ (z >> _U(30))) * _U(M1)
    z = (z ^ (z >> _U(27))) * _U(M2)
    return z ^ (z >> _U(31))


def uniforms(key: int, n: int, first: int = 0) -> F64:
    """Return float64 uniforms of [0, 1) number first … first + n − 1 of ``key``."""
    return (draws(key, n, first) >> _U(11)).astype(np.float64) * 2.0**-53


def normals(key: int, n: int, first: int = 0) -> F64:
    """Return float64 standard normals first … first + n − 1 of ``key``."""
    out = np.empty(n, np.float64)
    fill_normals(_U(key), _U(first), out)
    return out


def normal_pairs(key: int, n: int, first: int = 0) -> F32:
    """Return n single-precision standard normal pairs of ``key``, shape (2, n)."""
    out = np.empty((2, n), np.float32)
    fill_normal_pairs(_U(key), _U(first), out[0], out[1])
    return out


def permutation(key: int, n: int) -> I64:
    """Return a uniformly random permutation of 0 … n−1, int64."""
    out = np.empty(n, np.int64)
    fill_permutation(_U(key), out)
    return out
