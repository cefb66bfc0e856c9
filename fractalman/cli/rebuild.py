"""fractalman rebuild: make a file again from another file's provenance, byte for byte."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import existing_file, say_written
from fractalman.cli.dry_run import say_needed
from fractalman.cli.options import FILE, add_dry_run, add_force, add_output, command
from fractalman.errors import RecipeError
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "make a file again from another file's provenance, byte for byte"
    parser = command(commands, "rebuild", run, about, "rebuild cluster.h5 -o again.h5", "rebuild cluster.h5 --dry-run")
    parser.add_argument("file", metavar="FILE", help=FILE)
    add_output(parser, "file", dry=True)
    add_force(parser)
    add_dry_run(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    from fractalman.generation import rebuild

    source = existing_file(options.file)
    if options.dry_run:
        from fractalman.datasets import open_file

        with open_file(source) as file:
            return say_needed(file.recipe, "hierarchy/parent" in file.columns, options.json)
    if options.output is None:
        raise RecipeError("no file to write: use -o FILE, or --dry-run")
    with StatusLine() as progress:
        path = rebuild(source, options.output, overwrite=options.force, progress=progress.column)
    return say_written(options, path)
