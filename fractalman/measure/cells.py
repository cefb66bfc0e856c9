"""Tables as people have them: any of six kinds of file becomes named columns of cells with the file's own line numbers.

Cells stay text until somebody asks for numbers, so that a column nobody needs can hold whatever it likes.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._typing import F64, I64, Bool
from fractalman.display import Display
from fractalman.errors import MissingExtraError, RecipeError, nearest

TABLE_FILES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
"""How the names of files with anybody's tables end."""

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


# ---------------------------------------------------------------------------------------------------- files


def read_cells(source: Any) -> Cells:
    """Return the table of a file or of a pandas DataFrame.

    Parameters
    ----------
    source : path or DataFrame
        A file that ends in .csv, .tsv, .jsonl, .parquet or .xlsx; the last two need pandas (extra ``tables``).

    Returns
    -------
    Cells

    Raises
    ------
    RecipeError
        For a file that is absent, of another kind, empty, without a header, or with two columns of one name.
    MissingExtraError
        Where the kind of file needs a package that is absent.
    """
    if hasattr(source, "columns") and hasattr(source, "itertuples"):
        return _frame("the table", source)
    file = Path(source)
    if file.is_dir():
        raise RecipeError(f"{file} is a directory: expected a file that ends in {', '.join(TABLE_FILES)}")
    if not file.exists():
        raise RecipeError(f"{file} does not exist: expected a file that ends in {', '.join(TABLE_FILES)}")
    kind = file.suffix.lower()
    if kind not in TABLE_FILES:
        raise RecipeError(f"{file} ends in {file.suffix or 'nothing'!r}: expected {', '.join(TABLE_FILES)}")
    if kind in (".csv", ".tsv"):
        return _text(file, "\t" if kind == ".tsv" else None)
    if kind == ".jsonl":
        return _json_lines(file)
    return _frame(str(file), _pandas_read(file, kind))


def _text(file: Path, delimiter: str | None) -> Cells:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        try:
            text = stream.read()
        except UnicodeDecodeError as error:
            raise RecipeError(f"{file} is no text ({error}): expected a header line and rows of numbers") from None
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if delimiter is None:
        delimiter = max((",", ";", "\t"), key=first.count) if any(d in first for d in ",;\t") else ","
    lines: list[tuple[int, list[str]]] = []
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    before = 0
    try:
        for row in reader:
            start, before = before + 1, reader.line_num
            comment = row and row[0].lstrip().startswith("#") and not lines
            if any(cell.strip() for cell in row) and not comment:
                lines.append((start, row))
    except csv.Error as error:
        raise RecipeError(f"{file} is no table of text ({error}): expected a header line and rows of numbers") from None
    if len(lines) < 2:
        raise RecipeError(f"{file} has {len(lines)} lines: expected a header line and rows of numbers")
    header = [name.strip() for name in lines[0][1]]
    # a row that is longer only by empty cells, or shorter by a trailing separator, is whole
    while (
        header
        and not header[-1]
        and all(len(row) < len(header) or not row[len(header) - 1].strip() for _, row in lines)
    ):
        header.pop()
    _named(file, header)
    rows = []
    for at, cells in lines[1:]:
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(header):
            raise RecipeError(f"{file}, row {at} has {len(cells)} cells: expected {len(header)}, as in the header")
        rows.append(tuple(cell.strip() for cell in cells))
    numbers = np.array([at for at, _ in lines[1:]], np.int64)
    points = any(_POINT.fullmatch(cell) for row in rows for cell in row)  # 0.79 beside 1,600: commas part thousands
    return Cells(str(file), tuple(header), tuple(rows), numbers, delimiter == ";" and not points)


def _named(file: Path | str, header: Sequence[str]) -> None:
    """Refuse a header that is none, or that names two columns alike."""
    bare = [name for name in header if name and number(name) is not None]
    counted = [name for name in header if name] == [str(i) for i in range(len(bare))]  # pandas' names of no names
    if header and not counted and len(bare) == len([name for name in header if name]):
        raise RecipeError(
            f"{file} begins with the numbers {', '.join(bare[:4])}: expected a header line with the columns' names; "
            "add one, e.g. n,loss"
        )
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        where = ", ".join(str(i + 1) for i, name in enumerate(header) if name == twice[0])
        raise RecipeError(
            f"{file} has {header.count(twice[0])} columns named {twice[0]!r} (columns {where}): expected one; "
            "rename the others in the header"
        )


def _json_lines(file: Path) -> Cells:
    names: dict[str, None] = {}
    found: list[tuple[int, dict[str, Any]]] = []
    with file.open(encoding="utf-8-sig") as stream:
        for at, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line, object_pairs_hook=_pairs_once)
            except ValueError as error:
                raise RecipeError(f"{file}, line {at} is no JSON ({error}): expected one object a line") from None
            if not isinstance(entry, dict):
                raise RecipeError(f'{file}, line {at} is no JSON object: expected e.g. {{"n": 100, "loss": 2.5}}')
            names.update(dict.fromkeys(entry))
            found.append((at, entry))
    if not found:
        raise RecipeError(f"{file} is empty: expected one JSON object a line")
    rows = tuple(tuple(entry.get(name) for name in names) for _, entry in found)
    return Cells(str(file), tuple(names), rows, np.array([at for at, _ in found], np.int64))


def _pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"two values of {next(n for n in names if names.count(n) > 1)!r}")
    return dict(pairs)


def _pandas_read(file: Path, kind: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise MissingExtraError(
            f"{file.name} needs pandas, which is not installed: use pip install 'fractalman[tables]'"
        ) from None
    try:
        if kind == ".parquet":
            return pandas.read_parquet(file)
        frame = pandas.read_excel(file, header=None)
    except ImportError as error:
        raise MissingExtraError(f"{file.name} cannot be read ({error}): use pip install 'fractalman[tables]'") from None
    except Exception as error:  # whatever the reader of a damaged file raises
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"{file} cannot be read as {kind} ({first}): expected an intact table") from None
    # pandas renames columns of one name; the header is read as a row, so that they are seen
    if len(frame) < 2:
        raise RecipeError(f"{file} has {len(frame)} rows: expected a header line and rows of numbers")
    header = [("" if is_missing(cell) else str(cell)).strip() for cell in frame.iloc[0]]
    _named(file, header)
    frame = frame.iloc[1:]
    frame.columns = header
    return frame


def _frame(source: str, frame: Any) -> Cells:
    names = tuple(str(name) for name in frame.columns)
    _named(source, names)
    if not len(frame):
        raise RecipeError(f"{source} has no rows: expected rows of numbers")
    columns = [frame.iloc[:, i].astype(object).tolist() for i in range(len(names))]
    rows = tuple(tuple(None if is_missing(cell) else cell for cell in row) for row in zip(*columns, strict=True))
    first = 2 if source != "the table" else 0
    return Cells(source, names, rows, np.arange(first, first + len(rows), dtype=np.int64))
