"""A dask.distributed scheduler that somebody else runs: tasks go to its workers wherever they are."""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from fractalman.config import shown
from fractalman.errors import MissingExtraError, RecipeError, ResourceError
from fractalman.executors.protocol import ALLOW, Closing, Handle, WorkerLostError
from fractalman.executors.versions import differing, versions_here

ANSWER_SECONDS = 10.0
"""How long a scheduler may take to answer at all."""
ALONE_SECONDS = 15.0
"""So long tasks may wait for a worker before that is said."""


class VersionMismatchError(ResourceError):
    """A worker whose versions or code are not those of this process was given a task, and did not do it."""


class NoWorkersWarning(UserWarning):
    """Tasks wait, and the scheduler has no worker that would take one."""


class DaskExecutor(Closing):
    """Runs tasks on the workers of the scheduler at ``address``.

    Its workers must see the same files under the same paths, and have this fractalman and these versions of what it
    computes with: one that differs refuses its task by name, also when it comes later, unless ``address`` ends in
    `ALLOW`. Then `changes` names what was found to differ. The scheduler gives the task of a lost worker to another
    one by itself, a bounded number of times; when there is none left a NoWorkersWarning says so.

    Args:
        address: e.g. "tcp://host:8786".
        timeout: seconds that the scheduler may take to answer.
    Errors: RecipeError for what is no address; MissingExtraError; ResourceError when nobody answers.
    """

    def __init__(self, address: str, timeout: float = ANSWER_SECONDS) -> None:
        self.address = address.removesuffix(ALLOW)
        if not re.fullmatch(r"(tcp|tls|ws|wss|ucx|inproc)://[^\s?]+", self.address):
            raise RecipeError(f"scheduler = {shown(address)}: expected an address, e.g. tcp://127.0.0.1:8786")
        try:
            from distributed import Client
        except ImportError:
            raise MissingExtraError("a scheduler needs dask: use pip install 'dask[distributed]'") from None
        self.changes: dict[str, str | None] = {}
        self._here, self._allowed = versions_here(), address.endswith(ALLOW)
        self._guard = _guard()
        self._client = _answered(
            lambda: Client(self.address, timeout=timeout, set_as_default=False), self.address, timeout
        )
        self._watch = _Watch(self._client, self.address)

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task; function and arguments are pickled."""
        from distributed.protocol.pickle import dumps

        task = dumps((function, arguments))
        future = self._client.submit(self._guard, self._here, self._allowed, task, pure=False)
        return _DaskHandle(future, self)

    def close(self) -> None:
        """Forget tasks that have not ended and leave the scheduler; its workers stay."""
        self._client.close(timeout=ANSWER_SECONDS)


def _guard() -> Callable[..., Any]:
    """What a worker does: a function inside a function is pickled as it is, and runs on workers of any version."""

    def guarded(here: dict[str, str], allowed: bool, task: bytes) -> tuple[Any, dict[str, str] | None]:
        try:
            from fractalman.executors.versions import versions_here

            there = versions_here()
        except ImportError:  # none, or from before there was such a module
            try:
                from fractalman._version import __version__

                there = {"fractalman": __version__}
            except ImportError:
                there = {}
        if there != here and not allowed:
            return None, there
        from distributed.protocol.pickle import loads

        function, arguments = loads(task)
        return (function(*arguments),), there

    return guarded


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


class _Watch:
    """Says when tasks wait and there is no worker."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._asked = self._seen = time.monotonic()
        self._said = False

    def look(self) -> None:
        """Look at most once a second whether there are workers, and warn once while there are none for long."""
        now = time.monotonic()
        if now - self._asked < 1.0:
            return
        self._asked = now
        if self._client.status != "running" or self._client.scheduler_info(n_workers=-1).get("workers"):
            self._seen, self._said = now, False
        elif now - self._seen >= ALONE_SECONDS and not self._said:
            self._said = True
            warnings.warn(
                f"no worker is at the dask scheduler {self._address} for {now - self._seen:.0f} s, tasks wait: start "
                f"one with dask worker {self._address}, or press Ctrl-C; what is finished is kept",
                NoWorkersWarning,
                stacklevel=2,
            )


class _DaskHandle:
    def __init__(self, future: Any, executor: DaskExecutor) -> None:
        self._future, self._executor = future, executor

    def done(self) -> bool:
        if self._future.done():
            return True
        self._executor._watch.look()
        return False

    def result(self) -> Any:
        from concurrent.futures import CancelledError

        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        while not self.done():
            time.sleep(0.05)
        try:
            value, there = self._future.result()
        except KilledWorker:
            raise WorkerLostError("workers of the scheduler died, one after the other") from None
        except (CancelledError, FutureCancelledError):
            raise ResourceError(
                f"the dask scheduler at {self._executor.address} went away: what is finished is kept; start it and "
                "type the same command again"
            ) from None
        changes = differing(self._executor._here, there)
        if value is None:
            here = _words({name: self._executor._here.get(name) for name in changes})
            raise VersionMismatchError(
                f"a worker at {self._executor.address} has {_words(changes)}: expected what this process has, {here}; "
                "use workers of one environment, or --allow-version-mismatch, which the journal then says"
            )
        self._executor.changes |= changes
        return value[0]


def _words(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version or 'none'}" for name, version in versions.items())
