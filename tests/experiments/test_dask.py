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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sharded import CASCADE, content

import fractalman as fm
from fractalman import cli
from fractalman.errors import RecipeError, ResourceError
from fractalman.executors import dask_scheduler, from_options
from fractalman.executors.dask_scheduler import DaskExecutor
from fractalman.executors.protocol import ALLOW
from fractalman.experiments import run_experiment
from fractalman.experiments.journal import environments
from tests.experiments.test_executors import fail, square, values, wait_for
from tests.experiments.test_sweep import PlayedSweep, spec_of, table
from tests.families.test_shards import dies_once

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def killed_once(mark: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Do the task, and the first time kill the process before its value is out."""
    value = function(*arguments)
    with contextlib.suppress(FileExistsError):
        Path(mark).touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return value


class Processes:
    """One scheduler, and as many workers as are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show", "--dashboard-address", "127.0.0.1:0"
        )  # without a dashboard it would still serve its status, on all interfaces
        file = folder / "scheduler.json"
        wait_for(lambda: file.exists() and file.stat().st_size)
        self.address: str = json.loads(file.read_text())["address"]

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        search = os.pathsep.join(sys.path)
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

    def alive(self) -> int:
        """How many workers run."""
        return sum(process.poll() is None for process in self.running[1:])

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


def test_values_and_errors_come_back(cluster: Processes) -> None:
    with from_options(scheduler=cluster.address) as executor:
        assert values(executor, square, *[(x,) for x in range(10)]) == [x * x for x in range(10)]
        with pytest.raises(RecipeError, match="x = 7: expected another"):
            values(executor, fail, (7,))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Content of the dataset in one file."""
    path = fm.write(CASCADE, tmp_path_factory.mktemp("whole") / "whole.h5", hierarchy=False)
    return content(path)


@pytest.mark.slow(reason="schedulers and workers that are killed")
def test_a_worker_killed_in_the_middle_of_a_shard_costs_that_shard(
    cluster: Processes, tmp_path: Path, whole: str
) -> None:
    cluster.worker()
    with from_options(scheduler=cluster.address) as executor:
        killing = SimpleNamespace(
            submit=lambda work, *given: executor.submit(dies_once, str(tmp_path / "mark"), work, *given)
        )
        path = fm.write_shards(CASCADE, tmp_path / "data.h5", 5, hierarchy=False, executor=killing)
    assert (tmp_path / "mark").exists()
    assert sum(process.poll() is not None for process in cluster.running) >= 1
    assert content(path) == whole


def test_the_command_line_shares_shards_out(tmp_path: Path, whole: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.toml").write_text(CASCADE.to_toml())
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",  # as every server of a test: nobody else on the network may reach it
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path),
    ) as local:
        words = ["generate", str(tmp_path / "r.toml"), "-o", str(tmp_path / "data.h5"), "--no-hierarchy"]
        assert cli.main([*words, "--shards", "6", "--scheduler", local.scheduler_address]) == 0
    assert "data.h5 written" in capsys.readouterr().out
    assert content(tmp_path / "data.h5") == whole


@pytest.mark.slow(reason="schedulers that end or wait alone")
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


@pytest.mark.slow(reason="schedulers and workers that are killed")
def test_one_and_three_workers_give_one_table_though_one_is_killed(cluster: Processes, tmp_path: Path) -> None:
    """The second sweep loses a worker; another does the lost task."""
    here = table(run_experiment(PlayedSweep(), spec_of(), tmp_path / "here").points)
    lost = len(cluster.running) - 1 - cluster.alive()
    for count in (1, 3):
        while cluster.alive() < count:
            cluster.worker()
        mark = tmp_path / f"died-of-{count}"
        with from_options(scheduler=cluster.address) as executor:
            wait_for(lambda least=count: len(executor._client.scheduler_info(n_workers=-1)["workers"]) >= least)  # type: ignore[attr-defined]
            if count == 1:
                mark.touch()  # nobody dies
            killing = SimpleNamespace(
                submit=lambda work, *given, mark=mark, own=executor: own.submit(killed_once, str(mark), work, *given)
            )
            there = run_experiment(PlayedSweep(), spec_of(), tmp_path / str(count), executor=killing)
        assert mark.exists()
        assert table(there.points) == here
    wait_for(lambda: len(cluster.running) - 1 - cluster.alive() == lost + 1)


@pytest.mark.slow(reason="a whole run at a scheduler")
def test_confirm_at_a_scheduler_gives_the_table_of_this_process(cluster: Processes, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from fractalman.runs import run_confirmation

    spec = {
        "recipe": {"family": "cascade", "n_points": 64, "ambient_dim": 4, "branching": 4, "hurst": 0.5},
        "sweep": {"learners": ["1-nn"], "train_sizes": [8, 16, 32], "seeds": 2, "test_size": 16},
    }
    cluster.worker()  # whatever other tests did to those before it
    there = run_confirmation(spec, tmp_path / "there", scheduler=cluster.address)
    here = run_confirmation(spec, tmp_path / "here")
    assert [(p.learner, p.value, p.seed, p.risk) for p in there.points] == [
        (p.learner, p.value, p.seed, p.risk) for p in here.points
    ]
    assert (tmp_path / "there" / "matrix.csv").read_bytes() == (tmp_path / "here" / "matrix.csv").read_bytes()


OTHER = """
import sys
from fractalman.executors import versions
found = versions.versions_here
versions.versions_here = lambda: {**found(), "numpy": "1.0"}
"""


@pytest.mark.slow(reason="schedulers and workers that start anew")
def test_a_worker_of_another_version_is_refused_or_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numpy says that it is 1.0; then the journal says so at every task, and so does whoever reads it."""
    (tmp_path / "other.py").write_text(OTHER)
    with contextlib.closing(Processes(tmp_path)) as alone:
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        alone._start(
            "worker", "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard", "--preload", "other"
        )
        with pytest.raises(
            ResourceError, match=r"numpy 1\.0: expected what this process has, numpy \d.*--allow-version"
        ):
            run_experiment(PlayedSweep(), spec_of(), tmp_path / "refused", scheduler=alone.address)
        run_experiment(PlayedSweep(), spec_of(), tmp_path / "run", scheduler=f"{alone.address}{ALLOW}")
    lines = (tmp_path / "run" / "journal.jsonl").read_text().splitlines()[1:]
    assert len(lines) > 1
    assert all(json.loads(line)["versions"] == {"numpy": "1.0"} for line in lines)
    assert environments(tmp_path / "run")[0][0]["numpy"] == "1.0"


@pytest.mark.slow(reason="schedulers that end or wait alone")
def test_no_worker_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dask_scheduler.ALONE_SECONDS <= 25.0
    monkeypatch.setattr(dask_scheduler, "ALONE_SECONDS", 0.5)
    with contextlib.closing(Processes(tmp_path)) as alone, from_options(scheduler=alone.address) as executor:
        handle = executor.submit(square, 3)
        with pytest.warns(
            dask_scheduler.NoWorkersWarning, match=r"no worker is at the dask scheduler tcp://\S+ for \d+ s"
        ):
            wait_for(lambda: handle.done() or executor._watch._said)  # type: ignore[attr-defined]
        alone.worker()
        assert handle.result() == 9  # and they go on when one comes


def test_permission_without_a_scheduler(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["confirm", "quickstart-cascade", "-o", "nowhere", "--allow-version-mismatch"]) == 2
    assert "without a scheduler" in capsys.readouterr().err
