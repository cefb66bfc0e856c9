"""What families of trees share: coalescents and forests, their embedding by walks, labels on them, compact trees."""

from fractalman.families._forests.coalescent import ClusterTree, CompactTree, compact_cluster, critical_cluster
from fractalman.families._forests.constant import constant_labels
from fractalman.families._forests.edge_walk import EdgeWalk, edge_coordinates
from fractalman.families._forests.embedding import forest_coordinates, tree_coordinates
from fractalman.families._forests.forest import (
    cluster_starts,
    compact_forest,
    critical_forest,
    cut_tree,
    join_in_order,
    minimum_spanning_forest,
    random_points,
    top_nodes,
)
from fractalman.families._forests.labels import HierarchicalLabels, brownian_labels, hierarchical_labels
from fractalman.families._forests.nested import compact_nested, latent_names, nested_cluster
from fractalman.families._forests.nested_sizes import arriving_clusters
from fractalman.families._forests.rooted import rooted_order
from fractalman.families._forests.sizes import ClusterSizes, bethe_sizes, critical_sizes
from fractalman.families._forests.walk import ForestWalk

__all__ = [
    "ClusterSizes",
    "ClusterTree",
    "CompactTree",
    "EdgeWalk",
    "ForestWalk",
    "HierarchicalLabels",
    "arriving_clusters",
    "bethe_sizes",
    "brownian_labels",
    "cluster_starts",
    "compact_cluster",
    "compact_forest",
    "compact_nested",
    "constant_labels",
    "critical_cluster",
    "critical_forest",
    "critical_sizes",
    "cut_tree",
    "edge_coordinates",
    "forest_coordinates",
    "hierarchical_labels",
    "join_in_order",
    "latent_names",
    "minimum_spanning_forest",
    "nested_cluster",
    "random_points",
    "rooted_order",
    "top_nodes",
    "tree_coordinates",
]
