"""Threads that Ctrl-C cannot leave waiting for ever: work is handed out and waited for while signals are held."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


_held: list[bool] = []  # of the main thread: whether it is inside of `interrupts_held`


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C and a request to terminate wait until the block is over.

    HDF5 calls back into Python to write; an exception that starts there is lost or breaks the open file. One that
    starts inside a lock of Python's own leaves it taken, and whoever waits for it waits for ever. Blocks within such
    a block cost nothing.
    """
    if threading.current_thread() is not threading.main_thread() or _held:
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}
    waiting: list[tuple[int, FrameType | None]] = []
    try:
        for kind in held:
            signal.signal(kind, lambda number, frame: waiting.append((number, frame)))
        _held.append(True)
        yield
    finally:
        _held.clear()
        for kind in reversed(held):  # Ctrl-C last: one that comes in this moment finds the other restored
            signal.signal(kind, held[kind])
        for number, frame in waiting[:1]:
            held[signal.Signals(number)](number, frame)


class Threads:
    """Some threads for one block; at its end all their work is done, or after an error what had begun.

    Parameters
    ----------
    number : int
        Threads, from 1 up.

    Examples
    --------
    >>> with Threads(2) as threads:
    ...     threads.results([threads.submit(pow, 2, k) for k in range(4)])
    [1, 2, 4, 8]
    """

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number)

    def __enter__(self) -> Threads:
        return self

    def submit(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Future[T]:
        """Hand out a call."""
        with interrupts_held():
            return self._pool.submit(function, *arguments, **keywords)

    def results(self, futures: Iterable[Future[T]]) -> list[T]:
        """Wait for calls that were handed out and return what they returned; the first error is raised."""
        with interrupts_held():
            return [future.result() for future in futures]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with interrupts_held():
            self._pool.shutdown(cancel_futures=kind is not None)
