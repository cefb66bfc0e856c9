"""Dictionaries of every kind on points whose features are known, scored on points that they were not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fractalman._typing import F64, Bool
from fractalman.learners import Cost
from fractalman.learners.dictionaries import BASELINES, AutoencoderSettings, fit_autoencoders, fit_baseline
from fractalman.measure.recovery import Recovery, recovery
from fractalman.measure.recovery.absorption import COMPOSED
from fractalman.measure.recovery.scores import FOUND
from fractalman.studies.base import Row, Study, Task
from fractalman.studies.recovery.points import Studied, studied
from fractalman.studies.recovery.prediction import ROUNDING, Expected
from fractalman.studies.recovery.result import RecoveryResult
from fractalman.studies.recovery.spec import RecoveryStudySpec

PENALTY = {"relu": "l1", "jumprelu": "l0"}
SILENT = 0.5
"""An edge counts as absorbed where the parent's unit misses this share more of the points with the child."""


_PASSES = 12.0
"""Operations of a step of training, in units of width × coordinates × points: two products and their derivatives."""
_ITERATIONS = 100.0
"""Of a baseline, over all points."""
_COMPILED, _PER_STEP, _PER_MODEL = 2.0, 3e-4, 0.3
"""Seconds of compiling one dictionary, of a step, of the scores of a dictionary and its chance levels."""


class RecoveryStudy(Study[RecoveryStudySpec, RecoveryResult]):
    """Recovery by architecture, width and sparsity."""

    name: ClassVar[str] = "recovery"

    def read(self, source: str | Path | Mapping[str, Any]) -> RecoveryStudySpec:
        """Return the checked specification."""
        return RecoveryStudySpec.read(source)

    def run(self, spec: RecoveryStudySpec, task: Task, checkpoint: Path | None = None) -> list[Row]:  # noqa: ARG002
        """Return the rows of one dictionary at one width on one replicate, at all sparsities."""
        points = studied(spec, task.seed)
        rows: list[Row] = []
        for sparsity, model in models(spec, task, points):
            base = {"dictionary": task.part, "width": int(task.value), "sparsity": sparsity, "seed": task.seed}
            score = recovery(model, points.truth, seed=task.seed).of_sizes(points.size)
            rows += scores(base, score, points.expected)
            rows += scales(base, score, points.n_points)
            rows += edges(base, score, points.expected, PENALTY.get(task.part.removeprefix("tied-"), ""))
        return rows

    def costs(self, spec: RecoveryStudySpec, task: Task) -> list[Cost]:
        """Return what the dictionaries of one kind and width need, at all sparsities: training and scores."""
        used = spec.source.recipe.max_points
        shape, width = spec.source.shape(used), int(task.value)
        models = len(spec.sparsities(task.part))
        passing = models * float(width * shape.columns)
        if task.part in BASELINES:
            trained = Cost(2.0 * _ITERATIONS * passing * shape.points, 8.0 * shape.points * (shape.columns + width))
        else:
            operations = _PASSES * passing * spec.steps * spec.batch_size
            held = 16.0 * passing + 8.0 * models * spec.batch_size * width
            trained = Cost(operations, held, seconds=_PER_STEP * spec.steps, setup=_COMPILED)
        scored = Cost(4.0 * passing * spec.test_size, 8.0 * spec.test_size * width, seconds=_PER_MODEL * models)
        return [*spec.source.costs(used), trained, scored]

    def result(self, spec: RecoveryStudySpec, rows: list[Row], missing: int) -> RecoveryResult:
        """Return rows, means and claims."""
        return RecoveryResult(spec, rows, missing)


STUDY = RecoveryStudy()


def models(spec: RecoveryStudySpec, task: Task, points: Studied) -> list[tuple[float, Any]]:
    """Return what a task trains: (sparsity, model).

    Parameters
    ----------
    spec : RecoveryStudySpec
        The study.
    task : Task
        Dictionary, width, replicate.
    points : Studied
        The replicate's.
    """
    name, width, sparsities = task.part, int(task.value), spec.sparsities(task.part)
    if name in BASELINES:
        X = points.table(spec)
        return [(own, fit_baseline(name, X, width, sparsity=own or 0.1, seed=task.seed)) for own in sparsities]
    settings = AutoencoderSettings(
        architecture=name.removeprefix("tied-"), width=width, tied=name.startswith("tied-"), steps=spec.steps,
        batch_size=spec.batch_size,
    )  # fmt: skip
    found = fit_autoencoders(points.train, settings, sparsities, [task.seed], order=task.seed)
    return list(zip(sparsities, found, strict=True))


def _row(base: Row, quantity: str, number: float, scale: int | None = None, count: int | None = None) -> Row:
    value = float(number) if np.isfinite(number) else None
    return {**base, "quantity": quantity, "scale": scale, "number": value, "count": count}


def scores(base: Row, score: Recovery, expected: Expected) -> list[Row]:
    """Return the scores of one dictionary beside their chance levels, and its error beside the least possible one."""
    numbers = {
        "mcc": score.mcc, "f1": score.f1, "best-f1": score.best_f1, "absorption": score.absorption.mean,
        "uniqueness": score.uniqueness, "dead": score.dead, "duplicates": score.duplicates, "l0": score.l0,
        "error": 1.0 - score.explained, "found": score.found, "found-order": _found_order(score, expected.gain),
    }  # fmt: skip
    numbers |= {f"chance-{name.replace('_', '-')}": value for name, value in score.chance.items()}
    width = score.match.nearest_feature.size
    left = expected.left(width, max(1.0, score.l0))
    numbers |= {"error-faithful": left.faithful, "error-nested": left.nested}
    numbers |= {"error-selected": left.selected, "error-path": left.path, "error-wide": left.wide}
    numbers |= {"error-rank": left.rank, "found-wide": min(width, expected.gain.size)}
    numbers["split"] = score.splitting.share
    if score.label_loss is not None:
        numbers |= {"label-points": score.label_loss.points, "label-reconstructed": score.label_loss.reconstructed}
        numbers["label-kept"] = score.label_loss.kept
    return [_row(base, name, value) for name, value in numbers.items()]


def _found_order(score: Recovery, gain: F64) -> float:
    """Whether the features that are found are those whose units take most off the error, see `ordered`."""
    found = np.zeros(gain.size, np.bool_)
    found[score.match.feature] = score.match.cosine >= FOUND
    return ordered(gain, found)


def scales(base: Row, score: Recovery, n: int) -> list[Row]:
    """Return how the features of every scale are recovered: by halvings of the number of points, −log2(size / n)."""
    size = np.asarray(score.size, np.float64)
    scale = np.floor(-np.log2(size / n)).astype(np.int64)
    cosine, f1 = np.zeros(size.size), np.zeros(size.size)
    cosine[score.match.feature] = np.abs(score.match.cosine)
    f1[score.match.feature] = np.nan_to_num(score.firing.best_f1)
    present = np.bincount(score.match.feature, minlength=size.size) > 0
    rows: list[Row] = []
    for at in np.unique(scale).tolist():
        here = scale == at
        count = int(here.sum())
        for name, values in (("scale-cosine", cosine), ("scale-f1", f1), ("scale-matched", present.astype(float))):
            rows.append(_row(base, name, float(values[here].mean()), at, count))
    return rows


def ordered(predicted: F64, found: Bool) -> float:
    """Return the probability that, of an edge that was found and one that was not, the first has the larger number.

    Parameters
    ----------
    predicted : (edges,) float64
        Numbers.
    found : (edges,) bool
        Where there is something.

    Returns
    -------
    float
        1 = all as predicted, 1/2 = no relation; nan where all or none were found.
    """
    from scipy.stats import rankdata

    some = int(found.sum())
    if some in (0, found.size):
        return float("nan")
    above = rankdata(predicted)[found].sum() - some * (some + 1) / 2
    return float(above / (some * (found.size - some)))


def edges(base: Row, score: Recovery, expected: Expected, penalty: str) -> list[Row]:
    """Return absorption measured at edges that are predicted to merge and at the others; none without a penalty.

    By firing (absorbed) and by direction (composed): a parent that all its children absorb has no unit left that could
    fall silent. Order: whether edges at which merging gains more are those where it is found, see `ordered`.
    """
    signs = {"absorbed": (score.absorption.gap, SILENT), "composed": (score.absorption.composed, COMPOSED)}
    gains = expected.merge_gains(penalty, base["sparsity"]) if penalty else None
    merged = None if gains is None else gains > ROUNDING
    rows = []
    for name, (value, limit) in signs.items():
        known = np.isfinite(value)
        rows.append(_row(base, name, float((value[known] > limit).mean()) if known.any() else np.nan))
        if gains is not None and merged is not None:
            rows.append(_row(base, f"{name}-order", ordered(gains[known], value[known] > limit)))
            for place, chosen in (("where-predicted", merged & known), ("elsewhere", ~merged & known)):
                share = float((value[chosen] > limit).mean()) if chosen.any() else np.nan
                rows.append(_row(base, f"{name}-{place}", share, count=int(chosen.sum())))
    if merged is not None:
        rows.append(_row(base, "predicted-absorbed", float(merged.mean()) if merged.size else np.nan))
    return rows
