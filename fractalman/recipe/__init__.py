"""Recipes: frozen, keyword-only descriptions of datasets, checked at birth, equal after a round trip.

A recipe and STREAM_VERSION determine every byte of a dataset. `from_dict` and `from_toml` refuse unknown keys with the
nearest match and report every mistake at once.
"""

from fractalman.recipe.base import Recipe
from fractalman.recipe.cascade import Cascade
from fractalman.recipe.ensemble import BetheLattice, PercolationEnsemble
from fractalman.recipe.lattice import THRESHOLDS, LatticePercolation
from fractalman.recipe.percolation import PercolationCluster
from fractalman.recipe.reading import families, from_dict, from_toml, read_toml

__all__ = [
    "THRESHOLDS",
    "BetheLattice",
    "Cascade",
    "LatticePercolation",
    "PercolationCluster",
    "PercolationEnsemble",
    "Recipe",
    "families",
    "from_dict",
    "from_toml",
    "read_toml",
]
