"""What no build can be faster than, measured for the table of speed: numbers drawn once, bytes hashed once."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
from bench_builds import D

from fractalman._jit import kernel

SWEEP_SIZES = (64, 128, 256, 512, 1024, 2048, 4096)


def best(call: Callable[[], Any], repeats: int = 3) -> float:
    """Least seconds by the clock, after one call that compiles."""
    call()
    return min(timeit.repeat(call, number=1, repeat=repeats))


def drawn_once(n: int) -> float:
    """Return seconds to draw a normal number for every coordinate on all threads: a direction a point is the least."""
    from fractalman._threads import n_threads, run_tasks
    from fractalman.random.streams import normal_pairs

    parts = 4 * n_threads()
    tasks = [(k, n * D // 2 // parts) for k in range(parts)]
    return best(lambda: run_tasks(lambda key, count: normal_pairs(key, count) is None, tasks))


def drawn_processor(numbers: int) -> float:
    """Return the processor time of drawing so many normal numbers."""
    from fractalman.random.streams import normal_pairs

    return best(lambda: normal_pairs(1, numbers // 2))


@kernel
def added_up(vectors, points, out):  # type: ignore[no-untyped-def]
    """Add the levels of so many points, from the deepest up, vectors at hand."""
    for _ in range(points):
        out[:] = 0.0
        for level in range(vectors.shape[0]):
            for j in range(out.size):
                out[j] = 0.5 * out[j] + vectors[level, j]


def cascade_once(n: int, branching: Any) -> float:
    """Seconds of the two things that a cascade cannot leave out, on all threads: distinct directions, and their sums.

    Every point adds its levels in an order of its own, from the deepest up: sums of a common path are none of it.
    """
    import fractalman as fm
    from fractalman._threads import n_threads, run_tasks
    from fractalman.families.cascade import _coordinate_kernels as kernels
    from fractalman.families.cascade.sampler import cascade_paths

    recipe = fm.Cascade(n_points=n, ambient_dim=D, branching=branching)
    paths = cascade_paths(recipe).addresses(np.arange(n))
    nodes = np.unique(paths)
    few = min(n, 50_000)
    some_nodes = nodes[:: max(1, n // few)]
    levels = paths.shape[1]

    def draw(some: Any) -> None:
        out = np.empty((32, D))
        for a in range(0, some.size - 32, 32):
            kernels.directions_of(np.uint64(1), some[a : a + 32], out)

    parts = 4 * n_threads()
    drawing = best(lambda: run_tasks(draw, [(part,) for part in np.array_split(some_nodes, parts)]))
    vectors = np.random.default_rng(0).standard_normal((levels, D))

    adding = best(lambda: run_tasks(added_up, [(vectors, few // parts, np.empty(D)) for _ in range(parts)]))
    return drawing * nodes.size / some_nodes.size + adding * n / few


def hashed_once(n: int) -> float:
    """Return seconds to take the digests of X's blocks once, on one thread."""
    from fractalman.datasets.digests import block_digest

    block = np.random.default_rng(0).standard_normal((2048, D), np.float32)  # half a megabyte, as in files
    return best(lambda: [block_digest(block) for _ in range(n // 2048)])


def factored() -> tuple[float, float]:
    """Seconds, and of processor time, in which LAPACK factors what a sweep has to: for two kernels, at every size, one
    matrix of four fifths of the points a ridge, and one of all points."""
    import scipy.linalg

    from fractalman.conventions import KERNEL_RIDGES

    A = np.random.default_rng(0).standard_normal((SWEEP_SIZES[-1], 64)) / 64.0
    K = A @ A.T + np.eye(len(A))
    wall = processor = 0.0
    for n in SWEEP_SIZES:
        for size, times in ((int(0.8 * n), 2 * len(KERNEL_RIDGES)), (n, 2)):
            for _ in range(times):
                some = np.array(K[:size, :size], order="F")
                begun, before = time.perf_counter(), time.process_time()
                scipy.linalg.cho_factor(some, lower=True, overwrite_a=True, check_finite=False)
                wall, processor = wall + time.perf_counter() - begun, processor + time.process_time() - before
    return wall, processor
