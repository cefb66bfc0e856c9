"""The executor that somebody asked for."""

from __future__ import annotations

from fractalman.config import integer
from fractalman.errors import RecipeError
from fractalman.executors.processes import PoolExecutor
from fractalman.executors.protocol import ALLOW, OwnExecutor, SerialExecutor

MOST_JOBS = 4096


def from_options(jobs: int = 1, scheduler: str | None = None) -> OwnExecutor:
    """Return the executor of one of two options; use it in a ``with`` block.

    Args:
        jobs: processes on this machine; 1 = this one, one task after the other.
        scheduler: address of a dask scheduler, e.g. "tcp://host:8786"; with `ALLOW` behind it workers of other versions
            may take tasks, which the journal then says.
    Errors: RecipeError for two options at once or a value that cannot be; MissingExtraError; ResourceError when nobody
        answers.
    """
    jobs = integer(1, MOST_JOBS)("jobs", jobs)
    if jobs != 1 and scheduler is not None:
        raise RecipeError("jobs and scheduler are given: expected one of them; use jobs = 1 with a scheduler")
    if scheduler == ALLOW:
        raise RecipeError(
            "--allow-version-mismatch without a scheduler: use it with --scheduler ADDRESS, or leave it out"
        )
    if scheduler is not None:
        from fractalman.executors.dask_scheduler import DaskExecutor

        return DaskExecutor(scheduler)
    return SerialExecutor() if jobs == 1 else PoolExecutor(jobs)
