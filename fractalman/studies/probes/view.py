"""What networks of one replicate are probed for, and what can be read off their layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fractalman._typing import F32, F64
from fractalman.errors import RecipeError
from fractalman.studies.base import Row
from fractalman.studies.means import measured
from fractalman.studies.probes import linear_probes
from fractalman.studies.probes.latents import LEAST, Latents, choose_latents, targets_of
from fractalman.studies.probes.linear_probes import Basis, auc_difference_p_value
from fractalman.studies.probes.spec import Probing
from fractalman.studies.sources import Sample

KINDS = ("ridge", "logistic")
RATE = 0.05
"""Of false discoveries, among the latents that a network is said to have found."""


@dataclass(frozen=True)
class Look:
    """A network at one step of its training, at the unseen points.

    Args:
        spaces: layer → (p, units), without the input. predicted: (p, m), None where nobody knows. numbers: quantity →
            number.
    """

    spaces: Mapping[str, F64 | F32]
    predicted: F64 | None
    numbers: Mapping[str, float]


@dataclass
class View:
    """What networks of one replicate are probed for.

    Args:
        sample: the replicate. fitted: how many of the probed points fit the probes. inputs: (p, d) scaled inputs.
        latents: probed. targets: scale → quantity → (p, k) what ridge probes are to read off, see `targets_of`.
        before: layer → logistic scores of the first network looked at, once it has been probed.
    """

    sample: Sample
    fitted: int
    inputs: F64 | F32
    latents: Latents
    targets: dict[int, dict[str, F64]]
    before: dict[str, F64] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Probing, sample: Sample, inputs: F64 | F32) -> View:
        """Return the view of one replicate, whose unseen points have the inputs (p, d)."""
        points, h = sample.test, sample.hierarchy
        fitted = points.size // 2
        latents = choose_latents(h, points, fitted, study.scales, study.latents, sample.key)
        if not latents.node.size:
            raise RecipeError(
                f"probe.scales = {list(study.scales)}: no subcluster of these sizes holds {2 * LEAST} of the "
                f"{points.size} unseen points; use a larger test_size or larger scales"
            )
        return cls(sample, fitted, inputs, latents, targets_of(sample, study.scales))

    def rows(self, base: Row, look: Look) -> list[Row]:
        """Return what can be read off the network at one step; the first step is what later ones are compared with."""
        rows = [measured(base, name, number) for name, number in look.numbers.items()]
        if look.predicted is not None:
            error = float(np.mean(np.square(look.predicted - self.sample.y[self.sample.test])))
            rows.append(measured(base, "test-risk", error))
        first = not self.before
        spaces = {"input": self.inputs, **look.spaces} if first else look.spaces
        scores: dict[str, dict[str, F64]] = {}
        controls: dict[str, F64] = {}
        for layer, space in spaces.items():
            made_of = linear_probes.basis(space[: self.fitted], space[self.fitted :])
            member, random = self.latents.member[: self.fitted], self.latents.random[: self.fitted]
            scores[layer] = {
                "ridge": linear_probes.ridge_scores(made_of, member.astype(np.float64)),
                "logistic": linear_probes.logistic_scores(made_of, member),
            }
            controls[layer] = linear_probes.logistic_scores(made_of, random)
            rows += self._values(base, layer, made_of)
        if first:
            self.before = {layer: made_by["logistic"] for layer, made_by in scores.items()}
        return rows + self._members(base, scores, controls, first)

    def _values(self, base: Row, layer: str, made_of: Basis) -> list[Row]:
        rows = []
        for scale, targets in self.targets.items():
            for quantity, target in targets.items():
                fit, score = target[: self.fitted], target[self.fitted :]
                found = linear_probes.r_squared(linear_probes.ridge_scores(made_of, fit), score, fit.mean(axis=0))
                rows.append(measured(base, quantity, found, layer=layer, against="size", place=scale, x=scale))
        return rows

    def _members(
        self, base: Row, scores: dict[str, dict[str, F64]], controls: dict[str, F64], first: bool
    ) -> list[Row]:
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
                area["ridge"][row, column] = linear_probes.auc(scores[layer]["ridge"][:, column], member)
                area["logistic"][row, column] = linear_probes.auc(score, member)
                area["random"][row, column] = linear_probes.auc(control, chance)
                near = around[:, column]
                area["near"][row, column] = linear_probes.auc(score[near], member[near])
                p["found"][row, column] = linear_probes.auc_p_value(score, member)
                p["random-found"][row, column] = linear_probes.auc_p_value(control, chance)
                if not first:
                    before, raw = self.before[layer][:, column], self.before["input"][:, column]
                    p["gained"][row, column] = auc_difference_p_value(score[near], before[near], member[near])
                    p["lost"][row, column] = auc_difference_p_value(before[near], score[near], member[near])
                    p["beyond-input"][row, column] = auc_difference_p_value(score[near], raw[near], member[near])
        said = {test: linear_probes.discoveries(q.ravel(), RATE).reshape(shape) for test, q in p.items()}
        tests = list(said) if not first else ["found", "random-found"]
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
