"""fractalman quickstart: two datasets, or one of another family, four learners, one report."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, print_json, program
from fractalman.cli.options import add_output, command
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands

FOLDER = "fractalman-quickstart"
NEXT = (
    "list                                              # datasets and studies that have names",
    "explore cascade-plain -o fractal.html             # one page to look at a fractal and its hierarchy",
    "predict brill-cluster-1e5 --learner 1-nn          # how an error must fall, and its floor",
)
"""What may be typed after a quickstart."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "a cascade and a critical cluster, four learners, one report"
    parser = command(commands, "quickstart", run, about, "quickstart --dry-run", "quickstart -o first")
    parser.add_argument(
        "--family",
        metavar="NAME",
        help="cascade, cluster, random-hierarchy, grammar-language or grammar (= these two) instead of both fractals",
    )
    add_output(parser, "folder", FOLDER)
    parser.add_argument("--dry-run", action="store_true", help="print points, memory and time, run nothing")


def run(options: argparse.Namespace) -> int:
    """Run both experiments, print their verdicts, what they come to, and what to type next."""
    if options.dry_run:
        return _dry_run(options)
    with StatusLine("fractalman: loading") as progress:
        from fractalman.executors import JAX_VARIABLES
        from fractalman.quickstart import quickstart, quickstart_words
        from fractalman.report import closing_sentence, result_table, verdict_lines, verdict_note

        for name in JAX_VARIABLES:  # its networks are small, and predictions are computed beside them
            os.environ.setdefault(name, "1")
        for line in quickstart_words(options.output, options.family):
            progress.keep(f"fractalman: {line}")
        done = quickstart(options.output, progress=progress, family=options.family)
    results = list(done.results.values())
    if options.json:
        print_json({"runs": [result_table(result) for result in results], "report": str(done.report)})
        return DONE
    for result in results:
        print("\n".join([*verdict_lines(result), ""]))
    name = program()
    shown = [f"{name} {example}" for example in NEXT]
    print("\n".join([verdict_note(results), "", closing_sentence(results),
                     f"Open {done.report} in a browser: fractals, curves, and a sentence for each learner.",
                     "", "Next, for example:", *(f"  {line}" for line in shown)]))  # fmt: skip
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
