"""The command line: parsing and wiring only.

Results go to stdout, progress to stderr. Exit status: 0 done; 1 the answer is no; 2 the request was wrong or cannot be
met here; 3 the machine failed half-way; 130 Ctrl-C. An error is one line unless ``--debug`` is given.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from fractalman import __version__
from fractalman.cli_shards import add_shard_options, check_shard_options, generate_shard, generate_shards
from fractalman.errors import FileFormatError, FractalmanError, RecipeError, nearest

if TYPE_CHECKING:
    from fractalman.recipe import Recipe

DONE, NO, WRONG, FAILED, TERMINATED, INTERRUPTED = 0, 1, 2, 3, 143, 130
QUICKSTART_FOLDER = "fractalman-quickstart"

# The request cannot be met here, whoever repeats it; any other errno means that the machine failed half-way.
_REFUSAL_KINDS = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_REFUSALS = {
    errno.ENOENT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS,
    errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTEMPTY,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------- parsing


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like any other: one line."""

    def error(self, message: str) -> NoReturn:
        raise RecipeError(f"{message}; type {self.prog} --help")


def _sizes(text: str) -> list[int]:
    words = [word for word in re.split(r"[,\s]+", text.strip()) if word]
    if not words or not all(re.fullmatch(r"[0-9]+", word) and int(word) >= 1 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed are sizes >= 1 with commas, e.g. 128,256,512")
    return sorted({int(word) for word in words})


def _jobs(text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text) or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed is a number of processes from 1 to 1024")
    return int(text)


def _latents(text: str) -> int | None:
    if text == "all":
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed is a number from 0 up, or all")
    return int(text)


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} found, allowed is a part of so many, e.g. 1/4 … 4/4")
    return int(found[1]), int(found[2])


def _parser() -> _Parser:
    parser = _Parser(
        prog="fractalman",
        allow_abbrev=False,
        description="Make a fractal dataset, predict how learning on it scales, and confirm or refute the prediction.",
        epilog="Exit status: 0 done, 1 the answer is no, 2 the request was wrong, 3 the machine failed, 130 Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=f"fractalman {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, work: Callable[[argparse.Namespace], int], help: str) -> _Parser:
        sub = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        sub.set_defaults(work=work)
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        return sub

    def output(sub: _Parser, what: str, default: str | None = None) -> None:
        text = f"{what} (default: {default})" if default else what
        sub.add_argument("-o", "--output", metavar=what.upper(), required=default is None, default=default, help=text)

    recipe, file = "a TOML file with a table [recipe], or a catalogue name", "a fractalman file"
    points = "a .npz, .npy or .csv file of points, its target named y"
    sub = command("generate", _generate, "write the dataset of a recipe to a file")
    sub.add_argument("recipe", metavar="RECIPE", help=recipe)
    output(sub, "file")
    sub.add_argument("--force", action="store_true", help="overwrite an existing output")
    sub.add_argument("--no-hierarchy", action="store_true", help="leave the latents out of the file")
    sub.add_argument(
        "--compression",
        default="standard",
        metavar="NAME",
        help="standard (integers only, the default), off, lzf, gzip or zstd; the content stays the same",
    )
    add_shard_options(sub, _jobs)
    command("list", _list, "list the catalogue: name, size, predicted exponents, purpose")
    sub = command("info", _info, "say what a file holds")
    sub.add_argument("file", metavar="FILE", help=file)
    sub = command("verify", _verify, "check every column of a file against its certificate")
    sub.add_argument("file", metavar="FILE", help=file)
    sub = command("rebuild", _rebuild, "make a file again from another file's certificate, byte for byte")
    sub.add_argument("file", metavar="FILE", help=file)
    output(sub, "file")
    sub.add_argument("--force", action="store_true", help="overwrite an existing output")
    sub = command(
        "export", _export, "write a file again in AnnData's layout (.h5ad), for anndata, scanpy and scipy.sparse"
    )
    sub.add_argument("file", metavar="FILE", help=file)
    output(sub, "file")
    sub.add_argument("--force", action="store_true", help="overwrite an existing output")
    sub.add_argument(
        "--latents",
        type=_latents,
        default=1000,
        metavar="N",
        help="how many latents, largest first, or all (default 1000)",
    )
    sub = command("predict", _predict, "predict the learning curve and its exponents")
    sub.add_argument("source", metavar="SOURCE", nargs="?", help=f"{recipe}, or {file}")
    sub.add_argument("--data", metavar="FILE", help=f"instead of a recipe: {points}")
    sub.add_argument("--nugget", action="store_true", help="with --data: fit label noise beside the power laws")
    sub.add_argument("--learner", default="1-nn", help="which learner (default: 1-nn)")
    sub.add_argument("--sizes", type=_sizes, metavar="N,N,…", help="training-set sizes of the curve")
    sub.add_argument("--plot", metavar="FILE", help="also draw curve and floor: FILE.png or FILE.svg")
    sub.add_argument("--force", action="store_true", help="overwrite an existing picture")
    sub = command("plan", _plan, "say which training sizes and how many seeds resolve the exponent")
    sub.add_argument("recipe", metavar="RECIPE", help=recipe)
    sub.add_argument("--learner", default="1-nn", help="which learner (default: 1-nn)")
    sub.add_argument("--resolution", type=float, default=0.02, help="95 %% half-width wanted (default 0.02)")
    sub.add_argument("--budget", type=int, default=1_000_000, help="training points that may be fitted (default 10^6)")
    sub = command("measure", _measure, "measure a file, anybody's points, or a table of losses")
    sub.add_argument("file", metavar="FILE", nargs="?", help=f"{file}, or {points}")
    sub.add_argument("--scaling", metavar="TABLE", help="a .csv table: loss and n, or loss, n_params and n_data; seed")
    sub.add_argument(
        "--huber", type=float, metavar="T", help="threshold on ln loss of a joint fit (default: the noise)"
    )
    sub.add_argument("--nugget", action="store_true", help="of points: fit label noise beside the power laws")
    sub = command("confirm", _confirm, "train learners over sizes and seeds and compare with the prediction")
    sub.add_argument("spec", metavar="SPEC", help="a TOML file with tables [recipe] and [sweep], or a catalogue name")
    sub.add_argument("-o", "--output", metavar="FOLDER", help="folder of journal and report (needed but for --dry-run)")
    sub.add_argument("--force", action="store_true", help="start anew in a folder that holds another run")
    sub.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="processes that share the work (default 1)")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="a dask scheduler that does it, e.g. tcp://node1:8786")
    sub.add_argument("--slurm", metavar="FOLDER", help="do it as Slurm jobs, whose files lie in this shared folder")
    sub.add_argument("--shard", type=_shard, metavar="I/N", help="do every N-th piece only; the last one reports")
    sub.add_argument("--dry-run", action="store_true", help="print points, memory and time, run nothing")
    sub = command("report", _report, "write the report of finished runs again from their journals")
    sub.add_argument("folder", metavar="FOLDER", nargs="+", help="folders of confirm runs, or a folder of such folders")
    sub.add_argument("-o", "--output", metavar="FOLDER", help="where to (default: the folder, where it is one)")
    sub = command("quickstart", _quickstart, "a cascade and a critical cluster, four learners, one report")
    output(sub, "folder", QUICKSTART_FOLDER)
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    choices = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    first = next((word for word in arguments if not word.startswith("-")), None)
    if first is not None and first not in choices:
        raise RecipeError(f"unknown command {first!r}: allowed are {', '.join(choices)}{nearest(first, choices)}")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = [word for word in choices[options.command]._option_string_actions if word.startswith("--")]
        raise RecipeError(
            f"unknown argument {unknown[0]!r} of {options.command}: options are {', '.join(known)}"
            f"{nearest(unknown[0].split('=')[0], known)}"
        )
    if options.command is None:
        raise RecipeError(f"no command found: allowed are {', '.join(choices)}; type fractalman --help")
    return options


# ---------------------------------------------------------------------------------------------------- what is typed


def _existing_file(name: str) -> Path:
    path = Path(name)
    if path.is_dir():
        raise RecipeError(f"{name} is a folder: allowed is a fractalman file")
    if not path.exists():
        raise RecipeError(f"no file {name} found: type the path of a fractalman file")
    return path


def _is_file(name: str) -> bool:
    return name.endswith(".toml") or os.sep in name or Path(name).exists()


def _read_recipe(name: str) -> Recipe:
    from fractalman.catalogue import catalogue_text
    from fractalman.recipe import from_toml

    if not _is_file(name):
        return from_toml(catalogue_text(name))
    if Path(name).is_dir():
        raise RecipeError(f"{name} is a folder: allowed is a TOML file with a table [recipe], or a catalogue name")
    return from_toml(Path(name))


class _Progress:
    """Says on stderr how far long work has come: in place on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said, self._width = time.monotonic(), 0
        self._since = (0.0, 0, 0)  # when a piece of work began, the bytes done by then, the bytes in all

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said < (0.1 if self._terminal else 5.0):
            return
        self._said = now
        if self._terminal:
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def column(self, name: str, done: int, total: int) -> None:
        """Say how far a file has come, how fast, and what is left; what writers of files call."""
        now = time.monotonic()
        begun, before, whole = self._since
        if total != whole or done < before:
            self._since = begun, before, whole = now, done, total
        rate = (done - before) / (now - begun) if now - begun > 0.5 else 0.0
        left = f", {rate / 1e6:.0f} MB/s, about {_time(max(0, total - done) / rate)} left" if rate > 0.0 else ""
        self(f"writing {name}: {done / max(1, total):.0%} of {total:,} bytes{left}")

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:  # leaves the terminal's line free for what comes next
        if self._terminal and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0


def _time(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def _print_json(value: object) -> None:
    from fractalman.report import jsonable

    print(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False))


# ---------------------------------------------------------------------------------------------------- commands


def _generate(options: argparse.Namespace) -> int:
    from fractalman.build import write

    recipe = _read_recipe(options.recipe)
    check_shard_options(options)
    with _Progress() as progress:
        if options.shard:
            table, line = generate_shard(options, recipe, progress.column)
            _print_json(table) if options.json else print(line)
            return DONE
        if options.shards:
            path = generate_shards(options, recipe, progress.column)
        else:
            path = write(
                recipe,
                options.output,
                hierarchy=not options.no_hierarchy,
                overwrite=options.force,
                progress=progress.column,
                compression=options.compression,
            )
    return _written(options, path, None if _is_file(options.recipe) else options.recipe)


def _rebuild(options: argparse.Namespace) -> int:
    from fractalman.build import rebuild

    with _Progress() as progress:
        source = _existing_file(options.file)
        path = rebuild(source, options.output, overwrite=options.force, progress=progress.column)
    return _written(options, path)


def _export(options: argparse.Namespace) -> int:
    from fractalman.dataset import export_anndata

    with _Progress() as progress:
        path = export_anndata(
            _existing_file(options.file),
            options.output,
            latents=options.latents,
            overwrite=options.force,
            progress=progress.column,
        )
    return _written(options, path)


def _written(options: argparse.Namespace, path: Path, name: str | None = None) -> int:
    """Say what was written and, of a catalogue name, whether it is what the catalogue says.

    If it is not, the answer is no (whoever cites a name means one dataset), but the file is a good one and stays: its
    certificate says what it holds, and it took its time.
    """
    from fractalman.dataset.shards import stored_bytes

    table: dict[str, Any] = {"file": str(path), "bytes": stored_bytes(path)}
    lines, reproduced = [f"{path} written, {table['bytes']:,} bytes"], None
    if name is not None:
        from fractalman.catalogue.digests import reproduction
        from fractalman.dataset import open_file

        with open_file(path) as file:
            held = file.certificate
            has_hierarchy = "hierarchy/parent" in file.columns or not file.recipe.has_hierarchy
        found = reproduction(name, held.content, has_hierarchy, held.stream_version, held.versions)
        reproduced = found.reproduced
        table |= {"content": found.found, "catalogue_content": found.expected, "reproduced": reproduced}
        lines.append(f"{name}: {found.words}")
    if options.json:
        _print_json(table)
    else:
        print("\n".join(lines))
    return NO if reproduced is False else DONE


def _list(options: argparse.Namespace) -> int:
    from fractalman.catalogue.listing import catalogue_rows, exponent_words, size_words
    from fractalman.report import text_table

    rows = catalogue_rows()
    if options.json:
        _print_json(rows)
    else:
        header = ("name", "points", "d", "size", "n exponent", "P exponent", "purpose")
        cells = [
            [row["name"], f"{row['points']:,}", str(row["dimensions"]), size_words(row["bytes"]), *exponent_words(row),
             row["purpose"]]
            for row in rows
        ]  # fmt: skip
        print("\n".join(text_table(header, cells)))
    return DONE


def _info(options: argparse.Namespace) -> int:
    from fractalman.build import population
    from fractalman.dataset import open_file
    from fractalman.report import lines_of
    from fractalman.seeds import STREAM_VERSION

    with open_file(_existing_file(options.file)) as file:
        info = file.info()
        if file.certificate.stream_version == STREAM_VERSION:  # what the recipe says about its clusters
            info |= {"population": found} if (found := population(file.recipe)) else {}
    if options.json:
        _print_json(info)
    else:
        print("\n".join(lines_of(info)))
    return DONE


def _verify(options: argparse.Namespace) -> int:
    from fractalman.dataset import verify_file

    path = _existing_file(options.file)
    with _Progress() as progress:
        problems = verify_file(
            path, progress=lambda what, done, total: progress(f"checking {what}: {done / max(1, total):.0%}")
        )
    if options.json:
        _print_json({"file": str(path), "intact": not problems, "problems": problems})
    else:
        for problem in problems:
            print(f"{problem.path}: {problem.message}")
        print(f"{path} is intact" if not problems else f"{path} is not intact: {len(problems)} problems")
    return DONE if not problems else NO


def _predict(options: argparse.Namespace) -> int:
    from fractalman.dataset import open_file
    from fractalman.prediction import make_prediction
    from fractalman.report import prediction_lines, prediction_table

    if (options.source is None) == (options.data is None):
        raise RecipeError("predict takes a recipe, a name or a file, or --data FILE, and not both: type one of them")
    if options.data is not None:
        return _predict_data(options)
    plot = _plot_path(options)
    if _is_file(options.source) and not options.source.endswith(".toml"):
        with open_file(_existing_file(options.source)) as file:
            recipe = file.recipe
            table = prediction_table(make_prediction(file, learner=options.learner), recipe, options.sizes)
    else:
        recipe = _read_recipe(options.source)
        table = prediction_table(make_prediction(recipe, learner=options.learner), recipe, options.sizes)
    if plot is not None:
        from fractalman.report import write_forecast_figure

        write_forecast_figure(table, plot)
    if options.json:
        _print_json(table)
    else:
        print("\n".join([*prediction_lines(table), *([] if plot is None else ["", f"plot: {plot}"])]))
    return DONE


def _predict_data(options: argparse.Namespace) -> int:
    from fractalman.measure import read_points
    from fractalman.prediction import own_data_table, predict_own_data
    from fractalman.report import lines_of

    if options.plot is not None or options.sizes is not None:
        raise RecipeError("--plot and --sizes belong to recipes and files: leave them out with --data")
    X, y = read_points(options.data)
    if y is None:
        raise RecipeError(f"{options.data} holds no target: allowed are y in a .npz, or a column y of a .csv")
    made = predict_own_data(X, y, learner=options.learner, nugget=options.nugget)
    table = own_data_table(made)
    if options.json:
        _print_json(table)
    else:
        print("\n".join([made.why(), "", *lines_of(table)]))
    return DONE


def _plan(options: argparse.Namespace) -> int:
    from fractalman.prediction import make_plan
    from fractalman.report import plan_lines

    plan = make_plan(_read_recipe(options.recipe), options.learner, options.resolution, options.budget)
    if options.json:
        _print_json(plan)
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


def _measure(options: argparse.Namespace) -> int:
    from fractalman.dataset import open_file
    from fractalman.measure import POINT_FILES, measure_file, measure_points, measure_scaling
    from fractalman.report import lines_of

    if (options.file is None) == (options.scaling is None):
        raise RecipeError("measure takes a file, or --scaling TABLE, and not both: type one of them")
    if options.scaling is not None:
        measured = measure_scaling(options.scaling, options.huber)
    elif options.file.endswith(POINT_FILES):
        measured = measure_points(options.file, nugget=options.nugget)
    else:
        with open_file(_existing_file(options.file)) as file:
            measured = measure_file(file)
    if options.json:
        _print_json(measured)
    else:
        print("\n".join(lines_of(measured)))
    return DONE


def _confirm(options: argparse.Namespace) -> int:
    from fractalman.catalogue import catalogue_text
    from fractalman.confirmation import plan_confirmation, run_confirmation
    from fractalman.report import VERDICT_NOTE, dry_run_lines, result_table, verdict_lines

    if _is_file(options.spec):
        spec: Any = Path(options.spec)
        if spec.is_dir():
            raise RecipeError(f"{spec} is a folder: allowed is a TOML file with tables [recipe] and [sweep]")
    else:
        spec = catalogue_text(options.spec)
    if options.dry_run:
        plan = plan_confirmation(spec)
        if options.json:
            _print_json(plan)
        else:
            print("\n".join(dry_run_lines(plan)))
        return DONE
    if options.output is None:
        raise RecipeError("no folder for the run: type -o FOLDER, or --dry-run")
    with _Progress() as progress:
        result = run_confirmation(
            spec,
            options.output,
            force=options.force,
            progress=progress,
            jobs=options.jobs,
            scheduler=options.scheduler,
            slurm=options.slurm,
            shard=options.shard,
        )
    if options.shard is not None and result.missing:
        i, n = options.shard
        table = {"shard": i, "of": n, "missing": result.missing}
        if options.json:
            _print_json(table)
        else:
            print(f"shard {i} of {n} is done; {result.missing} pieces of the others are missing, so there is no report")
        return DONE
    if options.json:
        _print_json(result_table(result))
    else:
        print("\n".join([*verdict_lines(result), "", VERDICT_NOTE, f"report: {Path(options.output) / 'report.html'}"]))
    return NO if any(verdict.agrees is False for verdict in result.verdicts) else DONE


def _report(options: argparse.Namespace) -> int:
    from fractalman.confirmation import rebuild_report

    path = rebuild_report(*options.folder, out=options.output)
    if options.json:
        _print_json({"report": str(path)})
    else:
        print(f"report: {path}")
    return DONE


def _quickstart(options: argparse.Namespace) -> int:
    from fractalman.confirmation import quickstart
    from fractalman.report import VERDICT_NOTE, result_table, verdict_lines

    with _Progress() as progress:
        made = quickstart(options.output, progress=progress)
    if options.json:
        _print_json({"runs": [result_table(result) for result in made.results.values()], "report": str(made.report)})
    else:
        for result in made.results.values():
            print("\n".join([*verdict_lines(result), ""]))
        print(f"{VERDICT_NOTE}\n\nreport: {made.report}")
    return DONE


# ---------------------------------------------------------------------------------------------------- main


def _status(error: BaseException) -> tuple[int, str]:
    """Return the exit status of an error and the one line that says it."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, FileFormatError):
        return NO, text
    if isinstance(error, FractalmanError):
        return WRONG, text
    if isinstance(error, MemoryError):
        return WRONG, f"too little memory: {text}; type a smaller n_points or ambient_dim"
    if isinstance(error, OSError):
        found = re.search(r"errno = (\d+)", text)  # HDF5 says it in the message only
        number = error.errno or (int(found.group(1)) if found else None)
        if number is not None:
            where = f"{error.filename}: " if error.filename else ""
            text = f"{where}{os.strerror(number)}"
        return (WRONG if number in _REFUSALS or isinstance(error, _REFUSAL_KINDS) else FAILED), text
    return FAILED, f"unexpected {type(error).__name__}: {text}; the same command with --debug shows where"


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)  # as an exception, so that partial files are taken away


def _mute() -> None:
    """Throw away what stdout still holds, so that the interpreter does not trip over it on its way out."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        options = _parse(arguments)
        status: int = options.work(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the results has seen enough
        _mute()
        return DONE
    except KeyboardInterrupt:
        print("fractalman: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        status, text = _status(error)
        print(f"fractalman: {text}", file=sys.stderr)
        if isinstance(error, OSError):
            _mute()
    finally:
        signal.signal(signal.SIGTERM, before)
    return status
