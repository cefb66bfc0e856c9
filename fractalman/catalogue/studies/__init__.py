"""Named specifications of studies, shipped with the package as TOML: `granularity-cluster` and so on."""

from __future__ import annotations

from importlib.resources import files

from fractalman.config import shown
from fractalman.errors import RecipeError, nearest

STUDIES = ("confirm", "granularity", "levels", "linearity", "locality", "probe", "recovery")
"""The kinds of studies; a specification's name begins with its kind."""


def study_names() -> tuple[str, ...]:
    """Return the names in alphabetical order."""
    found = (file.name for file in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def study_text(name: str) -> str:
    """Return the TOML text called ``name``; RecipeError with the nearest match for a name that is not there."""
    if name not in study_names():
        allowed = study_names()
        raise RecipeError(
            f"no file and no study {shown(name)}: expected one of {', '.join(allowed)}{nearest(name, allowed)}"
        )
    return files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
