"""The registry of commands, and the parser that is built from it.

A command is a file in this folder with ``add(commands)``, which declares its options and its help with an example, and
``run(options)``, which does it and returns the exit status. To add one, write the file and name it in `COMMANDS`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from fractalman._extras import load_extra
from fractalman._version import __version__
from fractalman.cli.options import Parser
from fractalman.errors import RecipeError, nearest

COMMANDS = (
    "generate", "listing", "info", "verify", "rebuild", "extend", "subset", "export", "predict", "plan", "measure",
    "study_data", "confirm", "studies", "report", "explore", "clean", "quickstart",
)  # fmt: skip
"""Modules of this package, in the order in which --help lists what they add."""


SHELLS = ("bash", "zsh")


def _parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser, and those of its commands by name."""
    parser = Parser(
        prog="fractalman",
        allow_abbrev=False,
        description="Make a fractal dataset, predict how learning on it scales, and confirm or refute the prediction.",
        epilog="Exit status: 0 done, 1 the answer is no, 2 the request was wrong, 3 the machine failed, 130 Ctrl-C. "
        "Begin with: fractalman list, or fractalman quickstart.",
    )
    parser.add_argument("--version", action="version", version=f"fractalman {__version__}")
    parser.add_argument(
        "--completion", metavar="SHELL", choices=SHELLS, help=f"print what completes commands in {', '.join(SHELLS)}"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"fractalman.cli.{name}").add(commands)
    return parser, commands.choices


def _complete(parser: Parser, options: argparse.Namespace) -> int:
    """Print the script that a shell reads to complete our commands and options."""
    shtab = load_extra("shtab", "completion of command lines")
    print(shtab.complete(parser, options.completion))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of one command line; ``run`` among them does the command.

    Parameters
    ----------
    arguments : sequence of str
        What was typed after ``fractalman``.

    Raises
    ------
    RecipeError
        For an unknown command or option (with the nearest match), and for values that cannot be.
    """
    parser, commands = _parser()
    of_option = {i + 1 for i, word in enumerate(arguments) if word == "--completion"}
    words = [word for i, word in enumerate(arguments) if i not in of_option and not word.startswith("-")]
    first = words[0] if words else None
    if first is not None and first not in commands:
        raise RecipeError(f"unknown command {first!r}: expected {', '.join(commands)}{nearest(first, commands)}")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        known = [word for word in commands[options.command]._option_string_actions if word.startswith("--")]
        raise RecipeError(
            "\n".join(
                f"unknown argument {word!r} of {options.command}: expected options are {', '.join(known)}"
                f"{nearest(word.split('=')[0], known) if word.startswith('-') else ''}"
                for word in unknown
            )
        )
    if options.completion is not None:
        options.run = partial(_complete, parser)
    elif options.command is None:
        raise RecipeError(f"no command found: expected {', '.join(commands)}; use fractalman --help")
    return options
