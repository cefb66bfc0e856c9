"""Points that are a layer of a network which the study itself trains: what it holds of inputs that it never saw.

[data] (text, or a file) or [recipe] · [network] learner, train_size, layer, target, and the learner's settings

Replicate i trains the network on train_size points of its own and looks at others: the points are the activations of
the layer, the labels what the network answers. Of classes these are the logarithms of probabilities, each row's mean
taken off, for a constant in a row changes no probability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fractalman import learners
from fractalman._typing import F32, F64
from fractalman.config import REQUIRED, Keys, choice, integer, is_word, read_table, shown, text
from fractalman.datasets.memory import split_indices
from fractalman.errors import FitError, FractalmanError, RecipeError, nearest
from fractalman.experiments.specification import replicate_seeds, string_settings
from fractalman.learners import DIVERGED, Cost, Problem
from fractalman.learners.class_targets import one_hot
from fractalman.random.streams import Role, key64
from fractalman.recipes import Recipe
from fractalman.recipes.checks import MAX_POINTS
from fractalman.studies.estimated import HIERARCHIES, estimated_hierarchy, estimation_cost
from fractalman.studies.sources import ArraySource, FileSource, RecipeSource, Sample, Shape, unit_columns

DEFAULT = "transformer"
ANSWERS = ("output", "class")


def network_names() -> tuple[str, ...]:
    """Return the learners whose networks studies look into."""
    return tuple(name for name in learners.names() if learners.learner_class(name).opens)


def _network(name: str, value: Any) -> str:
    names = network_names()
    if not is_word(value, names):
        raise RecipeError(f"{name} = {shown(value)}: expected {', '.join(names)}{nearest(value, names)}")
    return str(value)


KEYS: Keys = {
    "learner": (_network, DEFAULT),
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
        points: where the network's inputs come from: a recipe whose points are drawn one by one, or a file, of which
            every replicate has a split of its own and whose labels the network learns as values.
        values: the table [network], defaults filled in.
        settings: of the learner.
    """

    points: Recipe | FileSource
    values: Mapping[str, Any]
    settings: Mapping[str, Any]
    redraws: ClassVar[bool] = False

    @property
    def exact(self) -> bool:
        """Whether the hierarchy is the one that made the points: it is an estimate."""
        return False

    @property
    def inputs(self) -> RecipeSource | FileSource:
        """Where the network's inputs come from, as a source of its own."""
        return self.points if isinstance(self.points, FileSource) else RecipeSource(self.points)

    @property
    def size(self) -> int | None:
        """Points that the network is not trained on; None where as many are drawn as are asked for."""
        found = self.inputs.size
        return None if found is None else max(0, found - int(self.values["train_size"]))

    def shape(self, used: int) -> Shape:
        """Return the shape of a replicate of which ``used`` points train and test."""
        return Shape(used, int(self.learner.settings.width), self.inputs.shape(used).outputs)

    def costs(self, used: int) -> list[Cost]:
        """Return what a replicate's points need: the network, and the hierarchy of its layer."""
        n, inputs = int(self.values["train_size"]), self.inputs.shape(used)
        trained = self.learner.cost(n, inputs.columns, used, inputs.outputs)
        return [trained, estimation_cost(used, self.values["hierarchy"])]

    def in_words(self, recipe_words: Callable[[Recipe], str]) -> str:
        """Return where the points come from, and whether their hierarchy is the one that made them."""
        own, of = self.values, self.points
        points = of.path if isinstance(of, FileSource) else recipe_words(of)
        return (
            f"layer {own['layer']} of a network ({own['learner']}) trained on {own['train_size']:,} points of "
            f"{points}, at points that it did not see; its hierarchy is an estimate ({own['hierarchy']}) from that "
            "layer"
        )

    @property
    def learner(self) -> Any:
        """The networks' learner, which has been told the layout of strings where the points are some."""
        name = self.values["learner"]
        return learners.make(name, {**_layout(name, self.settings, self.points), **self.settings})

    def to_dict(self) -> dict[str, Any]:
        """Return the tables."""
        own = {key: list(v) if isinstance(v, tuple) else v for key, v in self.settings.items()}
        table = self.points.to_dict()
        points = table if isinstance(self.points, FileSource) else {self.points.table_name: table}
        return {**points, "network": {**self.values, **own}}

    def sample(self, i: int, train_size: int, test_size: int) -> Sample:
        """Return replicate ``i``: a network, and what its layer holds at so many points, divided at random.

        Errors: FitError when the network diverges; RecipeError for a layer that it has not.
        """
        layers, outputs, y = self._trained(i, train_size + test_size)
        layer = self.values["layer"]
        if layer not in layers:
            raise RecipeError(f"network.layer = {shown(layer)}: expected {', '.join(layers)}{nearest(layer, layers)}")
        of = outputs if self.values["target"] == ANSWERS[0] else y
        X = layers[layer]
        key = self._key(i)
        population = float(len(X)) if isinstance(self.points, FileSource) else np.inf
        train, test = split_indices(len(X), train_size, test_size, seed=key >> 1)
        return Sample(
            X=np.ascontiguousarray(X, np.float32), y=unit_columns(of)[0], train=train, test=test,
            hierarchy=estimated_hierarchy(X, self.values["hierarchy"], key >> 1), exact=False, label_tree=None,
            recipe=None, population=population, key=key, layers=layers,
        )  # fmt: skip

    def _key(self, i: int) -> int:
        if isinstance(self.points, FileSource):
            return key64(int(self.points.digest[:15], 16), Role.REPLICATE, i, Role.SPLIT)
        return key64(replicate_seeds(self.points, i).geometry, Role.REPLICATE, i)

    def _trained(self, i: int, count: int) -> tuple[Mapping[str, F64], F64, F64]:
        """Return layer → activations, outputs, and labels (of classes columns) at unseen points; they are kept."""
        address = (repr((self.points, self.values["learner"], self.values["train_size"], self.settings, count)), i)
        if address not in _last:
            if len(_last) >= KEPT:
                del _last[next(iter(_last))]
            _last[address] = self._train(i, count)
        return _last[address]

    def _train(self, i: int, count: int) -> tuple[Mapping[str, F64], F64, F64]:
        from fractalman.learners.own_networks import OUTPUT, own_network

        problem, unseen, y = self._problem(i, count)
        fitted = self.learner.fitted(problem)
        if fitted.outcome.info.get("stopped") == DIVERGED:
            raise FitError(f"the network of replicate {i} diverged: use a smaller network.learning_rate")
        held = dict(own_network(fitted.own(), unseen[:8]).activations(unseen))
        outputs = held.pop(OUTPUT)
        if problem.classes:
            outputs = outputs - outputs.mean(axis=1, keepdims=True)
        return held, outputs, y

    def _problem(self, i: int, count: int) -> tuple[Problem, F32, F64]:
        """Return what the network learns, and the unseen points with their labels, classes as columns."""
        from fractalman.generation import generate

        n = int(self.values["train_size"])
        if isinstance(self.points, FileSource):
            sample = self.points.sample(i, n, count)
            X, y = sample.X, sample.y
            key = key64(sample.key, Role.INITIALISATION, n)
            return Problem(X[sample.train], y[sample.train], X[sample.test[:1]], key), X[sample.test], y[sample.test]
        recipe = self.points.replace(seed=replicate_seeds(self.points, i)).sized(n, count)
        data = generate(recipe)
        key = key64(recipe.seeds.geometry, Role.INITIALISATION, recipe.seeds.embedding, recipe.seeds.labels)
        labels = data.y[n:, None]
        columns = one_hot(labels, recipe.target_classes)[:, 0] if recipe.classifies else labels
        problem = Problem(data.X[:n], data.y[:n, None], data.X[n : n + 1], key, recipe.target_classes)
        return problem, data.X[n:], columns


def _layout(learner: str, table: Mapping[str, Any], points: Recipe | FileSource) -> dict[str, int]:
    """Return what a learner that reads strings must be told of the points'."""
    return {} if isinstance(points, FileSource) else string_settings(learner, table, points)


def trained_source(points: Recipe | FileSource, table: Any, problems: list[str]) -> TrainedSource | None:
    """Return the source of a table [network] over some points; None with what is wrong among the problems."""
    if not isinstance(table, Mapping):
        problems.append(f"network is {shown(table)}: expected a table [network]")
        return None
    before = len(problems)
    values = read_table("network", {k: v for k, v in table.items() if k in KEYS}, KEYS, problems, EXAMPLE)
    settings = {k: v for k, v in table.items() if k not in KEYS}
    if isinstance(points, Recipe) and not points.addressed:
        problems.append(f"table [network] over {points.family}: expected points that are drawn one by one")
    if len(problems) > before:
        return None
    try:
        made = learners.make(values["learner"], {**_layout(values["learner"], settings, points), **settings})
        if len(made.setting("learning_rate") if isinstance(made.setting("learning_rate"), tuple) else (1,)) > 1:
            problems.append("network.learning_rate: expected one rate here; use one of them")
    except RecipeError as error:
        problems += [f"[network] {text}" for text in map(str, error.args)]
    except FractalmanError as error:
        problems.append(str(error))
    return None if len(problems) > before else TrainedSource(points, values, settings)


Source = RecipeSource | FileSource | ArraySource | TrainedSource
"""Where the points of a study come from."""
