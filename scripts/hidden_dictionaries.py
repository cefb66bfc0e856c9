#!/usr/bin/env python3
"""Dictionaries of a network's hidden layers, held against the hierarchy of the points: before and after training.

scripts/hidden_dictionaries.py [--seeds 3] [--steps 4000] [--transformer]
A line a family, layer and time; ± is half of a 95 % interval. --transformer: of one that learns the classes of
strings of a random hierarchy model, whose hierarchy is class, then rule by rule; without it ReLU networks.

A latent's direction in a layer is the step from the mean of its parent's points to that of its own. Controls: the same
layer of the untrained network, and the trained one against a hierarchy whose points are permuted.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

import fractalman as fm
from fractalman import learners
from fractalman.experiments.specification import string_settings
from fractalman.learners.dictionaries import AutoencoderSettings, fit_autoencoders
from fractalman.learners.networks.mlp import MLP, Settings
from fractalman.learners.networks.snapshots import prepare, snapshots
from fractalman.learners.protocol import Problem
from fractalman.measure.recovery import Truth
from fractalman.measure.scaling import student_t

RECIPES = {
    "cascade": fm.Cascade(n_points=2048, ambient_dim=16, branching=2),
    "critical cluster": fm.PercolationCluster(n_points=2048, ambient_dim=16),
}
UNITS, WIDTH, MIN_SIZE, TRAIN = 8, 64, 64, 1024
STRINGS = fm.RandomHierarchyModel(n_points=4096, levels=3, vocabulary=8, synonyms=2, classes=8)
TRANSFORMER = {"width": 32, "heads": 2, "depth": 2, "learning_rate": 3e-3, "batch_size": 128}


def scores(data: Any, hidden: Any, train: Any, test: Any, seed: int, shuffled: bool = False) -> list[float]:
    """Return MCC and best F1, each with its chance, and the variance in the latents and in the autoencoder."""
    settings = AutoencoderSettings(architecture="topk", width=WIDTH, steps=1500, batch_size=128)
    (model,) = fit_autoencoders(hidden[train], settings, [UNITS], [seed])
    known = data.dictionary(MIN_SIZE, activations=hidden)
    codes = known.codes[test]
    directions = known.directions
    if shuffled:
        order = np.random.default_rng(seed).permutation(len(hidden))
        mixed = data.dictionary(MIN_SIZE, activations=hidden[order])
        directions, codes = mixed.directions, mixed.codes[np.argsort(order)][test]
    score = fm.recovery(model, Truth(directions, codes, known.parent, hidden[test]), seed=seed)
    return [score.mcc, score.chance["mcc"], score.best_f1, score.chance["best_f1"], known.explained, score.explained]


def relu_layers(recipe: Any, seed: int, steps: int) -> Any:
    """Yield (layer, whether trained, points, activations, risk, training and other rows) of a network of 2 × 64."""
    data = fm.generate(replace(recipe, seed=seed))
    train, test = data.split(TRAIN, TRAIN, seed=seed)
    problem = Problem(data.X[train], data.y[train, None], data.X[test], key=seed)
    made = prepare(MLP(Settings(width=64, depth=2, steps=steps, batch_size=128)), problem)
    inputs = made.scale.inputs(data.X)
    truth = made.scale.labels(data.y[test, None])[:, 0] / made.scale.label_scale
    for shot in snapshots(made, [0, steps]):
        held = made.opened(shot.weights).activations(inputs)
        risk = float(np.square(held["output"][test, 0] - truth).mean())
        for layer in ("1", "2"):
            yield f"layer-{layer}", bool(shot.step), data, held[layer], risk, train, test


def transformer_layers(recipe: Any, seed: int, steps: int) -> Any:
    """Yield the same of a transformer, the state at all positions of every layer; risk = share of wrong classes."""
    data = fm.generate(replace(recipe, seed=seed))
    train, test = data.split(data.n_points // 2, data.n_points // 2, seed=seed)
    problem = Problem(data.X[train], data.y[train, None], data.X[test], seed, recipe.target_classes)
    for trained in (False, True):
        own: Any = {**TRANSFORMER, "steps": steps} if trained else {**TRANSFORMER, "steps": 1, "learning_rate": 1e-9}
        learner: Any = learners.make("transformer", {**string_settings("transformer", own, recipe), **own})
        held = dict(learners.own_network(learner.fitted(problem).own(), data.X[test[:8]]).activations(data.X))
        wrong = float((held.pop("output")[test].argmax(axis=1) != data.y[test]).mean())
        for layer, values in held.items():
            yield layer, trained, data, np.asarray(values.reshape(len(values), -1), np.float32), wrong, train, test


def main() -> None:
    """Train, look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="replicates (3)")
    parser.add_argument("--steps", type=int, default=4000, help="steps of the network (4000)")
    parser.add_argument("--transformer", action="store_true", help="a transformer on strings in place of ReLU networks")
    asked = parser.parse_args()
    print(
        "family, layer, when: MCC (chance), best F1 (chance), variance in the latents' means, by the dictionary; risk"
    )
    recipes, layers = (
        ({"random hierarchy model": STRINGS}, transformer_layers) if asked.transformer else (RECIPES, relu_layers)
    )
    for family, recipe in recipes.items():
        found: dict[tuple[str, str], list[list[float]]] = {}
        for seed in range(asked.seeds):
            for layer, trained, data, hidden, risk, train, test in layers(recipe, seed, asked.steps):
                for shuffled in (False, True) if trained else (False,):
                    when = "permuted" if shuffled else "trained" if trained else "untrained"
                    row = scores(data, hidden, train, test, seed, shuffled)
                    found.setdefault((layer, when), []).append([*row, risk])
        for (layer, when), rows in found.items():
            mean, half = (
                np.mean(rows, axis=0),
                student_t(len(rows) - 1) * np.std(rows, axis=0, ddof=1) / len(rows) ** 0.5,
            )
            mcc, f1 = (f"{mean[k]:.3f} ± {half[k]:.3f} ({mean[k + 1]:.3f})" for k in (0, 2))
            print(f"{family}, {layer}, {when}: {mcc}, {f1}, {mean[4]:.2f}, {mean[5]:.2f}; {mean[6]:.3f}", flush=True)


if __name__ == "__main__":
    main()
