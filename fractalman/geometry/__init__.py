"""Who is joined to whom: structures as columns; this room knows no vectors and no labels."""

from fractalman.geometry.bethe import bethe_trees
from fractalman.geometry.cascade import CascadePaths
from fractalman.geometry.coalescent import ClusterTree, critical_cluster
from fractalman.geometry.forest import cluster_starts, critical_forest, cut_tree, random_points, top_nodes
from fractalman.geometry.induced import InducedTree
from fractalman.geometry.lattice import Lattice, LatticeClusters, shortest_path_forest
from fractalman.geometry.manifold import KINDS, manifold_points, own_dimension
from fractalman.geometry.nested import nested_cluster
from fractalman.geometry.rooted import rooted_order
from fractalman.geometry.sizes import ClusterSizes, bethe_sizes, critical_sizes

__all__ = [
    "KINDS",
    "CascadePaths",
    "ClusterSizes",
    "ClusterTree",
    "InducedTree",
    "Lattice",
    "LatticeClusters",
    "bethe_sizes",
    "bethe_trees",
    "cluster_starts",
    "critical_cluster",
    "critical_forest",
    "critical_sizes",
    "cut_tree",
    "manifold_points",
    "nested_cluster",
    "own_dimension",
    "random_points",
    "rooted_order",
    "shortest_path_forest",
    "top_nodes",
]
