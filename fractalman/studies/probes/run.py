"""What of the hierarchy a network has found: linear probes from every layer to every latent of chosen sizes.

Source: docs/theory.md, "Locality of learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman.errors import FitError
from fractalman.learners import Cost
from fractalman.learners.own_networks import OUTPUT
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.costs import factored, network_costs
from fractalman.studies.means import measured
from fractalman.studies.networks import base_row, problem_of
from fractalman.studies.probes.own import OwnProbing, own_rows
from fractalman.studies.probes.result import ProbeResult
from fractalman.studies.probes.spec import Probing
from fractalman.studies.probes.view import Look, View

if TYPE_CHECKING:
    from fractalman.learners.networks.snapshots import Prepared, Snapshot


_ITERATIONS = 12.0
"""Newton's steps of a logistic probe; members and their controls have one each."""
_PER_PROBE = 2e-3
"""Seconds of a latent's scores at one layer."""


class ProbeStudy(Study[Probing, ProbeResult]):
    """Linear readouts of every layer for every latent of chosen sizes."""

    name: ClassVar[str] = "probe"

    def read(self, source: str | Path | Mapping[str, Any]) -> Probing:
        """Return the checked specification."""
        return Probing.read(source)

    def run(self, spec: Probing, task: Task, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002 (short)
        """Return the rows of one network."""
        if isinstance(spec, OwnProbing):
            return own_rows(spec, task)
        from fractalman.learners.networks.snapshots import prepare, snapshots

        learner = spec.network(**({"width": int(task.value)} if task.part == "width" else {}))
        settings = learner.settings
        n = int(task.value) if task.part == "n" else spec.train_sizes[-1]
        sample = spec.source.sample(task.seed, spec.train_sizes[-1], spec.test_size)
        made = prepare(learner, problem_of(sample, n, shuffled=task.part == "shuffled-labels"))
        view = View.of(spec, sample, made.scale.inputs(sample.X[sample.test]).astype(np.float32))
        rows: list[Row] = []
        try:
            for snapshot in snapshots(made, spec.steps):
                base = base_row(task, n, settings.width, settings.depth, snapshot.step)
                rows += view.rows(base, _look(view, made, snapshot))
        except FitError:  # said, and left out of the means
            rows.append(measured(base_row(task, n, settings.width, settings.depth, spec.steps[-1]), "diverged", 1.0))
        return rows

    def costs(self, spec: Probing, task: Task) -> list[Cost]:
        """Return what a network needs: its training, and at every look probes of all layers to all latents."""
        most, t = spec.train_sizes[-1], spec.test_size
        shape, found = spec.source.shape(most + t), spec.source.costs(most + t)
        latents, width, layers = len(spec.scales) * spec.latents, shape.columns, 1
        if not isinstance(spec, OwnProbing):
            learner = spec.network(**({"width": int(task.value)} if task.part == "width" else {}))
            n = int(task.value) if task.part == "n" else most
            found += network_costs(learner, n, shape, t, len(spec.steps))
            width, layers = learner.settings.width, 1 + learner.settings.depth
        looks = layers * max(1, len(spec.steps))
        probes = 2.0 * looks * latents
        logistic = Cost(probes * _ITERATIONS * t * width**2, 8.0 * t * width, seconds=probes * _PER_PROBE)
        return [*found, factored(min(width, t), t, times=looks), logistic]

    def result(self, spec: Probing, rows: list[Row], missing: int) -> ProbeResult:
        """Return rows, means, latents and claims."""
        return ProbeResult(spec, rows, missing)


STUDY = ProbeStudy()


def _look(view: View, made: Prepared, snapshot: Snapshot) -> Look:
    """Return what the probes need of a network at one step of its training."""
    held = made.opened(snapshot.weights).activations(view.inputs)
    return Look(
        spaces=held,
        predicted=held[OUTPUT] * made.scale.label_scale + made.scale.label_centre,
        numbers={
            "steps-taken": float(snapshot.taken),
            "train-risk": snapshot.train_risk * made.scale.label_scale**2,
        },
    )
