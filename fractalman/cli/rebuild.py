"""fractalman rebuild: make a file again from another file's provenance, byte for byte."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import existing_file, say_written
from fractalman.cli.options import FILE, add_force, add_output, command
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "make a file again from another file's provenance, byte for byte"
    parser = command(commands, "rebuild", run, about, "rebuild cluster.h5 -o again.h5")
    parser.add_argument("file", metavar="FILE", help=FILE)
    add_output(parser, "file")
    add_force(parser)


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    from fractalman.generation import rebuild

    with StatusLine() as progress:
        source = existing_file(options.file)
        path = rebuild(source, options.output, overwrite=options.force, progress=progress.column)
    return say_written(options, path)
