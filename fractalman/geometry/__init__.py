"""Who is joined to whom: structures as columns; this room knows no vectors and no labels."""

from fractalman.geometry.cascade import CascadePaths
from fractalman.geometry.coalescent import ClusterTree, critical_cluster
from fractalman.geometry.forest import cut_tree
from fractalman.geometry.lattice import Lattice, LatticeClusters, shortest_path_forest
from fractalman.geometry.nested import nested_cluster
from fractalman.geometry.rooted import rooted_order

__all__ = [
    "CascadePaths",
    "ClusterTree",
    "Lattice",
    "LatticeClusters",
    "critical_cluster",
    "cut_tree",
    "nested_cluster",
    "rooted_order",
    "shortest_path_forest",
]
