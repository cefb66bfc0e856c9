"""A dask.distributed scheduler that somebody else runs: tasks go to its workers wherever they are."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from fractalman.errors import MissingExtraError, RecipeError, ResourceError
from fractalman.executors.protocol import Closing, Handle, WorkerLostError

ANSWER_SECONDS = 10.0
"""How long a scheduler may take to answer at all."""


class DaskExecutor(Closing):
    """Runs tasks on the workers of the scheduler at ``address``.

    Its workers must have this version of fractalman and see the same files under the same paths. The scheduler gives
    the task of a lost worker to another one by itself, a bounded number of times.

    Args:
        address: e.g. "tcp://host:8786".
        timeout: seconds that the scheduler may take to answer.
    Errors: RecipeError for what is no address; MissingExtraError; ResourceError when nobody answers.
    """

    def __init__(self, address: str, timeout: float = ANSWER_SECONDS) -> None:
        if not re.fullmatch(r"(tcp|tls|ws|wss|ucx|inproc)://\S+", address):
            raise RecipeError(f"scheduler = {address!r}: expected an address, e.g. tcp://127.0.0.1:8786")
        try:
            from distributed import Client
        except ImportError:
            raise MissingExtraError("a scheduler needs dask: use pip install 'dask[distributed]'") from None
        self.address = address
        self._client = _answered(lambda: Client(address, timeout=timeout, set_as_default=False), address, timeout)

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task; function and arguments are pickled."""
        return _DaskHandle(self._client.submit(function, *arguments, pure=False), self.address)

    def close(self) -> None:
        """Forget tasks that have not ended and leave the scheduler; its workers stay."""
        self._client.close(timeout=ANSWER_SECONDS)


def _answered(connect: Callable[[], Any], address: str, timeout: float) -> Any:
    """Return the client; ResourceError when there is none in time.

    dask waits without end for a host that takes the connection and then says nothing, so it is left behind in a thread.
    """
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(connect())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout + 1.0)
    if not found or isinstance(found[0], Exception):
        why = type(found[0]).__name__ if found else "silence"
        raise ResourceError(
            f"no dask scheduler answers at {address} ({why}): start one with dask scheduler, or type --jobs N for "
            "processes on this machine"
        )
    return found[0]


class _DaskHandle:
    def __init__(self, future: Any, address: str) -> None:
        self._future, self._address = future, address

    def done(self) -> bool:
        return bool(self._future.done())

    def result(self) -> Any:
        from concurrent.futures import CancelledError

        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        try:
            return self._future.result()
        except KilledWorker:
            raise WorkerLostError("workers of the scheduler died, one after the other") from None
        except (CancelledError, FutureCancelledError):
            raise ResourceError(
                f"the dask scheduler at {self._address} went away: what is finished is kept; start it and type the "
                "same command again"
            ) from None
