"""Columns in, latent values and targets out."""

from fractalman.labels.cascade import cascade_labels, cascade_norm, cascade_segments, cascade_terms
from fractalman.labels.constant import constant_labels
from fractalman.labels.tree import brownian_labels, hierarchical_labels

__all__ = [
    "brownian_labels",
    "cascade_labels",
    "cascade_norm",
    "cascade_segments",
    "cascade_terms",
    "constant_labels",
    "hierarchical_labels",
]
