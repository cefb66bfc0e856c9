"""fractalman predict: the learning curve and its exponents, from a recipe, a file, or anybody's points."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fractalman.cli.common import DONE, at_work, print_json
from fractalman.cli.options import ARRAY, POINTS, SOURCE, TARGET, add_learner, command, sizes
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.cli.tables import add_table, table_path, write_table
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
        "predict cascade-plain --learner laplace-kernel --plot curve.pdf --plot-size 3.3,2.6 --csv curve.csv",
        "predict --data embeddings.npz --target loss",
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help=SOURCE,
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
    add_table(parser, "risks, floor and their errors by size")


def run(options: argparse.Namespace) -> int:
    """Print the prediction and draw it if that is asked for."""
    from fractalman.prediction import make_prediction
    from fractalman.report import prediction_lines, prediction_table
    from fractalman.report.forecast_figure import forecast_axes

    if (options.source is None) == (options.data is None):
        found = "neither" if options.data is None else "both"
        raise RecipeError(f"predict: found {found} of a source and --data FILE, expected one of them")
    if options.data is not None:
        return _run_data(options)
    if options.target is not None or options.points is not None or options.nugget:
        raise RecipeError("--target, --points and --nugget belong to --data FILE: leave them out")
    plot, where = plot_path(options), table_path(options)
    with at_work(f"predicting {options.learner}"):
        prediction = make_prediction(options.source, learner=options.learner, loss=options.loss)
        table = prediction_table(prediction, prediction.recipe, options.sizes)
    size = () if plot is None or plot.size is None else plot.size
    said = [
        *write_plot(plot, lambda: forecast_axes(table, *size)),
        *(write_table(where, _rows(table)) if where else []),
    ]
    if options.json:
        print_json(table)
    else:
        print("\n".join([*prediction_lines(table), *said]))
    return DONE


def _rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a training-set size: risk and floor with their errors, as `to_pandas` has them."""
    rows: dict[int, dict[str, Any]] = {}
    for part, risk, error in (("curve", "risk", "standard_error"), ("floor", "floor", "floor_standard_error")):
        found = table[part] or {"n": [], "risk": [], "standard_error": []}
        for n, value, its in zip(found["n"], found["risk"], found["standard_error"], strict=True):
            rows.setdefault(n, {"n": n}).update({risk: value, error: its})
    if not rows:
        raise RecipeError(f"learner {table['learner']} has no curve to write: use a learner with one, e.g. 1-nn")
    return [rows[n] for n in sorted(rows)]


def _run_data(options: argparse.Namespace) -> int:
    from fractalman.measure import read_user_points
    from fractalman.prediction import own_data_table, predict_own_data
    from fractalman.report import lines_of

    for option in ("sizes", "loss"):
        if getattr(options, option) is not None:
            raise RecipeError(f"--{option} belongs to recipes and files: leave it out with --data")
    plot, where = plot_path(options), table_path(options)
    found = read_user_points(options.data, options.target, options.points)
    if found.y is None:
        from fractalman.measure.missing_target import missing_target

        raise missing_target(options.data)
    with at_work(f"predicting {options.learner}"):
        prediction = predict_own_data(found.X, found.y, learner=options.learner, nugget=options.nugget)
        table = own_data_table(prediction)
    said = [*write_plot(plot, prediction.plot), *write_table(where, prediction.curve_rows())]
    if options.json:
        print_json(table)
    else:
        print("\n".join([prediction.why(), "", *lines_of(table), *said]))
    return DONE
