"""SIGKILL inside a network of a sweep, here or in a worker: the journal's rows are the same bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import killed_child
import pytest

from fractalman.executors import THREAD_VARIABLES
from fractalman.experiments import load_spec, run_sweep
from fractalman.experiments.journal import CHECKPOINTS, NAME

pytest.importorskip("jax")
pytest.importorskip("optax")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

CHILD = Path(killed_child.__file__)
BLOCKS = [(n, rate, start) for n, rate in ((51, 0.001), (51, 0.003), (64, 0.003)) for start in (0, 500, 1000)]
"""Points, rate and first step of every block that is trained, in order."""
TASKS = 2 * 2 + 1  # floor and 1-nn on two replicates; the networks are one task


def run(folder: Path, log: Path, jobs: int, victim: str = "none") -> int:
    """Run the sweep in a process of its own, with one thread for linear algebra, and return its status."""
    log.mkdir(exist_ok=True)
    search = os.pathsep.join(sys.path)
    env = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONPATH": search, killed_child.LOG: str(log)}
    child = subprocess.Popen([sys.executable, CHILD, folder, str(jobs), victim], env=env)
    try:
        return child.wait(timeout=300)
    finally:
        child.kill()


def rows(folder: Path) -> list[dict[str, Any]]:
    """The journal's lines, put in order, without the time that they took."""
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()[1:]]
    for line in lines:
        del line["check"]  # of the line as it stands, seconds included
        for point in line["rows"]:
            del point["seconds"]
    return sorted(lines, key=lambda line: str(line["task"]))


def blocks(log: Path) -> list[tuple[int, int, float, int]]:
    """(process, n, rate, first step) of every block that was begun."""
    entries = [line.split() for line in (log / "blocks").read_text().splitlines()]
    return [(int(pid), int(n), float(rate), int(start)) for pid, n, rate, start in entries]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The rows of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder / "x", folder / "log", 1) == 0
    assert [entry[1:] for entry in blocks(folder / "log")] == BLOCKS
    return rows(folder / "x")


def test_a_sweep_that_ends_inside_a_training_goes_on_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: interrupted where the next test's is killed, and resumed; no block is trained twice."""
    from fractalman.learners.networks import checkpoints, training

    spec, begun = load_spec(killed_child.SPEC), list[tuple[int, float, int]]()
    train_block, publish = training.train_block, checkpoints.publish

    def block(*arguments: Any, **settings: Any) -> Any:
        begun.append((int(arguments[3][0]), round(float(arguments[8].peak[0]), 6), int(arguments[6])))
        return train_block(*arguments, **settings)

    def publish_and_end(path: Path, mark: str, state: Any, progress: Any) -> None:
        publish(path, mark, state, progress)
        if "mlp-64-validate-0.003" in path.name and progress.start == 1000:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "train_block", block)
    run_sweep(spec, tmp_path / "whole")
    assert begun == BLOCKS
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "publish", publish_and_end)
        with pytest.raises(KeyboardInterrupt):
            run_sweep(spec, tmp_path / "x")
    assert list((tmp_path / "x" / CHECKPOINTS).glob("mlp-64-validate-0.003.npz"))
    begun.clear()
    run_sweep(spec, tmp_path / "x")
    assert begun == BLOCKS[5:]
    assert rows(tmp_path / "x") == rows(tmp_path / "whole")
    assert not (tmp_path / "x" / CHECKPOINTS).exists()


@pytest.mark.slow(reason="trainings that are killed and resumed")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_sweep_killed_inside_a_training_goes_on_inside_it(
    tmp_path: Path, whole: list[dict[str, Any]], jobs: int
) -> None:
    folder, log = tmp_path / "x", tmp_path / "log"
    status = run(folder, log, jobs, "self")
    if jobs > 1:  # a worker only: the sweep gives its task to another and ends
        assert status == 0
    else:
        assert status == -9
        assert list((folder / CHECKPOINTS).glob("mlp-64-validate-0.003.npz"))
        assert run(folder, log, jobs, "self") == 0
    assert (log / "killed").exists()
    assert len(whole) == TASKS
    assert rows(folder) == whole
    assert not (folder / CHECKPOINTS).exists()
    begun = blocks(log)
    killed = [entry[1:] for entry in begun].index((51, 0.003, 500))
    after = begun[killed + 1 :]
    assert begun[killed][0] not in [pid for pid, *_ in after]
    # the rate that was validated is not validated again, and the other goes on at its last third
    assert [entry[1:] for entry in after] == BLOCKS[5:]
