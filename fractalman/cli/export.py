"""fractalman export: write a dataset again in a layout that other tools read."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, existing_file, print_json
from fractalman.cli.options import FILE, add_force, command, whole
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands

_LAYOUTS = ("anndata", "percolation", "parquet", "zarr", "huggingface")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "write a file again in a layout that other tools read"
    parser = command(
        commands,
        "export",
        run,
        about,
        "export cluster.h5 -o cluster.h5ad --latents 500",
        "export cluster.h5 -o cluster.parquet",
        "export cluster.h5 -o cluster.npz --layout percolation --dry-run",
        "export cluster.h5 -o folder --layout huggingface",
    )
    parser.add_argument("file", metavar="FILE", help=FILE)
    parser.add_argument("-o", "--output", metavar="FILE", help="file or folder to write (needed but for --dry-run)")
    add_force(parser)
    parser.add_argument(
        "--layout",
        choices=_LAYOUTS,
        help="what the ending of -o says unless it is named: anndata (.h5ad: anndata, scanpy), percolation (.npz, "
        "always named: the reference implementation's archives), parquet (.parquet: pandas, polars), zarr (.zarr: "
        "xarray, dask), huggingface (a folder with a data card: datasets), which has no ending",
    )
    parser.add_argument("--dry-run", action="store_true", help="say how much would be written, write nothing")
    parser.add_argument(
        "--latents",
        type=_latents,
        metavar="N",
        help="of the layouts anndata (default 1000) and percolation (default all): how many latents, largest first, or "
        "all",
    )


def run(options: argparse.Namespace) -> int:
    """Write the file or folder."""
    from fractalman._files import size_on_disk
    from fractalman.datasets.exchange.layouts import check_layout, files_of
    from fractalman.generation import export

    source = existing_file(options.file)
    if options.output is None and not options.dry_run:
        raise RecipeError("no file to write: use -o FILE, e.g. -o data.h5ad, or --dry-run")
    layout = options.layout if options.output is None else check_layout(options.output, options.layout)
    if options.dry_run:
        return _dry_run(options, source, layout or "anndata")
    with StatusLine() as progress:
        path = export(
            source,
            options.output,
            layout,
            latents=options.latents,
            overwrite=options.force,
            progress=progress.column,
        )
    files = files_of(path, layout)
    written = sum(map(size_on_disk, files))
    if options.json:
        print_json({"file": str(path), "layout": layout, "bytes": written, "files": list(map(str, files))})
        return DONE
    beside = f", with {', '.join(file.name for file in files[1:])} beside it" if len(files) > 1 else ""
    print(f"{path} written{beside}, {written:,} bytes")
    return DONE


def _dry_run(options: argparse.Namespace, source: Path, layout: str) -> int:
    """Say what the export holds and how much room there is; nothing is written."""
    from fractalman.datasets import open_file
    from fractalman.datasets.exchange.layouts import entries_of

    with open_file(source) as file:
        size = sum(column.nbytes for column in file.columns.values())
        entries = entries_of(file, layout, options.latents)
    room = shutil.disk_usage(Path(options.output or ".").absolute().parent).free
    table = {"layout": layout, "columns_bytes": size, "entries_of_latents": entries, "free_bytes": room}
    if options.json:
        print_json(table)
        return DONE
    print(f"layout {layout}: columns of up to {size:,} bytes before they are packed")
    if entries is not None:
        print(f"latents: {entries:,} entries, one for every point under every latent")
    print(f"{room:,} bytes are free on that disk")
    return DONE


def _latents(text: str) -> int | str:
    if text == "all":
        return text
    number = whole(text)
    if number is None or number < 0:
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected a number from 0 up, or all")
    return number
