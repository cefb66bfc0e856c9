"""Which levels of a grammar a network has learned: what it answers when tokens change and hidden symbols do not.

Of a hidden symbol the tokens below it are drawn anew, once given the symbol (synonyms) and once with another string's
symbol in its place. Who knows the symbol does not answer to the first and does to the second. Of a layer f

    R = mean |f(x) − f(x, synonyms)|² / mean |f(x) − f(x, another symbol)|²

over strings and the symbols of a level is 0 for who has learned the level, and that of the input where distances of
strings are all that counts. With another symbol in its place a string may be none that the grammar makes. Source: the
sensitivities of Cagnetta et al., arXiv 2307.02129 (abstract: layers become invariant to exchanges of synonyms as the
rules are learned); the ratio and its scale are this package's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64, I64, AnyInt
from fractalman.experiments.specification import replicate_seeds
from fractalman.families._strings.recipe import GrammarRecipe
from fractalman.learners import DIVERGED, Cost, Problem
from fractalman.learners.class_targets import cross_entropy
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.costs import network_costs
from fractalman.studies.levels.result import LevelsResult
from fractalman.studies.levels.spec import CONTROL, Levels, learner_of, seen_nodes, strings_of
from fractalman.studies.means import measured
from fractalman.studies.networks import base_row
from fractalman.theory.grammars import Derivations, transplant

INPUT, OUTPUT = "input", "output"
_RIDGE = 1e-3
"""Of the probes, in units of a layer's mean variance a unit."""


class LevelsStudy(Study[Levels, LevelsResult]):
    """Exchanges of synonyms and probes, level by level of a grammar, against the training-set size."""

    name: ClassVar[str] = "levels"

    def read(self, source: str | Path | Mapping[str, Any]) -> Levels:
        """Return the checked specification."""
        return Levels.read(source)

    def run(self, spec: Levels, task: Task, checkpoint: Path | None = None) -> list[Row]:
        """Return the rows of one network."""
        from fractalman.generation import generate
        from fractalman.learners.own_networks import own_network

        n, most, strings = int(task.value), spec.train_sizes[-1], strings_of(spec)
        recipe = strings.replace(seed=replicate_seeds(strings, task.seed)).sized(most, spec.test_size)
        data, test = generate(recipe), np.arange(most, most + spec.test_size)
        key = key64(recipe.seeds.geometry, Role.INITIALISATION, recipe.seeds.labels, n)
        order = permutation(key64(key, Role.LABEL_DRAW), n) if task.part == CONTROL else np.arange(n)
        problem = Problem(data.X[:n], data.y[:n][order][:, None], data.X[test], key, recipe.target_classes)
        learner = learner_of(spec, recipe)
        fitted = learner.fitted(problem, checkpoint)
        base = base_row(task, n, learner.settings.width, learner.settings.depth, learner.settings.steps)
        if fitted.outcome.info.get("stopped") == DIVERGED:  # said, and left out of the means
            return [measured(base, "diverged", 1.0)]
        network = own_network(fitted.own(), data.X[: min(8, n)])

        def look(X: F32) -> dict[str, F64]:
            found = {INPUT: X.astype(np.float64), **network.activations(X)}
            return {**found, OUTPUT: _probabilities(found[OUTPUT])}

        return [*_losses(base, look(data.X[test])[OUTPUT], data.y[test]), *_rows(recipe, test, base, look)]

    def costs(self, spec: Levels, task: Task) -> list[Cost]:
        """Return what a task needs: a network, and its answers to every exchange."""
        strings = strings_of(spec)
        used = spec.train_sizes[-1] + spec.test_size
        nodes = sum(map(len, seen_nodes(strings).values()))
        shape, learner = spec.source.shape(used), learner_of(spec, strings)
        drawn = spec.source.costs(used)
        return [*drawn, *network_costs(learner, int(task.value), shape, spec.test_size, looks=2 + 2 * nodes)]

    def result(self, spec: Levels, rows: list[Row], missing: int) -> LevelsResult:
        """Return rows, means, sizes and their order."""
        return LevelsResult(spec, rows, missing)


STUDY = LevelsStudy()


def _losses(base: Row, chance: F64, y: F64) -> list[Row]:
    wrong = float(np.mean(chance.argmax(axis=1) != y))
    return [
        measured(base, "zero-one", wrong, layer=OUTPUT),
        measured(base, "cross-entropy", cross_entropy(chance[:, None, :], y[:, None]), layer=OUTPUT),
    ]


def _rows(recipe: GrammarRecipe, points: I64, base: Row, look: Any) -> list[Row]:
    """Return sensitivities and probes of every layer and level."""
    from fractalman.generation.synonyms import coordinates_of

    own, rows = recipe.derivations(points), []
    donors = recipe.derivations(np.roll(points, 1))  # independent strings: the symbol there is another one's

    def seen(derived: Derivations) -> dict[str, F64]:
        found: dict[str, F64] = look(coordinates_of(recipe, points, recipe.seen(derived, points)[0]))
        return found

    plain = seen(own)
    for level, nodes in seen_nodes(recipe).items():
        kept, changed = dict.fromkeys(plain, 0.0), dict.fromkeys(plain, 0.0)
        read: dict[str, list[float]] = {name: [] for name in plain}
        for node in nodes:
            same = seen(recipe.exchanged(points, level, node=node))
            other = seen(transplant(own, donors, level=level, node=node))
            symbols = own.level(level)[:, node]
            for name, values in plain.items():
                kept[name] += float(np.square(values - same[name]).sum())
                changed[name] += float(np.square(values - other[name]).sum())
                read[name].append(readable(values, symbols))
        ratios = {name: kept[name] / changed[name] if changed[name] > 0.0 else np.nan for name in plain}
        beside = ratios[INPUT] or np.nan  # 0 where nothing can be exchanged: a single production, or hardly any
        for name in plain:
            for quantity, number in (
                ("sensitivity", ratios[name]),
                ("relative", ratios[name] / beside),
                ("probe", float(np.mean(read[name]))),
            ):
                rows.append(
                    measured(base, quantity, number, layer=name, against="level", place=level, count=len(nodes))
                )
    return rows


def readable(values: F64, symbols: AnyInt) -> float:
    """Return how well a linear probe reads symbols off a layer: 1 always right, 0 as often as the commonest symbol is.

    Least squares on columns of 0 and 1 with a small ridge, fitted on the first half of the rows, scored on the second.
    """
    half = len(values) // 2
    centred = values - values[:half].mean(axis=0)
    hot = (symbols[:, None] == np.unique(symbols)).astype(np.float64)
    gram = centred[:half].T @ centred[:half]
    gram[np.diag_indices_from(gram)] += _RIDGE * max(np.trace(gram) / len(gram), np.finfo(float).tiny)
    weights = np.linalg.solve(gram, centred[:half].T @ (hot[:half] - hot[:half].mean(axis=0)))
    answer = (centred[half:] @ weights + hot[:half].mean(axis=0)).argmax(axis=1)
    commonest = hot[half:, hot[:half].mean(axis=0).argmax()].mean()
    right = hot[half:][np.arange(len(answer)), answer].mean()
    return float((right - commonest) / (1.0 - commonest)) if commonest < 1.0 else float("nan")


def _probabilities(logits: F64) -> F64:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)
