"""fractalman info: what a file holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, existing_file, print_json
from fractalman.cli.options import FILE, command
from fractalman.cli.plots import add_plot, plot_path, write_plot

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands, "info", run, "say what a file holds", "info cluster.h5", "info cluster.h5 --plot cluster.pdf"
    )
    parser.add_argument("file", metavar="FILE", help=FILE)
    add_plot(parser, "the points in the plane of their largest variance")


def run(options: argparse.Namespace) -> int:
    """Print recipe, provenance and columns."""
    from fractalman.datasets import open_file
    from fractalman.generation import population
    from fractalman.random.streams import STREAM_VERSION
    from fractalman.report import lines_of, text_table

    plot = plot_path(options)
    with open_file(existing_file(options.file)) as file:
        info = file.info()
        said = write_plot(plot, file.plot)
        if file.provenance.stream_version == STREAM_VERSION:  # what the recipe says about its clusters
            info |= {"population": found} if (found := population(file.recipe)) else {}
    if options.json:
        print_json(info)
        return DONE
    columns, ratio = info.pop("columns"), info.pop("ratio")
    print("\n".join(lines_of(info)))
    header = ("column", "type", "shape", "bytes", "stored", "how")
    cells = [
        [name, column["dtype"], " × ".join(map(str, column["shape"])), f"{column['bytes']:,}",
         f"{column['stored_bytes']:,}", ", ".join(column["filters"]) or "as it is"]
        for name, column in columns.items()
    ]  # fmt: skip
    print(f"columns, packed {ratio:.3g} times (--json for their digests)")
    print("\n".join(f"  {line}" for line in text_table(header, cells)))
    if said:
        print("\n".join(said))
    return DONE
