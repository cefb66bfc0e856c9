"""Subtasks in plain Python: ranks by rejection, and the risk as a plain sum over ranks and numbers of samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from fractalman.random.keys import Role, key64
from tests.reference import streams as plain


def rank(point: int, seed: int, alpha: float, most: int) -> int:
    """Return the subtask of a point."""
    own = plain.derive(key64(seed, Role.SUBTASK_POINT), point)
    shares = [2.0 ** (-j * alpha) for j in range(most.bit_length())]
    counter = 0
    while True:
        u = plain.draw_uniform(own, counter)
        cumulated = list(itertools.accumulate(share / sum(shares) for share in shares))
        block = next((j for j, c in enumerate(cumulated[:-1]) if u < c), len(shares) - 1)
        k = int(2**block) + int(plain.draw_below(own, counter + 1, 2**block))
        v = plain.draw_uniform(own, counter + 2)
        counter += 3
        if k <= most and v < (k / 2**block) ** -(1.0 + alpha):
            return k


def risk(n: int, alpha: float, within: Callable[[int], float], unseen: float, most: int) -> float:
    """Return Σ_k p_k Σ_x C(n, x) p_k^x (1 − p_k)^(n − x) r(x)."""
    weights = [k ** -(1.0 + alpha) for k in range(1, most + 1)]
    total = 0.0
    for weight in weights:
        p = weight / sum(weights)
        chances = [math.comb(n, x) * p**x * (1.0 - p) ** (n - x) for x in range(n + 1)]
        total += p * sum(c * (within(x) if x else unseen) for x, c in enumerate(chances))
    return total
