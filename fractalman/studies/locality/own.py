"""Locality of networks that somebody else has trained: one, or several trained alike, or one at several steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64
from fractalman.config import read_table, refuse
from fractalman.learners.own_networks import OUTPUT, OwnNetwork, activations_at
from fractalman.studies.base import Row, Task
from fractalman.studies.granularity.local_ridge import scaled
from fractalman.studies.locality import patterns
from fractalman.studies.locality.spec import EXAMPLE, KEYS, Locality
from fractalman.studies.locality.view import Look, View, look_at
from fractalman.studies.means import measured
from fractalman.studies.networks import base_row
from fractalman.studies.own import (
    GivenNetworks,
    array_source,
    given_points,
    ladder,
    sizes_of,
    snapshots_of,
)
from fractalman.studies.sources import ArraySource

_OF_TRAINING = ("steps", "widths", "depths")


@dataclass(frozen=True)
class OwnLocality(GivenNetworks, Locality):
    """A study of locality of given networks."""

    def tasks(self) -> list[Task]:
        """Return a task per replicate, and one of the linear model beside it.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        return [Task(part, 0, seed) for seed in range(self.seeds) for part in ("base", *self.controls)]


def own_locality(
    data: Any, network: Any, layers: Any, options: Mapping[str, Any], table: Mapping[str, Any]
) -> Locality:
    """Return the checked specification.

    Args:
        data, network, layers: as `fractalman.locality` takes them. options: the keywords of `array_source`, and
            "target". table: the keys of the table [locality] → values.
    Errors: RecipeError naming what is wrong.
    """
    patterns.require_agreement()
    options = dict(options)
    given = given_points(data, options.pop("target"))
    networks = snapshots_of(network, given.X, layers)
    source = array_source(given, list(networks[0].values())[-1], **options)
    problems: list[str] = []
    train_size, test_size = sizes_of(source, table.get("train_size"), table.get("test_size"))
    own: dict[str, Any] = {"scales": ladder(len(source.X)), "seeds": max(4, len(networks)), "controls": ("linear",)}
    own |= {**table, "train_size": train_size, "test_size": test_size}
    problems += [f"{key}: of given networks there is none; leave it out" for key in _OF_TRAINING if key in own]
    if "shuffled-labels" in own["controls"]:
        problems.append("controls: expected linear or none; train a network on shuffled labels and give it as another")
    values = read_table("locality", own, KEYS, problems, EXAMPLE)
    refuse(problems)
    return OwnLocality(source, **{**values, "steps": tuple(networks[0])}, networks=networks)


def own_rows(spec: OwnLocality, task: Task) -> list[Row]:
    """Return the rows of one network, or of the linear model on the same points."""
    source = spec.source
    if not isinstance(source, ArraySource):
        raise TypeError("networks come with arrays")
    sample = source.sample(task.seed, spec.train_size, spec.test_size)
    X = scaled(source.points, sample.train)
    view, rows = View.of(spec, sample, X), []
    for step, network in spec.networks[task.seed % len(spec.networks)].items():
        if task.part == "linear":
            rows += view.rows(base_row(task, spec.train_size, 0, 0, step), _linear(view, X))
            continue
        held = activations_at(network, source.points)
        width = max((held[name].shape[1] for name in network.layers), default=0)
        base = base_row(task, spec.train_size, width, len(network.layers), step)
        rows += view.rows(base, _look(view, source, network, held))
        if OUTPUT in held:
            errors = source.in_label_units(held[OUTPUT]) - source.y
            rows.append(measured(base, "train-risk", float(np.mean(np.square(errors[sample.train])))))
    return rows


def _linear(view: View, X: F64) -> Look:
    """Return the look at y = xW + b: x·x′ + 1, whatever it has learned."""
    at, to, pairs = X[view.sources], X[view.sample.test], view.pairs
    own = np.square(at).sum(axis=1)[None] + 1.0
    return Look((OUTPUT,), own, np.einsum("pd,pd->p", at[pairs.i], to[pairs.j])[None] + 1.0)


def _look(view: View, source: ArraySource, network: OwnNetwork, held: dict[str, F64]) -> Look:
    at, to = ({name: values[points] for name, values in held.items()} for points in (view.sources, view.sample.test))
    gated = [name for name in network.layers if rectified(held[name])]
    predicted = source.in_label_units(to[OUTPUT]) if OUTPUT in to else None
    return look_at(view, network, source.points, (at, to), gated, predicted=predicted)


def rectified(layer: F64) -> bool:
    """Return whether a layer's activations are those of ReLUs: none negative, some units off and some on."""
    return bool(layer.min() >= 0.0 and (layer == 0.0).any() and (layer > 0.0).any())
