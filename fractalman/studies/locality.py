"""How local learning is: what one gradient step at a point does to predictions elsewhere, before, during and after
training; and whether the linear regions of ReLU networks are the hierarchy's subclusters.

Source: docs/theory.md, "Locality of learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.errors import FitError
from fractalman.experiments.checks import REQUIRED, Check, integer, sizes
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies import patterns
from fractalman.studies.means import measured
from fractalman.studies.networks import CONTROLS, base_row, network_settings, problem_of, rising, some, steps_of
from fractalman.studies.pairs import Pairs, Profile, profile, stratified_pairs
from fractalman.studies.reading import SpecSource, read_study
from fractalman.studies.sources import Sample, Source
from fractalman.studies.study import Row, Study, Unit

if TYPE_CHECKING:
    from fractalman.learners.networks.snapshots import Prepared, Snapshot
    from fractalman.learners.networks.tangents import Signals

KEYS: dict[str, tuple[Check, Any]] = {
    "train_size": (integer(2), REQUIRED),
    "test_size": (integer(2), REQUIRED),
    "seeds": (integer(1), 4),
    "steps": (rising(0), None),
    "widths": (rising(1), ()),
    "depths": (rising(1), ()),
    "scales": (sizes, (4, 16, 64, 256, 1024)),
    "sources": (integer(1), 256),
    "pairs": (integer(1), 2000),
    "pattern_points": (integer(2), 512),
    "controls": (some(*CONTROLS), CONTROLS),
}
EXAMPLE = "[locality] train_size = 512, test_size = 1024, seeds = 4"
STEP_SOURCES, STEP_TARGETS = 8, 128
RELATIVE_STEPS = (0.01, 0.1)
"""Sizes of the steps taken in fact, as the part of a residual at its own point that they remove to first order."""


@dataclass(frozen=True)
class LocalityStudy(Study):
    """A checked study of locality.

    Args:
        source: of the points.
        train_size, test_size: training points and unseen points of every replicate. seeds: replicates.
        steps: of the training, at which the network is looked at.
        widths, depths: networks beside that of [mlp], which differ from it in one of them.
        scales: sizes of subclusters: bounds of the strata of pairs, and cuts that regions are compared with.
        sources: training points from which steps are made. pairs: of every stratum, at the most.
        pattern_points: unseen points whose regions are counted.
        controls: of `CONTROLS`.
        mlp: the table [mlp].
    """

    name: ClassVar[str] = "locality"

    source: Source
    train_size: int
    test_size: int
    seeds: int
    steps: tuple[int, ...]
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    scales: tuple[int, ...]
    sources: int
    pairs: int
    pattern_points: int
    controls: tuple[str, ...]
    mlp: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, spec: SpecSource) -> LocalityStudy:
        """Return the study of a specification.

        Errors: RecipeError naming all that is wrong; MissingExtraError without JAX or scikit-learn.
        """
        tables = read_study(spec, "locality", KEYS, ("mlp",), EXAMPLE)
        mlp, values = tables.settings.get("mlp", {}), tables.values
        patterns.require_agreement()
        return cls(tables.source, **{**values, "steps": steps_of(network_settings(mlp), values["steps"])}, mlp=mlp)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values."""
        values = {key: getattr(self, key) for key in KEYS}
        own = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        table = {key: list(value) if isinstance(value, tuple) else value for key, value in self.mlp.items()}
        return {**self.source.to_dict(), "locality": own, **({"mlp": table} if table else {})}

    def units(self) -> list[Unit]:
        """Return one unit per network and replicate."""
        base = network_settings(self.mlp)
        networks: list[tuple[str, int]] = [("base", 0)]
        networks += [("width", width) for width in self.widths if width != base.width]
        networks += [("depth", depth) for depth in self.depths if depth != base.depth]
        networks += [(control, 0) for control in self.controls]
        return [Unit(part, value, seed) for seed in range(self.seeds) for part, value in networks]

    def run(self, unit: Unit, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002 (short trainings)
        """Return the rows of one network."""
        from fractalman.learners.networks.snapshots import prepare, snapshots

        changes = {unit.part: int(unit.value)} if unit.part in ("width", "depth") else {}
        settings = network_settings(self.mlp, **changes)
        linear = unit.part == "linear"
        sample = self.source.sample(unit.seed, self.train_size, self.test_size)
        problem = problem_of(sample, self.train_size, shuffled=unit.part == "shuffled-labels")
        made = prepare(settings, problem, linear)
        view = _View.of(self, sample, made)
        rows: list[Row] = []
        width, depth = (0, 0) if linear else (settings.width, settings.depth)
        try:
            for snapshot in snapshots(made, self.steps):
                base = base_row(unit, self.train_size, width, depth, snapshot.step)
                rows += view.rows(base, snapshot)
        except FitError:  # said, and left out of the means
            rows.append(measured(base_row(unit, self.train_size, width, depth, self.steps[-1]), "diverged", 1.0))
        return rows


@dataclass(frozen=True)
class _View:
    """What networks of one replicate are looked at with.

    Args:
        made: the training. sample: the replicate. pairs: of points.
        sources, targets: (n, d) scaled inputs. seen: places among the targets whose regions are counted.
        cuts: scale → the part of every such point. inputs: scale → groups of their inputs, as many.
    """

    made: Prepared
    sample: Sample
    pairs: Pairs
    sources: F32
    targets: F32
    seen: I64
    cuts: dict[int, I64]
    inputs: dict[int, I64]
    variance: float

    @classmethod
    def of(cls, study: LocalityStudy, sample: Sample, made: Prepared) -> _View:
        X: F64 = made.scale.inputs(sample.X)
        some_of = permutation(key64(sample.key, Role.MEASUREMENT), sample.train.size)[: study.sources]
        sources = sample.train[np.sort(some_of)]
        seen = np.arange(min(study.pattern_points, sample.test.size))
        points = sample.test[seen]
        cuts = {}
        for scale in study.scales:
            part = np.unique(sample.hierarchy.cut(scale).fragment[points], return_inverse=True)[1].reshape(-1)
            if 1 < part.max(initial=0) + 1 < part.size:  # one part, or all points alone, agree with anything
                cuts[scale] = part.astype(np.int64)
        made_of = patterns.groups(X[points], [int(part.max()) + 1 for part in cuts.values()]) if cuts else []
        return cls(
            made=made,
            sample=sample,
            pairs=stratified_pairs(sample, X, sources, sample.test, study.scales, study.pairs),
            sources=X[sources].astype(np.float32),
            targets=X[sample.test].astype(np.float32),
            seen=seen,
            cuts=cuts,
            inputs=dict(zip(cuts, made_of, strict=True)),
            variance=float(np.mean(np.square(sample.y[sample.test] - sample.y[sample.test].mean(axis=0)))),
        )

    def rows(self, base: Row, snapshot: Snapshot) -> list[Row]:
        """Return what is measured of the network at one step."""
        from fractalman.learners.networks.tangents import signals

        made = self.made
        activation = made.run.activation
        at_sources = signals(snapshot.weights, made.factors, self.sources, activation)
        at_targets = signals(snapshot.weights, made.factors, self.targets, activation)
        predicted = at_targets.output * made.scale.label_scale + made.scale.label_centre
        error = float(np.mean(np.square(predicted - self.sample.y[self.sample.test])))
        rows = [
            measured(base, "steps-taken", float(snapshot.taken)),
            measured(base, "train-risk", snapshot.train_risk * made.scale.label_scale**2),
            measured(base, "test-risk", error),
            measured(base, "label-variance", self.variance),
        ]
        rows += self._influence(base, at_sources, at_targets)
        rows += self._steps(base, snapshot)
        if activation == "relu" and len(at_sources.forward) > 1:
            rows += self._patterns(base, at_sources, at_targets)
        return rows

    def _influence(self, base: Row, a: Signals, b: Signals) -> list[Row]:
        """Return the influence of steps at sources on targets, in units of that on the source itself."""
        from fractalman.learners.networks.tangents import kernel_pairs

        made, pairs, rows = self.made, self.pairs, []
        itself = np.arange(len(self.sources))
        own = kernel_pairs(a, itself, a, itself, made.factors, made.rates)
        between = kernel_pairs(a, pairs.i, b, pairs.j, made.factors, made.rates)
        layers = layer_names(len(own))
        whole = own.sum(axis=0)
        for k, layer in enumerate([*layers, "all"]):
            self_influence = whole if layer == "all" else own[k]
            strength = between.sum(axis=0) if layer == "all" else between[k]
            alive = self_influence > 0.0  # a layer all of whose paths are off learns nothing at this point
            if layer != "all":
                rows.append(measured(base, "kernel-share", float(np.mean(own[k] / whole)), layer=layer))
            rows.append(measured(base, "self-influence", float(self_influence.mean()), layer=layer))
            used = np.flatnonzero(alive[pairs.i])
            if used.size:
                relative = strength[used] / self_influence[pairs.i[used]]
                rows += self._profiles(base, "influence", layer, relative, used)
        return rows

    def _profiles(self, base: Row, quantity: str, layer: str, strength: F64, used: I64) -> list[Row]:
        rows = []
        for distance in self.pairs.distances:
            part = type(distance)(
                distance.name, distance.of[used], distance.bin[used], distance.self, distance.logarithmic
            )
            found = profile(part, strength, self.pairs.weight[used])
            rows += _bins(base, quantity, layer, distance.name, found)
            numbers = {"near-share": found.near_share, "explained": found.explained}
            if distance.name != "random":
                half = np.nan if found.half is None else found.half
                numbers |= {"half-distance": half, "far": float(found.mean[-1])}
            rows += [
                measured(base, f"{quantity}-{name}", number, layer=layer, against=distance.name)
                for name, number in numbers.items()
            ]
        return rows

    def _steps(self, base: Row, snapshot: Snapshot) -> list[Row]:
        """Return how far small steps in fact are from the first order, on a residual of 1 in every output."""
        from fractalman.learners.networks.tangents import kernel_pairs, signals, steps_at

        made, activation = self.made, self.made.run.activation
        sources, targets = self.sources[:STEP_SOURCES], self.targets[:STEP_TARGETS]
        at = signals(snapshot.weights, made.factors, sources, activation)
        itself = np.arange(len(sources))
        own = kernel_pairs(at, itself, at, itself, made.factors, made.rates).sum(axis=0)
        errors = np.zeros((len(sources), len(RELATIVE_STEPS)))
        for i, x in enumerate(sources):
            size = np.array(RELATIVE_STEPS) / own[i]
            slope, change = steps_at(
                snapshot.weights, made.factors, made.rates, x, at.output[i] - 1.0, targets, size, activation
            )
            first = size[:, None, None] * slope
            errors[i] = np.sqrt(np.square(change - first).mean(axis=(1, 2)) / np.square(first).mean(axis=(1, 2)))
        return [
            measured(base, "step-error", float(errors[:, k].mean()), layer="all", against="step", place=size, x=size)
            for k, size in enumerate(RELATIVE_STEPS)
        ]

    def _patterns(self, base: Row, a: Signals, b: Signals) -> list[Row]:
        from fractalman.learners.networks.tangents import patterns as patterns_of

        rows: list[Row] = []
        one, two = patterns_of(a), patterns_of(b)
        layers = [str(k + 1) for k in range(len(one))]
        if len(one) > 1:
            one, two = [*one, np.concatenate(one, axis=1)], [*two, np.concatenate(two, axis=1)]
            layers.append("all")
        how_many = [int(part.max()) + 1 for part in self.cuts.values()]
        for layer, at_sources, at_targets in zip(layers, one, two, strict=True):
            region = patterns.regions(at_targets[self.seen])
            count = int(region.max()) + 1
            rows.append(measured(base, "regions", count, layer=layer, count=self.seen.size))
            rows.append(measured(base, "points-per-region", self.seen.size / count, layer=layer))
            differ = patterns.hamming(at_sources, self.pairs.i, at_targets, self.pairs.j)
            rows += self._differences(base, layer, differ)
            alike = patterns.groups(at_targets[self.seen], how_many) if how_many else []
            for (scale, part), group in zip(self.cuts.items(), alike, strict=True):
                for quantity, other in (("agreement", region), ("group-agreement", group)):
                    number = patterns.agreement(part, other)
                    rows.append(measured(base, quantity, number, layer=layer, against="scale", place=scale, x=scale))
        for scale, part in self.cuts.items():
            number = patterns.agreement(part, self.inputs[scale])
            rows.append(measured(base, "group-agreement", number, layer="input", against="scale", place=scale, x=scale))
        return rows

    def _differences(self, base: Row, layer: str, differ: F64) -> list[Row]:
        """Return the Hamming distance by bin of every distance, and how much of its variance the bins explain."""
        rows = []
        for distance in self.pairs.distances:
            found = profile(distance, differ, self.pairs.weight)
            rows += _bins(base, "hamming", layer, distance.name, found)
            rows.append(measured(base, "hamming-explained", found.explained, layer=layer, against=distance.name))
        return rows


def _bins(base: Row, quantity: str, layer: str, against: str, found: Profile) -> list[Row]:
    if against == "random":  # of the control only its numbers
        return []
    return [
        measured(base, quantity, float(m), layer=layer, against=against, place=int(k), x=float(x), count=int(c))
        for k, x, m, c in zip(found.bin, found.x, found.mean, found.count, strict=True)
    ]


def layer_names(layers: int) -> list[str]:
    """Return the layers' names: the hidden ones by number, the last "output"."""
    return [*(str(k + 1) for k in range(layers - 1)), "output"]
