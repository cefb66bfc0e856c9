"""fractalman explore: one page on a dataset that explores itself, without server or network."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import SOURCE, add_force, add_learner, add_output, command, integer

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "write one page on a dataset: fractal, hierarchy at every scale, learning curve"
    parser = command(
        commands, "explore", run, about, "explore brill-cluster-1e4 -o cluster.html", "explore data.h5 --points 20000"
    )
    parser.add_argument("source", metavar="SOURCE", help=SOURCE)
    add_output(parser, "page", "explore.html")
    add_learner(parser)
    parser.add_argument(
        "--points", type=integer, default=100_000, metavar="N", help="points shown at most (default 1e5)"
    )
    add_force(parser, "overwrite an existing page")
    parser.add_argument("--dry-run", action="store_true", help="print what the page would show, write nothing")


def run(options: argparse.Namespace) -> int:
    """Write the page and name it."""
    from fractalman.report.explorer import explore

    if options.dry_run:
        return _dry_run(options)
    path = explore(
        options.source, options.output, learner=options.learner, max_points=options.points, overwrite=options.force
    )
    if options.json:
        print_json({"page": str(path), "bytes": path.stat().st_size})
    else:
        print(f"{path} written, {path.stat().st_size:,} bytes: open it in a browser")
    return DONE


def _dry_run(options: argparse.Namespace) -> int:
    """Say what the page would show."""
    from fractalman.report.explorer import explore_work

    work = explore_work(
        options.source, options.output, learner=options.learner, max_points=options.points, overwrite=options.force
    )
    if options.json:
        print_json(work)
        return DONE
    shown = f"one for every subcluster, at most {work['most']:,}" if work["points"] is None else f"{work['points']:,}"
    print(f"points: {shown}, of {work['of']:,}")
    if work["drawn"]:
        print(f"drawn first: the dataset, {work['memory_bytes']:,} bytes")
    curve = "averaged over structures" if work["curve"] else "none is known"
    print(f"learning curve of {options.learner}: {curve}")
    return DONE
