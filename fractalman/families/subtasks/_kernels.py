"""Which subtask a point belongs to, by address; the slow reference is tests/reference/subtasks.py."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw_below, draw_uniform

_U = np.uint64


@kernel
def zipf_ranks(key, points, alpha, most, cumulated, out):  # type: ignore[no-untyped-def]
    """out[i] = k of 1 … most with probability ∝ k^−(1+α), by rejection.

    A rank is uniform in a block 2^j … 2^(j+1) − 1, j drawn from ``cumulated``, shares ∝ 2^(−jα) added up, and is
    accepted with probability (k/2^j)^−(1+α). Of derive(key, point) counters 3t to 3t + 2 are the t-th try: ranks are
    integers throughout, so that they are the same on every machine.
    """
    for i in range(points.size):
        own, counter = derive(key, _U(points[i])), _U(0)
        while True:
            u, block = draw_uniform(own, counter), 0
            while block < cumulated.size - 1 and u >= cumulated[block]:
                block += 1
            width = np.int64(1) << np.int64(block)
            rank = width + draw_below(own, counter + _U(1), width)
            v = draw_uniform(own, counter + _U(2))
            counter += _U(3)
            if rank <= most and v < (rank / width) ** -(1.0 + alpha):
                out[i] = rank
                break
