"""What the studies of networks share: their settings, their training problem, the columns that name a network."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from fractalman import learners
from fractalman.config import Keys
from fractalman.errors import RecipeError
from fractalman.learners.protocol import Problem
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row, StudySpec, Task, plain
from fractalman.studies.reading import SpecSource, Tables, read_study
from fractalman.studies.sources import Sample
from fractalman.studies.trained_source import Source, network_names

if TYPE_CHECKING:
    from fractalman.learners.networks.learner import NetworkLearner

CONTROLS = ("shuffled-labels", "linear")
"""Networks that learn labels of other points; and y = xW + b in the networks' place."""


DEFAULT = "mlp"
"""The network of a study that names none."""


def network_table(tables: Tables) -> dict[str, Any]:
    """Return which learner's networks a study trains, and its table, as the fields ``learner`` and ``settings``.

    Errors: RecipeError for tables of several.
    """
    given = [name for name in network_names() if name in tables.settings]
    if len(given) > 1:
        raise RecipeError(
            f"tables {', '.join(f'[{name}]' for name in given)}: expected one, that of the networks of the study"
        )
    name = given[0] if given else DEFAULT
    return {"learner": name, "settings": tables.settings.get(name, {})}


def network_learner(name: str, table: Mapping[str, Any], **changes: int) -> NetworkLearner:
    """Return a learner with the checked settings of its table, some of them changed.

    Errors: MissingExtraError without JAX; RecipeError for what cannot be.
    """
    learner: Any = learners.make(name, table)
    made: NetworkLearner = type(learner)(dataclasses.replace(learner.settings, **changes))
    if len(made.settings.rates) > 1:
        raise RecipeError(
            f"{name}.learning_rate = {list(made.settings.rates)}: expected one rate here; use one of them"
        )
    return made


def steps_of(learner: NetworkLearner, asked: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the steps at which a network is looked at; None = its initialization, an eighth of its budget, its end.

    Errors: RecipeError for steps beyond the budget, or none.
    """
    budget = learner.settings.steps
    if asked is None:
        return tuple(sorted({0, budget // 8, budget}))
    if not asked or asked[-1] > budget:
        raise RecipeError(f"steps = {list(asked)}: expected numbers from 0 to {learner.name}.steps = {budget}")
    return asked


class NetworksSpec(StudySpec):
    """The specification of a study that trains the networks of one learner's table; its own keys are attributes.

    ``keys`` says what its own table may hold, ``example`` what is shown to whom a table is missing; `_of_tables` makes
    the specification of what was read.
    """

    keys: ClassVar[Keys]
    example: ClassVar[str]
    source: Source
    seeds: int
    controls: tuple[str, ...] = ()
    learner: str
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, spec: SpecSource) -> Self:
        """Return the checked specification.

        Parameters
        ----------
        spec : str, Path or dict
            Path of a TOML file, TOML text, or its tables.

        Returns
        -------
        NetworksSpec
            Of this study, defaults filled in.

        Raises
        ------
        RecipeError
            Naming all that is wrong.
        MissingExtraError
            Without JAX, or what else the study needs.
        """
        return cls._of_tables(read_study(spec, cls.name, cls.keys, network_names(), cls.example))

    @classmethod
    @abstractmethod
    def _of_tables(cls, tables: Tables) -> Self:
        """Return the specification that checked tables make."""

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        own = plain({key: getattr(self, key) for key in self.keys})
        network = {self.learner: plain(self.settings)} if self.settings or self.learner != DEFAULT else {}
        return {**self.source.to_dict(), self.name: own, **network}

    def network(self, **changes: int) -> NetworkLearner:
        """Return the networks' learner, some of its settings changed."""
        return network_learner(self.learner, self.settings, **changes)

    def refuse_networks(self, **varied: tuple[int, ...]) -> None:
        """Raise RecipeError for a value that a setting of the networks cannot have: setting → its other values."""
        for key, values in varied.items():
            for value in values:
                self.network(**{key: value})

    def network_tasks(self, first: list[tuple[str, int]], **varied: tuple[int, ...]) -> list[Task]:
        """Return, replicate by replicate, ``first``, networks that differ in one setting, and controls.

        Args:
            first: part and value of the networks as the table has them. varied: setting → its other values.
        """
        base = self.network().settings
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
