"""How local learning is: what one gradient step at a point does to predictions elsewhere, before, during and after
training; and whether the linear regions of ReLU networks are the hierarchy's subclusters.

Source: docs/theory.md, "Locality of learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FitError
from fractalman.learners import Cost
from fractalman.learners.own_networks import OUTPUT
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.costs import network_costs
from fractalman.studies.locality.own import OwnLocality, own_rows
from fractalman.studies.locality.result import LocalityResult
from fractalman.studies.locality.spec import Locality
from fractalman.studies.locality.view import Look, View, look_at
from fractalman.studies.means import measured
from fractalman.studies.networks import base_row, problem_of

if TYPE_CHECKING:
    from fractalman.learners.networks.snapshots import Prepared, Snapshot

STEP_SOURCES, STEP_TARGETS = 8, 128
_PASSES = 6.0
"""Derivatives of one output by all parameters, in units of an answer."""
_PER_PAIR = 4e-6
"""Seconds of a pair of points in all profiles of one layer."""
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
        if isinstance(spec, OwnLocality):
            return own_rows(spec, task)
        from fractalman.learners.networks.snapshots import prepare, snapshots

        changes = {task.part: int(task.value)} if task.part in ("width", "depth") else {}
        learner = spec.network(**changes)
        settings = learner.settings
        linear = task.part == "linear"
        sample = spec.source.sample(task.seed, spec.train_size, spec.test_size)
        problem = problem_of(sample, spec.train_size, shuffled=task.part == "shuffled-labels")
        made = prepare(learner, problem, linear)
        view = View.of(spec, sample, made.scale.inputs(sample.X))
        rows: list[Row] = []
        width, depth = (0, 0) if linear else (settings.width, settings.depth)
        try:
            for snapshot in snapshots(made, spec.steps):
                base = base_row(task, spec.train_size, width, depth, snapshot.step)
                rows += view.rows(base, _look(view, made, snapshot))
        except FitError:  # said, and left out of the means
            rows.append(measured(base_row(task, spec.train_size, width, depth, spec.steps[-1]), "diverged", 1.0))
        return rows

    def costs(self, spec: Locality, task: Task) -> list[Cost]:
        """Return what a network needs: its training, and at every look the derivatives at sources and targets."""
        n, t = spec.train_size, spec.test_size
        shape, drawn = spec.source.shape(n + t), spec.source.costs(n + t)
        sources, pairs = min(spec.sources, n), spec.pairs * (1 + len(spec.scales))
        if isinstance(spec, OwnLocality):
            return [*drawn, Cost(0.0, 8.0 * sources * t, seconds=_PER_PAIR * pairs)]
        learner = spec.network(**({task.part: int(task.value)} if task.part in ("width", "depth") else {}))
        looks, layers = len(spec.steps), 1 + learner.settings.depth
        passing = _PASSES * learner.operations(shape.columns, shape.outputs) * shape.outputs * (sources + t)
        kernel = 2.0 * sources * t * learner.parameters(shape.columns, shape.outputs)
        seen = Cost(looks * (passing + kernel), 8.0 * layers * sources * t, seconds=looks * layers * _PER_PAIR * pairs)
        return [*drawn, *network_costs(learner, n, shape, t, looks), seen]

    def result(self, spec: Locality, rows: list[Row], missing: int) -> LocalityResult:
        """Return rows, means and claims."""
        return LocalityResult(spec, rows, missing)


STUDY = LocalityStudy()


def _look(view: View, made: Prepared, snapshot: Snapshot) -> Look:
    """Return what the measurements need of a network at one step of its training."""
    X, network = made.scale.inputs(view.sample.X), made.opened(snapshot.weights)
    at, to = (network.activations(X[points]) for points in (view.sources, view.sample.test))
    return look_at(
        view, network, X, (at, to), network.layers if made.network.rectified else (),
        predicted=to[OUTPUT] * made.scale.label_scale + made.scale.label_centre,
        numbers={
            "steps-taken": float(snapshot.taken),
            "train-risk": snapshot.train_risk * made.scale.label_scale**2,
        },
        step_errors=_step_errors(view, made, snapshot, at[OUTPUT], network.own(X[view.sources[:STEP_SOURCES]])),
    )  # fmt: skip


def _step_errors(view: View, made: Prepared, snapshot: Snapshot, outputs: F64, own: F64) -> dict[float, float]:
    """Return how far small steps in fact are from the first order, on a residual of 1 in every output."""
    from fractalman.learners.networks.tangents import steps_at

    X = made.scale.inputs(view.sample.X)
    sources, targets = view.sources[:STEP_SOURCES], view.sample.test[:STEP_TARGETS]
    errors = np.zeros((len(sources), len(RELATIVE_STEPS)))
    for i, source in enumerate(sources):
        size = np.array(RELATIVE_STEPS) / own[:, i].sum()
        slope, change = steps_at(
            made.network, snapshot.weights, made.factors, made.rates, X[source].astype(np.float32), outputs[i] - 1.0,
            X[targets].astype(np.float32), size,
        )  # fmt: skip
        first = size[:, None, None] * slope
        errors[i] = np.sqrt(np.square(change - first).mean(axis=(1, 2)) / np.square(first).mean(axis=(1, 2)))
    return {size: float(errors[:, k].mean()) for k, size in enumerate(RELATIVE_STEPS)}
