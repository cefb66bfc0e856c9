"""Which report a study has: its own, or the plain one of any study: its rows and what its result claims."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from fractalman.report.html import table
from fractalman.report.study_page import page, rows_csv, write_files
from fractalman.report.tables import jsonable, text_table
from fractalman.studies import STUDIES

OWN: dict[str, tuple[str, str, str]] = {
    "granularity": ("fractalman.report.granularity", "write_granularity", "granularity_lines"),
    "levels": ("fractalman.report.levels", "write_levels", "levels_lines"),
    "linearity": ("fractalman.report.linearity", "write_linearity", "linearity_lines"),
    "locality": ("fractalman.report.locality", "write_locality", "locality_lines"),
    "probe": ("fractalman.report.probe", "write_probe", "probe_lines"),
    "recovery": ("fractalman.report.recovery", "write_recovery", "recovery_lines"),
}
"""Study → module, function (result, folder) → path, function result → lines of the closing table."""


def write_study(name: str, result: Any, folder: str | Path) -> Path:
    """Write a study's report and tables into an existing folder and return the report's path.

    Parameters
    ----------
    name
        Of the study.
    result
        What it found.
    folder
        Where to.
    """
    if name in OWN:
        module, write, _ = OWN[name]
        writer: Callable[[Any, str | Path], Path] = getattr(import_module(module), write)
        return writer(result, folder)
    text = json.dumps(jsonable(study_table(result)), indent=1, ensure_ascii=False, allow_nan=False)
    write_files(
        folder,
        {"rows.csv": rows_csv(result.rows), "result.json": text + "\n", "report.html": _plain_page(name, result)},
    )
    return Path(folder) / "report.html"


def study_lines(name: str, result: Any) -> list[str]:
    """Return the closing table of a run.

    Parameters
    ----------
    name
        Of the study.
    result
        What it found.
    """
    if name in OWN:
        module, _, lines = OWN[name]
        closing: Callable[[Any], list[str]] = getattr(import_module(module), lines)
        return closing(result)
    return text_table(*_claims(result))


def study_table(result: Any) -> dict[str, Any]:
    """Return what a study found as plain values.

    Parameters
    ----------
    result
        What it found: ``to_dict()`` where it has one, else its specification with ``claims`` and ``means``.
    """
    if callable(getattr(result, "to_dict", None)):
        own: dict[str, Any] = result.to_dict()
        return own
    found = {"spec": result.study.to_dict(), "claims": list(getattr(result, "claims", result.rows))}
    if hasattr(result, "means"):
        found["means"] = result.means
    return found


def _claims(result: Any) -> tuple[list[str], list[list[str]]]:
    claims = list(getattr(result, "claims", result.rows))
    header = list(dict.fromkeys(key for claim in claims for key in claim))
    return header, [[_cell(claim.get(key)) for key in header] for claim in claims]


def _cell(value: Any) -> str:
    return "—" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain_page(name: str, result: Any) -> str:
    header, rows = _claims(result)
    return page(name, STUDIES[name].about, [table(header, rows)], result.study)
