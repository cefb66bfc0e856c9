"""fractalman study-data: dimension, smoothness, predicted and measured curves of anybody's points, on one page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", help="folder of report.html and result.json (needed but for --dry-run)"
    )
    parser.add_argument("--target", metavar="NAME", help=TARGET)
    parser.add_argument("--points", metavar="NAME", help=ARRAY)
    add_force(parser, "overwrite the report of another study")
    add_plot(parser, "predicted and measured curves", force=False)
    parser.add_argument("--dry-run", action="store_true", help="print points and fits, study nothing")


def run(options: argparse.Namespace) -> int:
    """Study the points, write the page and print the verdict."""
    from fractalman.measure import read_user_points
    from fractalman.measure.points import as_points
    from fractalman.prediction.own_study import own_study_table, own_study_work, study_own_data
    from fractalman.report import require_plots
    from fractalman.report.own_data_page import write_own_study

    if options.output is None and not options.dry_run:
        raise RecipeError("no folder for the study: use -o FOLDER, or --dry-run")
    plot, where = plot_path(options), as_path(options.output or ".", "a folder")
    if any(part.exists() and not part.is_dir() for part in (where, *where.parents)):
        raise RecipeError(f"-o {options.output} is a file, or lies under one: expected a folder; use another name")
    if options.output is not None and (where / "report.html").exists() and not options.force:
        raise RecipeError(f"{options.output} holds a report: use --force to overwrite it, or another folder")
    require_plots()
    found = read_user_points(options.file, options.target, options.points)
    if found.y is None:
        from fractalman.measure.missing_target import missing_target

        raise missing_target(options.file)
    if options.dry_run:
        as_points(found.X)  # refused as the study would refuse it
        return _dry_run(options, own_study_work(found.X), found.classes is not None)
    study = study_own_data(found.X, found.y, classes=True if found.classes is not None else None)
    said = write_plot(plot, study.plot)
    page = write_own_study(study, options.output, Path(options.file).name)
    if options.json:
        print_json(own_study_table(study))
    else:
        print("\n".join([study.prediction.why(), "", study.verdict, f"report: {page}", *said]))
    return DONE


def _dry_run(options: argparse.Namespace, work: dict[str, Any], classes: bool) -> int:
    """Say what would be measured and fitted."""
    if options.json:
        print_json({**work, "classes": classes})
        return DONE
    print(f"points: {work['points']:,} × {work['columns']:,}, target: {'classes' if classes else 'a value'}")
    print("measured: dimension, smoothness, the curves predicted from them")
    for row in work["learners"]:
        print(
            f"fitted: {row['learner']}, {row['fits']} times, on up to {row['largest']:,} points, "
            f"tested on {work['tested']:,}"
        )
    return DONE
