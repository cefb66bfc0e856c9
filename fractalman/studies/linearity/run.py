"""The tasks of a study of linearity: a network is trained, or given, and held against regressions at every scale.

Source: docs/theory.md §5 and "Granularity".
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FitError, FractalmanError
from fractalman.learners import Cost
from fractalman.learners.own_networks import INPUT, OUTPUT
from fractalman.measure.dimension import dimension
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.granularity.local_ridge import scaled
from fractalman.studies.granularity.parts import compact, within_square
from fractalman.studies.linearity.closeness import closeness_rows
from fractalman.studies.linearity.costs import costs
from fractalman.studies.linearity.fragments import fragment_rows
from fractalman.studies.linearity.own import OwnLinearity, own_looks
from fractalman.studies.linearity.result import LinearityResult
from fractalman.studies.linearity.spec import Linearity
from fractalman.studies.networks import problem_of
from fractalman.studies.sources import Sample
from fractalman.studies.trained_source import TrainedSource

LAST = 0
"""The step of a look at a network of which no course is kept."""


class Look(NamedTuple):
    """A network at one step: layer → (n, units) at all points, and its function (n, m) in units of the labels."""

    step: int
    layers: Mapping[str, F64]
    f: F64 | None


class LinearityStudy(Study[Linearity, LinearityResult]):
    """Linear regressions at every scale, in every layer, and the network's function beside them."""

    name: ClassVar[str] = "linearity"

    def read(self, source: str | Path | Mapping[str, Any]) -> Linearity:
        """Return the checked specification."""
        return Linearity.read(source)

    def run(self, spec: Linearity, task: Task, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002 (short)
        """Return the rows of one replicate."""
        sample = spec.source.sample(task.seed, spec.train_size, spec.test_size)
        base: Row = {"replicate": task.seed}
        rows: list[Row] = []
        try:
            for look in _looks(spec, task, sample):
                rows += look_rows(spec, sample, look, {**base, "step": look.step})
        except FitError:  # said, and left out
            rows.append({**base, "row": "diverged", "step": spec.steps[-1] if spec.steps else LAST})
        return rows

    def costs(self, spec: Linearity, task: Task) -> list[Cost]:  # noqa: ARG002 (replicates are alike)
        """Return what a replicate needs."""
        return costs(spec)

    def result(self, spec: Linearity, rows: list[Row], missing: int) -> LinearityResult:
        """Return rows and claims."""
        return LinearityResult(spec, rows, missing)


STUDY = LinearityStudy()


def look_rows(spec: Linearity, sample: Sample, look: Look, base: Row) -> list[Row]:
    """Return what is measured of a network at one step."""
    spaces = {**(sample.layers or {INPUT: sample.X.astype(np.float64)}), **look.layers}
    rows: list[Row] = []
    if look.f is not None:
        rows += _parts(spec, sample, look.f, base)
        for name, X in spaces.items():
            space = scaled(X, sample.train)
            rows += closeness_rows(sample, space, look.f, spec.scales, {**base, "space": name})
    if look.step == (spec.steps[-1] if spec.steps else LAST):
        rows += dimension_rows(spaces, base)
        targets = {"label": sample.y} | ({} if look.f is None else {"network": look.f})
        for scale in spec.scales:
            rows += fragment_rows(sample, spaces, targets, scale, spec.fragments, spec.splits, base)
    return rows


def dimension_rows(spaces: Mapping[str, F64], base: Row) -> list[Row]:
    """Return the points' intrinsic dimension in every space, with its standard error; None where there is none."""
    rows: list[Row] = []
    for space, X in spaces.items():
        value = error = None
        with contextlib.suppress(FractalmanError), warnings.catch_warnings():  # too few different points, say
            warnings.simplefilter("ignore")
            found = dimension(X)
            value, error = float(found.value), float(found.standard_error)
        rows.append(
            {**base, "row": "dimension", "space": space, "dimension": value, "error": error, "units": X.shape[1]}
        )
    return rows


def _parts(spec: Linearity, sample: Sample, f: F64, base: Row) -> list[Row]:
    """Return the network's risk and the variance of its function, and the parts of both within the cuts' fragments."""
    at = f[sample.test]
    errors = sample.y[sample.test] - at
    rows = []
    for scale in (*spec.scales, len(sample.X)):
        whole = scale == len(sample.X)
        part = np.zeros(at.shape[0], np.int64) if whole else compact(sample.hierarchy.cut(scale).fragment[sample.test])
        rows.append(
            {
                **base, "row": "network", "scale": scale, "risk": float(np.square(errors).mean(axis=0).sum()),
                "risk_within": float(within_square(errors, part).sum()), "variance": float(at.var(axis=0).sum()),
                "variance_within": float(within_square(at, part).sum()),
            }
        )  # fmt: skip
    return rows


def _looks(spec: Linearity, task: Task, sample: Sample) -> Iterator[Look]:
    if isinstance(spec, OwnLinearity):
        for step, layers, f in own_looks(spec, task):
            yield Look(step, layers, f)
        return
    if isinstance(spec.source, TrainedSource):  # the network is the one whose layers the points are
        yield Look(LAST, {}, None)
        return
    from fractalman.learners.networks.snapshots import prepare, snapshots

    made = prepare(spec.network(), problem_of(sample, spec.train_size))
    X = made.scale.inputs(sample.X)
    for snapshot in snapshots(made, spec.steps):
        layers = made.opened(snapshot.weights).activations(X)
        f = layers.pop(OUTPUT) * made.scale.label_scale + made.scale.label_centre
        yield Look(snapshot.step, layers, f)
