"""The time left: no task that loads and compiles is taken for what the others need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fractalman.experiments import load_spec, plan_sweep
from fractalman.experiments.engine import Clock
from fractalman.experiments.planning import seconds_of_tasks
from fractalman.experiments.specification import tasks_of


def said(groups: list[str], seconds: list[float], planned: dict[str, float]) -> Iterator[str]:
    """Yield what is said after each task, each of which took so long."""
    now = 0.0
    clock = Clock(groups, planned, lambda: now)
    for group, taken in zip(groups, seconds, strict=True):
        now += taken
        yield clock.tick(group)


def test_first_tasks_do_not_count_and_groups_to_come_are_planned() -> None:
    groups = ["floor", "floor", "ridge", "ridge", "mlp", "mlp"]
    words = list(said(groups, [14.0, 1.0, 9.0, 2.0, 30.0, 10.0], {"floor": 0.1, "mlp": 12.0}))
    assert words[0] == ""  # it made the data and compiled: 14 s are no measure of five others
    assert words[1] == "about 26 s left"  # ridge, nothing known: 1 s each; mlp as planned
    assert words[2] == "about 33 s left"  # the only ridge yet, 9 s
    assert words[3] == "about 24 s left"
    assert words[4] == "about 30 s left"
    assert words[5] == "done in 66 s"


def test_without_a_plan_others_are_like_those_that_were() -> None:
    assert list(said(["a", "a", "b"], [5.0, 2.0, 3.0], {})) == ["", "about 2.0 s left", "done in 10 s"]


def test_what_is_planned_is_stretched_as_others_of_its_kind_were() -> None:
    groups = ["mlp, 64", "mlp, 128", "mlp, 512", "ridge, 64", "ridge, 512"]
    planned = {"mlp, 64": 1.0, "mlp, 128": 2.0, "mlp, 512": 8.0, "ridge, 64": 1.0, "ridge, 512": 4.0}
    words = list(said(groups, [3.0, 6.0, 24.0, 2.0, 8.0], planned))
    assert words[1] == "about 29 s left"  # networks take three times what was planned, ridge as planned
    assert words[2] == "about 5.0 s left"
    assert words[3] == "about 8.0 s left"


def test_one_quick_task_does_not_make_all_that_follow_quick() -> None:
    groups = ["ridge, 64", "ridge, 64", "mlp, 64", "mlp, 128", "mlp, 512"]
    planned = {"ridge, 64": 1.0, "mlp, 64": 10.0, "mlp, 128": 10.0, "mlp, 512": 10.0}
    words = list(said(groups, [9.0, 0.9, 1.0, 4.0, 9.0], planned))
    assert words[1] == "about 30 s left"
    assert words[2] == "about 18 s left"  # ridge took .9 of what was planned
    assert words[3] == "about 9.0 s left"


def test_what_every_task_takes_beside_its_work_is_added_and_not_multiplied() -> None:
    """Ten of 125 tasks were done in seconds, and 84 minutes were said to be left: ridge was planned to take none."""
    groups = ["ridge, 64", "ridge, 128", "ridge, 256", "ridge, 4096"]
    planned = {"ridge, 64": 0.001, "ridge, 128": 0.002, "ridge, 256": 0.003, "ridge, 4096": 4.0}
    words = list(said(groups, [3.0, 1.0, 1.0, 5.0], planned))
    assert words[1] == "about 8.0 s left"  # 2 + .003 and 2 + 4 s; a thousandfold of what was planned would be an hour
    assert words[2] == "about 5.7 s left"


def test_tasks_of_a_sweep_are_planned_by_size() -> None:
    sweep = {"learners": ["laplace-kernel", "mlp"], "train_sizes": [64, 1024], "seeds": 3}
    spec = load_spec({"recipe": {"family": "cascade", "n_points": 4096, "ambient_dim": 8}, "sweep": sweep})
    plan = plan_sweep(spec, flops=1e10)
    of_one = seconds_of_tasks(spec, 1e10)
    assert of_one["laplace-kernel", 1024] > 20 * of_one["laplace-kernel", 64]
    for name in ("laplace-kernel", "mlp"):
        total = sum(of_one[task.learner, task.value] for task in tasks_of(spec) if task.learner == name)
        assert total == pytest.approx(plan.seconds[name])
