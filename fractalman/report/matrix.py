"""The summary of one or several runs: a matrix of family × learner × axis, as CSV, JSON and a table of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fractalman.report.csv_text import csv_text
from fractalman.report.tables import (
    jsonable,
    local_words,
    measured_words,
    number,
    point_table,
    recipe_words,
    verdict_kind,
    verdict_words,
)

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
    return csv_text(rows, COLUMNS)


def result_table(result: Result) -> dict[str, Any]:
    """Return verdicts, points and recipe of a run as plain values."""
    return {
        "recipe": jsonable(result.spec.recipe),
        "verdicts": jsonable(list(result.verdicts)),
        "matrix": matrix_rows({result.spec.recipe.family: result}),
        "points": [point_table(point) for point in (*result.points, *result.doubling_checks)],
    }


def matrix_table(runs: Mapping[str, Result]) -> dict[str, Any]:
    """Return the matrix as a template wants it: a row per law and learner, a column of cells per axis."""
    axes = list(dict.fromkeys(result.spec.axis.name for result in runs.values()))
    laws: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = {}
    for name, result in runs.items():
        learners = laws.setdefault(law_words(result.spec.recipe), {})
        for verdict in result.verdicts:
            row = learners.setdefault(verdict.learner, {axis: [] for axis in axes})
            row[verdict.axis].append(_cell(name, verdict))
    return {
        "axes": axes,
        "laws": [
            {
                "words": words,
                "rows": [{"learner": learner, "cells": list(row.values())} for learner, row in learners.items()],
            }
            for words, learners in laws.items()
        ],
    }


def _cell(name: str, verdict: Verdict) -> dict[str, str]:
    here = verdict.predicted_local is not None
    expected = local_words(verdict) if here else number(verdict.predicted)
    return {
        "run": name,
        "measured": "not measured" if verdict.measured is None else measured_words(verdict),
        "expected": "" if not here and verdict.predicted is None else expected,
        "kind": verdict_kind(verdict),
        "words": verdict_words(verdict),
        "reason": "" if verdict.agrees else verdict.reason,
        "floor": "" if verdict.efficiency is None else number(verdict.efficiency, 2),
    }
