"""Recipes: frozen, keyword-only descriptions of datasets, checked at birth, equal after a round trip.

A recipe and STREAM_VERSION determine every byte of a dataset. `from_dict` and `from_toml` refuse unknown keys with the
nearest match and report every mistake at once.
"""

from fractalman.recipes.base import Recipe
from fractalman.recipes.reading import from_dict, from_toml
from fractalman.recipes.registry import family_names, package_of, register
from fractalman.toml_text import read_toml

__all__ = ["Recipe", "family_names", "from_dict", "from_toml", "package_of", "read_toml", "register"]
