"""Theory: arrays in, numbers out. Exact laws, asymptotic exponents, finite-size curves, the Bayes floor.

Every law is stated in docs/theory.md with its units, its source and how far it was checked. This room never sees what
`fractalman.measure` does: their agreement is evidence only because neither knows the other.
"""

from fractalman.theory.belief import (
    bayes_risk,
    one_nn_curve_on_tree,
    one_nn_on_tree,
    pair_risk,
    within_variance,
)
from fractalman.theory.cells import cascade_model_curve
from fractalman.theory.clusters import (
    bethe_cluster_numbers,
    bethe_correlation_size,
    bethe_extinction,
    bethe_giant_share,
    bethe_mean_size,
    bethe_shape_probabilities,
    bethe_threshold,
    borel_law,
    yule_simon_expected_numbers,
    yule_simon_law,
)
from fractalman.theory.constants import (
    mean_leaf_depth,
    root_split_law,
    tie_probability,
    tree_distance_law,
    tree_shape,
    tree_shape_probabilities,
    vertex_degree_law,
)
from fractalman.theory.curves import cascade_curve, empty_cell_probabilities, local_slope, nearest_distance_law
from fractalman.theory.exponents import (
    ClusterAsymptotics,
    cascade_dimensions,
    critical_cluster_asymptotics,
    log_period,
    moran_exponent,
    moran_exponent_masses,
    quantization_exponent,
    quantization_exponent_masses,
    shared_by_one_tree,
)
from fractalman.theory.lattice import LatticeConstants, lattice_constants
from fractalman.theory.laws import LEARNERS, Conflict, Frontier, JointLaw, Law, Window, law_of
from fractalman.theory.measures import (
    Spectrum,
    cascade_curve_masses,
    cascade_spectrum,
    kinds_of,
    log_period_masses,
    mean_power,
    shared_by_one_tree_masses,
)

__all__ = [
    "LEARNERS",
    "ClusterAsymptotics",
    "Conflict",
    "Frontier",
    "JointLaw",
    "LatticeConstants",
    "Law",
    "Spectrum",
    "Window",
    "bayes_risk",
    "bethe_cluster_numbers",
    "bethe_correlation_size",
    "bethe_extinction",
    "bethe_giant_share",
    "bethe_mean_size",
    "bethe_shape_probabilities",
    "bethe_threshold",
    "borel_law",
    "cascade_curve",
    "cascade_curve_masses",
    "cascade_dimensions",
    "cascade_model_curve",
    "cascade_spectrum",
    "critical_cluster_asymptotics",
    "empty_cell_probabilities",
    "kinds_of",
    "lattice_constants",
    "law_of",
    "local_slope",
    "log_period",
    "log_period_masses",
    "mean_leaf_depth",
    "mean_power",
    "moran_exponent",
    "moran_exponent_masses",
    "nearest_distance_law",
    "one_nn_curve_on_tree",
    "one_nn_on_tree",
    "pair_risk",
    "quantization_exponent",
    "quantization_exponent_masses",
    "root_split_law",
    "shared_by_one_tree",
    "shared_by_one_tree_masses",
    "tie_probability",
    "tree_distance_law",
    "tree_shape",
    "tree_shape_probabilities",
    "vertex_degree_law",
    "within_variance",
    "yule_simon_expected_numbers",
    "yule_simon_law",
]
