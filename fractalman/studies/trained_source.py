"""Points that are a layer of a network which the study itself trains: what it holds of inputs that it never saw.

[data] or [recipe] · [network] learner, train_size, layer, target, and the learner's settings

Replicate i trains the network on train_size points of its own and looks at others: the points are the activations of
the layer, the labels what the network answers. Of classes these are the logarithms of probabilities, each row's mean
taken off, for a constant in a row changes no probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman import learners
from fractalman._typing import F64
from fractalman.config import REQUIRED, Keys, choice, integer, read_table, shown, text
from fractalman.datasets.memory import split_indices
from fractalman.errors import FitError, FractalmanError, RecipeError, nearest
from fractalman.experiments.specification import replicate_seeds, string_settings
from fractalman.learners import DIVERGED, Problem
from fractalman.learners.class_targets import one_hot
from fractalman.random.streams import Role, key64
from fractalman.recipes import Recipe
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.estimated import HIERARCHIES, estimated_hierarchy
from fractalman.studies.sources import ArraySource, FileSource, RecipeSource, Sample, unit_columns

NETWORKS = ("transformer", "convolution")
ANSWERS = ("output", "class")
KEYS: Keys = {
    "learner": (choice(*NETWORKS), NETWORKS[0]),
    "train_size": (integer(8, MAX_POINTS), REQUIRED),
    "layer": (text("the name of a layer", 80), "layer-1"),
    "target": (choice(*ANSWERS), ANSWERS[0]),
    "hierarchy": (choice(*HIERARCHIES), HIERARCHIES[0]),
}
"""Of the table [network]; settings of the learner stand beside. target: "output", what the network answers, or "class",
a column for every class of the points."""
EXAMPLE = '[network] learner = "transformer", train_size = 4096, layer = "layer-2"'
KEPT = 4
"""Networks whose layers are remembered: several studies may look at the same ones."""
_last: dict[tuple[str, int], tuple[Mapping[str, F64], F64, F64]] = {}


@dataclass(frozen=True)
class TrainedSource:
    """A layer of a network, at points that it was not trained on.

    Args:
        points: where the network's inputs come from; drawn one by one. values: the table [network], defaults filled in.
        settings: of the learner.
    """

    points: Recipe
    values: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def exact(self) -> bool:
        """Whether the hierarchy is the one that made the points: it is an estimate."""
        return False

    def to_dict(self) -> dict[str, Any]:
        """Return the tables."""
        own = {key: list(v) if isinstance(v, tuple) else v for key, v in self.settings.items()}
        return {self.points.table_name: self.points.to_dict(), "network": {**self.values, **own}}

    def sample(self, i: int, train_size: int, test_size: int) -> Sample:
        """Return replicate ``i``: a network, and what its layer holds at so many points, divided at random.

        Errors: FitError when the network diverges; RecipeError for a layer that it has not.
        """
        layers, outputs, y = self._trained(i, train_size + test_size)
        layer = self.values["layer"]
        if layer not in layers:
            raise RecipeError(f"network.layer = {shown(layer)}: expected {', '.join(layers)}{nearest(layer, layers)}")
        of = outputs if self.values["target"] == ANSWERS[0] else one_hot(y, self.points.target_classes)[:, 0]
        X = layers[layer]
        key = key64(replicate_seeds(self.points, i).geometry, Role.REPLICATE, i)
        train, test = split_indices(len(X), train_size, test_size, seed=key >> 1)
        return Sample(
            X=np.ascontiguousarray(X, np.float32), y=unit_columns(of)[0], train=train, test=test,
            hierarchy=estimated_hierarchy(X, self.values["hierarchy"], key >> 1), exact=False, label_tree=None,
            recipe=None, population=np.inf, key=key, layers=layers,
        )  # fmt: skip

    def _trained(self, i: int, count: int) -> tuple[Mapping[str, F64], F64, F64]:
        """Return layer → activations, outputs and classes at ``count`` unseen points; the last are remembered."""
        address = (repr((self.points, self.values["learner"], self.values["train_size"], self.settings, count)), i)
        if address not in _last:
            if len(_last) >= KEPT:
                del _last[next(iter(_last))]
            _last[address] = self._train(i, count)
        return _last[address]

    def _train(self, i: int, count: int) -> tuple[Mapping[str, F64], F64, F64]:
        from fractalman.generation import generate
        from fractalman.learners.own_networks import OUTPUT, own_network

        n = int(self.values["train_size"])
        recipe = self.points.replace(seed=replicate_seeds(self.points, i)).sized(n, count)
        data = generate(recipe)
        name = self.values["learner"]
        learner: Any = learners.make(name, {**string_settings(name, self.settings, recipe), **self.settings})
        key = key64(recipe.seeds.geometry, Role.INITIALISATION, recipe.seeds.embedding, recipe.seeds.labels)
        problem = Problem(data.X[:n], data.y[:n, None], data.X[n : n + 1], key, recipe.target_classes)
        fitted = learner.fitted(problem)
        if fitted.outcome.info.get("stopped") == DIVERGED:
            raise FitError(f"the network of replicate {i} diverged: use a smaller network.learning_rate")
        held = dict(own_network(fitted.own(), data.X[n : n + 8]).activations(data.X[n:]))
        outputs = held.pop(OUTPUT)
        if recipe.classifies:
            outputs = outputs - outputs.mean(axis=1, keepdims=True)
        return held, outputs, data.y[n:, None]


def trained_source(points: Recipe, table: Any, problems: list[str]) -> TrainedSource | None:
    """Return the source of a table [network] over some points; None with what is wrong among the problems."""
    if not isinstance(table, Mapping):
        problems.append(f"network is {shown(table)}: expected a table [network]")
        return None
    before = len(problems)
    values = read_table("network", {k: v for k, v in table.items() if k in KEYS}, KEYS, problems, EXAMPLE)
    settings = {k: v for k, v in table.items() if k not in KEYS}
    if not points.addressed:
        problems.append(f"table [network] over {points.family}: expected points that are drawn one by one")
    if len(problems) > before:
        return None
    try:
        made = learners.make(values["learner"], {**string_settings(values["learner"], settings, points), **settings})
        if len(made.setting("learning_rate") if isinstance(made.setting("learning_rate"), tuple) else (1,)) > 1:
            problems.append("network.learning_rate: expected one rate here; use one of them")
    except RecipeError as error:
        problems += [f"[network] {text}" for text in map(str, error.args)]
    except FractalmanError as error:
        problems.append(str(error))
    return None if len(problems) > before else TrainedSource(points, values, settings)


Source = RecipeSource | FileSource | ArraySource | TrainedSource
"""Where the points of a study come from."""
