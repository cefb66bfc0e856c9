"""What a dictionary can hold of features in a hierarchy, when it pays to merge two of them, and how both scale.

docs/theory.md §8. What is derived here is argued, and simulated in tests.
"""

from fractalman.theory.dictionaries.coherence import (
    ENSEMBLES,
    cosine_tail,
    mean_square_cosine,
    random_coherence,
    welch_bound,
)
from fractalman.theory.dictionaries.held import absorbing_gains, faithful_gains
from fractalman.theory.dictionaries.laws import learned_cosine, width_law
from fractalman.theory.dictionaries.merging import (
    PENALTIES,
    Merge,
    absorption_threshold,
    independent_merge_gain,
    merge_gain,
)
from fractalman.theory.dictionaries.moments import (
    MAGNITUDES,
    EdgeMoments,
    Magnitude,
    code_covariance,
    cofiring,
    edge_moments,
    l0_moments,
    magnitude_moments,
    point_covariance,
    rank_errors,
)
from fractalman.theory.dictionaries.nested import nested_gains, path_error
from fractalman.theory.dictionaries.sizes import cascade_features, cluster_features

__all__ = [
    "ENSEMBLES",
    "MAGNITUDES",
    "PENALTIES",
    "EdgeMoments",
    "Magnitude",
    "Merge",
    "absorbing_gains",
    "absorption_threshold",
    "cascade_features",
    "cluster_features",
    "code_covariance",
    "cofiring",
    "cosine_tail",
    "edge_moments",
    "faithful_gains",
    "independent_merge_gain",
    "l0_moments",
    "learned_cosine",
    "magnitude_moments",
    "mean_square_cosine",
    "merge_gain",
    "nested_gains",
    "path_error",
    "point_covariance",
    "random_coherence",
    "rank_errors",
    "welch_bound",
    "width_law",
]
