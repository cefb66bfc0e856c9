"""fractalman study-data: dimension, smoothness, predicted and measured curves of anybody's points, on one page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fractalman._files import as_path
from fractalman.cli.common import DONE, print_json
from fractalman.cli.options import ARRAY, POINTS, TARGET, add_force, command
from fractalman.cli.plots import add_plot, plot_path, write_plot
from fractalman.errors import RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    about = "study anybody's points: dimension, smoothness, predicted and measured curves, on one page"
    parser = command(commands, "study-data", run, about, "study-data embeddings.npz -o study")
    parser.add_argument("file", metavar="FILE", help=f"{POINTS}; or .h5 with X and y")
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder of report.html and result.json")
    parser.add_argument("--target", metavar="NAME", help=TARGET)
    parser.add_argument("--points", metavar="NAME", help=ARRAY)
    add_force(parser, "overwrite the report of another study")
    add_plot(parser, "predicted and measured curves", force=False)


def run(options: argparse.Namespace) -> int:
    """Study the points, write the page and print the verdict."""
    from fractalman.measure import read_user_points
    from fractalman.prediction.own_study import own_study_table, study_own_data
    from fractalman.report import require_plots
    from fractalman.report.own_data_page import write_own_study

    plot, where = plot_path(options), as_path(options.output, "a folder")
    if any(part.exists() and not part.is_dir() for part in (where, *where.parents)):
        raise RecipeError(f"-o {options.output} is a file, or lies under one: expected a folder; use another name")
    if (where / "report.html").exists() and not options.force:
        raise RecipeError(f"{options.output} holds a report: use --force to overwrite it, or another folder")
    require_plots()
    found = read_user_points(options.file, options.target, options.points)
    if found.y is None:
        from fractalman.measure.missing_target import missing_target

        raise missing_target(options.file)
    study = study_own_data(found.X, found.y, classes=True if found.classes is not None else None)
    said = write_plot(plot, study.plot)
    page = write_own_study(study, options.output, Path(options.file).name)
    if options.json:
        print_json(own_study_table(study))
    else:
        print("\n".join([study.prediction.why(), "", study.verdict, f"report: {page}", *said]))
    return DONE
