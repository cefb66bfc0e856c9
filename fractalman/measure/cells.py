"""Tables as people have them: named columns of cells with the file's own line numbers; `table_files` reads them.

Cells stay text until somebody asks for numbers, so that a column nobody needs can hold whatever it likes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._typing import F64, I64, Bool
from fractalman.config import listed, shown
from fractalman.display import Display
from fractalman.errors import RecipeError, nearest
from fractalman.measure.number_text import number, read_number

_MISSING = {"", "na", "n/a", "nan", "none", "null", "<na>", "nat"}
_NOT_RUN = {
    "diverged", "diverge", "did not converge", "not converged", "oom", "out of memory", "failed", "fail", "crashed",
    "crash", "error", "timeout", "n.a.", "n/r", "tbd", "--", "---", "missing", "not run", "skipped", "pending", "#n/a",
    "#div/0!", "#value!", "#num!",
}  # fmt: skip
_POINT = re.compile(r"[+-]?\d*\.(\d{1,2}|\d{4,})(e[+-]?\d+)?", re.IGNORECASE)  # never 1.600, a thousand and a half


@dataclass(frozen=True)
class Cells(Display):
    """A table before anything is known of it.

    Parameters
    ----------
    source : str
        What messages call it: the file's name, or "the table".
    names : tuple of str
        Of the columns, as they stand in the header.
    rows : tuple of tuples
        Cells: text, numbers, or None where a file has nothing.
    lines : (rows,) int64
        Where each row stands in the file; the header is line 1.
    decimal_comma : bool
        Whether "1,5" is one and a half, as in files with semicolons.
    """

    source: str
    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    lines: I64
    decimal_comma: bool = False

    def column(self, name: str) -> list[Any]:
        """Return the cells of one column."""
        at = self.names.index(name)
        return [row[at] for row in self.rows]

    def numbers(self, name: str) -> F64:
        """Return a column as numbers, nan where a cell is empty; RecipeError naming the first that is neither."""
        return self.read(name)[0]

    def read(self, name: str) -> tuple[F64, tuple[str, ...]]:
        """Return a column as `numbers` does, and sentences about what beside its numbers was left out."""
        out = np.empty(len(self.rows))
        beside: dict[str, list[int]] = {}
        for i, cell in enumerate(self.column(name)):
            value, left_out = read_number(cell, self.decimal_comma)
            if value is None and str(cell).strip().lower() in _NOT_RUN:
                value = math.nan
            if value is None:
                two = re.fullmatch(r"[<>≤≥(]?\s*\d[\d.,%\s]*(?:[-–/(\[].*)?\)?", str(cell).strip())
                hint = "; of a bound, a range or two numbers give one" if two else ""
                raise RecipeError(
                    f"{self.source}, row {self.lines[i]}, column {shown(name)}: {shown(str(cell))} is no number; "
                    f"expected numbers such as 70e6, 70M or 1,400,000{hint}"
                )
            out[i] = value
            if left_out:
                beside.setdefault(left_out, []).append(i)
        cells = self.column(name)
        return out, tuple(
            f"{name}: {what} beside the numbers are left out in {len(rows)} of {len(out)} rows (row "
            f"{self.lines[rows[0]]}: {cells[rows[0]]!r} is {plain(out[rows[0]])})"
            for what, rows in beside.items()
        )

    def where(self, name: str, value: str) -> Cells:
        """Return the rows whose cell of one column is ``value``; RecipeError where there are none."""
        if name not in self.names:
            raise RecipeError(
                f"{self.source} has no column {shown(name)}: expected one of {listed(self.names)}"
                f"{nearest(name, self.names)}"
            )
        wanted = number(value)
        cells = self.column(name)
        kept = [
            i
            for i, cell in enumerate(cells)
            if str(cell).strip() == value or (wanted is not None and number(cell, self.decimal_comma) == wanted)
        ]
        if not kept:
            found = sorted({str(cell) for cell in cells}, key=lambda cell: (number(cell) or 0.0, cell))
            raise RecipeError(
                f"{self.source}, column {shown(name)} never is {shown(value)}: expected one of {listed(found)}"
                f"{nearest(value, found)}"
            )
        return self.kept(np.isin(np.arange(len(cells)), kept))

    def kept(self, rows: Bool) -> Cells:
        """Return some of the rows."""
        chosen = tuple(row for row, keep in zip(self.rows, rows.tolist(), strict=True) if keep)
        return Cells(self.source, self.names, chosen, self.lines[rows], self.decimal_comma)


def plain_point(cell: str) -> bool:
    """Whether a text is a number whose point is no separator of thousands: 0.79, and not 1.600."""
    return _POINT.fullmatch(cell) is not None


def is_missing(cell: Any) -> bool:
    """Return whether a cell holds nothing: None, nan, pandas' NA, or an empty or "nan" text."""
    if cell is None or (isinstance(cell, float | np.floating) and math.isnan(cell)) or cell is np.ma.masked:
        return True
    if isinstance(cell, np.datetime64):
        return bool(np.isnat(cell))
    return str(cell).strip().lower() in _MISSING


def plain(value: float) -> str:
    """Return a number as messages show it.

    Examples
    --------
    >>> plain(np.float64(0.25)), plain(1e21), plain(np.nan)
    ('0.25', '1e+21', 'nan')
    """
    return f"{float(value):.6g}"
