"""fractalman subset: some of a file's points, with their own trees, in a file of their own."""

from __future__ import annotations

import argparse
import math
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman._files import as_path
from fractalman.cli.common import DONE, existing_file, print_json, say_written
from fractalman.cli.options import FILE, add_force, add_output, command, integer
from fractalman.config import shown
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands
    from fractalman.datasets.file import File


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "subset",
        run,
        "write some of a file's points to another file, with the hierarchy among them",
        "subset ensemble.h5 -o large.h5 --min-cluster 10",
        "subset cluster.h5 -o part.h5 --rows 0:1000 --collapse",
        "subset cluster.h5 -o part.h5 --rows chosen.npy",
    )
    parser.add_argument("file", metavar="FILE", help=FILE)
    add_output(parser, "file", dry=True)
    parser.add_argument(
        "--rows",
        metavar="ROWS",
        help="FIRST:END or FIRST:END:STEP as in Python (:1000, ::2, -500:), or a .npy file of row numbers or of a mask",
    )
    parser.add_argument("--min-cluster", type=integer, metavar="N", help="only clusters of at least N points")
    parser.add_argument("--max-cluster", type=integer, metavar="N", help="only clusters of at most N points")
    parser.add_argument("--drop-empty", action="store_true", help="leave out latents without any of the points")
    parser.add_argument("--collapse", action="store_true", help="join chains of nodes with a single child")
    add_force(parser)
    parser.add_argument("--dry-run", action="store_true", help="print points, latents and bytes, write nothing")


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    from fractalman.datasets import open_file

    if options.rows is None and options.min_cluster is None and options.max_cluster is None:
        raise RecipeError("no choice of points: use --rows ROWS, --min-cluster N or --max-cluster N")
    if options.output is None and not options.dry_run:
        raise RecipeError("no file to write: use -o FILE, e.g. -o part.h5, or --dry-run")
    with open_file(existing_file(options.file)) as file:
        rows = None if options.rows is None else _rows(options.rows, file)
        if options.dry_run:
            return _dry_run(options, file, rows)
        path = file.subset(
            rows,
            options.output,
            min_cluster=options.min_cluster,
            max_cluster=options.max_cluster,
            drop_empty=options.drop_empty,
            collapse=options.collapse,
            overwrite=options.force,
        )
    return say_written(options, Path(str(path)))


def _dry_run(options: argparse.Namespace, file: File, rows: Any) -> int:
    """Say what the subset holds; X is not read, nothing is written."""
    clusters, thinned = (options.min_cluster, options.max_cluster), (options.drop_empty, options.collapse)
    parts, _ = file._taken(rows, clusters, thinned)
    latents = parts["hierarchy/parent"].shape[0] if "hierarchy/parent" in parts else None
    room = shutil.disk_usage(Path(options.output or ".").absolute().parent).free
    table = {
        "points": parts["y"].shape[0],
        "of": file.n_points,
        "latents": latents,
        "columns_bytes": sum(math.prod(part.shape) * part.dtype.itemsize for part in parts.values()),
        "free_bytes": room,
    }
    if options.json:
        print_json(table)
        return DONE
    print(f"{table['points']:,} of {table['of']:,} points" + ("" if latents is None else f", {latents:,} latents"))
    print(f"columns: up to {table['columns_bytes']:,} bytes before they are packed; {room:,} are free on that disk")
    return DONE


def _rows(text: str, file: File) -> Any:
    """Return row numbers, or a mask, of what was typed."""
    import numpy as np

    found = re.fullmatch(r"(-?\d{1,18})?:(-?\d{1,18})?(?::(-?\d{1,18}))?", text)
    if found is None:
        if not text.endswith(".npy"):
            raise RecipeError(
                f"--rows {shown(text)}: expected FIRST:END, FIRST:END:STEP or a .npy file, e.g. --rows :1000"
            )
        from fractalman.datasets.exchange.archives import read_array

        return read_array(as_path(text), "a .npy file of row numbers or of a mask")
    first, end, step = (None if word is None else int(word) for word in found.groups())
    if step == 0:
        raise RecipeError(f"--rows {text}: expected a step other than 0")
    return np.arange(file.n_points)[first:end:step]
