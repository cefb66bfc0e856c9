"""Where the units of a sweep run: here one after another, or in spawned processes.

An executor has ``submit(function, *arguments) → handle`` and ``close()``; a handle has ``result()`` and, if it can tell
without waiting, ``done()``. Nothing else is asked, so futures of other schedulers fit. Tasks are pure functions of
their arguments: which worker runs them, and how many there are, changes no number. (How many threads a BLAS call uses
can change its rounding; workers use one.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from fractalman.errors import RecipeError, ResourceError

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "FRACTALMAN_THREADS",
)
"""Set to 1 in the parent before workers are spawned: two workers that each start all threads are 3.4 times slower."""


class Handle(Protocol):
    """What ``submit`` returns."""

    def result(self) -> Any:
        """Return the task's value or raise what it raised; waits."""


class Executor(Protocol):
    """What a sweep needs to run its units."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task."""

    def close(self) -> None:
        """Let go of workers; tasks that have not begun are dropped."""


class _Deferred:
    """A task that runs when its result is asked for."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments

    def result(self) -> Any:
        return self._function(*self._arguments)


class SerialExecutor:
    """Runs every task in this process when its result is asked for."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task."""
        return _Deferred(function, arguments)

    def close(self) -> None:
        """Nothing to let go of."""


class PoolExecutor:
    """Runs tasks in ``jobs`` spawned processes of one thread each (never forked: numba does not survive a fork).

    Args:
        jobs: number of processes ≥ 1.
    Errors: RecipeError for a bad number of jobs.
    """

    def __init__(self, jobs: int) -> None:
        import multiprocessing

        if jobs < 1:
            raise RecipeError(f"jobs = {jobs!r}: allowed is an integer >= 1")
        self._before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        self._pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task; function and arguments are pickled."""
        return self._pool.submit(function, *arguments)

    def close(self) -> None:
        """Drop what has not begun, end the workers, give the thread variables back."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def make_executor(jobs: int) -> Executor:
    """Return the serial executor for one job, else a pool of ``jobs`` processes."""
    return SerialExecutor() if jobs == 1 else PoolExecutor(jobs)


def completed(handles: Sequence[Handle], poll_seconds: float = 0.02) -> Iterator[tuple[int, Any]]:
    """Yield (index, result) of every handle: as they finish where all can tell, else in order.

    Errors: whatever a task raised; ResourceError when a worker process died.
    """
    waiting = dict(enumerate(handles))
    while waiting:
        able = all(callable(getattr(handle, "done", None)) for handle in waiting.values())
        ready = [i for i, handle in waiting.items() if handle.done()] if able else [min(waiting)]  # type: ignore[attr-defined]
        if not ready:
            time.sleep(poll_seconds)
        for i in ready:
            try:
                value = waiting.pop(i).result()
            except BrokenProcessPool:
                raise ResourceError(
                    "a worker process died, as it does when memory runs out: finished points are kept; "
                    "type the same command again, with fewer --jobs"
                ) from None
            yield i, value
