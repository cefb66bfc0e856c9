"""The one writer of CSV tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, digits: int | None = None) -> str:
    """Return rows as CSV text with a header.

    Parameters
    ----------
    rows : iterable of mappings
        Column → value. Lists and tables become JSON; None and what is missing become empty cells.
    columns : sequence of str, optional
        The header; by default every key that occurs, in order of appearance. Without any column the text is empty.
    digits : int, optional
        Significant digits of floats; by default as many as read back the same float.

    Returns
    -------
    str
        Lines end in a line feed. A text that a spreadsheet would run as a formula (it begins with = + - or @) gets an
        apostrophe before it; numbers are left as they are.

    Examples
    --------
    >>> print(csv_text([{"n": 8, "risk": -0.5}, {"n": 16, "note": "=SUM(A1)"}]), end="")
    n,risk,note
    8,-0.5,
    16,,'=SUM(A1)
    """
    rows = list(rows)
    header = list(dict.fromkeys(key for row in rows for key in row)) if columns is None else list(columns)
    if not header:
        return ""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(_text, header))
    writer.writerows([_cell(row.get(key), digits) for key in header] for row in rows)
    return stream.getvalue()


def _cell(value: Any, digits: int | None) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, sort_keys=True)
    if digits is not None and isinstance(value, float):
        return f"{value:.{digits}g}"
    return value


def _text(word: str) -> str:
    return f"'{word}" if word.startswith(_FORMULA) else word
