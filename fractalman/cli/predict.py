"""fractalman predict: the learning curve and its exponents, from a recipe, a file, or anybody's points."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fractalman.cli.common import DONE, at_work, print_json
from fractalman.cli.options import ARRAY, POINTS, TARGET, add_learner, command, sizes
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "predict",
        run,
        "predict the learning curve and its exponents",
        "predict cascade-plain --learner laplace-kernel --plot curve.pdf",
        "predict --data embeddings.npz --target loss",
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help="a TOML file with a table [recipe], a catalogue name, or a fractalman file",
    )
    parser.add_argument("--data", metavar="FILE", help=f"instead of a recipe: {POINTS}; or .h5 with X and y")
    parser.add_argument("--target", metavar="NAME", help=f"with --data: {TARGET}")
    parser.add_argument("--points", metavar="NAME", help=f"with --data: {ARRAY}")
    parser.add_argument("--nugget", action="store_true", help="with --data: fit label noise beside the power laws")
    add_learner(parser)
    parser.add_argument(
        "--loss", choices=("0-1", "cross-entropy"), help="of a recipe whose labels are classes (default 0-1)"
    )
    parser.add_argument("--sizes", type=sizes, metavar="N,N,…", help="training-set sizes of the curve")
    add_plot(parser, "curve and floor")


def run(options: argparse.Namespace) -> int:
    """Print the prediction and draw it if that is asked for."""
    from fractalman.prediction import make_prediction
    from fractalman.report import prediction_lines, prediction_table

    if (options.source is None) == (options.data is None):
        found = "neither" if options.data is None else "both"
        raise RecipeError(f"predict: found {found} of a source and --data FILE, expected one of them")
    if options.data is not None:
        return _run_data(options)
    if options.target is not None or options.points is not None or options.nugget:
        raise RecipeError("--target, --points and --nugget belong to --data FILE: leave them out")
    plot = plot_path(options)
    with at_work(f"predicting {options.learner}"):
        prediction = make_prediction(options.source, learner=options.learner, loss=options.loss)
        table = prediction_table(prediction, prediction.recipe, options.sizes)
    if plot is not None:
        from fractalman.report import write_forecast_figure

        write_forecast_figure(table, plot)
    if options.json:
        print_json(table)
    else:
        print("\n".join([*prediction_lines(table), *([] if plot is None else ["", f"plot: {plot}"])]))
    return DONE


def _run_data(options: argparse.Namespace) -> int:
    from fractalman.measure import read_user_points
    from fractalman.prediction import own_data_table, predict_own_data
    from fractalman.report import lines_of

    for option in ("sizes", "loss"):
        if getattr(options, option) is not None:
            raise RecipeError(f"--{option} belongs to recipes and files: leave it out with --data")
    plot = plot_path(options)
    found = read_user_points(options.data, options.target, options.points)
    if found.y is None:
        from fractalman.measure.missing_target import missing_target

        raise missing_target(options.data)
    with at_work(f"predicting {options.learner}"):
        prediction = predict_own_data(found.X, found.y, learner=options.learner, nugget=options.nugget)
        table = own_data_table(prediction)
    said = write_plot(plot, prediction.plot)
    if options.json:
        print_json(table)
    else:
        print("\n".join([prediction.why(), "", *lines_of(table), *said]))
    return DONE
