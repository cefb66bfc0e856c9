"""Columns in, latent values and targets out."""

from fractalman.labels.cascade import cascade_labels, cascade_norm, cascade_segments, cascade_terms
from fractalman.labels.tree import brownian_labels, cluster_labels, hierarchical_labels

__all__ = [
    "brownian_labels",
    "cascade_labels",
    "cascade_norm",
    "cascade_segments",
    "cascade_terms",
    "cluster_labels",
    "hierarchical_labels",
]
