"""fractalman list: the catalogue's datasets with sizes and predicted exponents, and its studies."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import command
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "list",
        run,
        "list the catalogue: name, size, predicted exponents, purpose",
        "list",
        "list brill",
        "list cascade-plain",
    )
    parser.add_argument(
        "word", nargs="?", metavar="WORD", help="only names that hold this word; of a whole name its TOML text"
    )


def _one(options: argparse.Namespace) -> bool:
    """Print the TOML text of the entry or study that was named; False where it is none."""
    from fractalman.catalogue import catalogue_names, catalogue_text
    from fractalman.catalogue.studies import study_names, study_text

    if options.word not in (*catalogue_names(), *study_names()):
        return False
    text = study_text(options.word) if options.word in study_names() else catalogue_text(options.word)
    if options.json:
        print_json({"name": options.word, "toml": text})
    else:
        print(text, end="")
    return True


def run(options: argparse.Namespace) -> int:
    """Print the catalogue, grouped by purpose."""
    from fractalman.catalogue import catalogue_names, no_such_name
    from fractalman.catalogue.studies import STUDIES, study_names
    from fractalman.report import text_table
    from fractalman.report.catalogue_table import catalogue_rows, exponent_words, size_words

    word = "" if options.word is None else options.word.lower()
    if word and _one(options):
        return DONE
    studies = [name for name in study_names() if word in name]
    rows = [row for row in catalogue_rows() if word in row["name"]]
    if not rows and not studies:
        raise RecipeError(no_such_name(options.word, [*catalogue_names(), *study_names()]))
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
    if rows:
        print(lines[0])
    for purpose, group in groups.items():
        print("\n" + textwrap.fill(purpose, width, initial_indent="# ", subsequent_indent="# "), *group, sep="\n")
    if rows:
        print(
            "\nLoss of the nearest neighbour ~ n^-exponent, of the best P piecewise-constant cells ~ P^-exponent;"
            "\n— where no power law is known. To make one: fractalman generate NAME -o FILE; to change one:"
            "\nfractalman list NAME > recipe.toml"
        )
    if studies:
        print(f"\nStudies, to run with fractalman {'|'.join(STUDIES)} NAME -o FOLDER:")
        print(textwrap.fill(", ".join(studies), width, initial_indent="  ", subsequent_indent="  ",
                            break_on_hyphens=False))  # fmt: skip
    return DONE
