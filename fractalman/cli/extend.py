"""fractalman extend: add points to a file whose recipe nests."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import existing_file, say_written
from fractalman.cli.options import FILE, command, integer
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = 'add points to a file whose recipe nests: cascades, manifolds of waves, growth = "nested"'
    parser = command(commands, "extend", run, about, "extend cascade.h5 --n-points 100000")
    parser.add_argument("file", metavar="FILE", help=f"{FILE}; replaced at once when the larger one is complete")
    parser.add_argument(
        "--n-points", type=integer, required=True, metavar="N", help="points from now on, more than the file has"
    )


def run(options: argparse.Namespace) -> int:
    """Replace the file by the larger one."""
    from fractalman.generation import extend

    with StatusLine() as progress:
        path = extend(existing_file(options.file), options.n_points, progress=progress.column)
    return say_written(options, path)
