"""Who is joined to whom: structures as columns; this room knows no vectors and no labels."""

from fractalman.geometry.cascade import CascadePaths
from fractalman.geometry.coalescent import ClusterTree, critical_cluster
from fractalman.geometry.manifold import KINDS, manifold_points, own_dimension
from fractalman.geometry.rooted import rooted_order

__all__ = [
    "KINDS",
    "CascadePaths",
    "ClusterTree",
    "critical_cluster",
    "manifold_points",
    "own_dimension",
    "rooted_order",
]
