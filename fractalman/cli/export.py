"""fractalman export: write a file again in a layout that other tools read."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from fractalman.cli.common import Progress, existing_file, say_written
from fractalman.cli.options import FILE, add_force, add_output, command

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "write a file again in AnnData's layout (.h5ad), for anndata, scanpy and scipy.sparse"
    parser = command(commands, "export", run, about, "export cluster.h5 -o cluster.h5ad --latents 500")
    parser.add_argument("file", metavar="FILE", help=FILE)
    add_output(parser, "file")
    add_force(parser)
    parser.add_argument(
        "--latents",
        type=_latents,
        default=1000,
        metavar="N",
        help="how many latents, largest first, or all (default 1000)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    from fractalman.datasets import export_anndata

    with Progress() as progress:
        path = export_anndata(
            existing_file(options.file),
            options.output,
            latents=options.latents,
            overwrite=options.force,
            progress=progress.column,
        )
    return say_written(options, path)


def _latents(text: str) -> int | None:
    if text == "all":
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 0 up, or all")
    return int(text)
