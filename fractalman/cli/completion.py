"""The script that completes command lines in a shell: commands and options, names of the catalogue, learners, files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

from fractalman.cli.options import Parser
from fractalman.errors import MissingExtraError

SHELLS = ("bash", "zsh", "fish")
_FILES = {"FILE", "FOLDER", "PAGE", "PLACE", "TABLE", "FILE.npy"}
"""What stands in help where a path is expected."""


def completion(parser: Parser, commands: Mapping[str, Parser], shell: str) -> str:
    """Return the script of a shell; names are those of this version, so that it runs nothing while somebody types.

    Parameters
    ----------
    parser : Parser
        The whole.
    commands : mapping
        Name → parser of a command.
    shell : str
        One of `SHELLS`.

    Returns
    -------
    str
        For ``eval "$(fractalman --completion bash)"``.

    Raises
    ------
    MissingExtraError
        Without shtab, or one that knows the shell.
    """
    from fractalman._extras import load_extra
    from fractalman.catalogue import catalogue_names
    from fractalman.catalogue.studies import STUDIES, study_names, study_text
    from fractalman.prediction import LEARNERS

    shtab = load_extra("shtab", "completion of command lines")
    if shell not in shtab.SUPPORTED_SHELLS:
        raise MissingExtraError(f"shtab {shtab.__version__} knows no {shell}: use pip install --upgrade shtab")
    recipes, studies = catalogue_names(), study_names()
    of = {name: [one for one in studies if f"[{name}]" in study_text(one)] for name in STUDIES if name != "confirm"}
    of["confirm"] = [name for name in (*recipes, *studies) if _has_table(name, "sweep")]
    words: dict[str, Iterable[str]] = {"recipes": recipes, "catalogue": (*recipes, *studies), "learners": LEARNERS}
    words |= {name: {*names, *(one.removeprefix(f"{name}-") for one in names)} for name, names in of.items()}
    for command, its in commands.items():
        for action in its._actions:
            kind = _kind(command, action)
            if kind is not None:
                function = f"_fractalman_{kind}"
                own = {"bash": function, "zsh": function, "fish": f"({function})"}
                action.complete = shtab.FILE if kind == "files" else own  # type: ignore[attr-defined]
    written = _WRITTEN[shell]
    with_files = {name: name not in ("learners", "catalogue") for name in words}
    preamble = "\n".join(
        written[with_files[name]].format(name=name, words=" ".join(sorted(listed))) for name, listed in words.items()
    )
    return str(shtab.complete(parser, shell, preamble=preamble))


def _has_table(name: str, table: str) -> bool:
    """Whether an entry of the catalogue, or a study, has a table."""
    from fractalman.catalogue import catalogue_names, catalogue_text
    from fractalman.catalogue.studies import study_text

    return f"[{table}]" in (catalogue_text(name) if name in catalogue_names() else study_text(name))


def _kind(command: str, action: argparse.Action) -> str | None:
    """What an argument is completed with; None where nothing but its choices can be."""
    if action.choices is not None:
        return None
    if action.dest in ("recipe", "source"):
        return "recipes"
    if action.dest == "word":
        return "catalogue"
    if action.dest == "spec":
        return command
    if action.dest == "learner" and action.metavar is None:
        return "learners"
    return "files" if action.metavar in _FILES else None


_WRITTEN = {
    "bash": {
        True: '_fractalman_{name}() {{ compgen -W "{words}" -- "$1"; compgen -f -- "$1"; }}',
        False: '_fractalman_{name}() {{ compgen -W "{words}" -- "$1"; }}',
    },
    "zsh": {
        True: "_fractalman_{name}() {{ _alternative 'names:name:({words})' 'files:file:_files' }}",
        False: "_fractalman_{name}() {{ _alternative 'names:name:({words})' }}",
    },
    "fish": {
        True: "function _fractalman_{name}; string split ' ' '{words}'; __fish_complete_path (commandline -ct); end",
        False: "function _fractalman_{name}; string split ' ' '{words}'; end",
    },
}
"""Shell → (with files beside the words) → a function that prints them."""
