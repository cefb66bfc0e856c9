"""The checked experiment: what is swept, over which axis, on which replicates."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fractalman.experiments.axes import (
    DATA_AXIS,
    Axis,
    Number,
    Place,
    axis_called,
    changed,
    one_pass_size,
)
from fractalman.learners import doubled_settings, learner_class
from fractalman.random.streams import STREAM_VERSION, Role, Seeds, key64
from fractalman.recipes import Recipe

DIGEST_RULE = 2
"""Rises when the digest is made of other things; journals of rule 1 are still read and continued."""


@dataclass(frozen=True)
class Spec:
    """A checked experiment.

    Args:
        recipe: the dataset; replicate i draws its own geometry, embedding and labels.
        learners: names, in the order of the report.
        train_sizes: ascending training-set sizes n of the points: the axis itself, or the size held fixed along
            another axis (as many as there are values where a one-pass network needs more for more steps).
        seeds: number of replicates S.
        test_size: points of every test set, disjoint from every training set of its replicate.
        label_draws: label vectors drawn on each replicate's structure; risks are means over them. One draw scatters by
            23 to 70 %, and learners that share their linear algebra over the draws get more of them for nothing.
        network_draws: how many of them a network learns, as outputs of one network.
        max_fraction: sizes n > N·max_fraction of a finite population N are measured but not fitted.
        settings: learner → its table, as the learner checks it.
        fit: window_low, window_high (on the axis; None = no bound), min_sizes, min_seeds.
        axis_name: what is varied: "n", a setting of the learners or a keyword of the recipe.
        values: ascending positions on the axis.
        probe: whether every point is also measured with width (or features) doubled, and with steps doubled.
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
    probe: bool = False

    @property
    def mlp(self) -> Mapping[str, Any]:
        """Settings of the network, as it checks them."""
        return self.settings.get("mlp", {})

    @cached_property
    def axis(self) -> Axis:
        """What is varied."""
        return axis_called(self.axis_name)

    @property
    def population(self) -> float:
        """N: most points of the population that training sets are drawn from; inf where points are addressed."""
        return math.inf if self.recipe.addressed else float(self.recipe.max_points)

    @cached_property
    def digest(self) -> str:
        """Hash of everything that decides the numbers: this specification, the streams, the package version."""
        from fractalman import __version__

        return _hashed([DIGEST_RULE, self.to_dict(), STREAM_VERSION, __version__])

    @property
    def digests(self) -> tuple[str, ...]:
        """The digest, and that of the rule before it where the experiment could be said then."""
        from fractalman import __version__

        if self.axis_name != DATA_AXIS or self.probe or set(self.settings) - {"mlp"}:
            return (self.digest,)
        before = {**self.to_dict(), "mlp": dict(self.mlp)}
        return self.digest, _hashed([before, STREAM_VERSION, __version__])

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values, defaults filled in; `load_spec` reads them back to an equal Spec."""
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
        if self.probe:
            sweep["probe"] = True
        return {
            "recipe": self.recipe.to_dict(),
            "sweep": sweep,
            **{name: {k: _plain(v) for k, v in table.items()} for name, table in self.settings.items() if table},
            "fit": {key: value for key, value in self.fit.items() if value is not None},
        }

    # ------------------------------------------------------------------------------------------------ points

    def probes_of(self, learner: str) -> tuple[str, ...]:
        """Return the settings of a learner that are doubled at every point."""
        return doubled_settings(learner) if self.probe else ()

    def place(self, value: Number, probe: str = "") -> Place:
        """Return what the points at ``value`` are made of, with one setting doubled if a probe is named."""
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
        if probe:
            for name in self.learners:
                if probe in doubled_settings(name):
                    settings = changed(settings, (name,), probe, 2 * settings[name][probe])
            if axis.kind != "data":
                n = max([n, *(one_pass_size(settings.get(name, {})) or 0 for name in self.learners)])
        return Place(value, n, own, recipe, settings)

    def places(self) -> list[Place]:
        """Return every place, those of probes included."""
        probes = ("", *dict.fromkeys(key for name in self.learners for key in self.probes_of(name)))
        return [self.place(value, probe) for value in self.values for probe in probes]

    def largest(self, value: Number) -> int:
        """Return the largest training set drawn on the replicates that serve ``value``."""
        return self._largest if self.axis.shares_points else max(p.n for p in self.places() if p.value == value)

    @cached_property
    def _largest(self) -> int:
        return max(place.n for place in self.places())

    def learner_settings(self, name: str, place: Place | None = None) -> dict[str, Any]:
        """Return the settings that ``learners.make`` gets at a place (None: the first).

        On the data axis a learner that pads training sets pads them to the largest, so that it is compiled once.
        """
        place = place or self.place(self.values[0])
        table = dict(place.settings.get(name, {}))
        padding = learner_class(name).padding
        if padding:
            table[padding] = self.train_sizes[-1] if self.axis.kind == "data" else place.n
        return table

    # ------------------------------------------------------------------------------------------------ replicates

    def replicate_seeds(self, i: int) -> Seeds:
        """Return the seeds of replicate ``i``: each layer hashed by its role, so replicates share nothing."""
        return replicate_seeds(self.recipe, i)

    def replicate_recipe(self, i: int, value: Number | None = None) -> Recipe:
        """Return the recipe of replicate ``i`` at ``value``; of an unlimited population only the points that are used.

        Along a keyword of the recipe the seeds stay, so that a replicate differs by that keyword alone.
        """
        value = self.values[0] if value is None else value
        recipe, seeds = self.place(value).recipe, self.replicate_seeds(i)
        if math.isinf(self.population):
            return recipe.replace(seed=seeds, n_points=self.largest(value) + self.test_size)
        return recipe.replace(seed=seeds)


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


def _hashed(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
