"""Columns in, coordinates out: branching random walks on trees, and cascades, block by block."""

from fractalman.embedding.cascade import cascade_coordinates
from fractalman.embedding.cluster import forest_coordinates, tree_coordinates
from fractalman.embedding.lattice import lattice_coordinates

__all__ = ["cascade_coordinates", "forest_coordinates", "lattice_coordinates", "tree_coordinates"]
