"""What comes out of a sweep: every point with its regime, the Bayes floor, one verdict per learner."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.experiments import references, regimes
from fractalman.experiments.display import ResultDisplay
from fractalman.experiments.engine import Progress
from fractalman.experiments.label_law import gaussian, label_law
from fractalman.experiments.learned_at import size_verdict
from fractalman.experiments.points import Point, Task
from fractalman.experiments.predicted import in_nats, predictions_of
from fractalman.experiments.specification import BAYES, Spec, string_settings
from fractalman.experiments.verdicts import Verdict, judge
from fractalman.families.base import family_of
from fractalman.families.laws import LearnedAt
from fractalman.learners import Learner, UserLearner, make

_MOST_COUNTED = 3
"""Tokens after which counts stand beside a learner whose cross-entropy has no curve, at most."""
_FLOOR_REASON = "no learner beats it in expectation over labels"


@dataclass(frozen=True)
class Floor(Display):
    """The Bayes floor: the least risk that any learner can have in expectation over labels.

    Parameters
    ----------
    n : (sizes,) int64
        Training-set sizes.
    risk : (sizes,) float64
        Mean over replicates, in units of the label's prior variance.
    standard_error : (sizes,) float64
        Over replicates; nan for one.
    value : (sizes,) float64
        Positions on the axis; the sizes themselves along the data axis.
    kind : str, default "Bayes floor: exact posterior variance on the label tree"
        What it is.
    """

    n: I64
    risk: F64
    standard_error: F64
    value: F64
    kind: str = "Bayes floor: exact posterior variance on the label tree"


@dataclass(frozen=True)
class Result(ResultDisplay):
    """A finished (or, from `load_result`, perhaps unfinished) sweep.

    Parameters
    ----------
    spec : Spec
        What was asked.
    points : tuple of Point
        Every point, by learner, condition and replicate; the Bayes floor's are of learner "bayes".
    verdicts : tuple of Verdict
        One per learner, in the order of the specification.
    predictions : dict
        Learner → Prediction, None where nothing is predicted.
    floor : Floor
        The Bayes floor over the sizes.
    summaries : dict
        Learner → one summary per size, with regime and evidence.
    conventions : dict
        Learner → how it treats inputs and labels.
    rule : str, default `fractalman.experiments.RULE`
        The rule by which regimes and windows were chosen.
    notes : dict, default empty
        Learner → why there is no prediction.
    doubling_checks : tuple of Point, default ()
        The points at which a setting was doubled; regimes rest on them, nothing else does.
    missing : int, default 0
        Tasks that are not finished.
    """

    spec: Spec
    points: tuple[Point, ...]
    verdicts: tuple[Verdict, ...]
    predictions: Mapping[str, Any]
    floor: Floor
    summaries: Mapping[str, Sequence[regimes.SizeSummary]]
    conventions: Mapping[str, str]
    rule: str = regimes.RULE
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    doubling_checks: tuple[Point, ...] = ()
    missing: int = 0

    def table(self) -> list[dict[str, Any]]:
        """Return all points, those of the doubling checks last.

        Returns
        -------
        list of dict
            Plain JSON values, one dict per point.
        """
        return [point.to_dict() for point in (*self.points, *self.doubling_checks)]


def conclude(spec: Spec, tasks: Sequence[Task], finished: Mapping[Task, Sequence[Point]], say: Progress) -> Result:
    """Give every point its regime, fit, predict, judge."""
    by_learner: dict[str, list[Point]] = {name: [] for name in (*spec.learners, BAYES)}
    missing = 0
    for task in tasks:
        by_learner[task.learner] += finished.get(task, ())
        missing += task not in finished
    # a floor below rounding has no number, and a mean over those that have one would be no floor
    unresolved = {point.value for point in by_learner[BAYES] if not math.isfinite(point.risk)}
    floor_points = sorted((point for point in by_learner[BAYES] if point.value not in unresolved), key=_order)
    own_floor = {(p.value, p.seed): p.risk for p in floor_points}
    floor = _floor(floor_points, _floor_kind(spec))
    mean_floor: dict[int | float, float] = dict(zip(floor.value.tolist(), floor.risk.tolist(), strict=True))
    points: list[Point] = []
    checks: list[Point] = []
    verdicts, summaries, conventions = [], {}, {}
    predictions, notes = predictions_of(spec, say)
    for name in spec.learners:
        say(f"holding {name} against what is predicted")
        learner = spec.make(name)
        conventions[name] = str(learner.conventions)
        if spec.axis.kind in ("model", "budget"):
            conventions[name] += f" ({spec.axis.key} is the axis: this is said of its first value, {spec.values[0]}.)"
        everything = [_against(p, own_floor) for p in sorted(by_learner[name], key=_order)]
        mine = [point for point in everything if not point.doubled]
        beside = [point for point in everything if point.doubled]
        summary = regimes.summarise(
            mine, spec.seeds, learner.capacity, spec.max_fraction,
            axis=spec.axis, checks=beside, floor=mean_floor, asked=spec.doubled_settings(name),
            answers=spec.answers(learner),
        )  # fmt: skip
        summaries[name] = summary
        words = ""
        if spec.axis.kind == "data" and (predictions[name] is None or not predictions[name].has_curve):
            words = _without_curve(spec, name, learner, mine, summary, predictions, say)
            notes[name] = "; ".join(part for part in (notes.get(name) or _no_curve(spec, name), words) if part)
        said = {entry.value: entry for entry in summary}
        mine = [dataclasses.replace(p, regime=said[p.value].regime, reason=said[p.value].reason) for p in mine]
        points += mine
        checks += [dataclasses.replace(p, regime="doubling check", reason=f"{p.doubled} doubled") for p in beside]
        verdicts.append(
            judge(
                name, mine, summary, predictions[name],
                seeds=spec.seeds, fit=spec.fit, note=notes.get(name, ""), axis=spec.axis,
                level_regimes=_level_regimes(learner), test_size=spec.test_size if learner.linear_smoother else None,
            )
        )  # fmt: skip
        steps = _sizes_due(spec, learner, [entry.seed for entry in mine])
        sizes = None if steps is None else size_verdict(mine, steps)
        if sizes is not None and verdicts[-1].agrees is None:  # no curve: a law's sizes are what can be held against
            verdicts[-1] = dataclasses.replace(
                verdicts[-1], agrees=sizes.agrees, sizes=sizes.reason, reason=f"{sizes.reason}; {words}"
            )
        law = label_law(mine, max(spec.label_draws, spec.network_draws), gaussian(spec.recipe))
        if law is not None and law.broken:  # nothing that is predicted is about such labels
            verdicts[-1] = dataclasses.replace(
                verdicts[-1], agrees=False, reason=f"{law.reason}; {verdicts[-1].reason}"
            )
        if words and spec.recipe.classifies and verdicts[-1].measured is None and not verdicts[-1].sizes:
            # what was measured is said whatever could not be
            verdicts[-1] = dataclasses.replace(verdicts[-1], reason=f"{verdicts[-1].reason}; {words}")
    points += [dataclasses.replace(p, regime="floor", reason=_FLOOR_REASON) for p in floor_points]
    return Result(
        spec=spec,
        points=tuple(points),
        verdicts=tuple(verdicts),
        predictions=predictions,
        floor=floor,
        summaries=summaries,
        conventions=conventions,
        notes=notes,
        doubling_checks=tuple(checks),
        missing=missing,
    )


def _no_curve(spec: Spec, name: str) -> str:
    """Return why nothing predicts a learner's curve on this recipe."""
    from fractalman.prediction.methods import no_curve

    return no_curve(name, spec.recipe, spec.loss)


def _without_curve(
    spec: Spec, name: str, learner: Learner, mine: Sequence[Point], summary: Sequence[regimes.SizeSummary],
    predictions: Mapping[str, Any], say: Progress,
) -> str:  # fmt: skip
    """Return what a learner without a predicted curve is held against in words: other learners' curves, the classes."""
    others = references.REFERENCES if name in spec.brought else references.REFERENCES[:1]
    found = references.ratios(mine, _reference_predictions(spec, predictions, others, say, learner))
    if in_nats(spec) and found:  # the best of those who count: beside the lowest curve the ratio is largest
        best = max(found, key=lambda key: found[key][:2])
        found = {best: found[best]}
    if not spec.recipe.classifies or (found and spec.recipe.redraws_labels):
        return references.words(found, summary[-1].efficiency if summary else None)
    words = references.class_words(mine, summary, spec.loss, spec.test_size)
    return "; ".join(part for part in (words, references.words(found) if words else "") if part)


def _reference_predictions(
    spec: Spec, predictions: Mapping[str, Any], names: Sequence[str], say: Progress, learner: Learner
) -> dict[str, Any]:
    """Return the predictions that stand beside a learner that has no curve.

    In nats these are counts after one token and more, where their curve is known exactly.
    """
    from fractalman.prediction import make_prediction

    found: dict[str, Any] = {}
    if in_nats(spec):
        layout = spec.recipe.string_layout
        if not layout or learner.counting is not None:
            return {}
        for context in range(1, _MOST_COUNTED + 1):
            counts = make("n-gram", {"context": context, **string_settings("n-gram", {}, spec.recipe)})
            made = make_prediction(spec.recipe, learner=counts, loss=spec.loss)
            if math.isinf(made.affordable):  # exact at every size
                found[f"n-gram (context = {context})"] = made
        return found
    for name in names:
        if predictions.get(name) is None:
            say(f"predicting {name}")
        found[name] = predictions.get(name) or make_prediction(spec.recipe, learner=name)
    return found


def _level_regimes(learner: Learner) -> tuple[str, ...]:
    """Return in which regimes a learner's risk is held against its own predicted curve.

    A linear smoother's curve is its own whatever limits it, as is that of a convex fit, a network's that of one trained
    to the end; a learner that somebody brought is held against the curve of the one that it is ``like``, as that one
    would be.
    """
    if isinstance(learner, UserLearner):
        from fractalman.prediction.subjects import subject

        try:
            name, own = subject(learner)
        except RecipeError:  # it is like nobody, or like one that its journal cannot make again
            return ()
        return _level_regimes(make(name) if own is None else own)
    if learner.linear_smoother or learner.convex or learner.counting is not None:
        return (regimes.DATA, regimes.MODEL)
    return () if learner.smoother() is None else (regimes.DATA,)


def _order(point: Point) -> tuple[Any, ...]:
    return (point.value, point.doubled, point.seed)


def _against(point: Point, floor: Mapping[tuple[Any, int], float]) -> Point:
    """Return the point with its risk over the Bayes floor of the same replicate under the same condition."""
    lowest = floor.get((point.value, point.seed))
    if not lowest or not math.isfinite(point.risk):
        return point
    return dataclasses.replace(point, efficiency=point.risk / lowest)


def _sizes_due(spec: Spec, learner: Learner, seeds: Sequence[int]) -> list[tuple[LearnedAt, ...]] | None:
    """Return the sizes at which a law says that a learner learns, replicate by replicate; None where none says so."""
    known = family_of(spec.recipe).laws.learned_at
    if known is None or spec.axis.kind != "data":
        return None
    return [known(spec.replicate_recipe(i), learner.own_properties, spec.loss) for i in sorted(set(seeds))]


def _floor(points: Sequence[Point], kind: str) -> Floor:
    conditions = sorted({(point.value, point.n) for point in points})
    risks = [np.array([point.risk for point in points if point.value == value]) for value, _ in conditions]
    errors = [r.std(ddof=1) / math.sqrt(r.size) if r.size > 1 else math.nan for r in risks]
    return Floor(
        n=np.array([n for _, n in conditions], dtype=np.int64),
        risk=np.array([r.mean() for r in risks], dtype=np.float64),
        standard_error=np.array(errors, dtype=np.float64),
        value=np.array([value for value, _ in conditions], dtype=np.float64),
        kind=kind,
    )


def _floor_kind(spec: Spec) -> str:
    if not spec.recipe.classifies:
        return Floor.kind if spec.recipe.has_hierarchy else "Bayes floor: exact posterior variance of the field"
    loss = f"{spec.loss} risk"
    if spec.recipe.redraws_labels:
        return f"Bayes floor: exact {loss} of who knows the training values"
    return f"Bayes floor: exact {loss} of who knows the rules"
