"""How local learning is: what one gradient step at a point does to predictions elsewhere, before, during and after
training; and whether the linear regions of ReLU networks are the hierarchy's subclusters.

Source: docs/theory.md, "Locality of learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64, I64
from fractalman.errors import FitError
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.locality import patterns
from fractalman.studies.locality.pairs import Pairs, Profile, profile, stratified_pairs
from fractalman.studies.locality.result import LocalityResult
from fractalman.studies.locality.spec import Locality
from fractalman.studies.means import measured
from fractalman.studies.networks import base_row, network_settings, problem_of
from fractalman.studies.sources import Sample

if TYPE_CHECKING:
    from fractalman.learners.networks.snapshots import Prepared, Snapshot
    from fractalman.learners.networks.tangents import Signals

STEP_SOURCES, STEP_TARGETS = 8, 128
RELATIVE_STEPS = (0.01, 0.1)
"""Sizes of the steps taken in fact, as the part of a residual at its own point that they remove to first order."""


class LocalityStudy(Study[Locality, LocalityResult]):
    """One gradient step at a point, and what it does elsewhere."""

    name: ClassVar[str] = "locality"

    def read(self, source: str | Path | Mapping[str, Any]) -> Locality:
        """Return the checked specification."""
        return Locality.read(source)

    def run(self, spec: Locality, task: Task, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002 (short)
        """Return the rows of one network."""
        from fractalman.learners.networks.snapshots import prepare, snapshots

        changes = {task.part: int(task.value)} if task.part in ("width", "depth") else {}
        settings = network_settings(spec.mlp, **changes)
        linear = task.part == "linear"
        sample = spec.source.sample(task.seed, spec.train_size, spec.test_size)
        problem = problem_of(sample, spec.train_size, shuffled=task.part == "shuffled-labels")
        made = prepare(settings, problem, linear)
        view = _View.of(spec, sample, made)
        rows: list[Row] = []
        width, depth = (0, 0) if linear else (settings.width, settings.depth)
        try:
            for snapshot in snapshots(made, spec.steps):
                base = base_row(task, spec.train_size, width, depth, snapshot.step)
                rows += view.rows(base, snapshot)
        except FitError:  # said, and left out of the means
            rows.append(measured(base_row(task, spec.train_size, width, depth, spec.steps[-1]), "diverged", 1.0))
        return rows

    def result(self, spec: Locality, rows: list[Row], missing: int) -> LocalityResult:
        """Return rows, means and claims."""
        return LocalityResult(spec, rows, missing)


STUDY = LocalityStudy()


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
    def of(cls, study: Locality, sample: Sample, made: Prepared) -> _View:
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
