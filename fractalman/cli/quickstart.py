"""fractalman quickstart: two datasets, or one of another family, four learners, one report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import add_output, command
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands

FOLDER = "fractalman-quickstart"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "a cascade and a critical cluster, four learners, one report"
    parser = command(commands, "quickstart", run, about, "quickstart --dry-run", "quickstart -o first")
    parser.add_argument(
        "--family",
        metavar="NAME",
        help="cascade, cluster or random-hierarchy (= grammar) instead of both fractals",
    )
    add_output(parser, "folder", FOLDER)
    parser.add_argument("--dry-run", action="store_true", help="print points, memory and time, run nothing")


def run(options: argparse.Namespace) -> int:
    """Run both experiments and print their verdicts."""
    from fractalman.quickstart import quickstart
    from fractalman.report import VERDICT_NOTE, result_table, verdict_lines

    if options.dry_run:
        return _dry_run(options)
    with StatusLine() as progress:
        done = quickstart(options.output, progress=progress, family=options.family)
    if options.json:
        print_json({"runs": [result_table(result) for result in done.results.values()], "report": str(done.report)})
    else:
        for result in done.results.values():
            print("\n".join([*verdict_lines(result), ""]))
        print(f"{VERDICT_NOTE}\n\nreport: {done.report}")
    return DONE


def _dry_run(options: argparse.Namespace) -> int:
    """Say what the experiments need."""
    from fractalman.quickstart import quickstart_entries
    from fractalman.report import dry_run_lines
    from fractalman.runs import plan_confirmation

    plans = {name: plan_confirmation(entry) for name, entry in quickstart_entries(options.family).items()}
    if options.json:
        print_json(plans)
    else:
        print("\n".join(line for name, plan in plans.items() for line in (name, *dry_run_lines(plan), "")).rstrip())
    return DONE
