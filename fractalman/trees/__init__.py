"""The hidden hierarchy of a dataset, as columns.

Nodes 0 … n−1 are the points; then come the latents by decreasing subcluster size (ties: later merge first), so a
latent's parent has a smaller id than the latent.
"""

from fractalman.trees.coarse import coarse_hierarchy, coarse_label_tree, fragment_means
from fractalman.trees.columns import Hierarchy, LabelTree
from fractalman.trees.partition import subcluster_classes
from fractalman.trees.queries import CommonAncestors, Cut, PointOrder, lowest_common_ancestors
from fractalman.trees.trees import depths, path_sums, topological_order

__all__ = [
    "CommonAncestors",
    "Cut",
    "Hierarchy",
    "LabelTree",
    "PointOrder",
    "coarse_hierarchy",
    "coarse_label_tree",
    "depths",
    "fragment_means",
    "lowest_common_ancestors",
    "path_sums",
    "subcluster_classes",
    "topological_order",
]
