"""Columns in, latent values and targets out."""

from fractalman.labels.cascade import (
    cascade_average_norm,
    cascade_norm,
    cascade_path_terms,
    cascade_segments,
    cascade_terms,
    cascade_variances,
)
from fractalman.labels.constant import constant_labels
from fractalman.labels.exact_field import ExactField, exact_covariance, exact_field
from fractalman.labels.field import FEATURES, Field, field_covariance, gaussian_field
from fractalman.labels.noise import label_noise
from fractalman.labels.tree import HierarchicalLabels, brownian_labels, hierarchical_labels

__all__ = [
    "FEATURES",
    "ExactField",
    "Field",
    "HierarchicalLabels",
    "brownian_labels",
    "cascade_average_norm",
    "cascade_norm",
    "cascade_path_terms",
    "cascade_segments",
    "cascade_terms",
    "cascade_variances",
    "constant_labels",
    "exact_covariance",
    "exact_field",
    "field_covariance",
    "gaussian_field",
    "hierarchical_labels",
    "label_noise",
]
