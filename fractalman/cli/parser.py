"""The words of the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from fractalman._version import __version__
from fractalman.cli import files, science, studies
from fractalman.cli.shards import add_shard_options
from fractalman.errors import RecipeError, nearest
from fractalman.studies import STUDIES

QUICKSTART_FOLDER = "fractalman-quickstart"


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
    sub = command("generate", files.generate, "write the dataset of a recipe to a file")
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
    command("list", files.list_catalogue, "list the catalogue: name, size, predicted exponents, purpose")
    sub = command("info", files.info, "say what a file holds")
    sub.add_argument("file", metavar="FILE", help=file)
    sub = command("verify", files.verify, "check every column of a file against its certificate")
    sub.add_argument("file", metavar="FILE", help=file)
    sub = command("rebuild", files.rebuild, "make a file again from another file's certificate, byte for byte")
    sub.add_argument("file", metavar="FILE", help=file)
    output(sub, "file")
    sub.add_argument("--force", action="store_true", help="overwrite an existing output")
    sub = command(
        "export", files.export, "write a file again in AnnData's layout (.h5ad), for anndata, scanpy and scipy.sparse"
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
    sub = command("predict", science.predict, "predict the learning curve and its exponents")
    sub.add_argument("source", metavar="SOURCE", nargs="?", help=f"{recipe}, or {file}")
    sub.add_argument("--data", metavar="FILE", help=f"instead of a recipe: {points}; or .h5 with X and y")
    sub.add_argument(
        "--target", metavar="NAME", help="with --data: column or array of the target, or a .npy file of it"
    )
    sub.add_argument("--nugget", action="store_true", help="with --data: fit label noise beside the power laws")
    sub.add_argument("--learner", default="1-nn", help="which learner (default: 1-nn)")
    sub.add_argument("--sizes", type=_sizes, metavar="N,N,…", help="training-set sizes of the curve")
    sub.add_argument("--plot", metavar="FILE", help="also draw curve and floor: FILE.png or FILE.svg")
    sub.add_argument("--force", action="store_true", help="overwrite an existing picture")
    sub = command("plan", science.plan, "say which training sizes and how many seeds resolve the exponent")
    sub.add_argument("recipe", metavar="RECIPE", help=recipe)
    sub.add_argument("--learner", default="1-nn", help="which learner (default: 1-nn)")
    sub.add_argument("--resolution", type=float, default=0.02, help="95 %% half-width wanted (default 0.02)")
    sub.add_argument("--budget", type=int, default=1_000_000, help="training points that may be fitted (default 10^6)")
    sub = command("measure", science.measure, "measure a file, anybody's points, or a table of losses")
    sub.add_argument("file", metavar="FILE", nargs="?", help=f"{file}, or {points}")
    sub.add_argument("--scaling", metavar="TABLE", help="a .csv table: loss and n, or loss, n_params and n_data; seed")
    sub.add_argument(
        "--huber", type=float, metavar="T", help="threshold on ln loss of a joint fit (default: the noise)"
    )
    sub.add_argument("--nugget", action="store_true", help="of points: fit label noise beside the power laws")
    sub = command("confirm", science.confirm, "train learners over sizes and seeds and compare with the prediction")
    sub.add_argument("spec", metavar="SPEC", help="a TOML file with tables [recipe] and [sweep], or a catalogue name")
    sub.add_argument("-o", "--output", metavar="FOLDER", help="folder of journal and report (needed but for --dry-run)")
    sub.add_argument("--force", action="store_true", help="start anew in a folder that holds another run")
    sub.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="processes that share the work (default 1)")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="a dask scheduler that does it, e.g. tcp://node1:8786")
    sub.add_argument("--shard", type=_shard, metavar="I/N", help="do every N-th task only; the last one reports")
    sub.add_argument("--dry-run", action="store_true", help="print points, memory and time, run nothing")
    for name, entry in STUDIES.items():
        sub = command(name, studies.run_study_command, entry.about)
        studies.add_study_options(sub, name, _jobs, _shard)
    sub = command("report", science.report, "write the report of finished runs again from their journals")
    sub.add_argument("folder", metavar="FOLDER", nargs="+", help="folders of confirm runs, or a folder of such folders")
    sub.add_argument("-o", "--output", metavar="FOLDER", help="where to (default: the folder, where it is one)")
    sub = command("quickstart", science.quickstart, "a cascade and a critical cluster, four learners, one report")
    output(sub, "folder", QUICKSTART_FOLDER)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
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
