"""What the reports of studies share: the page, tables with intervals, files that are replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman.report.csv_text import csv_text
from fractalman.report.files import publish, versions
from fractalman.report.found import Found, found_rows
from fractalman.report.html import render
from fractalman.report.tables import jsonable, number, recipe_words
from fractalman.studies.base import Row, StudySpec

if TYPE_CHECKING:
    from markupsafe import Markup


ROUNDING = 1e-12
"""What is smaller is what double precision leaves of 0."""


def write_files(folder: str | Path, files: Mapping[str, str | bytes]) -> None:
    """Write files so that each is always whole: the old content or the new.

    Args:
        folder: an existing folder. files: name → content.
    """
    for name, content in files.items():
        publish(Path(folder) / name, content)


def write_study(
    folder: str | Path, study: StudySpec, claims: Sequence[Row], page: str, **tables: Sequence[Row]
) -> Path:
    """Write every table as NAME.csv, result.json and the page, which comes last; return the page's path.

    Args:
        folder: an existing folder. study, claims: of the result. page: HTML text. tables: "means" is one of them.
    """
    files = {f"{name}.csv": rows_csv(rows) for name, rows in tables.items()}
    write_files(folder, {**files, "result.json": result_json(study, claims, tables["means"]), "report.html": page})
    return Path(folder) / "report.html"


def rows_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV text; the header has every key that occurs, numbers have 6 significant digits."""
    return csv_text(rows, digits=6)


def result_json(study: StudySpec, claims: Sequence[Row], means: Sequence[Row]) -> str:
    """Return a study's answers, means, specification and versions as JSON text."""
    table = {"spec": study.to_dict(), "claims": claims, "means": means, "versions": versions()}
    return json.dumps(jsonable(table), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def interval(value: float | None, half_width: float | None, digits: int = 3) -> str:
    """Return a number with its 95 % half-width."""
    if value is None:
        return "—"
    value = 0.0 if abs(value) < ROUNDING else value
    half_width = 0.0 if half_width is not None and half_width < ROUNDING else half_width
    return number(value, digits) + (f" ± {number(half_width, min(3, digits))}" if half_width is not None else "")


def page(title: str, lead: str, sections: Sequence[Markup], study: StudySpec, found: Sequence[Found] = ()) -> str:
    """Return a whole HTML page, with the specification and the versions at its end.

    Parameters
    ----------
    title, lead : str
        Heading, and the sentence below it.
    sections : sequence of Markup
        What `html` makes, in order.
    study : StudySpec
        Its specification.
    found : sequence of Found, default ()
        What it found, below the lead.
    """
    specification = json.dumps(jsonable(study.to_dict()), indent=1, ensure_ascii=False)
    return render(
        "study.html", title=title, lead=lead, found=found_rows(found), sections=sections, specification=specification,
        versions=versions(),
    )  # fmt: skip


def source_words(study: Any) -> str:
    """Return where a study's points come from, and whether the hierarchy is the one that made them."""
    return str(study.source.in_words(recipe_words))
