"""How a command is added to the parser, and the options that several commands share."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NoReturn

from fractalman.config import shown
from fractalman.errors import RecipeError, nearest
from fractalman.executors.protocol import ALLOW

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]

RECIPE = "a TOML file with a table [recipe], a catalogue name, or a fractalman file, whose recipe it is"
SOURCE = "a TOML file with a table [recipe], a catalogue name, or a fractalman file"
FILE = "a fractalman file"
POINTS = (
    "a file of points (.npz .npy .h5ad, a .zarr folder, or a table: .csv .tsv .json .jsonl .parquet .xlsx), its "
    "target named y, label or target"
)
TARGET = "column or array of the target, or a .npy file of it"
ARRAY = "array of the points: X, group/X in HDF5, layers/NAME, obsm/NAME or raw/X in a .h5ad"


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like any other; ``example`` is a line that works."""

    example = ""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"\S{100,}", lambda word: f"{word[0][:60]}… ({len(word[0])} characters)", message)
        missing = message.startswith("the following arguments are required")
        more = f"; use e.g. {self.example}" if missing and self.example else ""
        if message.endswith("expected one argument"):
            option = message.removeprefix("argument ").split(":")[0].split("/")[-1]
            more = f"; use {option}=VALUE where the value begins with a hyphen"
        raise RecipeError(f"{message}{more or f'; use {self.prog} --help for what is expected'}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Name the nearest of an option's choices, as of everything else that is typed."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            raise RecipeError(
                f"{'/'.join(action.option_strings)} {value}: expected {', '.join(choices)}{nearest(value, choices)}"
            )


def command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], about: str, *examples: str
) -> Parser:
    """Add a command with the options that all commands have.

    Parameters
    ----------
    commands : argparse subparsers
        Where it is added.
    name : str
        What is typed after ``fractalman``.
    run : callable
        Options → exit status.
    about : str
        What the command does, in one sentence without a full stop.
    examples : str
        Command lines that work, shown at the end of ``--help``.

    Returns
    -------
    Parser
        Takes the command's own arguments.
    """
    shown = "".join(f"\n  fractalman {example}" for example in examples)
    parser = commands.add_parser(
        name,
        help=about,
        description=f"{about[:1].upper()}{about[1:]}.",
        epilog=f"examples:{shown}" if len(examples) > 1 else f"example:{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.example = f"fractalman {examples[0]}"
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_output(parser: Parser, what: str, default: str | None = None, *, dry: bool = False) -> None:
    """Add -o, which must be given unless there is a default or a dry run; ``what`` is "file" or "folder"."""
    text = f"{what} to write" + (f" (default: {default})" if default else " (needed but for --dry-run)" if dry else "")
    needed = default is None and not dry
    parser.add_argument("-o", "--output", metavar=what.upper(), required=needed, default=default, help=text)


def add_force(parser: Parser, what: str = "overwrite an existing output") -> None:
    """Add --force."""
    parser.add_argument("--force", action="store_true", help=what)


def add_dry_run(parser: Parser) -> None:
    """Add --dry-run of a command that writes a dataset."""
    parser.add_argument("--dry-run", action="store_true", help="print bytes and memory, write nothing")


def add_learner(parser: Parser) -> None:
    """Add --learner."""
    parser.add_argument("--learner", default="1-nn", help="which learner (default: 1-nn)")


def add_workers(parser: Parser) -> None:
    """Add what says who shares the work of a run: processes, dask, or shards started by hand or by a job array."""
    parser.add_argument("--jobs", type=jobs, default=1, metavar="N", help="processes that share the work (default 1)")
    add_scheduler(parser, "a dask scheduler that does it, e.g. tcp://node1:8786")
    parser.add_argument("--shard", type=shard, metavar="I/N", help="do every N-th task only; the last one reports")


class _Allow(argparse.Action):
    """Write the permission behind the address, wherever it stands on the command line."""

    def __call__(self, _parser: argparse.ArgumentParser, options: argparse.Namespace, *_: object) -> None:
        options.scheduler = f"{(options.scheduler or '').removesuffix(ALLOW)}{ALLOW}"


class _Scheduler(argparse.Action):
    def __call__(
        self, _parser: argparse.ArgumentParser, options: argparse.Namespace, value: object, *_: object
    ) -> None:
        options.scheduler = f"{value}{ALLOW if options.scheduler == ALLOW else ''}"


def add_scheduler(parser: argparse.ArgumentParser | argparse._ArgumentGroup, about: str) -> None:
    """Add --scheduler, and what allows it workers of other versions."""
    parser.add_argument("--scheduler", metavar="ADDRESS", action=_Scheduler, help=about)
    parser.add_argument(
        "--allow-version-mismatch",
        nargs=0,
        action=_Allow,
        dest="scheduler",
        help="with --scheduler: take workers of other versions, and say so in the journal",
    )


def whole(text: str) -> int | None:
    """The integer that a word stands for: 1000, 1_000, 1e3, 2.5e4; None if it is none of at most 18 digits."""
    if not re.fullmatch(r"[+-]?[0-9][0-9_]{0,30}(\.[0-9]{0,18})?([eE][+]?[0-9]{1,2})?", text):
        return None
    with contextlib.suppress(InvalidOperation):
        number = Decimal(text)
        if number == number.to_integral_value() and abs(number) < 10**18:
            return int(number)
    return None


def integer(text: str) -> int:
    """Read an integer: "1000", "1e3"; its bounds are checked where it is used."""
    number = whole(text.strip())
    if number is None:
        raise argparse.ArgumentTypeError(
            f"found {shown(text)}, expected an integer of at most 18 digits, e.g. 1000 or 1e3"
        )
    return number


def real(text: str) -> float:
    """Read a number: "0.5", "1e-3"; its bounds are checked where it is used."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected a number, e.g. 0.5 or 1e-3") from None


def sizes(text: str) -> list[int]:
    """Read training-set sizes: "128,256,512", "1e3,1e4"."""
    numbers = [whole(word) for word in re.split(r"[,\s]+", text.strip()) if word]
    if not numbers or not all(number is not None and number >= 1 for number in numbers):
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected sizes >= 1 with commas, e.g. 128,256,1e3")
    return sorted({number for number in numbers if number is not None})


def jobs(text: str) -> int:
    """Read a number of processes."""
    number = whole(text)
    if number is None or not 1 <= number <= 1024:
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected a number of processes from 1 to 1024")
    return number


def shard(text: str) -> tuple[int, int]:
    """Read which shard of how many: "3/64"."""
    found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= 10_000:
        raise argparse.ArgumentTypeError(f"found {shown(text)}, expected a number and how many there are, e.g. 3/64")
    return int(found[1]), int(found[2])
