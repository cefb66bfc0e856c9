"""Spawned processes on this machine, one task each at a time, so that a process that dies costs only its task.

Processes are spawned and never forked: numba does not survive a fork, and h5py neither.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import FrameType
from typing import Any, NoReturn

from fractalman._signals import lost_signals_sent_again
from fractalman.config import is_integer, shown
from fractalman.errors import RecipeError
from fractalman.executors.protocol import Closing, Handle, WorkerLostError

JAX_VARIABLES = ("PJRT_NPROC", "NPROC")
"""Variables of the environment that say how many threads JAX starts on processors (0.10.2 heeds either)."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "FRACTALMAN_THREADS",
    *JAX_VARIABLES,
)
"""Set to 1 in the parent before workers are spawned: two workers that each start all threads are 3.4 times slower."""

GRACE_SECONDS = 10.0
"""How long a worker that is told to stop may take to clean up behind its task."""


class PoolExecutor(Closing):
    """Runs tasks in ``jobs`` spawned processes of one thread each.

    A thread of this process stands behind every worker: it starts the worker with its first task and starts another
    when the worker has died. Ctrl-C reaches this process only, which tells the workers to stop when it is closed; a
    worker whose parent has died stops by itself.

    Args:
        jobs: number of processes ≥ 1.
    Errors: RecipeError for a bad number of jobs.
    """

    def __init__(self, jobs: int) -> None:
        if not is_integer(jobs) or int(jobs) < 1:
            raise RecipeError(f"jobs = {shown(jobs)}: expected an integer >= 1")
        self._before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="fractalman-worker")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._closed = False

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task; function and arguments are pickled."""
        return self._threads.submit(self._run, function, arguments)

    def _run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = self._started()
        try:
            return worker.run(function, arguments)
        except BrokenProcessPool:
            self._own.worker = None
            with self._lock:
                self._workers.discard(worker)
            worker.close()
            raise WorkerLostError("a worker process died") from None

    def _started(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise WorkerLostError("the executor is closed")
            worker = _Worker()
            self._workers.add(worker)
            return worker

    def close(self) -> None:
        """Drop what has not begun, tell workers at work to stop, end them all, give the thread variables back."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in workers:
            worker.wait(deadline)
            worker.close()
        self._threads.shutdown(wait=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Worker:
    """One spawned process, and the task that it is at."""

    def __init__(self) -> None:
        import multiprocessing

        with _interrupts_blocked():  # inherited: between its birth and `_prepare` a worker is deaf, too
            self._pool = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(os.getpid(),)
            )
            self._named: Future[int] = self._pool.submit(os.getpid)
        self._task: Future[Any] | None = None

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return the task's value; BrokenProcessPool when the process died."""
        self._task = self._pool.submit(_perform, function, arguments)
        try:
            return self._task.result()
        finally:
            self._task = None

    def stop(self) -> None:
        """Break off the task, which cleans up behind itself."""
        if self._task is not None:
            self._signal(signal.SIGTERM)

    def wait(self, deadline: float) -> None:
        """Wait until the task has ended; kill the process when that takes too long."""
        while self._task is not None and time.monotonic() < deadline:
            time.sleep(0.005)
        if self._task is not None:
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(Exception):  # it may have died meanwhile
            os.kill(self._named.result(timeout=GRACE_SECONDS), number)

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# ---------------------------------------------------------------------------------------------------- in the worker

_orphaned = threading.Event()
_received: list[int] = []


def _prepare(parent: int) -> None:
    """Settle in a new worker: Ctrl-C is the parent's business, a request to stop is an exception in the task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_outlive, args=(parent,), daemon=True).start()


def _perform(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Run a task; nobody takes its value any more when the parent has died."""
    try:
        with lost_signals_sent_again(_received):
            return function(*arguments)
    finally:
        if _orphaned.is_set():
            os._exit(1)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    _received.append(number)
    raise SystemExit(128 + signal.SIGTERM)


def _outlive(parent: int) -> None:
    """Stop when the parent has died."""
    import multiprocessing

    alive = multiprocessing.parent_process()
    if alive is not None and alive.pid == parent:
        alive.join()
        _orphaned.set()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)
