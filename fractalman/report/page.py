"""One self-contained HTML page for one or several runs: what templates/report.html asks for, as text and figures."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._typing import F64
from fractalman.conventions import CROSS_ENTROPY
from fractalman.errors import FractalmanError
from fractalman.experiments import regimes, verdicts
from fractalman.experiments.display import has_curve_along
from fractalman.experiments.specification import has_floor
from fractalman.report import figures
from fractalman.report.html import image, render
from fractalman.report.matrix import matrix_table
from fractalman.report.tables import (
    level_words,
    local_words,
    measured_words,
    number,
    recipe_words,
    verdict_kind,
    verdict_sentence,
    verdict_words,
    window_words,
)

if TYPE_CHECKING:
    from markupsafe import Markup

    from fractalman.datasets.memory import Dataset
    from fractalman.experiments import Point, Result, Verdict


# ---------------------------------------------------------------------------------------------------- curves


def learner_points(result: Result, learner: str) -> list[Point]:
    """Return one learner's points."""
    return [point for point in result.points if point.learner == learner]


def curve_of(result: Result, verdict: Verdict) -> figures.LearnerCurve:
    """Return what is drawn of one learner; sizes are fitted when no sentence of the verdict leaves them out."""
    points = learner_points(result, verdict.learner)
    place = positions(result, verdict.learner)
    prediction, predicted = result.predictions.get(verdict.learner), None
    if prediction is not None and has_curve_along(prediction, result.spec.axis.name):
        with contextlib.suppress(FractalmanError):  # sizes that a drawn structure, or the method, cannot bear
            curve = prediction.curve(np.array(result.spec.values, dtype=np.int64))
            predicted = (curve.n.astype(np.float64), curve.risk, curve.standard_error)
    return figures.LearnerCurve(
        name=verdict.learner,
        n=np.array([place[point.value] for point in points if point.value is not None]),
        risk=np.array([point.risk for point in points]),
        train_risk=np.array([point.train_risk for point in points]),
        fitted=frozenset(place[value] for value in verdict.fitted),
        exponent=verdict.measured,
        predicted=predicted,
    )


def positions(result: Result, learner: str) -> dict[int | float, int | float]:
    """Return position on the axis → abscissa: the number of parameters along the model's size, else the position."""
    found: dict[int | float, int | float] = {value: value for value in result.spec.values}
    if result.spec.axis.abscissa == "P":
        found |= {e.value: e.parameters for e in result.summaries[learner] if e.value is not None and e.parameters}
    return found


def abscissa_label(result: Result) -> str:
    """Return what is drawn along the abscissa."""
    axis = result.spec.axis
    names = {"n": figures.SIZE_LABEL, "P": f"number of parameters P (along {axis.name})", "steps": "training steps"}
    return names.get(axis.abscissa, axis.key)


def floor_curve(result: Result) -> tuple[F64, F64] | None:
    """Return (positions, Bayes risk) as drawn; along the model's size at the first learner's parameters.

    A floor of 0, of classes that their points decide, has no place on a logarithmic axis.
    """
    if not (result.floor.n.size and (result.floor.risk > 0.0).all()):
        return None
    place = positions(result, result.spec.learners[0])
    return np.array([place[v] for v in result.floor.value.tolist()], np.float64), result.floor.risk


def _curve_figures(result: Result) -> tuple[Markup | None, Markup | None]:
    """The learning curves, and training risks over test risks."""
    curves = [curve_of(result, v) for v in result.verdicts if learner_points(result, v.learner)]
    drawable = [curve for curve in curves if np.any(np.isfinite(curve.risk) & (curve.risk > 0))]
    if not drawable:
        return None, None
    label, symbol = abscissa_label(result), result.spec.axis.abscissa or "x"
    risks = risk_words(result)
    ordinate = {} if risks == SQUARED_ERROR else {"ordinate": risks}
    wide, narrow = (
        figures.learning_curves(drawable, floor_curve(result), label, symbol, narrow=phone, **ordinate)
        for phone in (False, True)
    )
    drawn = image(
        wide,
        "svg+xml",
        "log-log learning curves",
        f"{risks[0].upper()}{risks[1:]} on {result.spec.test_size:,} unseen points "
        f"against the {label}. Thick lines are fits over "
        "the filled markers only; dotted lines were computed without training anything.",
        narrow=narrow,
    )
    shares = figures.training_shares(drawable, regimes.TRAIN_SHARE, label)
    if shares is None:
        return drawn, None
    return drawn, image(
        shares,
        "svg+xml",
        "training risk over test risk",
        f"Where a network stops being data-limited: above the dashed line ({regimes.TRAIN_SHARE:g}) it no longer fits "
        "its training set well enough for the data alone to limit it. Triangles at the lower edge: smaller still.",
    )


SQUARED_ERROR = "mean squared error"


def risk_words(result: Result) -> str:
    """Return what the risks of a sweep are."""
    if not result.spec.recipe.classifies:
        return SQUARED_ERROR
    return "cross-entropy in nats" if result.spec.loss == CROSS_ENTROPY else "share of wrong classes"


def class_note(result: Result, v_in: str) -> str:
    """Return in words what risks and floor of classes are, and what the best constant scores."""
    constant = f"the best constant scores V_in = {v_in} (mean over replicates and label draws)"
    if result.spec.loss == CROSS_ENTROPY:
        risks = f"Risks are means of −ln(probability of the class), in nats; {constant}, the entropy of the shares."
    else:
        risks = f"Risks are shares of wrong classes; {constant}, what the most frequent class leaves."
    if result.spec.recipe.redraws_labels:
        floor = "The floor is that of who knows the training values; whoever sees classes only need not reach it."
    elif result.floor.n.size:
        floor = "The floor is that of who knows the rules, and does not depend on n."
    else:
        floor = ""
    return f"{risks} {floor}".strip()


def _fractal(data: Dataset) -> Markup:
    edges = " Lines are the cluster’s edges." if data.edges is not None else ""
    colours = ""
    if data.hierarchy is not None:
        colours = " Colours are the coarse subclusters of the hidden hierarchy, grey the smallest."
    caption = (
        f"{data.n_points:,} points of this law, a draw of its own and none of the replicates, in {data.X.shape[1]} "
        f"dimensions, seen in the plane in which they spread most.{colours}{edges}"
    )
    return image(figures.fractal_picture(data), "png", "the fractal in its principal plane", caption)


# ---------------------------------------------------------------------------------------------------- tables


def _verdict(result: Result, verdict: Verdict) -> dict[str, Any]:
    """One row of the table of verdicts, and the sentence of the first screen."""
    note = result.notes.get(verdict.learner)
    places = "sizes" if result.spec.axis.kind == "data" else "places"
    return {
        "learner": verdict.learner,
        "kind": verdict_kind(verdict),
        "words": verdict_words(verdict),
        "sentence": verdict_sentence(verdict),
        "measured": measured_words(verdict),
        "here": local_words(verdict),
        "asymptote": number(verdict.predicted) + (" with ln n" if verdict.logarithmic else ""),
        "law": verdict.law.split(":")[0] if verdict.law else "",
        "level": "—" if verdict.level is None else level_words(verdict.level),
        "window": window_words(verdict),
        "counts": f"{verdict.n_sizes} {places}, {verdict.n_seeds} seeds",
        "remarks": [verdict.reason, *([note] if note else []), *verdict.warnings, *_held_out(verdict)],
    }


def _held_out(verdict: Verdict) -> list[str]:
    """Which laws the larger sizes tell apart; nothing where a warning says it already, or nothing was held out."""
    said = (verdict.held_out or {}).get("sentence", "")
    behind = (verdict.held_out or {}).get("laws", {}).get("power", {}).get("behind")
    return [said] if said and not behind else []


def _verdict_header(result: Result) -> tuple[str, ...]:
    axis = result.spec.axis
    if axis.kind == "data":
        return ("learner", "measured exponent", "predicted at these sizes", "predicted as n → ∞", "level",
                "sizes fitted", "verdict")  # fmt: skip
    best = "predicted, P cells placed at best" if axis.abscissa == "P" else "predicted"
    return ("learner", "measured exponent", "predicted at these places", best, "level", "abscissa fitted", "verdict")


def meaning(symbol: str) -> str:
    """Return what an abscissa other than n is, in a clause."""
    return {"P": ", P the number of fitted parameters of all outputs", "steps": ", steps those of the training"}.get(
        symbol, ""
    )


def _risks(result: Result, v_in: float | None) -> list[dict[str, Any]]:
    """Mean risks by learner and size with what limits them; None where nothing was run."""
    rows = []
    for verdict in result.verdicts:
        by_value = {entry.value: entry for entry in result.summaries.get(verdict.learner, ())}
        cells: list[dict[str, Any] | None] = []
        for value in result.spec.values:
            entry = by_value.get(value)
            if entry is None:
                cells.append(None)
                continue
            more = [] if entry.efficiency is None else [f"{number(entry.efficiency, 2)} × the Bayes floor"]
            if result.spec.axis.abscissa == "P" and entry.parameters:
                more.append(f"P = {entry.parameters:,}")
            more += [f"{key} ×2: {-gain:+.0%}" for key, gain in entry.gains.items()]
            cells.append(
                {
                    "used": value in verdict.fitted,
                    "risk": number(entry.risk, 4),
                    "regime": entry.regime,
                    "share": number(entry.risk / v_in) if v_in else "",
                    "more": more,
                }
            )
        rows.append({"learner": verdict.learner, "cells": cells})
    return rows


def mean_v_in(result: Result) -> float | None:
    """Return V_in averaged over the replicates, in prior units."""
    by_replicate = {point.seed: point.v_in for point in result.points if math.isfinite(point.v_in)}
    return float(np.mean(list(by_replicate.values()))) if by_replicate else None


def _floor(result: Result) -> list[str]:
    floor = dict(zip(result.floor.value.tolist(), result.floor.risk.tolist(), strict=True))
    return [number(floor.get(value), 4) for value in result.spec.values] if has_floor(result.spec.recipe) else []


# ---------------------------------------------------------------------------------------------------- words


def asked_words(result: Result) -> str:
    """Return in one sentence what was run."""
    spec = result.spec
    network = f" (a network learns {spec.network_draws})" if "mlp" in spec.learners else ""
    draws = f", {spec.label_draws} label draws each{network}"
    draws = draws if max(spec.label_draws, spec.network_draws) > 1 else ""
    first, last = spec.train_sizes[0], spec.train_sizes[-1]
    places = f"{len(spec.train_sizes)} training-set sizes from {first:,} to {last:,}"
    if spec.axis.kind != "data":
        trained = f"{first:,}" if first == last else f"{first:,} to {last:,}"
        places = (
            f"{len(spec.values)} values of {spec.axis.name} from {spec.values[0]:g} to {spec.values[-1]:g} at "
            f"{trained} training points"
        )
    doubled = ", every place with its settings doubled as well" if spec.doubling_checks else ""
    own = "geometry, embedding, labels, split" if spec.recipe.table_name == "recipe" else "split of the points"
    return (
        f"{len(spec.learners)} learner{'s' * (len(spec.learners) != 1)}, {places}{doubled}, "
        f"{spec.seeds} replicates{draws}. Every replicate has its own {own} and initialisation; its training sets nest "
        f"and share {spec.test_size:,} test points."
    )


def _conventions(result: Result) -> list[tuple[str, str]]:
    return [(name, text.removeprefix(f"{name}: ")) for name, text in result.conventions.items()]


def _laws(result: Result) -> list[tuple[str, str]]:
    laws = []
    for name, prediction in result.predictions.items():
        if prediction is not None:
            laws.append(
                (
                    name,
                    f"{prediction.law}. Source: {prediction.source}. How far it was checked: "
                    f"{prediction.evidence.removeprefix('checked: ')}. Assumes: {'; '.join(prediction.assumptions)}.",
                )
            )
        elif name in result.notes:
            laws.append((name, result.notes[name]))
    return laws


def _specification(result: Result) -> str:
    lines = [result.spec.recipe.to_toml().rstrip()]
    for table, values in result.spec.to_dict().items():
        if table != result.spec.recipe.table_name and values:
            lines += [f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, (list, tuple)) else str(value)


def summary_words(results: Sequence[Result]) -> str:
    """Return how many verdicts there are of each kind, in a sentence."""
    verdicts = [verdict for result in results for verdict in result.verdicts]
    agree = sum(verdict.agrees is True for verdict in verdicts)
    differ = sum(verdict.agrees is False for verdict in verdicts)
    rest = len(verdicts) - agree - differ
    text = f"Of {len(verdicts)} comparisons {agree} agree{'s' * (agree == 1)} and {differ} differ{'s' * (differ == 1)}"
    return text + (f"; {rest} could not be decided." if rest else ".")


# ---------------------------------------------------------------------------------------------------- the page


def _run(name: str, result: Result, picture: Dataset | None) -> dict[str, Any]:
    """What the template asks for of one run."""
    spec, v_in, symbol = result.spec, mean_v_in(result), result.spec.axis.abscissa or "n"
    curves, shares = _curve_figures(result)
    return {
        "name": name,
        "recipe": recipe_words(spec.recipe),
        "asked": asked_words(result),
        "verdicts": [_verdict(result, verdict) for verdict in result.verdicts],
        "verdict_header": _verdict_header(result),
        "symbol": symbol,
        "meaning": meaning(symbol),
        "resolution": f"{verdicts.RESOLUTION:g}",
        "curves": curves,
        "shares": shares,
        "fractal": None if picture is None else _fractal(picture),
        "v_in": None if v_in is None else number(v_in),
        "classes": class_note(result, number(v_in)) if spec.recipe.classifies and v_in is not None else "",
        "places": [f"{spec.axis.name} = {_thousands(value)}" for value in spec.values],
        "risks": _risks(result, v_in),
        "floor": _floor(result),
        "excluded": [(verdict.learner, text) for verdict in result.verdicts for text in verdict.excluded],
        "rule": result.rule,
        "conventions": _conventions(result),
        "laws": _laws(result),
        "specification": _specification(result),
    }


def _thousands(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def page(
    title: str, runs: Mapping[str, Result], pictures: Mapping[str, Dataset | None], versions: Mapping[str, str]
) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Of the page.
    runs : mapping
        Heading → result.
    pictures : mapping
        Heading → dataset to draw; a run without one has no picture.
    versions : mapping
        Package → version.
    """
    tables = [_run(name, result, pictures.get(name)) for name, result in runs.items()]
    shared: list[tuple[str, str]] = []
    if len(tables) > 1 and all(table["conventions"] == tables[0]["conventions"] for table in tables):
        shared = tables[0]["conventions"]
        tables = [table | {"conventions": []} for table in tables]
    return render(
        "report.html",
        title=title,
        summary=summary_words(list(runs.values())),
        runs=tables,
        matrix=matrix_table(runs) if len(runs) > 1 else None,
        given=all(result.spec.recipe.table_name != "recipe" for result in runs.values()),
        conventions=shared,
        versions=versions,
    )
