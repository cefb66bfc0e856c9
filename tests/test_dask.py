"""A real dask scheduler and its workers, processes of their own on loopback: values, lost workers, no answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_executors import fail, square, values, wait_for

from fractalman.errors import RecipeError, ResourceError
from fractalman.executors import from_options
from fractalman.executors.dask_scheduler import DaskExecutor

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


class Processes:
    """One scheduler, and as many workers as are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        file = folder / "scheduler.json"
        wait_for(lambda: file.exists() and file.stat().st_size)
        self.address: str = json.loads(file.read_text())["address"]

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        search = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        with (self.folder / f"{kind}-{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words, "--scheduler-file", "scheduler.json"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": search, "FRACTALMAN_THREADS": "1"},
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")

    def close(self) -> None:
        for process in reversed(self.running):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    made = Processes(tmp_path_factory.mktemp("dask"))
    with contextlib.closing(made):
        made.worker()
        yield made


def at_work(folder: str, x: int) -> int:
    """Take a while the first time, so that there is somebody to kill."""
    mark = Path(folder) / f"{x}"
    first = not mark.exists()
    mark.write_text(str(os.getpid()))
    if first:
        time.sleep(120)
    return x * x


def test_values_and_errors_come_back(cluster: Processes) -> None:
    with from_options(scheduler=cluster.address) as executor:
        assert values(executor, square, *[(x,) for x in range(10)]) == [x * x for x in range(10)]
        with pytest.raises(RecipeError, match="x = 7: allowed is another"):
            values(executor, fail, (7,))


def test_a_task_of_a_killed_worker_goes_to_another(cluster: Processes, tmp_path: Path) -> None:
    with from_options(scheduler=cluster.address) as executor:
        handle = executor.submit(at_work, str(tmp_path), 6)
        pid = int(wait_for(lambda: (tmp_path / "6").exists() and (tmp_path / "6").read_text()))
        cluster.worker()
        os.kill(pid, signal.SIGKILL)
        assert handle.result() == 36


def test_a_scheduler_that_goes_away_is_one_line(tmp_path: Path) -> None:
    with contextlib.closing(Processes(tmp_path)) as alone, from_options(scheduler=alone.address) as executor:
        handle = executor.submit(square, 2)
        assert not handle.done()  # type: ignore[attr-defined]  # there is no worker
        alone.close()
        with pytest.raises(ResourceError, match=r"the dask scheduler at tcp://\S+ went away"):
            handle.result()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody answers: the port is taken, and what takes it never accepts."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        yield f"tcp://127.0.0.1:{deaf.getsockname()[1]}"


def test_a_scheduler_that_does_not_answer_is_one_line(nobody: str) -> None:
    for address, why in ((nobody, "silence"), ("tcp://127.0.0.1:1", "OSError")):
        begun = time.monotonic()
        with pytest.raises(ResourceError, match=rf"^no dask scheduler answers at {address} \({why}\)") as error:
            DaskExecutor(address, timeout=1.0)
        assert time.monotonic() - begun < 20.0
        assert "\n" not in str(error.value)
