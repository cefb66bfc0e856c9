"""The option --csv: the numbers behind a figure, for spreadsheets and other programs; no library is needed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman._files import as_path
from fractalman.config import shown
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Parser


def add_table(parser: Parser, what: str) -> None:
    """Add --csv to a command that has --force; ``what`` stands in its rows."""
    parser.add_argument("--csv", metavar="FILE", help=f"also write {what}: FILE.csv")


def table_path(options: argparse.Namespace) -> Path | None:
    """Return the table that was asked for, checked before anything is computed; None where none was.

    Raises
    ------
    RecipeError
        For a name that ends otherwise, a folder that is not there, or a file that is.
    """
    if options.csv is None:
        return None
    path = as_path(options.csv, "a table")
    if path.suffix != ".csv":
        raise RecipeError(f"--csv {shown(options.csv)}: expected a file name that ends in .csv")
    if path.is_dir() or not path.parent.is_dir():
        raise RecipeError(f"--csv {options.csv}: expected a file in an existing folder")
    if path.exists() and not options.force:
        raise RecipeError(f"{path} exists: use --force to overwrite it, or another name")
    return path


def write_table(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the table that was asked for; return the lines that name it, none where none was asked for."""
    if path is None:
        return []
    from fractalman.report.csv_text import csv_text
    from fractalman.report.files import publish

    publish(path, csv_text(rows))
    return [f"table: {path}"]
