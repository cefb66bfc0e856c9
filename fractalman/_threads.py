"""Threads that Ctrl-C cannot leave waiting for ever, and how many of them matrix libraries may start beside."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

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


def n_threads() -> int:
    """Return how many threads kernels run on: FRACTALMAN_THREADS, else the processors this process may use."""
    asked = os.environ.get("FRACTALMAN_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this platform
        return os.cpu_count() or 1


def run_tasks(function: Callable[..., None], tasks: Iterable[tuple[Any, ...]]) -> None:
    """Call ``function(*task)`` for every task on the threads; tasks must write to disjoint places.

    This thread is one of them. After an error no further task begins.
    """
    tasks = list(tasks)
    threads = min(n_threads(), len(tasks))
    left = iter(tasks)

    def work() -> None:
        try:
            for task in left:  # one iterator for all: to take the next is one step of the interpreter
                function(*task)
        except BaseException:
            deque(left, maxlen=0)
            raise

    if threads <= 1:
        work()
        return
    with interrupts_held(), ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(work) for _ in range(threads - 1)]
        work()
        for other in others:
            other.result()


_WORTH_A_THREAD = 1 << 14
"""Elements from which a pass over columns takes longer than a thread's start."""


def run_beside(elements: int, *works: Callable[[], object]) -> None:
    """Do works on columns of so many elements beside each other, few elements one after the other."""
    if elements < _WORTH_A_THREAD:
        for work in works:
            work()
    else:
        run_tasks(lambda work: work(), [(work,) for work in works])


# ---------------------------------------------------------------------------------------------- matrix libraries

LARGE_MATRIX = 4096
"""Rows from which a square matrix is factored with all of the library's threads (two: 42 GFLOP/s for 28). Smaller ones
would gain as much alone, and lose more where they come one after the other."""


class _MatrixThreads:
    """How many blocks ask for one thread, and the libraries that were found and told so.

    OpenBLAS with threads of its own, as NumPy and SciPy are installed, has one number for the whole process; those that
    keep a number for every thread (OpenMP) are left alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._found: Any = None
        self._limit: Any = None

    def change(self, by: int) -> None:
        """One block more that asks for one thread, or one less; the first and the last have an effect."""
        with self._lock:
            before, self._asked = self._asked, self._asked + by
            if before <= 0 < self._asked:
                self._limit = self._libraries().limit(limits=1)
            elif self._asked <= 0 < before:
                self._limit.restore_original_limits()
            else:
                return
            # from 3.8 on the thread that has set a number keeps all others from setting one, until it lets go
            getattr(self._controller(), "clear_controlling_thread", lambda: None)()

    @staticmethod
    def _controller() -> Any:
        from threadpoolctl import OpenBLASController

        return OpenBLASController

    def _libraries(self) -> Any:
        """The libraries of NumPy and SciPy, which are loaded first: only those that are there are found."""
        if self._found is None:
            import numpy  # noqa: F401
            import scipy.linalg  # noqa: F401
            from threadpoolctl import ThreadpoolController

            self._found = ThreadpoolController().select(user_api="blas").select(threading_layer="pthreads")
        return self._found


_matrix_threads = _MatrixThreads()


@contextlib.contextmanager
def _changed(by: int) -> Iterator[None]:
    """The number of blocks is another one while the block lasts, and as before after it, Ctrl-C or not."""
    done = False
    try:
        with interrupts_held():
            _matrix_threads.change(by)
            done = True
        yield
    finally:
        if done:
            with interrupts_held():
                _matrix_threads.change(-by)


@contextlib.contextmanager
def one_matrix_thread() -> Iterator[None]:
    """Let matrix libraries keep to the thread that calls them in this block; blocks may nest, and overlap in threads.

    NumPy and SciPy bring a library each, whose idle threads keep their processors busy: small matrices in turn, or
    asked for by threads of ours, then take several times as long as with one.
    """
    with _changed(1):
        yield


@contextlib.contextmanager
def threads_for_matrix(rows: int) -> Iterator[None]:
    """Within `one_matrix_thread`, give the library all its threads back for a matrix of very many rows."""
    if rows < LARGE_MATRIX:
        yield
        return
    with _changed(-1):
        yield
