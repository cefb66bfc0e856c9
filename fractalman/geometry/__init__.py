"""Who is joined to whom: structures as columns; this room knows no vectors and no labels."""

from fractalman.geometry.cascade import CascadePaths
from fractalman.geometry.coalescent import ClusterTree, critical_cluster
from fractalman.geometry.nested import nested_cluster
from fractalman.geometry.rooted import rooted_order

__all__ = ["CascadePaths", "ClusterTree", "critical_cluster", "nested_cluster", "rooted_order"]
