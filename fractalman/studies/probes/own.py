"""Probes of networks that somebody else has trained: one network, or several trained alike, or one at several steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman.config import read_table, refuse
from fractalman.learners.own_networks import OUTPUT, activations_at
from fractalman.studies.base import Row, Task
from fractalman.studies.granularity.local_ridge import scaled
from fractalman.studies.networks import base_row
from fractalman.studies.own import (
    GivenNetworks,
    array_source,
    given_points,
    ladder,
    sizes_of,
    snapshots_of,
)
from fractalman.studies.probes.spec import EXAMPLE, KEYS, Probing
from fractalman.studies.probes.view import Look, View
from fractalman.studies.sources import ArraySource

_OF_TRAINING = ("steps", "widths", "controls", "train_sizes")
_LEAST_SCALE = 16  # a subcluster that can be probed holds 8 unseen points


@dataclass(frozen=True)
class OwnProbing(GivenNetworks, Probing):
    """A study of what can be read off given networks: the first step is what later ones are compared with."""

    def tasks(self) -> list[Task]:
        """Return a task per replicate.

        Returns
        -------
        list of Task
            In the order in which they are done.
        """
        return [Task("n", self.train_sizes[-1], seed) for seed in range(self.seeds)]


def own_probing(data: Any, network: Any, layers: Any, options: Mapping[str, Any], table: Mapping[str, Any]) -> Probing:
    """Return the checked specification.

    Args:
        data, network, layers: as `fractalman.probe` takes them. options: the keywords of `array_source`, and "target".
        table: the keys of the table [probe] → values; "train_size" in place of "train_sizes".
    Errors: RecipeError naming what is wrong.
    """
    options = dict(options)
    given = given_points(data, options.pop("target"))
    networks = snapshots_of(network, given.X, layers)
    source = array_source(given, list(networks[0].values())[-1], **options)
    own = dict(table)
    problems = [f"{key}: of given networks there is none; leave it out" for key in _OF_TRAINING if key in own]
    train_size, test_size = sizes_of(source, own.pop("train_size", None), own.get("test_size"))
    scales = tuple(s for s in ladder(len(source.X)) if s >= _LEAST_SCALE) or (_LEAST_SCALE,)
    own = {"scales": scales, "seeds": max(4, len(networks)), **own, "train_sizes": [train_size], "test_size": test_size}
    values = read_table("probe", own, KEYS, problems, EXAMPLE)
    refuse(problems)
    return OwnProbing(source, **{**values, "steps": tuple(networks[0])}, networks=networks)


def own_rows(spec: OwnProbing, task: Task) -> list[Row]:
    """Return the rows of one replicate."""
    source, n = spec.source, spec.train_sizes[-1]
    if not isinstance(source, ArraySource):
        raise TypeError("networks come with arrays")
    sample = source.sample(task.seed, n, spec.test_size)
    view, rows = View.of(spec, sample, scaled(source.points, sample.train)[sample.test]), []
    for step, network in spec.networks[task.seed % len(spec.networks)].items():
        held = activations_at(network, source.points)
        predicted, numbers = None, {}
        if OUTPUT in held:
            units = source.in_label_units(held[OUTPUT])
            predicted = units[sample.test]
            numbers["train-risk"] = float(np.mean(np.square((units - source.y)[sample.train])))
        width = max((held[name].shape[1] for name in network.layers), default=0)
        base = base_row(task, n, width, len(network.layers), step)
        spaces = {name: layer[sample.test] for name, layer in held.items()}
        rows += view.rows(base, Look(spaces, predicted, numbers))
    return rows
