"""The commands that predict, measure and confirm."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fractalman.cli.common import DONE, NO, Progress, existing_file, is_file, print_json, read_recipe
from fractalman.errors import RecipeError


def predict(options: argparse.Namespace) -> int:
    from fractalman.datasets import open_file
    from fractalman.prediction import make_prediction
    from fractalman.report import prediction_lines, prediction_table

    if (options.source is None) == (options.data is None):
        raise RecipeError("predict takes a recipe, a name or a file, or --data FILE, and not both: type one of them")
    if options.data is not None:
        return _predict_data(options)
    if options.target is not None or options.nugget:
        raise RecipeError("--target and --nugget belong to --data FILE: leave them out")
    plot = _plot_path(options)
    if is_file(options.source) and not options.source.endswith(".toml"):
        with open_file(existing_file(options.source)) as file:
            recipe = file.recipe
            table = prediction_table(make_prediction(file, learner=options.learner), recipe, options.sizes)
    else:
        recipe = read_recipe(options.source)
        table = prediction_table(make_prediction(recipe, learner=options.learner), recipe, options.sizes)
    if plot is not None:
        from fractalman.report import write_forecast_figure

        write_forecast_figure(table, plot)
    if options.json:
        print_json(table)
    else:
        print("\n".join([*prediction_lines(table), *([] if plot is None else ["", f"plot: {plot}"])]))
    return DONE


def _predict_data(options: argparse.Namespace) -> int:
    from fractalman.measure import read_points
    from fractalman.prediction import own_data_table, predict_own_data
    from fractalman.report import lines_of

    if options.plot is not None or options.sizes is not None:
        raise RecipeError("--plot and --sizes belong to recipes and files: leave them out with --data")
    X, y = read_points(options.data, options.target)
    if y is None:
        raise RecipeError(
            f"{options.data} holds no target: allowed are y in a .npz or .h5, a column y of a .csv, or type --target "
            "and the name of another array or column, or of a .npy file"
        )
    made = predict_own_data(X, y, learner=options.learner, nugget=options.nugget)
    table = own_data_table(made)
    if options.json:
        print_json(table)
    else:
        print("\n".join([made.why(), "", *lines_of(table)]))
    return DONE


def plan(options: argparse.Namespace) -> int:
    from fractalman.prediction import make_plan
    from fractalman.report import plan_lines

    plan = make_plan(read_recipe(options.recipe), options.learner, options.resolution, options.budget)
    if options.json:
        print_json(plan)
    else:
        print("\n".join(plan_lines(plan)))
    return DONE


def _plot_path(options: argparse.Namespace) -> Path | None:
    """The picture that was asked for, checked before anything is computed."""
    if options.plot is None:
        return None
    from fractalman.report import require_plots

    path = Path(options.plot)
    if path.suffix not in (".png", ".svg"):
        raise RecipeError(f"--plot {options.plot}: allowed is a file name that ends in .png or .svg")
    if path.is_dir() or not path.parent.is_dir():
        raise RecipeError(f"--plot {options.plot}: allowed is a file in an existing folder")
    if path.exists() and not options.force:
        raise RecipeError(f"{path} exists: type --force to overwrite it, or another name")
    require_plots()
    return path


def measure(options: argparse.Namespace) -> int:
    from fractalman.datasets import open_file
    from fractalman.measure import POINT_FILES, measure_file, measure_points, measure_scaling
    from fractalman.report import lines_of

    if (options.file is None) == (options.scaling is None):
        raise RecipeError("measure takes a file, or --scaling TABLE, and not both: type one of them")
    if options.scaling is not None:
        measured = measure_scaling(options.scaling, options.huber)
    elif options.file.endswith(POINT_FILES):
        measured = measure_points(options.file, nugget=options.nugget)
    else:
        with open_file(existing_file(options.file)) as file:
            measured = measure_file(file)
    if options.json:
        print_json(measured)
    else:
        print("\n".join(lines_of(measured)))
    return DONE


def confirm(options: argparse.Namespace) -> int:
    from fractalman.catalogue import catalogue_text
    from fractalman.report import VERDICT_NOTE, dry_run_lines, result_table, verdict_lines
    from fractalman.runs import plan_confirmation, run_confirmation

    if is_file(options.spec):
        spec: Any = Path(options.spec)
        if spec.is_dir():
            raise RecipeError(f"{spec} is a folder: allowed is a TOML file with tables [recipe] and [sweep]")
    else:
        spec = catalogue_text(options.spec)
    if options.dry_run:
        plan = plan_confirmation(spec)
        if options.json:
            print_json(plan)
        else:
            print("\n".join(dry_run_lines(plan)))
        return DONE
    if options.output is None:
        raise RecipeError("no folder for the run: type -o FOLDER, or --dry-run")
    with Progress() as progress:
        result = run_confirmation(
            spec,
            options.output,
            force=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
            shard=options.shard,
        )
    if options.shard is not None and result.missing:
        i, n = options.shard
        table = {"shard": i, "of": n, "missing": result.missing}
        if options.json:
            print_json(table)
        else:
            print(f"shard {i} of {n} is done; {result.missing} tasks of the others are missing, so there is no report")
        return DONE
    if options.json:
        print_json(result_table(result))
    else:
        print("\n".join([*verdict_lines(result), "", VERDICT_NOTE, f"report: {Path(options.output) / 'report.html'}"]))
    return NO if any(verdict.agrees is False for verdict in result.verdicts) else DONE


def report(options: argparse.Namespace) -> int:
    from fractalman.runs import rebuild_report

    path = rebuild_report(*options.folder, out=options.output)
    if options.json:
        print_json({"report": str(path)})
    else:
        print(f"report: {path}")
    return DONE


def quickstart(options: argparse.Namespace) -> int:
    from fractalman.quickstart import quickstart
    from fractalman.report import VERDICT_NOTE, result_table, verdict_lines

    with Progress() as progress:
        made = quickstart(options.output, progress=progress)
    if options.json:
        print_json({"runs": [result_table(result) for result in made.results.values()], "report": str(made.report)})
    else:
        for result in made.results.values():
            print("\n".join([*verdict_lines(result), ""]))
        print(f"{VERDICT_NOTE}\n\nreport: {made.report}")
    return DONE
