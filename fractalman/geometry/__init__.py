"""Who is joined to whom: structures as columns; this room knows no vectors and no labels."""

from fractalman.geometry.bethe import bethe_trees
from fractalman.geometry.cascade import CascadePaths
from fractalman.geometry.coalescent import ClusterTree, CompactTree, compact_cluster, critical_cluster
from fractalman.geometry.forest import (
    cluster_starts,
    compact_forest,
    critical_forest,
    cut_tree,
    join_in_order,
    minimum_spanning_forest,
    random_points,
    top_nodes,
)
from fractalman.geometry.induced import InducedTree
from fractalman.geometry.lattice import Lattice, LatticeClusters, random_roots, shortest_path_forest
from fractalman.geometry.manifold import KINDS, manifold_points, own_dimension
from fractalman.geometry.nested import compact_nested, nested_cluster
from fractalman.geometry.rooted import rooted_order
from fractalman.geometry.sizes import ClusterSizes, bethe_sizes, critical_sizes

__all__ = [
    "KINDS",
    "CascadePaths",
    "ClusterSizes",
    "ClusterTree",
    "CompactTree",
    "InducedTree",
    "Lattice",
    "LatticeClusters",
    "bethe_sizes",
    "bethe_trees",
    "cluster_starts",
    "compact_cluster",
    "compact_forest",
    "compact_nested",
    "critical_cluster",
    "critical_forest",
    "critical_sizes",
    "cut_tree",
    "join_in_order",
    "manifold_points",
    "minimum_spanning_forest",
    "nested_cluster",
    "own_dimension",
    "random_points",
    "random_roots",
    "rooted_order",
    "shortest_path_forest",
    "top_nodes",
]
