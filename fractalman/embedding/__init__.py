"""Columns in, coordinates out: branching random walks on trees, and cascades, block by block."""

from fractalman.embedding.cascade import cascade_coordinates
from fractalman.embedding.cluster import forest_coordinates, tree_coordinates
from fractalman.embedding.lattice import lattice_coordinates
from fractalman.embedding.rotation import Rotation, nuisance_coordinates, rotation
from fractalman.embedding.walk import ForestWalk

__all__ = [
    "ForestWalk",
    "Rotation",
    "cascade_coordinates",
    "forest_coordinates",
    "lattice_coordinates",
    "nuisance_coordinates",
    "rotation",
    "tree_coordinates",
]
