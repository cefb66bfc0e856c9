"""fractalman confirm: train learners over sizes and seeds, and compare with the prediction."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman.cli.brought import brought_learners
from fractalman.cli.common import DONE, NO, print_json
from fractalman.cli.options import add_force, add_workers, command
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.errors import RecipeError
from fractalman.progress import StatusLine

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "confirm",
        run,
        "train learners over sizes and seeds and compare with the prediction",
        "confirm quickstart-cascade --dry-run",
        "confirm spec.toml -o run --jobs 8",
    )
    parser.add_argument(
        "spec", metavar="SPEC", help="a TOML file with tables [recipe] and [sweep], or a catalogue name"
    )
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", help="folder of journal and report (needed but for --dry-run)"
    )
    add_force(parser, "start anew in a folder that holds another run")
    add_workers(parser)
    parser.add_argument(
        "--learner",
        action="append",
        default=[],
        metavar="NAME=MODULE:ATTRIBUTE",
        help="a learner of your own, which the specification calls NAME; may be given several times",
    )
    add_plot(parser, "the learning curves", force=False)
    parser.add_argument("--dry-run", action="store_true", help="print points, memory and time, run nothing")


def run(options: argparse.Namespace) -> int:
    """Run the experiment, print the verdicts; the answer is no if a prediction is refuted."""
    from fractalman.report import dry_run_lines, result_table, verdict_lines, verdict_note
    from fractalman.runs import plan_confirmation, run_confirmation

    spec = options.spec
    brought = brought_learners(options.learner)
    if options.dry_run:
        plan = plan_confirmation(spec, brought)
        if options.json:
            print_json(plan)
        else:
            print("\n".join(dry_run_lines(plan)))
        return DONE
    if options.output is None:
        raise RecipeError("no folder for the run: use -o FOLDER, or --dry-run")
    plot = plot_path(options)
    with StatusLine() as progress:
        result = run_confirmation(
            spec,
            options.output,
            force=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
            shard=options.shard,
            learners=brought,
        )
    if options.shard is not None and result.missing:
        i, n = options.shard
        table = {"shard": i, "of": n, "missing": result.missing}
        if options.json:
            print_json(table)
        else:
            print(f"shard {i} of {n} is done; {result.missing} tasks of the others are missing, so there is no report")
        return DONE
    said = write_plot(plot, result.plot)
    if options.json:
        print_json(result_table(result))
    else:
        report = f"report: {Path(options.output) / 'report.html'}"
        print("\n".join([*verdict_lines(result), "", verdict_note([result]), report, *said]))
    return NO if any(verdict.agrees is False for verdict in result.verdicts) else DONE
