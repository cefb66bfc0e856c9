"""fractalman quickstart: two datasets, or one of another family, four learners, one report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, Progress, print_json
from fractalman.cli.options import add_output, command

if TYPE_CHECKING:
    from fractalman.cli.options import Commands

FOLDER = "fractalman-quickstart"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "a cascade and a critical cluster, four learners, one report"
    parser = command(commands, "quickstart", run, about, "quickstart -o first")
    parser.add_argument(
        "--family",
        metavar="NAME",
        help="cascade, cluster or random-hierarchy (= grammar) instead of both fractals",
    )
    add_output(parser, "folder", FOLDER)


def run(options: argparse.Namespace) -> int:
    """Run both experiments and print their verdicts."""
    from fractalman.quickstart import quickstart
    from fractalman.report import VERDICT_NOTE, result_table, verdict_lines

    with Progress() as progress:
        done = quickstart(options.output, progress=progress, family=options.family)
    if options.json:
        print_json({"runs": [result_table(result) for result in done.results.values()], "report": str(done.report)})
    else:
        for result in done.results.values():
            print("\n".join([*verdict_lines(result), ""]))
        print(f"{VERDICT_NOTE}\n\nreport: {done.report}")
    return DONE
