"""What the studies of networks share: their settings, their training problem, the columns that name a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman import learners
from fractalman.config import Keys
from fractalman.errors import RecipeError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row, StudySpec, Task, plain
from fractalman.studies.sources import Sample
from fractalman.studies.trained_source import Source

if TYPE_CHECKING:
    from fractalman.learners.networks.mlp import Settings

CONTROLS = ("shuffled-labels", "linear")
"""Networks that learn labels of other points; and y = xW + b in the networks' place."""


def network_settings(table: Mapping[str, Any], **changes: int) -> Settings:
    """Return the checked settings of a table [mlp], some of them changed.

    Errors: MissingExtraError without JAX; RecipeError for what cannot be.
    """
    learner: Any = learners.make("mlp", table)
    settings: Settings = dataclasses.replace(learner.settings, **changes)
    if len(settings.rates) > 1:
        raise RecipeError(f"mlp.learning_rate = {list(settings.rates)}: expected one rate here; use one of them")
    return settings


def steps_of(settings: Settings, asked: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the steps at which a network is looked at; None = its initialization, an eighth of its budget, its end.

    Errors: RecipeError for steps beyond the budget, or none.
    """
    if asked is None:
        return tuple(sorted({0, settings.steps // 8, settings.steps}))
    if not asked or asked[-1] > settings.steps:
        raise RecipeError(f"steps = {list(asked)}: expected numbers from 0 to mlp.steps = {settings.steps}")
    return asked


class NetworksSpec(StudySpec):
    """The specification of a study that trains the networks of a table [mlp]; its own keys are attributes.

    ``keys`` says what its own table may hold.
    """

    keys: ClassVar[Keys]
    source: Source
    seeds: int
    controls: tuple[str, ...] = ()
    mlp: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        own = plain({key: getattr(self, key) for key in self.keys})
        return {**self.source.to_dict(), self.name: own, **({"mlp": plain(self.mlp)} if self.mlp else {})}

    def network_tasks(self, first: list[tuple[str, int]], **varied: tuple[int, ...]) -> list[Task]:
        """Return, replicate by replicate, ``first``, networks that differ in one setting from [mlp], and controls.

        Args:
            first: part and value of the networks of [mlp] itself. varied: setting → its other values.
        """
        base = network_settings(self.mlp)
        others = [(key, value) for key, values in varied.items() for value in values if value != getattr(base, key)]
        networks = [*first, *others, *((control, 0) for control in self.controls)]
        return [Task(part, value, seed) for seed in range(self.seeds) for part, value in networks]


def problem_of(sample: Sample, n: int, shuffled: bool = False) -> Problem:
    """Return the training problem of a replicate's first n training points; networks of all widths share its key.

    Args:
        shuffled: whether every point gets the label of another, drawn at random.
    """
    rows = sample.train[:n]
    key = key64(sample.key, Role.INITIALISATION, n)
    order = permutation(key64(key, Role.LABEL_DRAW), n) if shuffled else np.arange(n)
    return Problem(
        np.ascontiguousarray(sample.X[rows], np.float32),
        sample.y[rows][order],
        np.ascontiguousarray(sample.X[sample.test], np.float32),
        key,
    )


def base_row(task: Task, n: int, width: int, depth: int, step: int) -> Row:
    """Return the columns that say which network it is."""
    return {
        "part": task.part, "value": task.value, "n": n, "width": width, "depth": depth, "step": step,
        "seed": task.seed,
    }  # fmt: skip
