"""Threads that Ctrl-C cannot leave waiting for ever: work is handed out and waited for while signals are held."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, TypeVar

from fractalman._signals import interrupts_held

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Some threads for one block; at its end all their work is done, or after an error what had begun.

    Parameters
    ----------
    number : int
        Threads; 0 = work is done where it is handed out, for what takes less time than a thread's start.

    Examples
    --------
    >>> with Threads(2) as threads:
    ...     threads.results([threads.submit(pow, 2, k) for k in range(4)])
    [1, 2, 4, 8]
    """

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number) if number else None

    def __enter__(self) -> Threads:
        return self

    def submit(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Future[T]:
        """Hand out a call."""
        if self._pool is None:
            return _done(function, *arguments, **keywords)
        with interrupts_held():
            return self._pool.submit(function, *arguments, **keywords)

    def results(self, futures: Iterable[Future[T]]) -> list[T]:
        """Wait for calls that were handed out and return what they returned; the first error is raised."""
        with interrupts_held():
            return [future.result() for future in futures]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            with interrupts_held():
                self._pool.shutdown(cancel_futures=kind is not None)


def _done(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Future[T]:
    """Call at once; what it returns or raises is found where it is waited for."""
    future: Future[T] = Future()
    try:
        future.set_result(function(*arguments, **keywords))
    except Exception as error:
        future.set_exception(error)
    return future
