"""The summary of one or several runs: a matrix of family × learner × axis, as CSV, JSON and a table of the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from fractalman.report.tables import jsonable, local_words, measured_words, number, recipe_words, verdict_words

if TYPE_CHECKING:
    from fractalman.experiments import Result, Verdict
    from fractalman.recipes import Recipe

COLUMNS = (
    "run", "family", "recipe", "learner", "axis", "abscissa", "verdict", "measured", "half_width", "standard_error",
    "predicted_here", "predicted_here_error", "predicted", "sigma", "window_low", "window_high", "places",
    "replicates", "efficiency", "window_spread", "held_out_law", "held_out_error", "held_out_power_error", "reason",
)  # fmt: skip
"""Of matrix.csv. efficiency: risk over the Bayes floor at the last fitted place. held_out_law: the law that, fitted to
the smaller two thirds of the places, predicts the rest best; its error and a pure power law's are root mean squares of
ln(predicted/measured)."""


def law_words(recipe: Recipe) -> str:
    """Return what a recipe is, without its size and seed: runs of the same law stand together."""
    words = recipe_words(recipe)
    return words.split("; ")[0]


def matrix_rows(runs: Mapping[str, Result]) -> list[dict[str, Any]]:
    """Return one row per run and learner, as plain values under `COLUMNS`.

    Args:
        runs: name → sweep.
    """
    return [_row(name, result, verdict) for name, result in runs.items() for verdict in result.verdicts]


def _row(name: str, result: Result, verdict: Verdict) -> dict[str, Any]:
    laws: Mapping[str, Any] = (verdict.held_out or {}).get("laws", {})
    best = next(iter(laws), None)
    low, high = verdict.window or (None, None)
    row = {
        "run": name,
        "family": result.spec.recipe.family,
        "recipe": law_words(result.spec.recipe),
        "learner": verdict.learner,
        "axis": verdict.axis,
        "abscissa": verdict.abscissa,
        "verdict": verdict_words(verdict),
        "measured": verdict.measured,
        "half_width": verdict.half_width,
        "standard_error": verdict.standard_error,
        "predicted_here": verdict.predicted_local,
        "predicted_here_error": verdict.predicted_local_error,
        "predicted": verdict.predicted,
        "sigma": verdict.sigma,
        "window_low": low,
        "window_high": high,
        "places": verdict.n_sizes,
        "replicates": verdict.n_seeds,
        "efficiency": verdict.efficiency,
        "window_spread": verdict.sensitivity,
        "held_out_law": best,
        "held_out_error": laws[best]["error"] if best else None,
        "held_out_power_error": laws["power"]["error"] if "power" in laws else None,
        "reason": verdict.reason,
    }
    return {key: jsonable(row[key]) for key in COLUMNS}


def matrix_csv(rows: list[dict[str, Any]]) -> str:
    """Return the rows as CSV text with a header; an empty cell is None."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def matrix_table(runs: Mapping[str, Result]) -> str:
    """Return the matrix as an HTML table: a row per law and learner, a column per axis."""
    axes = list(dict.fromkeys(result.spec.axis.name for result in runs.values()))
    cells: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name, result in runs.items():
        for verdict in result.verdicts:
            row = cells.setdefault((law_words(result.spec.recipe), verdict.learner), {})
            row.setdefault(verdict.axis, []).append(_cell(name, verdict))
    head = "".join(f"<th>along {escape(axis)}</th>" for axis in axes)
    rows, before = [], ""
    for (law, learner), row in cells.items():
        if law != before:
            rows.append(f'<tr><th colspan="{len(axes) + 1}">{escape(law)}</th></tr>')
            before = law
        columns = "".join(f"<td>{''.join(row.get(axis, ['—']))}</td>" for axis in axes)
        rows.append(f"<tr><td class=w><b>{escape(learner)}</b></td>{columns}</tr>")
    return (
        "<h3>Families, learners, axes</h3>"
        f'<div class="scroll"><table><tr><th>learner</th>{head}</tr>{"".join(rows)}</table></div>'
        '<p class="note">Measured exponent ± half of its 95 % interval, the exponent predicted over the same places '
        "(else the asymptote), the verdict. Along n the abscissa is n, along the model’s size the number of parameters "
        "P, along steps the steps. The same table is in matrix.csv and matrix.json.</p>"
    )


def _cell(name: str, verdict: Verdict) -> str:
    kind = {True: "yes", False: "no", None: "open"}[verdict.agrees]
    here = local_words(verdict)
    expected = here if here != "—" else number(verdict.predicted)
    floors = "" if verdict.efficiency is None else f", {number(verdict.efficiency, 2)} floors"
    return (
        f'<a href="#{escape(name, quote=True)}">{measured_words(verdict)}</a> of {expected} '
        f'<span class="tag {kind}" title="{escape(verdict.reason, quote=True)}">{escape(verdict_words(verdict))}</span>'
        f"<small>{escape(name)}{floors}</small>"
    )
