"""Named recipes and experiment specs, shipped with the package as TOML; every name can be typed where a file can."""

from __future__ import annotations

from importlib.resources import files

from fractalman.errors import RecipeError, nearest

__all__ = ["catalogue_names", "catalogue_text"]


def catalogue_names() -> tuple[str, ...]:
    """Return the names in alphabetical order."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def catalogue_text(name: str) -> str:
    """Return the TOML text called ``name``; RecipeError with the nearest match for a name that is not there."""
    names = catalogue_names()
    if name not in names:
        raise RecipeError(f"no file and no catalogue name {name!r}: names are {', '.join(names)}{nearest(name, names)}")
    return (files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
