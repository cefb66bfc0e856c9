"""What a network is looked at with, and what is measured of it: influence by distance, and its linear regions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, Bool
from fractalman.errors import RecipeError
from fractalman.learners.own_networks import OwnNetwork, asking
from fractalman.learners.own_networks.activations import Activations
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row
from fractalman.studies.locality import patterns
from fractalman.studies.locality.pairs import Pairs, Profile, profile, stratified_pairs
from fractalman.studies.locality.spec import Locality
from fractalman.studies.means import measured
from fractalman.studies.sources import Sample


@dataclass(frozen=True)
class Look:
    """A network at one step of its training, as far as the measurements need it.

    Args:
        layers: names of the parts whose influence is told apart. own: (layers, sources) influence of a step at a
            source on itself. between: (layers, pairs) on the pair's target.
        apart: whether the parts are no parts of one step; the last then stands for the whole.
        predicted: (t, m) at the unseen points, None where nobody knows. numbers: quantity → number.
        patterns: layer → which units are on, at sources and at unseen points. step_errors: relative step → its error.
    """

    layers: tuple[str, ...]
    own: F64
    between: F64
    apart: bool = False
    predicted: F64 | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    patterns: dict[str, tuple[Bool, Bool]] = field(default_factory=dict)
    step_errors: dict[float, float] = field(default_factory=dict)


def look_at(
    view: View,
    network: OwnNetwork,
    X: AnyFloat,
    held: tuple[Mapping[str, F64], Mapping[str, F64]],
    gated: Iterable[str],
    *,
    predicted: F64 | None,
    numbers: dict[str, float] | None = None,
    step_errors: dict[float, float] | None = None,
) -> Look:
    """Return what the measurements need of a network: of pairs of points the part of its tangent kernel.

    Args:
        view: what it is looked at with. network: the network. X: (n, d) where it is asked. held: layer → units, at the
            sources and at the unseen points. gated: layers whose units are on or off. predicted, numbers, step_errors:
            as `Look` has them.
    Errors: RecipeError for a network whose derivatives are no numbers.
    """
    pairs = view.pairs
    used, place = np.unique(pairs.j, return_inverse=True)  # few of the unseen points may stand in pairs
    with asking(X):
        kernel = network.kernel(X[view.sources], X[view.sample.test[used]])
        own = network.own(X[view.sources])
    if not (np.isfinite(kernel).all() and np.isfinite(own).all()):
        raise RecipeError("the network's derivatives by its parameters hold NaN or infinity: expected finite numbers")
    return Look(
        layers=network.parts,
        own=own,
        between=np.ascontiguousarray(kernel[:, pairs.i, place.reshape(-1)]),
        apart=isinstance(network, Activations),
        predicted=predicted,
        numbers=numbers or {},
        patterns={name: (held[0][name] > 0.0, held[1][name] > 0.0) for name in gated},
        step_errors=step_errors or {},
    )


@dataclass(frozen=True)
class View:
    """What networks of one replicate are looked at with.

    Args:
        sample: the replicate. pairs: of points. sources: training points of the steps. seen: places among the unseen
            points whose regions are counted. cuts: scale → the part of every such point. inputs: scale → groups of
            their inputs, as many. variance: of the unseen points' labels.
    """

    sample: Sample
    pairs: Pairs
    sources: I64
    seen: I64
    cuts: dict[int, I64]
    inputs: dict[int, I64]
    variance: float

    @classmethod
    def of(cls, study: Locality, sample: Sample, X: F64) -> View:
        """Return the view of one replicate, whose scaled inputs are ``X`` (n, d)."""
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
            sample=sample,
            pairs=stratified_pairs(sample, X, sources, sample.test, study.scales, study.pairs),
            sources=sources,
            seen=seen,
            cuts=cuts,
            inputs=dict(zip(cuts, made_of, strict=True)),
            variance=float(np.mean(np.square(sample.y[sample.test] - sample.y[sample.test].mean(axis=0)))),
        )

    def rows(self, base: Row, look: Look) -> list[Row]:
        """Return what is measured of the network at one step."""
        rows = [measured(base, name, number) for name, number in look.numbers.items()]
        if look.predicted is not None:
            error = float(np.mean(np.square(look.predicted - self.sample.y[self.sample.test])))
            rows.append(measured(base, "test-risk", error))
        rows.append(measured(base, "label-variance", self.variance))
        rows += self._influence(base, look)
        rows += [
            measured(base, "step-error", error, layer="all", against="step", place=size, x=size)
            for size, error in look.step_errors.items()
        ]
        return rows + self._patterns(base, look.patterns)

    def _influence(self, base: Row, look: Look) -> list[Row]:
        """Return the influence of steps at sources on targets, in units of that on the source itself."""
        pairs, rows = self.pairs, []
        whole = look.own[-1] if look.apart else look.own.sum(axis=0)
        for k, layer in enumerate([*look.layers, "all"]):
            if layer == "all":
                strength = look.between[-1] if look.apart else look.between.sum(axis=0)
            else:
                strength = look.between[k]
            self_influence = whole if layer == "all" else look.own[k]
            alive = self_influence > 0.0  # a layer all of whose paths are off learns nothing at this point
            if layer != "all" and not look.apart:
                rows.append(measured(base, "kernel-share", float(np.mean(look.own[k] / whole)), layer=layer))
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

    def _patterns(self, base: Row, found: dict[str, tuple[Bool, Bool]]) -> list[Row]:
        rows: list[Row] = []
        if not found:
            return rows
        layers, one, two = list(found), [a for a, _ in found.values()], [b for _, b in found.values()]
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
