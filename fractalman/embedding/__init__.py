"""Columns in, coordinates out: branching random walks on trees, and cascades, block by block."""

from fractalman.embedding.cascade import cascade_coordinates
from fractalman.embedding.cluster import tree_coordinates
from fractalman.embedding.rotation import Rotation, nuisance_coordinates, rotation

__all__ = ["Rotation", "cascade_coordinates", "nuisance_coordinates", "rotation", "tree_coordinates"]
