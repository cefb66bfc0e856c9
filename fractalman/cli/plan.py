"""fractalman plan: the training sizes and seeds that resolve an exponent."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fractalman.cli.common import DONE, at_work, print_json
from fractalman.cli.options import RECIPE, command, integer, real
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.cli.tables import add_table, table_path, write_table
from fractalman.errors import RecipeError
from fractalman.sources import recipe_of

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


N_OF_STEPS = 256
"""Training points along the steps where none are given."""
STEPS_RATE = 2e-3
"""Learning rate along the steps where none is given, one that networks were held against the flow with."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "say which training sizes and how many seeds resolve the exponent"
    parser = command(
        commands, "plan", run, about, "plan cascade-plain --learner 1-nn --resolution 0.05 --plot plan.pdf"
    )
    parser.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    parser.add_argument("--learner", help="which learner (default: 1-nn, with --axis steps mlp)")
    parser.add_argument("--resolution", type=real, default=0.02, help="95 %% half-width wanted (default 0.02)")
    parser.add_argument(
        "--budget", type=integer, default=1_000_000, help="training points that may be fitted (default 10^6)"
    )
    parser.add_argument("--axis", choices=("n", "steps"), default="n", help="what is varied (default n)")
    parser.add_argument("--n", type=integer, help="with --axis steps: training points (default 256)")
    parser.add_argument(
        "--learning-rate", type=real, metavar="RATE", help="with --axis steps: of the network, by gradient descent"
    )
    parser.add_argument("--width", type=integer, help="with --axis steps: of the network (default 256)")
    add_plot(parser, "every window of sizes and what it costs")
    parser.add_argument("--dry-run", action="store_true", help="print sizes, windows and structures, compute nothing")
    add_table(parser, "every window of sizes and what it costs")


def run(options: argparse.Namespace) -> int:
    """Print the plan."""
    from fractalman.prediction import make_plan
    from fractalman.report import plan_lines

    plot, where = plot_path(options), table_path(options)
    learner = _learner(options)
    if options.dry_run:
        return _dry_run(options, learner)
    with at_work(f"planning for {learner if isinstance(learner, str) else learner.name}"):
        plan = make_plan(
            recipe_of(options.recipe),
            learner,
            options.resolution,
            options.budget,
            axis=options.axis,
            n=_points(options),
        )
    said = [*write_plot(plot, plan.plot), *write_table(where, plan.option_rows())]
    if options.json:
        print_json(plan)
    else:
        print("\n".join([*plan_lines(plan), *said]))
    return DONE


def _learner(options: argparse.Namespace) -> Any:
    """Return the learner's name, or the network that the options along the steps describe."""
    asked = {"learning_rate": options.learning_rate, "width": options.width, "n": options.n}
    given = {key: value for key, value in asked.items() if value is not None}
    if options.axis == "n":
        if given:
            names = " and ".join(f"--{key.replace('_', '-')}" for key in given)
            raise RecipeError(f"{names}: of a network along its steps; use --axis steps with it")
        return options.learner or "1-nn"
    given.pop("n", None)
    if options.learner not in (None, "mlp"):
        return options.learner  # which is refused by its name
    from fractalman.learners import make

    return make("mlp", {"optimizer": "sgd", "learning_rate": STEPS_RATE, **given})


def _points(options: argparse.Namespace) -> int:
    """Training points of every network along its steps."""
    return N_OF_STEPS if options.n is None else int(options.n)


def _dry_run(options: argparse.Namespace, learner: Any) -> int:
    """Say what the plan would look at."""
    from fractalman.prediction.planning import plan_work

    if options.axis != "n":
        return _dry_run_of_steps(options, learner)
    work = plan_work(options.recipe, learner, options.resolution, options.budget)
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
        curve = f"the curve of {learner} on structures, up to n = {sizes[-1]:,}" if work["curve"] else "none"
        print(f"computed: {curve}")
    return DONE


def _dry_run_of_steps(options: argparse.Namespace, learner: Any) -> int:
    """Say what a plan along the steps would look at."""
    from fractalman.prediction.steps_planning import steps_work

    work = steps_work(options.recipe, learner, options.resolution, options.budget, options.axis, _points(options))
    if options.json:
        print_json(work)
        return DONE
    print(f"steps: {', '.join(f'{n:,}' for n in work['steps']) or 'none'}, each with {work['n']} training points")
    print(
        f"drawn: {work['structures']} structures, {work['label_draws']} label vectors each; gradient flow, no training"
    )
    return DONE
