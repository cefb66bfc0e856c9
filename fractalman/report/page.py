"""One self-contained HTML page for one or several runs: no network, no script, figures inside."""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from fractalman._typing import F64
from fractalman.errors import FractalmanError
from fractalman.experiments import regimes, verdicts
from fractalman.report import figures
from fractalman.report.matrix import matrix_table
from fractalman.report.tables import (
    local_words,
    measured_words,
    number,
    recipe_words,
    verdict_words,
    window_words,
)

if TYPE_CHECKING:
    from fractalman.datasets.memory import Dataset
    from fractalman.experiments import Point, Result, Verdict

FLOOR = "bayes"

_STYLE = """
:root { --ink:#1f2430; --muted:#5b6472; --line:#e2e5ea; --soft:#f6f7f9; --yes:#0b7a4b; --no:#b3261e; --open:#7a5a00; }
* { box-sizing:border-box } html { -webkit-text-size-adjust:100% }
body { margin:0; color:var(--ink); background:#fff; font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif }
main { max-width:1040px; margin:0 auto; padding:2.2rem 1.4rem 4rem }
h1 { font-size:1.9rem; line-height:1.2; margin:0 0 .4rem } h2 { font-size:1.4rem; margin:3.2rem 0 .3rem;
padding-top:1.2rem; border-top:2px solid var(--ink) } h3 { font-size:1.05rem; margin:2rem 0 .4rem }
p { max-width:46rem; margin:.5rem 0 } .lead { font-size:1.08rem } .muted,figcaption,.note { color:var(--muted) }
.note,figcaption { font-size:.88rem } figure { margin:1.2rem 0 } figcaption { max-width:46rem; margin-top:.3rem }
img { max-width:100%; height:auto; display:block } .scroll { overflow-x:auto }
table { border-collapse:collapse; font-size:.92rem; margin:.6rem 0; font-variant-numeric:tabular-nums }
th { text-align:left; font-weight:600; color:var(--muted); font-size:.82rem; vertical-align:bottom }
th,td { padding:.42rem .9rem .42rem 0; border-bottom:1px solid var(--line); vertical-align:top }
td.n,th.n { text-align:right } td.w { white-space:nowrap } td.v { min-width:15rem }
td small { color:var(--muted); display:block; font-size:.8rem }
.tag { display:inline-block; padding:.05rem .55rem; border-radius:1rem; font-size:.85rem; font-weight:600 }
.yes { color:var(--yes); background:#e5f4ec } .no { color:var(--no); background:#fbe9e7 }
.open { color:var(--open); background:#fdf3d7 } .out { color:var(--muted) }
ul { max-width:46rem; padding-left:1.2rem; margin:.4rem 0 } li { margin:.2rem 0 }
pre { background:var(--soft); padding:.9rem 1rem; overflow-x:auto; font-size:.85rem; border-radius:6px }
details { margin:.8rem 0 } summary { cursor:pointer; font-weight:600 } nav a { margin-right:1.2rem }
a { color:#0b57a4 } @media print { h2 { break-before:page } details { display:block } }
"""


def image(data: bytes, kind: str, alt: str, caption: str, width: str = "100%") -> str:
    """Return a figure element with the image inside it."""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure><img src="{source}" alt="{escape(alt, quote=True)}" style="width:{width}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


# ---------------------------------------------------------------------------------------------------- one run


def learner_points(result: Result, learner: str) -> list[Point]:
    """Return one learner's points."""
    return [point for point in result.points if point.learner == learner]


def curve_of(result: Result, verdict: Verdict) -> figures.LearnerCurve:
    """Return what is drawn of one learner; sizes are fitted when no sentence of the verdict leaves them out."""
    points = learner_points(result, verdict.learner)
    place = positions(result, verdict.learner)
    prediction, predicted = result.predictions.get(verdict.learner), None
    if prediction is not None and prediction.has_curve and result.spec.axis.kind == "data":
        with contextlib.suppress(FractalmanError):  # sizes that a drawn structure, or the method, cannot bear
            curve = prediction.curve(np.array(result.spec.train_sizes, dtype=np.int64))
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


def verdict_table(result: Result) -> str:
    """Return the verdicts as an HTML table."""
    rows = []
    places = "sizes" if result.spec.axis.kind == "data" else "places"
    for verdict in result.verdicts:
        kind = {True: "yes", False: "no", None: "open"}[verdict.agrees]
        asymptote = number(verdict.predicted) + (" with ln n" if verdict.logarithmic else "")
        law = f"<small>{escape(verdict.law.split(':')[0])}</small>" if verdict.law else ""
        note = result.notes.get(verdict.learner)
        remarks = [verdict.reason, *([note] if note else []), *verdict.warnings]
        rows.append(
            f"<tr><td class=w><b>{escape(verdict.learner)}</b></td><td class=w>{measured_words(verdict)}</td>"
            f"<td class=w>{local_words(verdict)}</td><td>{asymptote}{law}</td>"
            f"<td class=w>{window_words(verdict)}"
            f"<small>{verdict.n_sizes} {places}, {verdict.n_seeds} seeds</small></td>"
            f'<td class=v><span class="tag {kind}">{escape(verdict_words(verdict))}</span>'
            f"{''.join(f'<small>{escape(text)}</small>' for text in remarks)}</td></tr>"
        )
    axis = result.spec.axis
    head = ("learner", "measured exponent", "predicted at these sizes", "predicted as n → ∞", "sizes fitted", "verdict")
    if axis.kind != "data":
        best = "predicted, P cells placed at best" if axis.abscissa == "P" else "predicted"
        head = ("learner", "measured exponent", "predicted at these places", best, "abscissa fitted", "verdict")
    symbol = axis.abscissa or "n"
    heads = "".join(f"<th>{text}</th>" for text in head)
    return (
        f'<div class="scroll"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'
        f'<p class="note">Exponents of risk ~ {symbol}<sup>−exponent</sup>{meaning(symbol)}. '
        "“±” on a measurement is half of its 95 % interval: "
        "Student's t over the replicates, the predicted curve's own error included; “±” on a prediction is one "
        "standard error. A verdict compares with the prediction at the fitted sizes where there is one, else with the "
        f"asymptote; an interval wider than ± {verdicts.RESOLUTION:g} decides nothing.</p>"
    )


def meaning(symbol: str) -> str:
    """Return what an abscissa other than n is, in a clause."""
    return {"P": ", P the number of fitted parameters of all outputs", "steps": ", steps those of the training"}.get(
        symbol, ""
    )


def regime_table(result: Result) -> str:
    """Return mean risks by learner and size with what limits them, and why sizes were left out."""
    axis, values = result.spec.axis, result.spec.values
    v_in = mean_v_in(result)
    head = "<th>learner</th>" + "".join(f'<th class="n">{escape(axis.name)} = {value}</th>' for value in values)
    rows, sentences = [], []
    for verdict in result.verdicts:
        cells = []
        said = {entry.value: entry for entry in result.summaries.get(verdict.learner, ())}
        for value in values:
            entry = said.get(value)
            if entry is None:
                cells.append('<td class="n out">—</td>')
                continue
            used = value in verdict.fitted
            ratio = f", {number(entry.risk / v_in)} V<sub>in</sub>" if v_in else ""
            more = "" if entry.efficiency is None else f"<small>{number(entry.efficiency, 2)} floors</small>"
            if axis.abscissa == "P" and entry.parameters:
                more += f"<small>P = {entry.parameters:,}</small>"
            more += "".join(f"<small>{escape(key)} ×2: {-gain:+.0%}</small>" for key, gain in entry.gains.items())
            cells.append(
                f'<td class="n{"" if used else " out"}">{number(entry.risk, 4)}'
                f"<small>{escape(entry.regime)}{ratio}</small>{more}</td>"
            )
        rows.append(f"<tr><td><b>{escape(verdict.learner)}</b></td>{''.join(cells)}</tr>")
        sentences += [f"<li><b>{escape(verdict.learner)}</b> {escape(text)}</li>" for text in verdict.excluded]
    floor = dict(zip(result.floor.value.tolist(), result.floor.risk.tolist(), strict=True))
    cells = [f'<td class="n">{number(floor.get(value), 4)}</td>' for value in values]
    if result.spec.recipe.has_hierarchy:
        rows.append(f"<tr><td>Bayes floor</td>{''.join(cells)}</tr>")
    else:
        sentences.append("<li>There is no Bayes floor: this family has no hierarchy that the labels come from.</li>")
    left_out = f"<p>Left out:</p><ul>{''.join(sentences)}</ul>" if sentences else ""
    return (
        f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>{left_out}'
        f"<details><summary>The rule, fixed before any data are seen</summary><p>{escape(result.rule)}</p></details>"
    )


def mean_v_in(result: Result) -> float | None:
    """Return V_in averaged over the replicates, in prior units."""
    by_replicate = {point.seed: point.v_in for point in result.points if math.isfinite(point.v_in)}
    return float(np.mean(list(by_replicate.values()))) if by_replicate else None


def run_section(name: str, result: Result, picture: Dataset | None) -> str:
    """Return everything about one run.

    Args:
        name: heading, also the link to it.
        result: the sweep.
        picture: a dataset of the same recipe to draw, or None.
    """
    spec, v_in = result.spec, mean_v_in(result)
    curves = [curve_of(result, v) for v in result.verdicts if learner_points(result, v.learner)]
    parts = [
        f'<h2 id="{escape(name, quote=True)}">{escape(name)}</h2>',
        f'<p class="muted">{escape(recipe_words(spec.recipe))}</p>',
        f"<p>{asked_words(result)}</p>",
        "<h3>Verdicts</h3>",
        verdict_table(result),
        "<h3>Learning curves</h3>",
    ]
    floor = floor_curve(result)
    label = abscissa_label(result)
    drawable = [curve for curve in curves if np.any(np.isfinite(curve.risk) & (curve.risk > 0))]
    if drawable:
        parts.append(
            image(
                figures.learning_curves(drawable, floor, label, spec.axis.abscissa or "x"),
                "svg+xml",
                "log-log learning curves",
                f"Mean squared error on {spec.test_size:,} unseen points against the {escape(label)}. "
                "Thick lines are fits over the filled markers only; dotted lines were computed without training "
                "anything.",
            )
        )
        shares = figures.training_shares(drawable, regimes.TRAIN_SHARE, label)
        if shares is not None:
            parts.append(
                image(
                    shares,
                    "svg+xml",
                    "training risk over test risk",
                    f"Where a network stops being data-limited: above the dashed line ({regimes.TRAIN_SHARE:g}) it no "
                    "longer fits its training set well enough for the data alone to limit it. Triangles at the lower "
                    "edge: smaller still.",
                )
            )
    parts += ["<h3>Risks and what limits them</h3>"]
    if v_in is not None:
        parts.append(
            '<p class="note">Risks are in units of the label’s prior variance, which is 1 by construction. Within the '
            f"population the label’s expected variance is V<sub>in</sub> = {number(v_in)} (mean over the replicates): "
            "the best constant scores that.</p>"
        )
    parts.append(regime_table(result))
    if picture is not None:
        parts += ["<h3>The fractal</h3>", _picture(picture)]
    parts += [_conventions(result), _specification(result)]
    return "\n".join(parts)


def abscissa_label(result: Result) -> str:
    """Return what is drawn along the abscissa."""
    axis = result.spec.axis
    names = {"n": figures.SIZE_LABEL, "P": f"number of parameters P (along {axis.name})", "steps": "training steps"}
    return names.get(axis.abscissa, axis.key)


def floor_curve(result: Result) -> tuple[F64, F64] | None:
    """Return (positions, Bayes risk) as drawn; along the model's size at the first learner's parameters."""
    if not result.floor.n.size:
        return None
    place = positions(result, result.spec.learners[0])
    return np.array([place[v] for v in result.floor.value.tolist()], np.float64), result.floor.risk


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
            f"{len(spec.values)} values of {escape(spec.axis.name)} from {spec.values[0]:g} to {spec.values[-1]:g} at "
            f"{trained} training points"
        )
    probed = ", every place with its settings doubled as well" if spec.doubling_checks else ""
    return (
        f"{len(spec.learners)} learner{'s' * (len(spec.learners) != 1)}, {places}{probed}, "
        f"{spec.seeds} replicates{draws}. Every replicate has its own geometry, embedding, "
        f"labels, split and initialisation; its training sets nest and share {spec.test_size:,} test points."
    )


def _picture(data: Dataset) -> str:
    edges = " Lines are the cluster’s edges." if data.edges is not None else ""
    colours = ""
    if data.hierarchy is not None:
        colours = " Colours are the coarse subclusters of the hidden hierarchy, grey the smallest."
    caption = (
        f"{data.n_points:,} points of this law, a draw of its own and none of the replicates, in {data.X.shape[1]} "
        "dimensions, seen in the plane in which "
        f"they spread most.{colours}{edges}"
    )
    return image(figures.fractal_picture(data), "png", "the fractal in its principal plane", caption, "min(100%,640px)")


def _conventions(result: Result) -> str:
    rows = "".join(
        f"<li><b>{escape(name)}</b>: {escape(text.removeprefix(f'{name}: '))}</li>"
        for name, text in result.conventions.items()
    )
    laws = []
    for name, prediction in result.predictions.items():
        if prediction is not None:
            assumptions = "; ".join(prediction.assumptions)
            laws.append(
                f"<li><b>{escape(name)}</b>: {escape(str(prediction.law))}. Source: {escape(str(prediction.source))}. "
                f"How far it was checked: {escape(prediction.checked.removeprefix('checked: '))}. "
                f"Assumes: {escape(assumptions)}.</li>"
            )
        elif name in result.notes:
            laws.append(f"<li><b>{escape(name)}</b>: {escape(result.notes[name])}</li>")
    return (
        f"<h3>How the learners were set</h3><ul>{rows}</ul>"
        f"<h3>Where the predictions come from</h3><ul>{''.join(laws)}</ul>"
    )


def _specification(result: Result) -> str:
    lines = [result.spec.recipe.to_toml().rstrip()]
    for table, values in result.spec.to_dict().items():
        if table != "recipe" and values:
            lines += [f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    text = escape("\n".join(lines))
    return f"<details><summary>The specification, defaults filled in</summary><pre>{text}</pre></details>"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, (list, tuple)) else str(value)


# ---------------------------------------------------------------------------------------------------- the page


def summary_words(results: Sequence[Result]) -> str:
    """Return how many verdicts there are of each kind, in a sentence."""
    verdicts = [verdict for result in results for verdict in result.verdicts]
    agree = sum(verdict.agrees is True for verdict in verdicts)
    differ = sum(verdict.agrees is False for verdict in verdicts)
    rest = len(verdicts) - agree - differ
    text = f"Of {len(verdicts)} comparisons {agree} agree{'s' * (agree == 1)} and {differ} differ{'s' * (differ == 1)}"
    return text + (f"; {rest} could not be decided." if rest else ".")


def page(title: str, runs: Mapping[str, Result], pictures: Mapping[str, Dataset], versions: Mapping[str, str]) -> str:
    """Return the whole page.

    Args:
        title: of the page.
        runs: heading → sweep.
        pictures: heading → dataset to draw.
        versions: package → version.
    """
    links = "".join(f'<a href="#{escape(name, quote=True)}">{escape(name)}</a>' for name in runs)
    sections = "\n".join(run_section(name, result, pictures.get(name)) for name, result in runs.items())
    summary = escape(summary_words(list(runs.values())))
    packages = ", ".join(f"{escape(name)} {escape(version)}" for name, version in versions.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>
<h1>{escape(title)}</h1>
<p class="lead">How fast does a learner's error fall with more data, on a fractal whose geometry is known exactly?
The exponents were predicted from the recipe alone, and measured on other draws of it. {summary}</p>
{f"<nav>{links}</nav>{matrix_table(runs)}" if len(runs) > 1 else ""}
{sections}
<h2>Made with</h2><p class="note">{packages}</p>
</main></body></html>
"""
