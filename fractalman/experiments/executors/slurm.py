"""Jobs of a Slurm cluster, by way of submitit: one job a task, arguments and results as files in a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fractalman.errors import MissingExtraError, RecipeError, ResourceError
from fractalman.experiments.executors.protocol import Closing, Handle, WorkerLostError

TIME_MINUTES = 240
"""Time limit of a job where the variable SBATCH_TIMELIMIT does not say another."""


class SlurmExecutor(Closing):
    """Runs every task as a job of one task and one processor.

    Partition, memory and account are what sbatch reads from its own variables (SBATCH_PARTITION, SBATCH_TIMELIMIT,
    SBATCH_MEM_PER_NODE, SBATCH_ACCOUNT, …), which go before what is said here.

    Args:
        folder: for submitit's scripts, logs and results; on a file system that the nodes share.
        cluster: "slurm", or "local" for processes of this machine started by submitit.
    Errors: MissingExtraError; RecipeError for a folder that cannot be made; ResourceError where there is no Slurm.
    """

    def __init__(self, folder: str | os.PathLike[str], cluster: str = "slurm") -> None:
        try:
            import submitit
        except ImportError:
            raise MissingExtraError("Slurm jobs need submitit: type pip install 'fractalman[slurm]'") from None
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise ResourceError("no sbatch found: --slurm is for a machine of a Slurm cluster; type --jobs N here")
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecipeError(f"slurm = {str(folder)!r}: {error.strerror}; type a folder of yours") from None
        self._executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        self._executor.update_parameters(name="fractalman", cpus_per_task=1, timeout_min=TIME_MINUTES)
        self._open: list[_SlurmHandle] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Handle:
        """Take a task; function and arguments are pickled."""
        handle = _SlurmHandle(self._executor.submit(_outcome, function, arguments))
        self._open.append(handle)
        return handle

    def close(self) -> None:
        """Cancel jobs that have not ended."""
        for handle in self._open:
            handle.cancel()


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """Return a task's value, or what it raised: submitit would make text of it."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error


class _SlurmHandle:
    def __init__(self, job: Any) -> None:
        self._job, self._ended = job, False

    def done(self) -> bool:
        return bool(self._job.done())

    def result(self) -> Any:
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            value, error = self._job.result()
        except UncompletedJobError:
            raise WorkerLostError(
                f"job {self._job.job_id} ended without a result, its log is {self._job.paths.stderr}"
            ) from None
        except FailedJobError:  # it never came to the task: another Python, no such module
            raise ResourceError(
                f"job {self._job.job_id} could not run its task; its log is {self._job.paths.stderr}"
            ) from None
        finally:
            self._ended = True
        if error is not None:
            raise error
        return value

    def cancel(self) -> None:
        if not self._ended:
            self._job.cancel(check=False)
