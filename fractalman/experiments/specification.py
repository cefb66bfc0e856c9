"""The checked experiment: what is swept, over which axis, on which replicates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fractalman import learners
from fractalman.conventions import ZERO_ONE
from fractalman.display import Display
from fractalman.experiments.axes import (
    DATA_AXIS,
    Axis,
    Condition,
    Number,
    axis_named,
    changed,
    one_pass_size,
)
from fractalman.experiments.engine import digest_of
from fractalman.experiments.points import Task
from fractalman.families.base import family_of
from fractalman.learners import Learner, doubled_settings, learner_class
from fractalman.learners.user import description
from fractalman.random.streams import Role, Seeds, key64
from fractalman.recipes import Recipe

BAYES = "bayes"
"""The pseudo-learner whose points are the Bayes floor; every sweep over a family with a hierarchy computes it."""


@dataclass(frozen=True)
class Spec(Display):
    """A checked experiment.

    Parameters
    ----------
    recipe : Recipe
        The dataset; replicate i draws its own geometry, embedding and labels.
    learners : tuple of str
        Names, in the order of the report.
    train_sizes : tuple of int
        Ascending training-set sizes n: the axis itself, or the size held fixed along another axis (as many as there are
        values where a one-pass network needs more for more steps).
    seeds : int
        Number of replicates S.
    test_size : int
        Points of every test set, disjoint from every training set of its replicate.
    label_draws : int, default 8
        Label vectors drawn on each replicate's structure; risks are means over them. One draw scatters by 23 to 70 %,
        and learners that share their linear algebra over the draws get more of them for nothing.
    network_draws : int, default 1
        How many of them a network learns, as outputs of one network.
    max_fraction : float, default 1/16
        Sizes n > N·max_fraction of a finite population N are measured but not fitted.
    settings : dict, default empty
        Learner → its table, as the learner checks it.
    fit : dict, default empty
        window_low, window_high (on the axis; None = no bound), min_sizes, min_seeds.
    axis_name : str, default "n"
        What is varied: "n", a setting of the learners or a keyword of the recipe.
    values : tuple of int or float, default ()
        Ascending positions on the axis.
    doubling_checks : bool, default False
        Whether every condition is also measured with width (or features) doubled, and with steps doubled.
    loss : {"0-1", "cross-entropy"}, default "0-1"
        Which loss the risk is the mean of, where the target is a class.
    brought : dict, default empty
        Name → learner that Python, the command line or an entry point brought.
    """

    recipe: Recipe
    learners: tuple[str, ...]
    train_sizes: tuple[int, ...]
    seeds: int
    test_size: int
    label_draws: int = 8
    network_draws: int = 1
    max_fraction: float = 1 / 16
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    axis_name: str = DATA_AXIS
    values: tuple[Number, ...] = ()
    doubling_checks: bool = False
    brought: Mapping[str, Learner] = field(default_factory=dict)
    loss: str = ZERO_ONE

    @property
    def mlp(self) -> Mapping[str, Any]:
        """Settings of the network, as it checks them."""
        return self.settings.get("mlp", {})

    @cached_property
    def axis(self) -> Axis:
        """What is varied."""
        return axis_named(self.axis_name)

    @property
    def population(self) -> float:
        """N: most points of the population that training sets are drawn from; inf where points are addressed."""
        return math.inf if self.recipe.addressed else float(self.recipe.max_points)

    @cached_property
    def digest(self) -> str:
        """Hash of everything that decides the numbers."""
        return digest_of("confirm", self)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; `load_spec` reads them back to an equal Spec.

        Returns
        -------
        dict
            Name of a table → its values.
        """
        sweep: dict[str, Any] = {"learners": list(self.learners)}
        if self.axis_name == DATA_AXIS:
            sweep["train_sizes"] = list(self.train_sizes)
        else:
            sweep |= {"axis": self.axis_name, "values": list(self.values)}
            if len(self.train_sizes) == 1:
                sweep["train_size"] = self.train_sizes[0]
        sweep |= {
            "seeds": self.seeds,
            "test_size": self.test_size,
            "label_draws": self.label_draws,
            "network_draws": self.network_draws,
            "max_fraction": self.max_fraction,
        }
        if self.doubling_checks:
            sweep["doubling_checks"] = True
        if self.loss != ZERO_ONE:
            sweep["loss"] = self.loss
        return {
            self.recipe.table_name: self.recipe.to_dict(),
            "sweep": sweep,
            **{name: {k: _plain(v) for k, v in table.items()} for name, table in self.settings.items() if table},
            "fit": {key: value for key, value in self.fit.items() if value is not None},
            **({"brought": {name: description(own) for name, own in self.brought.items()}} if self.brought else {}),
        }

    # -------------------------------------------------------------------------------------------- conditions

    def doubled_settings(self, learner: str) -> tuple[str, ...]:
        """Return the settings of a learner that are doubled under every condition.

        Parameters
        ----------
        learner : str
            Its name.

        Returns
        -------
        tuple of str
            None of them without doubling checks.
        """
        return doubled_settings(learner) if self.doubling_checks else ()

    def condition(self, value: Number, doubled: str = "") -> Condition:
        """Return what is measured at a position on the axis, with one setting doubled if it is named.

        Parameters
        ----------
        value : int or float
            One of ``values``.
        doubled : str, default ""
            Name of the setting, "" for none.

        Returns
        -------
        Condition
            Recipe, size and settings.
        """
        axis, settings, recipe = self.axis, self.settings, self.recipe
        if axis.kind == "recipe":
            recipe = recipe.replace(**{axis.key: value})
        elif axis.kind != "data":
            settings = changed(settings, self.learners, axis.key, value)
        if axis.kind == "data":
            n = int(value)
        else:
            n = self.train_sizes[0] if len(self.train_sizes) == 1 else self.train_sizes[self.values.index(value)]
        own = n
        if doubled:
            for name in self.learners:
                if doubled in doubled_settings(name):
                    settings = changed(settings, (name,), doubled, 2 * settings[name][doubled])
            if axis.kind != "data":
                n = max([n, *(one_pass_size(settings.get(name, {})) or 0 for name in self.learners)])
        return Condition(value, n, own, recipe, settings)

    def conditions(self) -> list[Condition]:
        """Return every condition, those of doubling checks included.

        Returns
        -------
        list of Condition
            By value, then by what is doubled.
        """
        settings = ("", *dict.fromkeys(key for name in self.learners for key in self.doubled_settings(name)))
        return [self.condition(value, doubled) for value in self.values for doubled in settings]

    def largest(self, value: Number) -> int:
        """Return the largest training set that is drawn on the replicates of a position on the axis.

        Parameters
        ----------
        value : int or float
            One of ``values``.

        Returns
        -------
        int
            Points.
        """
        return self._largest if self.axis.shares_points else max(c.n for c in self.conditions() if c.value == value)

    @cached_property
    def _largest(self) -> int:
        return max(condition.n for condition in self.conditions())

    def learner_settings(self, name: str, condition: Condition | None = None) -> dict[str, Any]:
        """Return the settings that ``learners.make`` gets under a condition (None: the first).

        On the data axis a learner that pads training sets pads them to the largest, so that it is compiled once; one
        that reads strings is told what a position of the recipe's strings is.

        Parameters
        ----------
        name : str
            Of the learner.
        condition : Condition or None, default None
            Under which it is trained; None = the first.

        Returns
        -------
        dict
            Settings for `fractalman.learners.make`.
        """
        condition = condition or self.condition(self.values[0])
        table = dict(condition.settings.get(name, {}))
        if name in self.brought:
            return table
        padding = learner_class(name).padding
        table |= string_settings(name, table, condition.recipe)
        if padding:
            table[padding] = self.train_sizes[-1] if self.axis.kind == "data" else condition.n
        return table

    def make(self, name: str, condition: Condition | None = None) -> Learner:
        """Return a learner with its settings under a condition.

        Parameters
        ----------
        name : str
            Of the learner.
        condition : Condition or None, default None
            Under which it is trained; None = the first.

        Returns
        -------
        Learner
            Not yet fitted.
        """
        return (
            self.brought[name] if name in self.brought else learners.make(name, self.learner_settings(name, condition))
        )

    def answers(self, learner: Learner) -> int | None:
        """Return how many test answers a point of a learner counts; None where its risk is no share of wrong ones.

        Parameters
        ----------
        learner : Learner
            One of the sweep's.

        Returns
        -------
        int or None
            Test points times label draws.
        """
        if not self.recipe.classifies or self.loss != ZERO_ONE:
            return None
        return self.test_size * (self.network_draws if learner.batched else self.label_draws)

    # ------------------------------------------------------------------------------------------------ replicates

    def replicate_seeds(self, i: int) -> Seeds:
        """Return the seeds of a replicate: each layer hashed by its role, so replicates share nothing.

        Parameters
        ----------
        i : int
            Number of the replicate, from 0.

        Returns
        -------
        Seeds
            Of geometry, embedding and labels.
        """
        return replicate_seeds(self.recipe, i)

    def replicate_recipe(self, i: int, value: Number | None = None) -> Recipe:
        """Return the recipe of a replicate; of an unlimited population only the points that are used.

        Along a keyword of the recipe the seeds stay, so that a replicate differs by that keyword alone.

        Parameters
        ----------
        i : int
            Number of the replicate, from 0.
        value : int or float or None, default None
            One of ``values``; None = the first.

        Returns
        -------
        Recipe
            With the replicate's own seeds.
        """
        value = self.values[0] if value is None else value
        recipe, seeds = self.condition(value).recipe, self.replicate_seeds(i)
        if math.isinf(self.population):
            return recipe.replace(seed=seeds).sized(self.largest(value), self.test_size)
        return recipe.replace(seed=seeds)


def string_settings(learner: str, table: Mapping[str, Any], recipe: Recipe) -> dict[str, int]:
    """Return what a learner that reads strings must be told of a recipe's, unless its table says so itself."""
    kind = learner_class(learner)
    if not kind.strings or {"block", "vocabulary"} & set(table):
        return {}
    return {key: size for key, size in recipe.string_layout.items() if key in kind.defaults()}


def replicate_seeds(recipe: Recipe, i: int) -> Seeds:
    """Return the seeds of a recipe's replicate ``i``: each layer hashed by its role, so replicates share nothing."""
    base = recipe.seeds
    return Seeds(
        geometry=key64(base.geometry, Role.REPLICATE, i, 1) >> 1,
        embedding=key64(base.embedding, Role.REPLICATE, i, 2) >> 1,
        labels=key64(base.labels, Role.REPLICATE, i, 3) >> 1,
    )


def split_seed(recipe: Recipe, i: int) -> int:
    """Return the seed of the split of a recipe's replicate ``i``."""
    return key64(recipe.seeds.geometry, Role.REPLICATE, i, 4) >> 1


def tasks_of(spec: Spec) -> list[Task]:
    """Return all tasks of a sweep: replicate by replicate, then the learners that run all replicates together."""
    batched = {name: spec.make(name).batched for name in spec.learners}
    floor = [(BAYES, "")] if has_floor(spec.recipe) else []
    kinds = {name: [(name, doubled) for doubled in ("", *spec.doubled_settings(name))] for name in spec.learners}
    single = floor + [kind for name in spec.learners if not batched[name] for kind in kinds[name]]
    tasks = [Task(name, v, i, doubled) for i in range(spec.seeds) for v in spec.values for name, doubled in single]
    together = [kind for name in spec.learners if batched[name] for kind in kinds[name]]
    return tasks + [Task(name, v, None, doubled) for name, doubled in together for v in spec.values]


def given_rules(recipe: Recipe) -> bool:
    """Whether the posterior of the target given the rules is known, and with it a floor that does not depend on n."""
    own = getattr(recipe, "within", recipe)  # of subtasks, each has rules of its own
    return recipe.classifies and not own.redraws_labels and hasattr(own, "target_posterior")


def has_floor(recipe: Recipe) -> bool:
    """Whether a sweep has a Bayes floor: of Gaussian values on a tree or of a field, or from strings' rules."""
    if recipe.redraws_labels:
        return recipe.gaussian_values and (recipe.has_hierarchy or family_of(recipe).laws.field_of(recipe) is not None)
    return recipe.has_hierarchy and given_rules(recipe)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
