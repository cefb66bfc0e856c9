"""fractalman measure: estimates with errors, of a file, anybody's points, or a table of losses."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractalman.cli.common import DONE, at_work, existing_file, print_json
from fractalman.cli.options import ARRAY, FILE, POINTS, TARGET, command, integer, real
from fractalman.cli.plots import Picture, add_plot, plot_path, write_plot
from fractalman.errors import FileFormatError, RecipeError

if TYPE_CHECKING:
    from fractalman.cli.options import Commands
    from fractalman.datasets.file import File
    from fractalman.measure import Dimensions
    from fractalman.measure.measured import Measured


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands,
        "measure",
        run,
        "measure a file, anybody's points, or a table of losses",
        "measure cluster.h5",
        "measure embeddings.npy",
        "measure --scaling losses.csv --plot fit.pdf",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help=f"{FILE}, or {POINTS}")
    parser.add_argument(
        "--scaling",
        metavar="TABLE",
        help="a table of losses (.csv .tsv .json .jsonl, also .gz, .parquet .xlsx) against sizes, parameters, "
        "tokens or compute",
    )
    parser.add_argument(
        "--columns", metavar="ROLE=NAME,…", help="of a table: which column is what, e.g. loss=val_loss,n_params=N"
    )
    parser.add_argument(
        "--where", metavar="COLUMN=VALUE", action="append", default=[], help="of a table: only rows with this value"
    )
    parser.add_argument("--window", metavar="LOW,HIGH", help="of a table with one axis: only these sizes, e.g. 1e6,")
    parser.add_argument("--trials", type=real, metavar="N", help="of error rates: test cases behind each")
    parser.add_argument(
        "--form", metavar="FORM", help="of a joint law: plain, repeated (data seen again) or overtraining"
    )
    parser.add_argument("--budgets", metavar="C,C,…", help="of a joint law: compute for which the optimum is wanted")
    parser.add_argument(
        "--cost", type=real, metavar="K", help="of a joint law: compute is K·parameters·data (default 6)"
    )
    parser.add_argument(
        "--huber", type=real, metavar="T", help="threshold on ln loss of a joint fit (default: the noise)"
    )
    parser.add_argument("--nugget", action="store_true", help="of points: fit label noise beside the power laws")
    parser.add_argument("--target", metavar="NAME", help=f"of points: {TARGET}")
    parser.add_argument("--points", metavar="NAME", help=f"of points: {ARRAY}")
    parser.add_argument(
        "--theiler",
        type=integer,
        default=0,
        metavar="ROWS",
        help="of points in time: rows so close are no neighbours",
    )
    twice = parser.add_mutually_exclusive_group()
    twice.add_argument("--keep-duplicates", action="store_true", help="of points: keep rows that stand twice")
    twice.add_argument(
        "--near-duplicates", action="store_true", help="of points: leave out rows that nearly copy others, too"
    )
    add_plot(parser, "the fit of a table, the dimension of points, or the label variogram of a fractalman file")


def run(options: argparse.Namespace) -> int:
    """Print what was measured."""
    from fractalman.report import lines_of

    if (options.file is None) == (options.scaling is None):
        found = "neither" if options.file is None else "both"
        raise RecipeError(f"measure: found {found} of a file and --scaling TABLE, expected one of them")
    _belongs(options)
    plot = plot_path(options)
    with at_work("measuring"):
        measured, said = _measured(options, plot)
    if options.json:
        print_json(measured)
    else:
        answers = [f"{name}: {words}" for name, words in measured.answers()]
        print("\n".join([*answers, *([""] if answers else []), *lines_of(measured), *said]))
    return DONE


def _measured(options: argparse.Namespace, plot: Picture | None) -> tuple[Measured, list[str]]:
    """What is measured, and what is said of the figure."""
    from fractalman.measure import measure_file, measure_points, measure_scaling, variogram
    from fractalman.measure.columns import parse_mapping
    from fractalman.measure.loss_report import fit_of_table

    if options.scaling is not None:
        columns = parse_mapping(options.columns) if options.columns else None
        where, window = dict(_pair(text) for text in options.where), _window(options.window)
        measured = measure_scaling(
            options.scaling,
            options.huber,
            columns=columns,
            where=where,
            window=window,
            trials=options.trials,
            form=options.form,
            budgets=None if options.budgets is None else _numbers("--budgets", options.budgets),
            cost=6.0 if options.cost is None else options.cost,
        )
        said = write_plot(
            plot,
            lambda: fit_of_table(
                options.scaling, options.huber, columns=columns, where=where, window=window, form=options.form
            ).plot(),
        )
    elif _is_points(options):
        measured = measure_points(
            options.file, options.nugget, target=options.target, points=options.points, theiler=options.theiler,
            duplicates=_duplicates(options),
        )  # fmt: skip
        said = write_plot(plot, lambda: _dimensions(options).plot())
    else:
        with _opened(options.file) as file:
            measured = measure_file(file)
            said = write_plot(plot, lambda: variogram(file.y[:], **_of_file(file)).plot())
    return measured, said


def _is_points(options: argparse.Namespace) -> bool:
    """Whether a file holds anybody's points: by its name, by what is asked of it, or as HDF5 without our name."""
    from fractalman.measure import POINT_FILES
    from fractalman.measure.hdf5_arrays import is_plain_hdf5

    named = options.file.lower().endswith(POINT_FILES) or options.points is not None or options.target is not None
    return named or is_plain_hdf5(options.file)


def _dimensions(options: argparse.Namespace) -> Dimensions:
    """The dimensions of the points, for a figure."""
    from fractalman.measure import dimensions, read_user_points

    found = read_user_points(options.file, options.target, options.points)
    return dimensions(found.X, theiler=options.theiler, duplicates=_duplicates(options))


def _duplicates(options: argparse.Namespace) -> str:
    return "keep" if options.keep_duplicates else "near" if options.near_duplicates else "drop"


def _of_file(file: File) -> dict[str, Any]:
    """Where a file's label differences are measured: along its edges, or in X."""
    return {"edges": file.edges[:]} if file.edges is not None else {"X": file.X[:]}


def _opened(name: str) -> File:
    """A fractalman file; of another one it is said what is missing."""
    from fractalman.datasets import open_file

    path = existing_file(name)
    try:
        return open_file(path)
    except FileFormatError as error:
        if "not a fractalman file" not in str(error):
            raise
        raise RecipeError(f"{error}: expected one, or {POINTS.partition(', its target')[0]}") from None


def _belongs(options: argparse.Namespace) -> None:
    """Refuse options of tables for points, and a table of losses that is given as points."""
    if options.scaling is not None:
        return
    from fractalman.measure.columns import is_loss_table
    from fractalman.measure.table_files import read_cells, table_kind

    for name in ("huber", "columns", "where", "window", "trials", "form", "budgets", "cost"):
        if getattr(options, name) not in (None, []):
            raise RecipeError(f"--{name} belongs to a table of losses: use measure --scaling {options.file} --{name} …")
    if table_kind(options.file) is None or not Path(options.file).is_file():
        return
    try:
        found = is_loss_table(read_cells(options.file))
    except RecipeError:
        found = False  # the reader of points says what is wrong
    if found:
        raise RecipeError(
            f"{options.file} looks like a table of losses, and points are expected here; use fractalman measure "
            f"--scaling {options.file}"
        )


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise RecipeError(f"--where {text}: expected COLUMN=VALUE, e.g. dataset=c4")
    return name.strip(), value.strip()


def _numbers(option: str, text: str) -> list[float]:
    from fractalman.measure.number_text import number

    found = [number(word) for word in text.split(",")]
    if any(value is None or not value > 0.0 for value in found):
        raise RecipeError(f"{option} {text}: expected numbers > 0 with commas, e.g. 1e20,1e21")
    return [float(value) for value in found if value is not None]


def _window(text: str | None) -> tuple[float | None, float | None] | None:
    from fractalman.measure.number_text import number

    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    words = ["" if word.lower() == "none" else word for word in words]
    ends = [number(word) if word else None for word in words]
    if len(words) != 2 or any(
        word and not (end is not None and end >= 0.0) for word, end in zip(words, ends, strict=True)
    ):
        raise RecipeError(f"--window {text}: expected LOW,HIGH with either left out, e.g. 1e6,1e9 or ,1000")
    return ends[0], ends[1]
