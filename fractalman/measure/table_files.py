"""Files of tables as people have them: text with any usual separator, JSON, Parquet and Excel, packed or not."""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib
import json
import lzma
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fractalman import _memory
from fractalman._files import as_path, nearby, ordinary_file
from fractalman.config import shown
from fractalman.datasets.exchange.archives import refuse_unpacked
from fractalman.errors import MissingExtraError, RecipeError, ResourceError
from fractalman.measure.cells import Cells, is_missing, plain_point
from fractalman.measure.headers import recognised
from fractalman.measure.memory_tables import as_frame_columns
from fractalman.measure.number_text import number

_TEXT = (".csv", ".tsv", ".jsonl", ".json", ".txt", ".dat")
_PACKED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_MOST_BYTES = 1 << 30  # of a packed text: a small file may unpack to any size
CELL_BYTES = 40
"""A cell of a binary table in memory: a number of pandas, and an object of Python."""
_BINARY = (".parquet", ".feather", ".xlsx")
TABLE_FILES = (*_TEXT, *_BINARY, *(kind + packed for packed in _PACKED for kind in _TEXT))
"""How the names of files with anybody's tables end."""
KINDS = ".csv, .tsv, .jsonl, .parquet, .feather, .xlsx, .json, .txt, .dat (text also with .gz, .bz2 or .xz)"
"""The same in words."""


def table_kind(file: str | Path) -> str | None:
    """Return how a table's name ends, without .gz or the like; None for what is no table.

    Examples
    --------
    >>> table_kind("Losses.CSV"), table_kind("losses.csv.gz"), table_kind("points.npy")
    ('.csv', '.csv', None)
    """
    name = Path(file).name.lower()
    found = next((kind for kind in TABLE_FILES if name.endswith(kind)), None)
    return None if found is None else next((found.removesuffix(e) for e in _PACKED if found.endswith(e)), found)


def read_cells(source: Any) -> Cells:
    """Return the table of a file, or of what is held in memory.

    Parameters
    ----------
    source : path, DataFrame, Series, mapping of columns, list of rows, or structured array
        In memory a named index of pandas is a column, and names over names are joined. A file: text (.csv, .tsv, .txt,
        .dat) separated by commas, semicolons, tabs, bars or spaces; .json, a list of objects or an object of columns,
        also within another object; .jsonl; any of these packed (.gz, .bz2, .xz); .parquet, .feather and .xlsx, which
        need pandas (extra ``tables``).

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
    held = in_memory_table(source)
    if held is not None:
        return held
    if not isinstance(source, str | os.PathLike):
        raise RecipeError(
            f"a {type(source).__name__} is no table of losses: expected a file's path, a data frame, columns by name "
            '({"n": […], "loss": […]}) or rows of them'
        )
    file = as_path(source, "a table")
    kind = check_table(file)
    if kind in _BINARY:
        return _frame(str(file), _pandas_read(file, kind))
    text = _decoded(file)
    if kind == ".jsonl":
        return _json_lines(file, text)
    if kind == ".json":
        return _json(file, text)
    return _text(file, text, "\t" if kind == ".tsv" else None)


def check_table(file: Path) -> str:
    """Return the kind of a table's file; RecipeError for one that is not there, or of another kind."""
    if file.is_dir():
        raise RecipeError(f"{file} is a directory: expected a file that ends in {KINDS}")
    if not file.exists():
        raise RecipeError(f"{file} does not exist: expected a file that ends in {KINDS}{nearby(file)}")
    kind = table_kind(file)
    if kind is None:
        points = file.suffix.lower() in (".npz", ".npy", ".h5", ".hdf5", ".h5ad")
        hint = f"; of points use fractalman measure {file}" if points else ""
        raise RecipeError(f"{file} ends in {file.suffix or 'nothing'!r}: expected {KINDS}{hint}")
    ordinary_file(file, "a table")  # a pipe would wait for ever
    return kind


# ---------------------------------------------------------------------------------------------------- text


def _decoded(file: Path) -> str:
    """The text of a file: unpacked; UTF-8, UTF-16 with its mark (Excel's "Unicode text"), else Windows' Latin."""
    ending = file.suffix.lower()
    if ending not in _PACKED:
        raw = file.read_bytes()
    else:
        try:
            with _PACKED[ending](file) as packed:
                raw = packed.read(_MOST_BYTES + 1)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise RecipeError(f"{file} is not packed as {ending} says ({error}): expected an intact file") from None
        if len(raw) > _MOST_BYTES:
            raise RecipeError(f"{file} unpacks to more than {_MOST_BYTES:,} bytes: expected a table of losses")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codecs = ["utf-16"]
    else:
        codecs = ["utf-8-sig", "cp1252"]
    for codec in codecs:
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x1f]", text):
            return text
    raise RecipeError(f"{file} is no text: expected a header line and rows of numbers, as UTF-8")


def _lines(text: str, delimiter: str | None) -> tuple[list[tuple[int, list[str]]], str]:
    """The rows that hold something, with their line numbers, and what separates their cells.

    Comments are left out, but for a header that is one, as numpy.savetxt writes it; so are titles above the header.
    """
    whole = text.splitlines(keepends=True)
    first = _header_line(whole)
    if delimiter is None:
        usual = [d for d in ",;\t|" if d in first]
        delimiter = max(usual, key=first.count) if usual else " " if re.search(r"\S\s+\S", first.strip()) else ","
    if delimiter == " ":  # aligned columns have several of them
        split: Iterable[tuple[int, list[str]]] = ((at, line.split()) for at, line in enumerate(whole, start=1))
    else:
        split = _separated(whole, delimiter)
    rows: list[tuple[int, list[str]]] = []
    above: tuple[int, list[str]] | None = None
    for at, row in split:
        marked = bool(row) and row[0].lstrip().startswith("#")
        comment = marked and (not rows or len(row) < len(rows[0][1]))
        if comment and not rows:
            first_cell = row[0].lstrip().lstrip("#").strip()
            above = at, [first_cell, *row[1:]] if first_cell else row[1:]
        ruled = delimiter == "|" and all(re.fullmatch(r":?-+:?|", cell.strip()) for cell in row)
        if any(cell.strip() for cell in row) and not comment and not ruled:
            rows.append((at, row))
    if delimiter == "|" and all(not row[0].strip() and not row[-1].strip() for _, row in rows):  # as in Markdown
        rows = [(at, row[1:-1]) for at, row in rows]
    if above and rows and _heads(above[1], rows[0][1]):
        rows.insert(0, above)
    titles = 0 if delimiter == " " else _titles([row for _, row in rows])
    return rows[titles:], delimiter


def _header_line(lines: Sequence[str]) -> str:
    """The first line, or of those below a title of words alone the first that names a known column among several."""
    held = [line for line in lines if line.strip() and not line.lstrip().startswith("#")][:12]
    if held and not any(d in held[0] for d in ",;\t|"):
        for line in held[1:]:
            cells = re.split(r"[,;\t|]", line.strip())
            if len(cells) > 1 and any(recognised(cell.strip().strip('"')) for cell in cells):
                return line
    return held[0] if held else ""


def _heads(above: Sequence[str], first: Sequence[str]) -> bool:
    """Whether a comment is the header of the row below it: as many names, of which one is known, over numbers."""
    if len(above) != len(first) or any(number(name) is not None for name in above if name.strip()):
        return False
    under = [number(cell) is not None for cell in first if cell.strip()]
    known = any(recognised(name) for name in above) and not any(recognised(cell) for cell in first)
    return all(under) or (any(under) and known)


def _separated(lines: list[str], delimiter: str) -> Iterable[tuple[int, list[str]]]:
    reader, before = csv.reader(lines, delimiter=delimiter), 0
    for row in reader:
        start, before = before + 1, reader.line_num
        yield start, row


def _text(file: Path, text: str, delimiter: str | None) -> Cells:
    try:
        lines, delimiter = _lines(text, delimiter)
    except csv.Error as error:
        raise RecipeError(f"{file} is no table of text ({error}): expected a header line and rows of numbers") from None
    if len(lines) < 2:
        raise RecipeError(f"{file} has {len(lines)} lines: expected a header line and rows of numbers")
    header = [name.strip() for name in lines[0][1]]
    below = [cell.strip() for cell in lines[1][1]]
    if len(below) == len(header) and all(re.fullmatch(r"[(\[][^()\[\]]+[)\]]|", cell) for cell in below) and any(below):
        header = [f"{name} {unit}".strip() for name, unit in zip(header, below, strict=True)]  # a row of units
        del lines[1]
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
            shown = ", ".join(header[:4]) + (" …" if len(header) > 4 else "")
            raise RecipeError(
                f"{file}, row {at} has {len(cells)} cells: expected {len(header)}, as in the header ({shown})"
            )
        rows.append(tuple(cell.strip() for cell in cells))
    _refuse_data_as_header(file, header, rows)
    numbers = np.array([at for at, _ in lines[1:]], np.int64)
    points = any(plain_point(cell) for row in rows for cell in row)  # 0.79 beside 1,600: commas part thousands
    return Cells(str(file), tuple(header), tuple(rows), numbers, delimiter == ";" and not points)


def _named(file: Path | str, header: Sequence[str]) -> None:
    """Refuse a header that is none, or that names two columns alike."""
    names = [name for name in header if name]
    if names and not _counted(names) and all(number(name) is not None for name in names):
        raise _no_header(file, names)
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        where = ", ".join(str(i + 1) for i, name in enumerate(header) if name == twice[0])
        raise RecipeError(
            f"{file} has {header.count(twice[0])} columns named {shown(twice[0])} (columns {where}): expected one; "
            "rename the others in the header"
        )


def _no_header(file: Path | str, found: Sequence[str]) -> RecipeError:
    return RecipeError(
        f"{file} begins with the numbers {', '.join(found[:4])}: expected a header line with the columns' names; add "
        "one, e.g. n,loss"
    )


def _refuse_data_as_header(file: Path | str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Refuse a first line that is like all others: its numbers stand over numbers and its words over words.

    A word over numbers is a name, and numbers that count may be.
    """
    bare = [name for name in header if _is_plain_number(name)]
    if not bare or _counted(bare):
        return
    words = [at for at, name in enumerate(header) if name and not _is_plain_number(name)]
    if all(any(number(row[at]) is None for row in rows) for at in words):
        raise _no_header(file, bare)


def _is_plain_number(name: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", name, re.IGNORECASE) is not None


def _counted(names: Sequence[str]) -> bool:
    """Whether names that are numbers count: pandas' names of no names (0, 1, 2, …), or years."""
    if not all(name.isdecimal() for name in names):
        return False
    first, steps = int(names[0]), np.diff([int(name) for name in names])
    return bool((steps == 1).all()) and (first == 0 or (1900 <= first <= 2100 and len(names) > 1) or len(names) > 2)


# ---------------------------------------------------------------------------------------------------- JSON


def _json_lines(file: Path, text: str) -> Cells:
    names: dict[str, None] = {}
    found: list[tuple[int, dict[str, Any]]] = []
    for at, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line, object_pairs_hook=_pairs_once)
        except (ValueError, RecursionError) as error:
            raise RecipeError(f"{file}, line {at} is no JSON ({error}): expected one object a line") from None
        if not isinstance(entry, dict):
            raise RecipeError(f'{file}, line {at} is no JSON object: expected e.g. {{"n": 100, "loss": 2.5}}')
        entry = _flat(entry)
        names.update(dict.fromkeys(entry))
        found.append((at, entry))
    if not found:
        raise RecipeError(f"{file} is empty: expected one JSON object a line")
    rows = tuple(tuple(entry.get(name) for name in names) for _, entry in found)
    return Cells(str(file), tuple(names), rows, np.array([at for at, _ in found], np.int64))


def _json(file: Path, text: str) -> Cells:
    """A list of objects, an object of columns (lists, or objects by row as pandas writes them), or lines of objects."""
    wanted = 'expected a list of objects, [{"n": 100, "loss": 2.5}, …], or columns, {"n": [100, …], "loss": [2.5, …]}'
    try:
        found = json.loads(text, object_pairs_hook=_pairs_once)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
            return _json_lines(file, text)
        raise RecipeError(f"{file} is no JSON ({error}): {wanted}") from None
    found = _unwrapped(found)
    if isinstance(found, dict) and found:
        columns = {name: list(c.values()) if isinstance(c, dict) else c for name, c in found.items()}
        sizes = {len(column) if isinstance(column, list) else -1 for column in columns.values()}
        rows_named = [list(c) for c in found.values() if isinstance(c, dict)]
        if -1 in sizes or len(sizes) != 1 or any(names != rows_named[0] for names in rows_named):
            raise RecipeError(f"{file} is an object whose values are no columns of one length: {wanted}")
        entries = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    elif isinstance(found, list) and found and all(isinstance(entry, dict) for entry in found):
        entries = [_flat(entry) for entry in found]
    else:
        what = "an object" if isinstance(found, dict) else "a list" if isinstance(found, list) else "one value"
        empty = "" if found else " without entries"
        raise RecipeError(f"{file} holds {what}{empty} and no table: {wanted}")
    names = tuple(dict.fromkeys(name for entry in entries for name in entry))
    _named(file, names)
    if not entries:
        raise RecipeError(f"{file} has no rows: {wanted}")
    rows = tuple(tuple(entry.get(name) for name in names) for entry in entries)
    return Cells(str(file), names, rows, np.arange(1, len(rows) + 1, dtype=np.int64))


def _unwrapped(found: Any) -> Any:
    """The table within an object: its only list of objects, columns beside data, or a list whose first row is names."""
    if isinstance(found, dict):
        rows, columns = found.get("data"), found.get("columns")
        if isinstance(rows, list) and isinstance(columns, list) and rows and isinstance(rows[0], list):
            return _unwrapped([columns, *rows])  # pandas' orient="split"
        held = [v for v in found.values() if isinstance(v, list) and v and all(isinstance(e, dict) for e in v)]
        lists = sum(isinstance(value, list) for value in found.values())
        return held[0] if len(held) == 1 and lists == 1 else found
    if isinstance(found, list) and len(found) > 1 and all(isinstance(row, list) for row in found):
        header, *rows = found
        if all(isinstance(name, str) for name in header) and all(len(row) == len(header) for row in rows):
            return {name: [row[at] for row in rows] for at, name in enumerate(header)}
    return found


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    """An object without objects in it: {"config": {"n": 1}} is {"config.n": 1}."""
    out: dict[str, Any] = {}
    for name, value in entry.items():
        inner = _flat(value) if isinstance(value, dict) else {}
        out |= {f"{name}.{key}": cell for key, cell in inner.items()} if inner else {name: value}
    return out


def _pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"two values of {shown(next(n for n in names if names.count(n) > 1))}")
    return dict(pairs)


# ---------------------------------------------------------------------------------------------------- pandas


def _pandas_read(file: Path, kind: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise MissingExtraError(f"{file.name} needs pandas, which is not installed: use pip install pandas") from None
    try:
        _refuse_too_large(file, kind)
        if kind == ".parquet":
            return pandas.read_parquet(file, engine="pyarrow", page_checksum_verification=True)
        if kind == ".feather":
            return pandas.read_feather(file)
        frame = pandas.read_excel(file, header=None)
    except ImportError as error:
        raise MissingExtraError(f"{file.name} cannot be read ({error}): use pip install pyarrow openpyxl") from None
    except ResourceError:
        raise
    except Exception as error:  # whatever the reader of a damaged file raises
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"{file} cannot be read as {kind} ({first}): expected an intact table") from None
    # pandas renames columns of one name; the header is read as a row, so that they are seen
    table = [(at, row) for at, row in enumerate(frame.to_numpy(object).tolist(), 1) if not all(map(is_missing, row))]
    table = table[_titles([row for _, row in table]) :]
    if len(table) < 2:
        raise RecipeError(f"{file} has {len(table)} rows: expected a header line and rows of numbers")
    header = [("" if is_missing(cell) else str(cell)).strip() for cell in table[0][1]]
    _named(file, header)
    rows = [row for _, row in table[1:]]
    _refuse_data_as_header(file, header, rows[:1000])
    out = pandas.DataFrame(rows, columns=header, dtype=object)
    out.attrs["lines"] = [at for at, _ in table[1:]]
    return out


def _titles(rows: Sequence[Sequence[Any]]) -> int:
    """Return how many rows stand above the header: of one cell each, a title or a remark, while others have several."""
    held = [sum(not is_missing(cell) for cell in row) for row in rows[:12]]
    above = next((at for at, count in enumerate(held) if count > 1), 0)
    return above if above + 1 < len(rows) else 0


def _refuse_too_large(file: Path, kind: str) -> None:
    """Raise ResourceError for a table that does not fit into memory; a packed one of a few kilobytes may say so."""
    if kind == ".parquet":
        with importlib.import_module("pyarrow.parquet").ParquetFile(file) as stored:
            found = stored.metadata
        need = CELL_BYTES * found.num_rows * found.num_columns
        _memory.check_bytes(need, f"the cells of {file}", "use a part of its rows")
    elif kind == ".xlsx":
        with zipfile.ZipFile(file) as packed:
            refuse_unpacked(file, packed)


def _frame(source: str, frame: Any) -> Cells:
    columns = [(str(name), frame.iloc[:, i].astype(object).tolist()) for i, name in enumerate(frame.columns)]
    return _of_columns(source, columns, frame.attrs.get("lines", range(2, 2 + len(frame))))


def in_memory_table(source: Any) -> Cells | None:
    """Return a table that is held in memory, its rows counted from 0; None for what may be a path."""
    columns = as_frame_columns(source)
    return (
        None
        if columns is None
        else _of_columns("the table", columns, range(max((len(c) for _, c in columns), default=0)))
    )


def _of_columns(source: str, columns: Sequence[tuple[str, Sequence[Any]]], lines: Sequence[int]) -> Cells:
    names = tuple(name for name, _ in columns)
    _named(source, names)
    if len({len(column) for _, column in columns}) > 1:
        sizes = ", ".join(f"{name} {len(column)}" for name, column in columns[:4])
        raise RecipeError(f"{source} has columns of unlike lengths ({sizes}): expected one length")
    if not columns or not len(columns[0][1]):
        raise RecipeError(f"{source} has no rows: expected rows of numbers")
    rows = tuple(
        tuple(None if is_missing(cell) else cell for cell in row) for row in zip(*(c for _, c in columns), strict=True)
    )
    return Cells(source, names, rows, np.array(lines, np.int64))
