"""Executors: serial, spawned processes, a real dask scheduler, submitit; lost workers, interrupts, what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fractalman.errors import MissingExtraError, RecipeError, ResourceError
from fractalman.executors import (
    THREAD_VARIABLES,
    Executor,
    PoolExecutor,
    SerialExecutor,
    WorkerLostError,
    from_options,
    gather,
)

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def values(executor: Executor, function: Callable[..., Any], *tasks: tuple[Any, ...]) -> list[Any]:
    """The values in the order of the tasks."""
    found = dict(gather(executor, function, tasks, name=lambda i: f"task {i}"))
    return [found[i] for i in range(len(tasks))]


def square(x: int) -> int:
    return x * x


def fail(x: int) -> int:
    raise RecipeError(f"x = {x}: expected another")


def settings() -> list[str | None]:
    return [os.environ.get(name) for name in THREAD_VARIABLES]


def die_once(marker: str, x: int) -> int:
    """Kill the process the first time; afterwards be a task like any other."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return x * x
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return 0


def die() -> None:
    os._exit(9)


def work_until_told(folder: str) -> None:
    """Say who is at work, and take the word back when the work is broken off."""
    mine = Path(folder) / f"{os.getpid()}"
    mine.touch()
    try:
        time.sleep(120)
    finally:
        mine.unlink()


def hear_it_where_it_is_lost(folder: str) -> None:
    """Be told to stop while an object is taken away: Python throws away what the signal's handler raises there."""

    class Last:
        def __del__(self) -> None:
            (Path(folder) / f"{os.getpid()}").touch()
            time.sleep(120)

    try:
        Last()
        time.sleep(120)
    finally:
        (Path(folder) / f"{os.getpid()}").unlink()


def wait_for(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="module")
def pool() -> Iterator[PoolExecutor]:
    with PoolExecutor(2) as made:
        yield made


# ---------------------------------------------------------------------------------------------------- all of them


def test_here_and_in_processes_the_values_are_the_same(pool: PoolExecutor) -> None:
    tasks = [(x,) for x in range(20)]
    with SerialExecutor() as serial:
        assert values(serial, square, *tasks) == values(pool, square, *tasks) == [x * x for x in range(20)]
    assert values(pool, square) == []


def test_what_a_task_raises_comes_out_as_it_is(pool: PoolExecutor) -> None:
    for executor in (SerialExecutor(), pool):
        with pytest.raises(RecipeError, match="x = 7: expected another"):
            values(executor, fail, (7,))
    assert values(pool, square, (3,)) == [9]  # the worker lives on


def test_the_order_in_which_tasks_end_is_of_no_consequence() -> None:
    class Backwards:
        """Ends the tasks in reverse order."""

        def __init__(self) -> None:
            self.taken: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            self.taken.append((Future(), function, arguments))
            if len(self.taken) == 5:
                for future, work, given in reversed(self.taken):
                    future.set_result(work(*given))
            return self.taken[-1][0]

    assert values(Backwards(), square, *[(x,) for x in range(5)]) == [0, 1, 4, 9, 16]


def test_a_lost_worker_costs_its_task_only_and_not_for_ever() -> None:
    class Losing:
        """Loses the worker of the second task so many times."""

        def __init__(self, times: int) -> None:
            self.times, self.taken = times, [0, 0, 0]

        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            (x,) = arguments
            self.taken[x] += 1
            future: Future[Any] = Future()
            if x == 1 and self.taken[x] <= self.times:
                future.set_exception(WorkerLostError("gone"))
            else:
                future.set_result(function(x))
            return future

    losing = Losing(2)
    assert values(losing, square, (0,), (1,), (2,)) == [0, 1, 4]
    assert losing.taken == [1, 3, 1]
    losing = Losing(3)
    with pytest.raises(ResourceError, match=r"^task 1 lost its worker 3 times.*run the same command again"):
        values(losing, square, (0,), (1,), (2,))
    assert losing.taken == [1, 3, 1]


# ---------------------------------------------------------------------------------------------------- processes


def test_workers_have_one_thread_each_and_the_variables_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with from_options(jobs=2) as executor:
        assert values(executor, settings, ()) == [["1"] * len(THREAD_VARIABLES)]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@posix
def test_a_worker_that_is_killed_is_replaced(pool: PoolExecutor, tmp_path: Path) -> None:
    tasks = [(str(tmp_path / f"{x}"), x) for x in range(3)]
    for _, x in tasks[1:]:
        (tmp_path / f"{x}").touch()  # these do not die
    assert values(pool, die_once, *tasks) == [0, 1, 4]


def test_a_task_that_kills_every_worker_is_named(pool: PoolExecutor) -> None:
    with pytest.raises(ResourceError, match=r"^task 0 lost its worker 3 times"):
        values(pool, die, ())
    assert values(pool, square, (4,)) == [16]


def test_a_broken_pool_of_somebody_else_is_one_line() -> None:
    import multiprocessing

    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other,
        pytest.raises(ResourceError, match=r"^task 0 lost its worker once"),
    ):
        values(other, die, ())


@posix
@pytest.mark.parametrize("task", [work_until_told, hear_it_where_it_is_lost])
def test_closing_breaks_off_what_is_at_work(
    task: Callable[[str], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    executor = PoolExecutor(1)
    executor.submit(task, str(tmp_path))
    dropped = executor.submit(square, 3)
    (mine,) = wait_for(lambda: list(tmp_path.iterdir()))
    executor.close()
    assert list(tmp_path.iterdir()) == []  # the task has cleaned up behind itself
    with pytest.raises(ProcessLookupError):
        os.kill(int(mine.name), 0)
    assert dropped.cancelled()  # type: ignore[attr-defined]
    assert capfd.readouterr().err == ""


_PARENT = """
import sys
from tests.experiments import test_executors as t
from fractalman.executors import PoolExecutor, gather
if __name__ == "__main__":
    with PoolExecutor(2) as executor:
        list(gather(executor, t.work_until_told, [(sys.argv[1],)] * 2, name=str))
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)])
def test_workers_do_not_outlive_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "parent.py").write_text(_PARENT)
    (tmp_path / "at_work").mkdir()
    search = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py", tmp_path / "at_work"],
        env={**os.environ, "PYTHONPATH": search},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        workers = wait_for(lambda: len(found := list((tmp_path / "at_work").iterdir())) == 2 and found)
        parent.send_signal(number)
        _, errors = parent.communicate(timeout=60)
    finally:
        parent.kill()

    def gone(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"

    wait_for(lambda: all(gone(int(worker.name)) for worker in workers))
    wait_for(lambda: not list((tmp_path / "at_work").iterdir()))
    if number == signal.SIGINT:
        assert errors.count("Traceback") == 1, errors  # the parent's own KeyboardInterrupt, nothing from the workers
        assert errors.strip().endswith("KeyboardInterrupt")


# ---------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"jobs": 0}, RecipeError, "jobs = 0: expected an integer from 1 to 4096"),
        ({"jobs": 2, "scheduler": "tcp://127.0.0.1:1"}, RecipeError, "jobs and scheduler are given: expected one"),
        ({"scheduler": "127.0.0.1:8786"}, RecipeError, "expected an address, e.g. tcp://"),
        ({"scheduler": ""}, RecipeError, "expected an address"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as error:
        from_options(**options)
    assert "\n" not in str(error.value)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"use pip install 'dask\[distributed\]'") as error:
        from_options(scheduler="tcp://127.0.0.1:1")
    assert "\n" not in str(error.value)
