"""The time left: no task that loads and compiles is taken for what the others need."""

from __future__ import annotations

from collections.abc import Iterator

from fractalman.experiments.engine import Clock


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
