"""Predictions beside measurements: tables, figures, one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman._on_demand import on_demand
from fractalman.display.style import require_plots
from fractalman.report.files import publish, versions
from fractalman.report.tables import (
    closing_sentence,
    dry_run_lines,
    jsonable,
    lines_of,
    points_csv,
    recipe_words,
    text_table,
    verdict_lines,
    verdict_note,
)

if TYPE_CHECKING:
    from fractalman.datasets.memory import Dataset
    from fractalman.experiments import Result
    from fractalman.report.forecasts import plan_lines, prediction_lines, prediction_table
    from fractalman.report.matrix import result_table

__all__ = [
    "closing_sentence",
    "dry_run_lines",
    "jsonable",
    "lines_of",
    "plan_lines",
    "points_csv",
    "prediction_lines",
    "prediction_table",
    "recipe_words",
    "require_plots",
    "result_table",
    "text_table",
    "verdict_lines",
    "verdict_note",
    "write_points",
    "write_report",
    "write_reports",
]

__getattr__ = on_demand(  # a table of words needs no prediction
    __name__,
    {
        "plan_lines": "forecasts",
        "prediction_lines": "forecasts",
        "prediction_table": "forecasts",
        "result_table": "matrix",
    },
)

REPORT, POINTS, MATRIX = "report.html", "points.csv", "matrix"
PICTURE_POINTS = 12_000
"""Points that a picture of the fractal shows at most."""


def write_report(result: Result, folder: str | Path) -> Path:
    """Write report.html, points.csv and the matrix of one run into ``folder`` and return the report's path.

    Args:
        result: the sweep.
        folder: an existing folder; files of these names are replaced, each at once.
    Errors: MissingExtraError without matplotlib and jinja2.
    """
    family = result.spec.recipe.family
    write_points(result, folder)
    return write_reports({family: result}, folder, f"fractalman report: {family}")


def write_reports(runs: Mapping[str, Result], folder: str | Path, title: str) -> Path:
    """Write one report.html on several runs, with matrix.csv and matrix.json, into ``folder``; return the page's path.

    Args:
        runs: heading → sweep.
        folder: an existing folder.
        title: of the page.
    Errors: MissingExtraError without matplotlib and jinja2.
    """
    from fractalman.report.matrix import matrix_csv, matrix_rows
    from fractalman.report.page import page

    require_plots()
    rows = matrix_rows(runs)
    publish(Path(folder) / f"{MATRIX}.csv", matrix_csv(rows))
    publish(Path(folder) / f"{MATRIX}.json", json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    pictures = {name: _picture_data(result) for name, result in runs.items()}
    return publish(Path(folder) / REPORT, page(title, runs, pictures, versions()))


def write_points(result: Result, folder: str | Path) -> Path:
    """Write points.csv of one run into ``folder`` and return its path."""
    return publish(Path(folder) / POINTS, points_csv((*result.points, *result.doubling_checks)))


def _picture_data(result: Result) -> Dataset | None:
    """A dataset of the run's recipe, small enough to draw; a smaller cluster is another cluster of the same law.

    Points that are given and not drawn make no picture.
    """
    from fractalman.generation import generate

    recipe = result.spec.recipe
    return None if recipe.table_name != "recipe" else generate(recipe.smaller(PICTURE_POINTS))
