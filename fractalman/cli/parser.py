"""The registry of commands, and the parser that is built from it.

A command is a file in this folder with ``add(commands)``, which declares its options and its help with an example, and
``run(options)``, which does it and returns the exit status. To add one, write the file and name it in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module

from fractalman._files import at_home
from fractalman._version import __version__
from fractalman.cli.completion import SHELLS
from fractalman.cli.options import RECIPE, SOURCE, Parser
from fractalman.config import shown
from fractalman.errors import RecipeError, nearest

COMMANDS = (
    "generate", "listing", "info", "verify", "rebuild", "extend", "subset", "export", "predict", "plan", "measure",
    "study_data", "confirm", "studies", "report", "explore", "clean", "quickstart",
)  # fmt: skip
"""Modules of this package, in the order in which --help lists what they add."""


def _parser(modules: Sequence[str] = COMMANDS) -> tuple[Parser, dict[str, Parser]]:
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
    for name in modules:
        import_module(f"fractalman.cli.{name}").add(commands)
    return parser, commands.choices


def _complete(parser: Parser, commands: dict[str, Parser], options: argparse.Namespace) -> int:
    """Print the script that a shell reads to complete our command lines."""
    from fractalman.cli.completion import completion

    print(completion(parser, commands, options.completion))
    return 0


def _unknown(command: str, parser: Parser, words: Sequence[str]) -> Iterator[str]:
    """Yield a line for every word that a command does not take; the value behind an unknown option is part of it."""
    known = [word for word in parser._option_string_actions if word.startswith("--")]
    for before, word in zip(["", *words], words, strict=False):
        said = f"unknown argument {shown(word)} of {command}"
        if before.startswith("-") and re.fullmatch(r"-[\d.][\w.+-]*", word):  # a number, not an option
            continue
        if not word.startswith("-"):
            if not before.startswith("-"):
                yield f"{said}; use fractalman {command} --help for what is expected"
            continue
        option = word.split("=")[0]
        begun = len(option) > 3 and any(name.startswith(option) for name in known)
        takes_recipe = any(action.help in (RECIPE, SOURCE) for action in parser._actions)
        keywords = _recipe_keywords(option.strip("-")) if takes_recipe and not begun else ""
        if keywords:
            yield (
                f"{said}: {keywords} is a keyword of recipes, which stand in a TOML "
                "file; use fractalman list NAME > recipe.toml for that of the catalogue, change it there, and use the "
                "file in the name's place"
            )
        else:
            hint = nearest(option, known) if option.startswith("--") else ""
            yield f"{said}: expected {', '.join(known)}{hint}"


def _recipe_keywords(option: str) -> str:
    """The recipes' keyword that an option means, "" for none."""
    from fractalman.errors import SYNONYMS
    from fractalman.recipes import family_names
    from fractalman.recipes.registry import recipe_class

    every = {key for name in family_names() for key in recipe_class(name)._checks}
    meant = (option.replace("-", "_"), *SYNONYMS.get(option.lower(), ()))
    return next((key for key in meant if key in every), "")


def _at_home(word: str) -> str:
    """A word with "~" expanded, behind the "=" of an option too, where shells leave it."""
    option, sign, value = word.partition("=")
    if sign and option.startswith("--") and value == "--":  # which Python before 3.13 takes for no value at all
        raise RecipeError(f"argument {option}: found '--', expected a value")
    return f"{option}{sign}{at_home(value)}" if sign and option.startswith("--") else at_home(word)


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
    arguments = [_at_home(word) for word in arguments]
    if arguments[:1] == ["help"]:  # as other tools have it
        arguments = [*arguments[1:2], "--help"]
    elif arguments[:1] == ["version"]:
        arguments = ["--version"]
    own = [name for name in COMMANDS if arguments and name == arguments[0].replace("-", "_")]
    for modules in (own, COMMANDS):  # of a command whose module has its name nobody else's options are asked
        parser, commands = _parser(modules)
        if arguments and arguments[0] in commands:
            break
    of_option = {i + 1 for i, word in enumerate(arguments) if word == "--completion"}
    words = [word for i, word in enumerate(arguments) if i not in of_option and not word.startswith("-")]
    first = words[0] if words else None
    if first is not None and first not in commands:
        later = next((word for word in words[1:] if word in commands), None)
        if later is not None and arguments[0].startswith("-"):
            raise RecipeError(
                f"found {shown(arguments[0])} before the command: expected the command first, its options behind it; "
                f"use fractalman {later} …"
            )
        raise RecipeError(f"unknown command {shown(first)}: expected {', '.join(commands)}{nearest(first, commands)}")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise RecipeError("\n".join(_unknown(options.command, commands[options.command], unknown)))
    if options.completion is not None:
        options.run = partial(_complete, parser, commands)
    elif options.command is None:
        raise RecipeError(f"no command found: expected {', '.join(commands)}; use fractalman --help")
    return options
