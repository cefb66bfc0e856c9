"""What an executor is, the one that runs everything here, and how tasks are followed to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, Self

from fractalman._threads import one_matrix_thread
from fractalman.errors import ResourceError

ALLOW = "?allow-version-mismatch"
"""Behind a scheduler's address: workers of other versions may take tasks, too."""
ATTEMPTS = 3
"""How often a task is given to a worker that is then lost, before the task is given up."""


class WorkerLostError(ResourceError):
    """The worker of one task died or vanished; other tasks are not concerned."""


class Handle(Protocol):
    """What ``submit`` returns; one that also has ``done()`` is asked for its result only when that is there."""

    def result(self) -> Any:
        """Return the task's value or raise what it raised; waits. WorkerLostError when its worker was lost."""


class Executor(Protocol):
    """What runs tasks: a module-level function and its arguments, pickled wherever they leave this process.

    ``close()`` is asked for by those who make an executor, never by those who are given one: any object with ``submit``
    serves them.
    """

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task."""


class OwnExecutor(Executor, Protocol):
    """An executor of this package: to be closed, or used in a ``with`` block."""

    def close(self) -> None:
        """Let go of workers; tasks that have not ended are dropped."""

    def __enter__(self) -> Self:
        """Return the executor."""

    def __exit__(self, *_: object) -> None:
        """Close it."""


class Closing:
    """The ``with`` block of every executor here."""

    def close(self) -> None:
        """Let go of workers; tasks that have not ended are dropped."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Deferred:
    """A task that runs when its result is asked for, its matrices on one thread as in a worker."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments

    def result(self) -> Any:
        with one_matrix_thread():
            return self._function(*self._arguments)


class SerialExecutor(Closing):
    """Runs every task in this process when its result is asked for."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task."""
        return _Deferred(function, arguments)


# ---------------------------------------------------------------------------------------------------- following


def gather(
    executor: Executor,
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    *,
    name: Callable[[int], str],
    attempts: int = ATTEMPTS,
) -> Iterator[tuple[int, Any]]:
    """Run ``function(*task)`` for every task and yield (index, value), as they end where that can be told.

    A task whose worker is lost is given to another one; which worker ran what, and in which order, is of no consequence
    to values, so callers put them in order by their index.

    Args:
        executor: anything with ``submit``.
        function: of module level. tasks: its arguments, one tuple a task.
        name: what a task is called in an error.
        attempts: workers that a task may lose.
    Errors: whatever a task raised; ResourceError naming the task whose workers were lost ``attempts`` times.
    """
    waiting = {i: executor.submit(function, *task) for i, task in enumerate(tasks)}
    lost = [0] * len(tasks)
    pause = 0.0
    while waiting:
        able = all(callable(getattr(handle, "done", None)) for handle in waiting.values())
        ready = [i for i, handle in waiting.items() if handle.done()] if able else [min(waiting)]  # type: ignore[attr-defined]
        if not ready:
            pause = min(0.2, pause + 0.005)
            time.sleep(pause)
            continue
        pause = 0.0
        for i in ready:
            try:
                value = waiting.pop(i).result()
            except (WorkerLostError, BrokenProcessPool) as error:
                lost[i] += 1
                if lost[i] >= attempts or isinstance(error, BrokenProcessPool):  # a pool of others stays broken
                    times = "once" if lost[i] == 1 else f"{lost[i]} times"
                    why = str(error) if isinstance(error, WorkerLostError) else "the pool is broken"
                    raise ResourceError(
                        f"{name(i)} lost its worker {times} ({why}), as it does when memory runs out: what is finished "
                        "is kept; run the same command again, with fewer workers on a machine"
                    ) from None
                waiting[i] = executor.submit(function, *tasks[i])
                continue
            yield i, value
