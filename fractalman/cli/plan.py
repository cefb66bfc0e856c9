"""fractalman plan: the training sizes and seeds that resolve an exponent."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, at_work, print_json
from fractalman.cli.options import RECIPE, add_learner, command, integer, real
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.cli.tables import add_table, table_path, write_table
from fractalman.sources import recipe_of

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "say which training sizes and how many seeds resolve the exponent"
    parser = command(
        commands, "plan", run, about, "plan cascade-plain --learner 1-nn --resolution 0.05 --plot plan.pdf"
    )
    parser.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    add_learner(parser)
    parser.add_argument("--resolution", type=real, default=0.02, help="95 %% half-width wanted (default 0.02)")
    parser.add_argument(
        "--budget", type=integer, default=1_000_000, help="training points that may be fitted (default 10^6)"
    )
    add_plot(parser, "every window of sizes and what it costs")
    parser.add_argument("--dry-run", action="store_true", help="print sizes, windows and structures, compute nothing")
    add_table(parser, "every window of sizes and what it costs")


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    from fractalman.prediction import make_plan
    from fractalman.report import plan_lines

    plot, where = plot_path(options), table_path(options)
    if options.dry_run:
        return _dry_run(options)
    with at_work(f"planning for {options.learner}"):
        plan = make_plan(recipe_of(options.recipe), options.learner, options.resolution, options.budget)
    said = [*write_plot(plot, plan.plot), *write_table(where, plan.option_rows())]
    if options.json:
        print_json(plan)
    else:
        print("\n".join([*plan_lines(plan), *said]))
    return DONE


def _dry_run(options: argparse.Namespace) -> int:
    """Say what the plan would look at."""
    from fractalman.prediction.planning import plan_work

    work = plan_work(options.recipe, options.learner, options.resolution, options.budget)
    if options.json:
        print_json(work)
        return DONE
    sizes = work["sizes"]
    print(f"sizes: {', '.join(f'{n:,}' for n in sizes) or 'none'}: {work['windows']:,} windows of them")
    if not work["windows"]:
        print("no plan: the population or the budget leaves too few sizes; fractalman plan says what would do")
    else:
        print(
            f"drawn: {work['structures']} structures of up to {work['structure_points']:,} points, with "
            f"{work['label_draws']} label vectors each; {work['memory_bytes']:,} bytes at once"
        )
        curve = f"the curve of {options.learner} on structures, up to n = {sizes[-1]:,}" if work["curve"] else "none"
        print(f"computed: {curve}")
    return DONE
