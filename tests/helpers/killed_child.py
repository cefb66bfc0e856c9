"""A sweep in a process of its own, which writes down where its networks train and can be killed inside a training.

python killed_child.py FOLDER JOBS VICTIM, VICTIM none or self (the process that trains).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from fractalman.experiments import Point, load_spec, run_experiment
from fractalman.experiments.points import Task
from fractalman.experiments.sweep import Sweep

SPEC: dict[str, Any] = {
    "recipe": {"family": "cascade", "n_points": 64, "ambient_dim": 4, "branching": 4, "hurst": 0.5, "seed": 3},
    "sweep": {
        "learners": ["1-nn", "mlp"],
        "train_sizes": [64],
        "seeds": 2,
        "test_size": 32,
        "label_draws": 2,
    },
    "mlp": {
        "width": 4, "depth": 1, "steps": 1200, "batch_size": 8, "learning_rate": [0.001, 0.003],
        "interpolation_tolerance": 0.0,
    },
}  # fmt: skip
LOG, VICTIM = "KILLED_CHILD_LOG", "KILLED_CHILD_VICTIM"


class WatchedSweep(Sweep):
    """A sweep whose networks' trainings are watched."""

    def run(self, spec: Any, task: Task, checkpoint: Path | None = None) -> list[Point]:
        if task.learner == "mlp":
            _watch()
        return super().run(spec, task, checkpoint)


def _watch() -> None:
    from fractalman.learners.networks import checkpoints, training

    if getattr(training.train_block, "watched", False):
        return
    train_block, publish = training.train_block, checkpoints.publish
    log = Path(os.environ[LOG])

    def block(*arguments: Any, **settings: Any) -> Any:
        n, start, plan = int(arguments[3][0]), int(arguments[6]), arguments[8]
        with (log / "blocks").open("a") as stream:
            stream.write(f"{os.getpid()} {n} {float(plan.peak[0]):g} {start}\n")
        return train_block(*arguments, **settings)

    def publish_and_die(path: Path, mark: str, state: Any, progress: Any) -> None:
        publish(path, mark, state, progress)
        if "mlp-64-validate-0.003" in path.name and progress.start == 1000:
            _die_once(log)

    block.watched = True  # type: ignore[attr-defined]
    training.train_block, checkpoints.publish = block, publish_and_die


def _die_once(log: Path) -> None:
    if os.environ[VICTIM] == "none":
        return
    try:
        (log / "killed").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, jobs, os.environ[VICTIM] = sys.argv[1:]
    import killed_child  # workers find its class under this name

    run_experiment(killed_child.WatchedSweep(), load_spec(SPEC), folder, jobs=int(jobs))
