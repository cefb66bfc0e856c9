"""Results as rows and words: the verdicts a person reads, the points as CSV, everything as JSON values."""

from __future__ import annotations

import dataclasses
import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman.display.summary import count
from fractalman.progress import duration
from fractalman.report.csv_text import csv_text

if TYPE_CHECKING:
    from fractalman.experiments import Plan, Point, Result, Verdict
    from fractalman.experiments.levels import Level
    from fractalman.recipes import Recipe


# ---------------------------------------------------------------------------------------------------- plain values


def jsonable(value: Any) -> Any:
    """Return ``value`` as JSON values: arrays become lists, dataclasses tables, nan and infinities null."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if hasattr(value, "to_dict"):
        return jsonable(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value) if isinstance(value, Path) else repr(value)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as it is printed: ``digits`` decimals where that says something, an em dash for None or nan.

    Examples
    --------
    >>> number(0.12345), number(1283.4), number(4.2e-5), number(None)
    ('0.123', '1,283', '4.2e-05', '—')
    """
    if value is None or not math.isfinite(value):
        return "—"
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}" if 10.0**-digits <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def risk_words(value: float | None) -> str:
    """Return a risk as it is printed: three significant digits, an em dash for None or nan."""
    return "—" if value is None or not math.isfinite(value) else f"{value:.3g}"


def lines_of(value: Any, indent: str = "") -> list[str]:
    """Return a nested table as indented lines; a list of like tables becomes columns."""
    lines: list[str] = []
    for key, item in jsonable(value).items():
        name = str(key).replace("_", " ")
        if isinstance(item, dict):
            lines += [f"{indent}{name}", *lines_of(item, indent + "  ")]
        elif isinstance(item, list) and item and all(isinstance(row, dict) for row in item):
            header = list(item[0])
            shown = item if len(item) <= 24 else [*item[:16], {}, *item[-7:]]
            rows = [["…"] * len(header) if not row else [_cell(row.get(column)) for column in header] for row in shown]
            lines += [f"{indent}{name}", *(f"{indent}  {line}" for line in text_table(header, rows))]
        else:
            words = (", ".join(map(_cell, item)) or "none") if isinstance(item, list) else _cell(item)
            lines.append(f"{indent}{name}: {words}")
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, (int, str)) else json.dumps(value, ensure_ascii=False)


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return aligned lines, numbers to the right."""
    table = [list(header), *map(list, rows)]
    columns = list(zip(*table, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numeric = [len(table) > 1 and all(cell[:1] in "0123456789-−—…" for cell in column[1:]) for column in columns]
    lines = []
    for row in table:
        cells = zip(row, widths, numeric, strict=True)
        lines.append("  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in cells).rstrip())
    return lines


# ---------------------------------------------------------------------------------------------------- recipes


def recipe_words(recipe: Recipe) -> str:
    """Return a recipe as one phrase."""
    table = recipe.to_dict()
    d, n = table.pop("ambient_dim", recipe.ambient_dim), table.pop("n_points", None)
    family, seed = table.pop("family", recipe.family), table.pop("seed", None)
    table.pop("digest", None)
    rest = ", ".join(f"{key.replace('_', ' ')} {_cell(item)}" for key, item in table.items())
    points = "points" if n is None else f"{n:,} points"
    return f"{family}: {rest}; {points} in {d} dimensions, seed {_cell(seed)}"


# ---------------------------------------------------------------------------------------------------- verdicts


def verdict_words(verdict: Verdict) -> str:
    """Return a verdict in a word or two; why there is none stands in its reason."""
    level = getattr(verdict, "level", None)
    if verdict.agrees is None:
        return "no verdict"
    if verdict.agrees:
        return "agrees" if level is None or verdict.measured is not None else f"agrees: level {level_words(level)}"
    if level is not None and level.below_floor:
        return "below the Bayes floor"
    if level is not None and level.agrees is False and verdict.slope_agrees is not False:
        return f"differs: {level.ratio:.2f} times the predicted risk"
    if verdict.sigma is None or not math.isfinite(verdict.sigma):
        return "differs"
    return f"differs: {abs(verdict.sigma):.1f} standard errors {'below' if verdict.sigma < 0 else 'above'}"


def verdict_kind(verdict: Verdict) -> str:
    """Return how a verdict is coloured: "yes", "no" or "open"."""
    return {True: "yes", False: "no", None: "open"}[verdict.agrees]


def verdict_sentence(verdict: Verdict) -> str:
    """Return a verdict as what follows the learner's name in a sentence."""
    due = verdict.predicted if verdict.predicted_local is None else verdict.predicted_local
    level = getattr(verdict, "level", None)
    if level is not None and (
        verdict.measured is None or (verdict.agrees is False and verdict.slope_agrees is not False)
    ):
        return _level_sentence(verdict, level)
    if verdict.sizes:
        return verdict.reason
    if verdict.measured is None:
        expected = "" if due is None else f" where {number(due)} is due"
        return f"was not measured{expected}: {verdict.reason.removeprefix('not measurable: ')}"
    measured = measured_words(verdict)
    if due is None:
        return f"falls with {measured}, and nothing is predicted for it: {verdict.reason}"
    beside = "" if level is None else f"; level {level_words(level)} of the prediction"
    if verdict.agrees is None:
        return f"falls with {measured} where {number(due)} was due{beside}: {verdict.reason}"
    if verdict.agrees:
        return f"falls as predicted: {measured} where {number(due)} was due{beside}"
    if level is not None and level.below_floor:
        return f"lies {verdict.reason}"
    pace = "more slowly" if verdict.measured < due else "faster"
    return f"falls {pace} than predicted: {measured} where {number(due)} was due{beside}"


def _level_sentence(verdict: Verdict, level: Level) -> str:
    """The sentence where the level decides: no exponent was fitted, or it is the level that differs."""
    if level.below_floor:
        return f"lies {verdict.reason}"
    sizes = f"at {len(level.sizes)} sizes from n = {level.sizes[0]:,} to {level.sizes[-1]:,}"
    slope = "" if verdict.measured is not None else " (no exponent was fitted: see the reasons)"
    if level.agrees is None:
        return f"has {level_words(level)} times the predicted risk {sizes}, too uncertain to tell{slope}"
    if level.agrees:
        return f"has the predicted risk: {level_words(level)} times it {sizes}{slope}"
    return f"has {level_words(level)} times the predicted risk {sizes}, where 1 was due{slope}"


def level_words(level: Level) -> str:
    """Return measured over predicted risk with its 95 % half-width."""
    half = level.half_width
    return f"{level.ratio:.2f}" + (f" ± {max(half, 0.01):.2f}" if math.isfinite(half) else "")


def measured_words(verdict: Verdict) -> str:
    """Return the measured exponent with its 95 % half-width."""
    if verdict.measured is None:
        return "—"
    half = verdict.half_width
    return number(verdict.measured) + (f" ± {number(half)}" if half is not None and math.isfinite(half) else "")


def local_words(verdict: Verdict) -> str:
    """Return the predicted local exponent with its standard error, if it has one."""
    if verdict.predicted_local is None:
        return "—"
    error = verdict.predicted_local_error
    return number(verdict.predicted_local) + (f" ± {number(error)}" if error else "")


def window_words(verdict: Verdict) -> str:
    """Return the sizes that a fit used."""
    return "—" if not verdict.window else f"{int(verdict.window[0]):,} … {int(verdict.window[1]):,}"


VERDICT_HEADER = ("learner", "measured", "predicted here", "asymptote", "level", "sizes fitted", "verdict")
_NOTE = (
    "Exponents of risk ~ n^-exponent, or as said above. measured: ± half of the 95 % interval. predicted here: over "
    "the fitted sizes, ± one standard error{network}. level: risk over the predicted curve, ± half of the 95 % "
    "interval. asymptote: as n grows without end, or with P cells placed at best. The verdict is the worse of the two "
    'comparisons: exponent with "predicted here" (else the asymptote), and level with 1.'
)


def verdict_note(results: Iterable[Result]) -> str:
    """Return what the columns of `verdict_lines` mean; printed once under the tables.

    Parameters
    ----------
    results : iterable of Result
        Whose tables stand above: networks are spoken of where there are some.

    Returns
    -------
    str
        Some lines.
    """
    made = ((verdict.learner, result.spec.make(verdict.learner)) for result in results for verdict in result.verdicts)
    networks = sorted({name for name, learner in made if learner.batched})
    words = f" (of {' and '.join(networks)}: of its tangent kernel)" if networks else ""
    return textwrap.fill(_NOTE.format(network=words), 118)


def closing_sentence(results: Iterable[Result]) -> str:
    """Return in a sentence how many learning curves are as predicted, and which are not.

    Parameters
    ----------
    results : iterable of Result
        Sweeps that were judged.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> closing_sentence([])
    'No learning curve was measured.'
    """
    found = [(verdict.agrees, f"{verdict.learner} ({result.spec.recipe.family})")
             for result in results for verdict in result.verdicts]  # fmt: skip
    if not found:
        return "No learning curve was measured."
    named = {agrees: [name for one, name in found if one is agrees] for agrees in (True, False, None)}
    said = [f"As predicted: {len(named[True])} of {count(len(found), 'learning curve')}"]
    said += [f"not as predicted: {', '.join(named[False])}"] * bool(named[False])
    said += [f"not to be told from so few sizes and replicates: {', '.join(named[None])}"] * bool(named[None])
    return "; ".join(said) + "."


def verdict_row(verdict: Verdict) -> list[str]:
    """Return one row under `VERDICT_HEADER`."""
    asymptote, level = number(verdict.predicted), getattr(verdict, "level", None)
    return [verdict.learner, measured_words(verdict), local_words(verdict), asymptote,
            "—" if level is None else level_words(level), window_words(verdict), verdict_words(verdict)]  # fmt: skip


def verdict_lines(result: Result) -> list[str]:
    """Return the closing table of a run."""
    rows = [verdict_row(verdict) for verdict in result.verdicts]
    reasons = [f"{verdict.learner}: {verdict.reason}" for verdict in result.verdicts if verdict.agrees is None]
    axis = result.spec.axis
    law = f": exponents of risk ~ {axis.abscissa}^-exponent" if axis.abscissa else ""
    words = [] if axis.kind == "data" else [f"along {axis.name}{law}"]
    return [recipe_words(result.spec.recipe), *words, "", *text_table(VERDICT_HEADER, rows), "", *reasons]


def dry_run_lines(plan: Plan) -> list[str]:
    """Return what a run will need, as the lines of ``--dry-run``."""
    rows = [[name, str(plan.points.get(name, "")), duration(seconds)] for name, seconds in plan.seconds.items()]
    total = sum(plan.seconds.values())
    return [
        *text_table(("learner", "points", "time"), rows),
        "",
        f"{sum(plan.points.values())} points in {plan.tasks} tasks",
        f"memory: {plan.memory / 2**20:,.0f} MiB at once in one process; drawing a dataset needs "
        f"{plan.dataset_bytes / 2**20:,.0f} MiB of them",
        f"time: about {duration(total)} on one process",
        f"rule: {plan.rule}; {plan.flops / 1e9:.0f} Gflop/s here",
    ]


# ---------------------------------------------------------------------------------------------------- points


def point_table(point: Point) -> dict[str, Any]:
    """Return one sweep point as plain values, risk/V_in beside the risk."""
    table = dict(jsonable(point))
    v_in = table.get("v_in")
    table["risk_over_v_in"] = table["risk"] / v_in if v_in and table.get("risk") is not None else None
    return table


def points_csv(points: Sequence[Point]) -> str:
    """Return the points as CSV text with a header; nested values as JSON."""
    return csv_text(point_table(point) for point in points)
