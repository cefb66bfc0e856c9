"""Compiled kernels of parities, points and tasks by address; the slow reference is tests/reference/parities.py."""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman.random._draw_kernels import derive, draw, draw_below, draw_uniform

_U = np.uint64


@kernel
def task_bits(key, tasks, n_bits, out):  # type: ignore[no-untyped-def]
    """out[t] = the bits that task tasks[t] reads, rising: a uniform subset of 0 … n_bits − 1 (Floyd's algorithm)."""
    size = out.shape[1]
    for t in range(tasks.size):
        own = derive(key, _U(tasks[t]))
        for j in range(size):
            top = n_bits - size + j  # the new one is drawn from 0 … top; if it is there already, it is top
            bit = draw_below(own, _U(j), np.int64(top + 1))
            for i in range(j):
                if out[t, i] == bit:
                    bit = top
                    break
            i = j
            while i > 0 and out[t, i - 1] > bit:
                out[t, i] = out[t, i - 1]
                i -= 1
            out[t, i] = bit


@kernel
def parity_points(key, points, cumulated, strings):  # type: ignore[no-untyped-def]
    """strings[i] = task of point points[i], then its bits.

    Of derive(key, point) counter 0 chooses the task, counter 1 + w holds bits 64w … 64w + 63, the lowest first.
    """
    n_bits = strings.shape[1] - 1
    for i in range(points.size):
        own = derive(key, _U(points[i]))
        u, low, high = draw_uniform(own, _U(0)), 0, cumulated.size - 1
        while low < high:  # the first task whose cumulated probability exceeds u
            middle = (low + high) // 2
            if cumulated[middle] > u:
                high = middle
            else:
                low = middle + 1
        strings[i, 0] = low
        word = _U(0)
        for j in range(n_bits):
            if j % 64 == 0:
                word = draw(own, _U(1 + j // 64))
            strings[i, 1 + j] = np.int32((word >> _U(j % 64)) & _U(1))
