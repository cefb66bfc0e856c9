"""fractalman measure: estimates with errors, of a file, anybody's points, or a table of losses."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, existing_file, print_json
from fractalman.cli.options import FILE, POINTS, command
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "measure",
        run,
        "measure a file, anybody's points, or a table of losses",
        "measure cluster.h5",
        "measure embeddings.npy",
        "measure --scaling losses.csv",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help=f"{FILE}, or {POINTS}")
    parser.add_argument(
        "--scaling", metavar="TABLE", help="a .csv table: loss and n, or loss, n_params and n_data; seed"
    )
    parser.add_argument(
        "--huber", type=float, metavar="T", help="threshold on ln loss of a joint fit (default: the noise)"
    )
    parser.add_argument("--nugget", action="store_true", help="of points: fit label noise beside the power laws")


def run(options: argparse.Namespace) -> int:
    """Print what was measured."""
    from fractalman.datasets import open_file
    from fractalman.measure import POINT_FILES, measure_file, measure_points, measure_scaling
    from fractalman.report import lines_of

    if (options.file is None) == (options.scaling is None):
        found = "neither" if options.file is None else "both"
        raise RecipeError(f"measure: found {found} of a file and --scaling TABLE, expected one of them")
    if options.scaling is not None:
        measured = measure_scaling(options.scaling, options.huber)
    elif options.file.endswith(POINT_FILES):
        measured = measure_points(options.file, nugget=options.nugget)
    else:
        with open_file(existing_file(options.file)) as file:
            measured = measure_file(file)
    if options.json:
        print_json(measured)
    else:
        print("\n".join(lines_of(measured)))
    return DONE
