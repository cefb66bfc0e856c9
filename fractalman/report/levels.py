"""The report of a study of a grammar's levels: one page, its table and figures."""

from __future__ import annotations

from pathlib import Path

from fractalman.display.style import new_figure, saved, settings
from fractalman.report.found import found_by_levels
from fractalman.report.html import heading, image, paragraph, table
from fractalman.report.panels import Line, Panel, panels_figure
from fractalman.report.study_page import interval, page, write_study
from fractalman.report.tables import number, text_table
from fractalman.studies.base import Row
from fractalman.studies.levels.result import LevelsResult

HEADER = ("level", "learned at n", "95 %", "replicates", "times the level below", "95 %", "order", "shuffled labels",
          "probe", "over shuffled")  # fmt: skip
NOTE = (
    "From the tokens up. learned at n: where the answer to exchanges of synonyms below the level's symbols, over that\n"
    "to other symbols in their place, is half of what it is for the input (geometric mean over replicates). times the\n"
    "level below: the same replicate's ratio; order: whether its interval lies above 1. shuffled labels: that answer\n"
    "of networks that learned other strings' labels, 1 = as the input. probe: how well a line reads the level's\n"
    "symbols off the last hidden layer at the largest n (1 = always, 0 = as the commonest symbol). Intervals and ±:\n"
    "95 %, Student's t over replicates."
)


def write_levels(result: LevelsResult, folder: str | Path) -> Path:
    """Write report.html, rows.csv, means.csv and result.json into ``folder``; return the report's path."""
    html = levels_page(result)
    return write_study(folder, result.study, result.claims, html, rows=result.rows, means=result.means)


def levels_lines(result: LevelsResult) -> list[str]:
    """Return the closing table of a run."""
    return [*text_table(HEADER, claim_rows(result)), "", NOTE]


def claim_rows(result: LevelsResult) -> list[list[str]]:
    """Return the rows under `HEADER`."""
    return [
        [
            str(c["level"]),
            number(c["learned_at"], 0),
            _between(c, "low", "high", 0),
            f"{c['reached']} of {c['replicates']}",
            interval(c["times"], None),
            _between(c, "times_low", "times_high"),
            c["order"] or "—",
            interval(c["control"], None),
            interval(c["probe"], c["probe_half_width"]),
            interval(c["probe_gain"], c["probe_gain_half_width"]),
        ]
        for c in result.claims
    ]


def _between(row: Row, low: str, high: str, digits: int = 3) -> str:
    return "—" if row[low] is None else f"{number(row[low], digits)} to {number(row[high], digits)}"


def levels_page(result: LevelsResult) -> str:
    """Return the whole page."""
    study = result.study
    at = {"part": "n", "against": "level"}
    exchanges = [
        Line(f"level {k}", _by_size(result.find(**at, quantity="relative", layer="output", place=k)))
        for k in result.levels
    ]
    probes = [
        Line(f"level {k}", _by_size(result.find(**at, quantity="probe", layer=result.last_layer, place=k)))
        for k in result.levels
    ]
    curves = panels_figure(
        [
            Panel("exchanges of synonyms", "training-set size n", "answer, over the input's", exchanges, True,
                  (0.5, "learned"), (-0.05, 1.3)),
            Panel(f"probes of {result.last_layer}", "training-set size n", "symbols read", probes, True,
                  limits=(-0.05, 1.05)),
        ]
    )  # fmt: skip
    with settings():
        figure = new_figure(6.4, 4.0)
        result.plot(figure.add_subplot())
        stairs = saved(figure)
    lead = (
        "At which training-set size does a network answer to the hidden symbols of a level, and no longer to the "
        "tokens that stand for them?"
    )
    sections = [
        heading("When each level is learned"),
        table(HEADER, claim_rows(result)),
        paragraph(NOTE.replace("\n", " "), "muted"),
        image(stairs, "svg+xml", "levels learned against n", "How many levels are learned, from the tokens up."),
        heading("Exchanges and probes"),
        image(curves, "svg+xml", "exchanges and probes against n", "Means over replicates with 95 % intervals."),
    ]
    return page(f"Levels of a grammar, {study.learner}", lead, sections, study, found_by_levels(result))


def _by_size(rows: list[Row]) -> list[Row]:
    return [{**row, "x": row["n"]} for row in rows]
