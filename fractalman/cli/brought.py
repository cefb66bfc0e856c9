"""What somebody brings to a command: an object of a module, named on the command line and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fractalman.errors import RecipeError

_EXPECTED = "NAME=module:attribute, e.g. forest=my_learners:forest"


def imported_here(option: str, argument: str, place: str, expected: str) -> Any:
    """Return the object MODULE:ATTRIBUTE; modules are looked for in the current folder, too.

    Parameters
    ----------
    option, argument : str
        What was typed, for messages.
    place : str
        MODULE:ATTRIBUTE.
    expected : str
        What should have been typed.
    """
    from fractalman.learners.user import imported

    here = str(Path.cwd())
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
    return imported(f"{option} {argument}", place, expected)


def brought_learners(arguments: list[str]) -> dict[str, Any]:
    """Return name → object of every ``--learner NAME=MODULE:ATTRIBUTE``."""
    found: dict[str, Any] = {}
    for argument in arguments:
        name, _, place = argument.partition("=")
        thing = imported_here("--learner", argument, place if name else "", _EXPECTED)
        if name in found:
            raise RecipeError(f"--learner {argument}: {name} was given twice")
        found[name] = thing
    return found
