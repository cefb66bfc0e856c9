"""fractalman list: the catalogue's datasets with sizes and predicted exponents, and its studies."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import command

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    command(commands, "list", run, "list the catalogue: name, size, predicted exponents, purpose", "list")


def run(options: argparse.Namespace) -> int:
    """Print the catalogue, grouped by purpose."""
    from fractalman.catalogue.studies import STUDIES, study_names
    from fractalman.report import text_table
    from fractalman.report.catalogue_table import catalogue_rows, exponent_words, size_words

    rows = catalogue_rows()
    if options.json:
        print_json(rows)
        return DONE
    header = ("name", "points", "d", "size", "n exponent", "P exponent")
    cells = [
        [row["name"], f"{row['points']:,}", str(row["dimensions"]), size_words(row["bytes"]), *exponent_words(row)]
        for row in rows
    ]
    lines = text_table(header, cells)
    groups: dict[str, list[str]] = {}
    for row, line in zip(rows, lines[1:], strict=True):
        groups.setdefault(row["purpose"], []).append(line)
    width = min(100, shutil.get_terminal_size().columns)
    print(lines[0])
    for purpose, group in groups.items():
        print("\n" + textwrap.fill(purpose, width, initial_indent="# ", subsequent_indent="# "), *group, sep="\n")
    print(
        "\nLoss of the nearest neighbour ~ n^-exponent, of the best P piecewise-constant cells ~ P^-exponent;"
        "\n— where no power law is known. To make one: fractalman generate NAME -o FILE"
    )
    print(f"\nStudies, to run with fractalman {'|'.join(STUDIES)} NAME -o FOLDER:")
    print(textwrap.fill(", ".join(study_names()), width, initial_indent="  ", subsequent_indent="  ",
                        break_on_hyphens=False))  # fmt: skip
    return DONE
