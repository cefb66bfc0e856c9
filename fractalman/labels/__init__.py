"""Columns in, latent values and targets out."""

from fractalman.labels.cascade import (
    cascade_average_norm,
    cascade_norm,
    cascade_path_terms,
    cascade_segments,
    cascade_terms,
)
from fractalman.labels.noise import label_noise
from fractalman.labels.tree import brownian_labels, hierarchical_labels

__all__ = [
    "brownian_labels",
    "cascade_average_norm",
    "cascade_norm",
    "cascade_path_terms",
    "cascade_segments",
    "cascade_terms",
    "hierarchical_labels",
    "label_noise",
]
