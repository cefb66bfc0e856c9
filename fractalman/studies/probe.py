"""What of the hierarchy a network has found: linear probes from every layer to every latent of chosen sizes.

Source: docs/theory.md, "Locality of learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F32, F64, I64, Bool
from fractalman.errors import FitError, RecipeError
from fractalman.experiments.checks import REQUIRED, Check, integer, sizes
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies import probes
from fractalman.studies.means import measured
from fractalman.studies.networks import base_row, network_settings, problem_of, rising, some, steps_of
from fractalman.studies.probes import Basis
from fractalman.studies.reading import SpecSource, read_study
from fractalman.studies.sources import Sample, Source
from fractalman.studies.study import Row, Study, Unit
from fractalman.trees import Hierarchy, path_sums

if TYPE_CHECKING:
    from fractalman.learners.networks.snapshots import Prepared, Snapshot

KINDS = ("ridge", "logistic")
RATE = 0.05
"""Of false discoveries, among the latents that a network is said to have found."""
LEAST = 4
"""Points inside a latent, and outside, without which it is not probed: among the fitted and among the scored each."""
KEYS: dict[str, tuple[Check, Any]] = {
    "train_sizes": (sizes, REQUIRED),
    "test_size": (integer(16), REQUIRED),
    "seeds": (integer(1), 4),
    "steps": (rising(0), None),
    "widths": (rising(1), ()),
    "scales": (sizes, (16, 64, 256, 1024)),
    "latents": (integer(1), 12),
    "controls": (some("shuffled-labels"), ()),
}
EXAMPLE = "[probe] train_sizes = [128, 512], test_size = 2048, seeds = 4"


@dataclass(frozen=True)
class Latents:
    """The latents that are probed: disjoint subclusters at every scale, and random sets of the same sizes.

    Args:
        node, size, depth: (k,) int64 hierarchy columns. scale: (k,) int64, the scale that each is of.
        member: (p, k) bool, which of the probed points lie in which. random: (p, k) bool, as many at random places.
        around: (p, k) bool, who lies in or just around it: in the smallest subcluster above it in which at least as
            many scored points (and `LEAST`) are no members as are.
    """

    node: I64
    size: I64
    depth: I64
    scale: I64
    member: Bool
    random: Bool
    around: Bool


def choose_latents(h: Hierarchy, points: I64, fitted: int, scales: tuple[int, ...], most: int, key: int) -> Latents:
    """Return at most ``most`` latents for every scale s, at random: fragments of the cut at s of more than s/2 points.

    Args:
        h: the hierarchy. points: (p,) probed points, of which the first ``fitted`` fit the probes.
        scales: rising sizes. key: of the choice.
    Returns: those with at least `LEAST` points inside and outside, among the fitted and among the scored.
    """
    nodes, of, member = [], [], []
    for k, scale in enumerate(scales):
        cut = h.cut(scale)
        part = cut.fragment[points]
        inside = np.bincount(part[:fitted], minlength=cut.node.size)
        other = np.bincount(part[fitted:], minlength=cut.node.size)
        large = (2 * cut.count > scale) & (np.minimum(inside, other) >= LEAST)
        large &= (fitted - inside >= LEAST) & (points.size - fitted - other >= LEAST)
        able = np.flatnonzero(large)
        for fragment in np.sort(able[permutation(key64(key, Role.MEASUREMENT, k), able.size)[:most]]):
            nodes.append(int(cut.node[fragment]))
            of.append(scale)
            member.append(part == fragment)
    inside_of = np.array(member, bool).reshape(len(nodes), points.size).T
    random = np.zeros_like(inside_of)
    for column in range(len(nodes)):
        for low, high in ((0, fitted), (fitted, points.size)):
            place = permutation(key64(key, Role.MEASUREMENT, len(scales) + column, low), high - low)
            random[low:high, column] = inside_of[low:high, column][place]
    node = np.array(nodes, np.int64)
    around = np.ones_like(inside_of)
    for column in range(len(nodes)):
        around[:, column] = _around(h, nodes[column], points, inside_of[:, column], fitted)
    return Latents(node, h.size[node], h.depth[node], np.array(of, np.int64), inside_of, random, around)


def _around(h: Hierarchy, node: int, points: I64, member: Bool, fitted: int) -> Bool:
    order = h.order()
    place = order.place[points]
    scored = np.sort(place[fitted:])
    inside = int(member[fitted:].sum())
    for above in h.ancestors(node):
        low, high = order.start[above], order.stop[above]
        if np.diff(np.searchsorted(scored, [low, high]))[0] - inside >= max(LEAST, inside):
            return np.asarray((place >= low) & (place < high))
    return np.ones(points.size, bool)


def targets_of(sample: Sample, scales: tuple[int, ...]) -> dict[int, dict[str, F64]]:
    """Return what ridge probes are to read off at every scale, for the replicate's unseen points, (p, k) each.

    "r2-path": the label as it would be without anything below the scale, the sum of the latents' values from the root
    to the point's fragment of the cut; "r2-band": what the scale adds to that of the next larger one; "r2-value": the
    fragment's own value; "r2-exchanged": that of another fragment, drawn at random, the control. Where nobody knows
    values (estimated hierarchies) the mean label of the fragment's points stands for the sum, and there is no value.
    """
    h, points = sample.hierarchy, sample.test
    known = bool(np.any(h.variance > 0.0))
    sums = path_sums(h.parent, h.value) if known else None
    found: dict[int, dict[str, F64]] = {}
    above: F64 | None = None
    for scale in sorted(scales, reverse=True):
        cut = h.cut(scale)
        fragment = cut.fragment[points]
        if sums is not None:
            path = sums[cut.node][fragment][:, None]
        else:
            total = np.stack([np.bincount(cut.fragment, column, cut.node.size) for column in sample.y.T], axis=1)
            path = (total / cut.count[:, None])[fragment]
        found[scale] = {"r2-path": path, "r2-band": path if above is None else path - above}
        above = path
        if known:
            own = h.value[cut.node]
            other = permutation(key64(sample.key, Role.LABEL_DRAW, scale), cut.node.size)
            found[scale] |= {"r2-value": own[fragment][:, None], "r2-exchanged": own[other][fragment][:, None]}
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class ProbeStudy(Study):
    """A checked study of decodability.

    Args:
        source: of the points.
        train_sizes: training-set sizes of the networks. test_size: unseen points; half of them fit the probes, half
            score them. seeds: replicates.
        steps: of the training, at which networks are probed; step 0, the untrained network, always is.
        widths: networks beside that of [mlp], trained on the largest training set.
        scales: sizes of latents. latents: of every scale, at the most.
        controls: "shuffled-labels" or none.
        mlp: the table [mlp].
    """

    name: ClassVar[str] = "probe"

    source: Source
    train_sizes: tuple[int, ...]
    test_size: int
    seeds: int
    steps: tuple[int, ...]
    widths: tuple[int, ...]
    scales: tuple[int, ...]
    latents: int
    controls: tuple[str, ...]
    mlp: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, spec: SpecSource) -> ProbeStudy:
        """Return the study of a specification.

        Errors: RecipeError naming all that is wrong; MissingExtraError without JAX.
        """
        tables = read_study(spec, "probe", KEYS, ("mlp",), EXAMPLE)
        mlp, values = tables.settings.get("mlp", {}), tables.values
        settings = network_settings(mlp)
        asked = (0, settings.steps) if values["steps"] is None else values["steps"]
        steps = steps_of(settings, tuple(sorted({0, *asked})))
        return cls(tables.source, **{**values, "steps": steps}, mlp=mlp)

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain values."""
        values = {key: getattr(self, key) for key in KEYS}
        own = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        table = {key: list(value) if isinstance(value, tuple) else value for key, value in self.mlp.items()}
        return {**self.source.to_dict(), "probe": own, **({"mlp": table} if table else {})}

    def units(self) -> list[Unit]:
        """Return one unit per network and replicate."""
        base = network_settings(self.mlp)
        networks: list[tuple[str, int]] = [("n", n) for n in self.train_sizes]
        networks += [("width", width) for width in self.widths if width != base.width]
        networks += [(control, 0) for control in self.controls]
        return [Unit(part, value, seed) for seed in range(self.seeds) for part, value in networks]

    def run(self, unit: Unit, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002 (short trainings)
        """Return the rows of one network."""
        from fractalman.learners.networks.snapshots import prepare, snapshots

        settings = network_settings(self.mlp, **({"width": int(unit.value)} if unit.part == "width" else {}))
        n = int(unit.value) if unit.part == "n" else self.train_sizes[-1]
        sample = self.source.sample(unit.seed, self.train_sizes[-1], self.test_size)
        made = prepare(settings, problem_of(sample, n, shuffled=unit.part == "shuffled-labels"))
        view = _View.of(self, sample, made)
        rows: list[Row] = []
        try:
            for snapshot in snapshots(made, self.steps):
                rows += view.rows(base_row(unit, n, settings.width, settings.depth, snapshot.step), snapshot)
        except FitError:  # said, and left out of the means
            rows.append(measured(base_row(unit, n, settings.width, settings.depth, self.steps[-1]), "diverged", 1.0))
        return rows


@dataclass
class _View:
    """What networks of one replicate are probed for.

    Args:
        fitted: how many of the probed points fit the probes. inputs: (p, d) scaled inputs. latents: probed.
        targets: scale → quantity → (p, k) what ridge probes are to read off, see `targets_of`.
        before: layer → logistic scores of the untrained network, once it has been probed.
    """

    sample: Sample
    made: Prepared
    fitted: int
    inputs: F32
    latents: Latents
    targets: dict[int, dict[str, F64]]
    before: dict[str, F64] = field(default_factory=dict)

    @classmethod
    def of(cls, study: ProbeStudy, sample: Sample, made: Prepared) -> _View:
        points, h = sample.test, sample.hierarchy
        fitted = points.size // 2
        latents = choose_latents(h, points, fitted, study.scales, study.latents, sample.key)
        if not latents.node.size:
            raise RecipeError(
                f"probe.scales = {list(study.scales)}: no subcluster of these sizes holds {2 * LEAST} of the "
                f"{points.size} unseen points; type a larger test_size or larger scales"
            )
        inputs = made.scale.inputs(sample.X[points]).astype(np.float32)
        return cls(sample, made, fitted, inputs, latents, targets_of(sample, study.scales))

    def rows(self, base: Row, snapshot: Snapshot) -> list[Row]:
        """Return what can be read off the network at one step."""
        from fractalman.learners.networks.tangents import signals

        made = self.made
        found = signals(snapshot.weights, made.factors, self.inputs, made.run.activation)
        predicted = found.output * made.scale.label_scale + made.scale.label_centre
        error = float(np.mean(np.square(predicted - self.sample.y[self.sample.test])))
        rows = [
            measured(base, "steps-taken", float(snapshot.taken)),
            measured(base, "train-risk", snapshot.train_risk * made.scale.label_scale**2),
            measured(base, "test-risk", error),
        ]
        spaces = {str(k + 1): layer for k, layer in enumerate(found.forward[1:])} | {"output": found.output}
        if snapshot.step == 0:
            spaces = {"input": self.inputs, **spaces}
        scores: dict[str, dict[str, F64]] = {}
        controls: dict[str, F64] = {}
        for layer, space in spaces.items():
            made_of = probes.basis(space[: self.fitted], space[self.fitted :])
            member, random = self.latents.member[: self.fitted], self.latents.random[: self.fitted]
            scores[layer] = {
                "ridge": probes.ridge_scores(made_of, member.astype(np.float64)),
                "logistic": probes.logistic_scores(made_of, member),
            }
            controls[layer] = probes.logistic_scores(made_of, random)
            rows += self._values(base, layer, made_of)
        if snapshot.step == 0:
            self.before = {layer: made_by["logistic"] for layer, made_by in scores.items()}
        return rows + self._members(base, scores, controls)

    def _values(self, base: Row, layer: str, made_of: Basis) -> list[Row]:
        rows = []
        for scale, targets in self.targets.items():
            for quantity, target in targets.items():
                fit, score = target[: self.fitted], target[self.fitted :]
                found = probes.r_squared(probes.ridge_scores(made_of, fit), score, fit.mean(axis=0))
                rows.append(measured(base, quantity, found, layer=layer, against="size", place=scale, x=scale))
        return rows

    def _members(self, base: Row, scores: dict[str, dict[str, F64]], controls: dict[str, F64]) -> list[Row]:
        """Return the scores of memberships, latent by latent and their means over sizes and depths."""
        latents = self.latents
        inside, random = latents.member[self.fitted :], latents.random[self.fitted :]
        count, layers = latents.node.size, list(scores)
        shape = (len(layers), count)
        around = latents.around[self.fitted :]
        area = {kind: np.empty(shape) for kind in (*KINDS, "near", "random")}
        p = {test: np.full(shape, np.nan) for test in ("found", "random-found", "gained", "lost", "beyond-input")}
        for row, layer in enumerate(layers):
            for column in range(count):
                member, chance = inside[:, column], random[:, column]
                score, control = scores[layer]["logistic"][:, column], controls[layer][:, column]
                area["ridge"][row, column] = probes.auc(scores[layer]["ridge"][:, column], member)
                area["logistic"][row, column] = probes.auc(score, member)
                area["random"][row, column] = probes.auc(control, chance)
                near = around[:, column]
                area["near"][row, column] = probes.auc(score[near], member[near])
                p["found"][row, column] = probes.auc_p_value(score, member)
                p["random-found"][row, column] = probes.auc_p_value(control, chance)
                if base["step"] > 0:
                    before, raw = self.before[layer][:, column], self.before["input"][:, column]
                    p["gained"][row, column] = probes.auc_difference_p_value(score[near], before[near], member[near])
                    p["lost"][row, column] = probes.auc_difference_p_value(before[near], score[near], member[near])
                    p["beyond-input"][row, column] = probes.auc_difference_p_value(score[near], raw[near], member[near])
        said = {test: probes.discoveries(q.ravel(), RATE).reshape(shape) for test, q in p.items()}
        tests = list(said) if base["step"] > 0 else ["found", "random-found"]
        level = np.floor(np.log2(latents.depth + 1)).astype(np.int64)
        rows: list[Row] = []
        for row, layer in enumerate(layers):
            columns = {f"auc-{kind}": values[row] for kind, values in area.items()}
            columns |= {test: said[test][row].astype(np.float64) for test in tests}
            for against, place, x in (("size", latents.scale, latents.size), ("depth", level, latents.depth)):
                for at in np.unique(place):
                    here = place == at
                    rows += [
                        measured(
                            base, quantity, float(values[here].mean()), layer=layer, against=against, place=int(at),
                            x=float(x[here].mean()), count=int(here.sum()),
                        )
                        for quantity, values in columns.items()
                    ]  # fmt: skip
            rows += [
                {
                    **base, "layer": layer, "latent": int(latents.node[c]), "size": int(latents.size[c]),
                    "depth_of_latent": int(latents.depth[c]), "scale": int(latents.scale[c]),
                    "members": int(inside[:, c].sum()), "auc_ridge": float(area["ridge"][row, c]),
                    "auc_logistic": float(area["logistic"][row, c]),
                    "auc_near": float(area["near"][row, c]), "p_value": float(p["found"][row, c]),
                    **{test.replace("-", "_"): bool(said[test][row, c]) for test in tests},
                }
                for c in range(count)
            ]  # fmt: skip
        return rows
