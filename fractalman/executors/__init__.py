"""Where work runs: here, in spawned processes, or at a dask scheduler.

An executor takes tasks with ``submit(function, *arguments)`` and returns handles with ``result()`` and, where it can
tell without waiting, ``done()``; nothing else is asked of one. Tasks are pure functions of their arguments, so where
they run, how many at once and in which order they end changes no number.
"""

from fractalman.executors.options import from_options
from fractalman.executors.processes import JAX_VARIABLES, THREAD_VARIABLES, PoolExecutor
from fractalman.executors.protocol import (
    Executor,
    Handle,
    OwnExecutor,
    SerialExecutor,
    WorkerLostError,
    gather,
)

__all__ = [
    "JAX_VARIABLES",
    "THREAD_VARIABLES",
    "Executor",
    "Handle",
    "OwnExecutor",
    "PoolExecutor",
    "SerialExecutor",
    "WorkerLostError",
    "from_options",
    "gather",
]
