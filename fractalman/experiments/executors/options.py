"""The executor that somebody asked for."""

from __future__ import annotations

import os

from fractalman.errors import RecipeError
from fractalman.experiments.executors.processes import PoolExecutor
from fractalman.experiments.executors.protocol import OwnExecutor, SerialExecutor


def from_options(
    jobs: int = 1, scheduler: str | None = None, slurm: str | os.PathLike[str] | None = None
) -> OwnExecutor:
    """Return the executor of one of three options; use it in a ``with`` block.

    Args:
        jobs: processes on this machine; 1 = this one, one task after the other.
        scheduler: address of a dask scheduler.
        slurm: folder for the scripts, logs and results of Slurm jobs.
    Errors: RecipeError for two options at once or a value that cannot be; MissingExtraError; ResourceError when nobody
        answers.
    """
    given = [
        name
        for name, there in (("jobs", jobs != 1), ("scheduler", scheduler is not None), ("slurm", slurm is not None))
        if there
    ]
    if len(given) > 1:
        raise RecipeError(f"{' and '.join(given)} are given: allowed is one of jobs, scheduler, slurm")
    if scheduler is not None:
        from fractalman.experiments.executors.dask_scheduler import DaskExecutor

        return DaskExecutor(scheduler)
    if slurm is not None:
        from fractalman.experiments.executors.slurm import SlurmExecutor

        return SlurmExecutor(slurm)
    return SerialExecutor() if jobs == 1 else PoolExecutor(jobs)
