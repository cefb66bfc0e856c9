"""fractalman extend: add points to a file whose recipe nests."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import existing_file, say_written
from fractalman.cli.dry_run import say_needed
from fractalman.cli.options import FILE, add_dry_run, command, integer
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = 'add points to a file whose recipe nests: cascades, manifolds of waves, growth = "nested"'
    parser = command(
        commands, "extend", run, about, "extend cascade.h5 --n-points 1e5", "extend cascade.h5 --n-points 1e7 --dry-run"
    )
    parser.add_argument("file", metavar="FILE", help=f"{FILE}; replaced at once when the larger one is complete")
    parser.add_argument(
        "--n-points", type=integer, required=True, metavar="N", help="points from now on, more than the file has"
    )
    add_dry_run(parser)


def run(options: argparse.Namespace) -> int:
    """Replace the file by the larger one."""
    from fractalman.generation import extend

    if options.dry_run:
        from fractalman.datasets import open_file
        from fractalman.generation.extension import larger_recipe

        with open_file(existing_file(options.file)) as file:
            return say_needed(
                larger_recipe(file.recipe, options.n_points), "hierarchy/parent" in file.columns, options.json
            )
    with StatusLine() as progress:
        path = extend(existing_file(options.file), options.n_points, progress=progress.column)
    return say_written(options, path)
