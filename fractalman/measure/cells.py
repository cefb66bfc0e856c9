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
from fractalman.display import Display
from fractalman.errors import RecipeError, nearest

_MISSING = {"", "na", "n/a", "nan", "none", "null", "<na>", "nat", "-", "–", "—", "?"}
_SUFFIX = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "bn": 1e9, "t": 1e12, "%": 1e-2}
_POINT = re.compile(r"[+-]?\d*\.(\d{1,2}|\d{4,})(e[+-]?\d+)?", re.IGNORECASE)  # never 1.600, a thousand and a half
_NUMBER = re.compile(
    r"([+-]?(?:(?:\d{1,3}(?:[,'\u00a0\u202f ]\d{3})+|\d[\d_]*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(bn|[kmgbt%]?)",
    re.IGNORECASE,
)


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
        out = np.empty(len(self.rows))
        for i, cell in enumerate(self.column(name)):
            value = number(cell, self.decimal_comma)
            if value is None:
                raise RecipeError(
                    f"{self.source}, row {self.lines[i]}, column {name!r}: {str(cell)!r} is no number; expected "
                    "numbers such as 70e6, 70M or 1,400,000"
                )
            out[i] = value
        return out

    def where(self, name: str, value: str) -> Cells:
        """Return the rows whose cell of one column is ``value``; RecipeError where there are none."""
        if name not in self.names:
            raise RecipeError(
                f"{self.source} has no column {name!r}: expected one of {', '.join(self.names)}"
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
            found = sorted({str(cell) for cell in cells})
            raise RecipeError(
                f"{self.source}, column {name!r} never is {value!r}: expected one of {', '.join(found[:12])}"
                f"{' …' if len(found) > 12 else ''}{nearest(value, found)}"
            )
        return self.kept(np.isin(np.arange(len(cells)), kept))

    def kept(self, rows: Bool) -> Cells:
        """Return some of the rows."""
        chosen = tuple(row for row, keep in zip(self.rows, rows.tolist(), strict=True) if keep)
        return Cells(self.source, self.names, chosen, self.lines[rows], self.decimal_comma)


def number(cell: Any, decimal_comma: bool = False) -> float | None:
    """Return a cell as a number: nan for an empty one, None for what is no number.

    Units K, M, B (G) and T, percent signs, and thousands separated by commas, spaces, apostrophes or underscores are
    read.

    Examples
    --------
    >>> number("1.4T"), number("1,400,000"), number("70 M"), number("12.5%")
    (1400000000000.0, 1400000.0, 70000000.0, 0.125)
    >>> number("seven") is None
    True
    """
    if cell is None:
        return math.nan
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    if isinstance(cell, int | float | np.integer | np.floating):
        return float(cell)
    text = str(cell).strip()
    if text.lower() in _MISSING:
        return math.nan
    text = text.replace("−", "-")
    if decimal_comma and re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", text):  # 1.600,5
        text = text.replace(".", "")
    if decimal_comma and re.fullmatch(r"[+-]?\d+,\d+(e[+-]?\d+)?", text, re.IGNORECASE):
        text = text.replace(",", ".")
    if re.fullmatch(r"[+-]?inf(inity)?", text, re.IGNORECASE):
        return float(text)
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    plain = re.sub(r"[,'_\u00a0\u202f ]", "", found[1])
    return _scaled(plain, _SUFFIX[found[2].lower()])


def _scaled(digits: str, factor: float) -> float:
    """Multiply in decimal, so that 70.3M is the number that 70300000 is."""
    if factor == 1.0:
        return float(digits)
    power = round(math.log10(factor))
    mantissa, _, exponent = digits.lower().partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + power}")


def plain_point(cell: str) -> bool:
    """Whether a text is a number whose point is no separator of thousands: 0.79, and not 1.600."""
    return _POINT.fullmatch(cell) is not None


def is_missing(cell: Any) -> bool:
    """Return whether a cell holds nothing: None, nan, pandas' NA, or an empty or "nan" text."""
    if cell is None or (isinstance(cell, float | np.floating) and math.isnan(cell)) or cell is np.ma.masked:
        return True
    if isinstance(cell, np.datetime64):
        return bool(np.isnat(cell))
    return str(cell).strip().lower() in _MISSING - {"-", "–", "—", "?"}


def plain(value: float) -> str:
    """Return a number as messages show it.

    Examples
    --------
    >>> plain(np.float64(0.25)), plain(1e21), plain(np.nan)
    ('0.25', '1e+21', 'nan')
    """
    return f"{float(value):.6g}"
