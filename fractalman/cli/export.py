"""fractalman export: write a dataset again in a layout that other tools read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, existing_file, print_json
from fractalman.cli.options import FILE, add_force, add_output, command, whole
from fractalman.config import shown
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
        "export cluster.h5 -o cluster.npz --layout percolation",
        "export cluster.h5 -o cluster.parquet --layout parquet",
        "export cluster.h5 -o cluster.zarr --layout zarr",
        "export cluster.h5 -o folder --layout huggingface",
    )
    parser.add_argument("file", metavar="FILE", help=FILE)
    add_output(parser, "file")
    add_force(parser)
    parser.add_argument(
        "--layout",
        choices=_LAYOUTS,
        default="anndata",
        help="anndata (.h5ad: anndata, scanpy), percolation (.npz: the reference implementation's archives), parquet "
        "(.parquet: pandas, polars), zarr (.zarr: xarray, dask), huggingface (a folder with a data card: datasets); "
        "default anndata",
    )
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
    from fractalman.datasets.exchange.layouts import files_of
    from fractalman.generation import export

    with StatusLine() as progress:
        path = export(
            existing_file(options.file),
            options.output,
            options.layout,
            latents=options.latents,
            overwrite=options.force,
            progress=progress.column,
        )
    files = files_of(path, options.layout)
    written = sum(map(size_on_disk, files))
    if options.json:
        print_json({"file": str(path), "layout": options.layout, "bytes": written, "files": list(map(str, files))})
        return DONE
    beside = f", with {', '.join(file.name for file in files[1:])} beside it" if len(files) > 1 else ""
    print(f"{path} written{beside}, {written:,} bytes")
    return DONE


def _latents(text: str) -> int | str:
    if text == "all":
        return text
    number = whole(text)
    if number is None or number < 0:
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected a number from 0 up, or all")
    return number
