"""What the reports of studies share: the page, tables with intervals, files that are replaced whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from fractalman.report.files import publish, versions
from fractalman.report.page import _STYLE
from fractalman.report.tables import jsonable, number
from fractalman.studies.base import Row, StudySpec


def write_files(folder: str | Path, files: Mapping[str, str | bytes]) -> None:
    """Write files so that each is always whole: the old content or the new.

    Args:
        folder: an existing folder. files: name → content.
    """
    for name, content in files.items():
        publish(Path(folder) / name, content)


def rows_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV text; the header has every key that occurs, numbers have 6 significant digits."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        cells = [row.get(key) for key in header]
        writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in cells])
    return stream.getvalue()


def result_json(study: StudySpec, claims: Sequence[Row], means: Sequence[Row]) -> str:
    """Return a study's answers, means, specification and versions as JSON text."""
    table = {"spec": study.to_dict(), "claims": claims, "means": means, "versions": versions()}
    return json.dumps(jsonable(table), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def interval(value: float | None, half_width: float | None, digits: int = 3) -> str:
    """Return a number with its 95 % half-width."""
    if value is None:
        return "—"
    return number(value, digits) + (f" ± {number(half_width, min(3, digits))}" if half_width is not None else "")


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an HTML table; the first column is set in bold."""
    heads = "".join(f"<th>{escape(text)}</th>" for text in header)
    body = "".join(
        f"<tr><td class=w><b>{escape(row[0])}</b></td>"
        + "".join(f"<td class=w>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{heads}</tr>{body}</table></div>'


def page(title: str, lead: str, sections: Sequence[str], study: StudySpec) -> str:
    """Return a whole HTML page, with the specification and the versions at its end."""
    packages = ", ".join(f"{escape(name)} {escape(version)}" for name, version in versions().items())
    spec = escape(json.dumps(jsonable(study.to_dict()), indent=1, ensure_ascii=False))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>
<h1>{escape(title)}</h1>
<p class="lead">{lead}</p>
{"".join(sections)}
<details><summary>The specification, defaults filled in</summary><pre>{spec}</pre></details>
<h2>Made with</h2><p class="note">{packages}</p>
</main></body></html>
"""


def source_words(study: Any) -> str:
    """Return where a study's points come from, and whether the hierarchy is the one that made them."""
    from fractalman.report.tables import recipe_words
    from fractalman.studies.sources import FileSource

    source = study.source
    if isinstance(source, FileSource):
        return f"{source.path}; its hierarchy is an estimate ({source.hierarchy})"
    known = "known exactly" if source.recipe.has_hierarchy else f"an estimate ({source.hierarchy})"
    return f"{recipe_words(source.recipe)}; its hierarchy is {known}"
