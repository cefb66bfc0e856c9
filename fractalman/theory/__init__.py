"""Theory: arrays in, numbers out. Exact laws, asymptotic exponents, finite-size curves, the Bayes floor.

Every law is stated in docs/theory.md with its units, its source and how far it was checked. This package never sees
what `fractalman.measure` does: their agreement is evidence only because neither knows the other.
"""

from fractalman._on_demand import nothing_else
from fractalman.theory.belief import bayes_curve, bayes_risk, one_nn_curve_on_tree, one_nn_on_tree
from fractalman.theory.cells import cascade_model_curve
from fractalman.theory.class_entropy import class_entropy_floor
from fractalman.theory.class_votes import neighbour_class_curve, vote_curve
from fractalman.theory.classification import (
    ClassCovariance,
    cascade_class_exponent,
    class_error,
    class_floor,
    classification_risk,
    cluster_class_exponent,
    manifold_class_exponent,
    neighbour_class_risk,
    prediction_variance,
)
from fractalman.theory.cluster_exponents import ClusterAsymptotics, critical_cluster_asymptotics
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
from fractalman.theory.covariance import TreeCovariance, induced_tree, pair_risk, within_variance
from fractalman.theory.coverage import (
    UNSEEN_RISK,
    bethe_numbers,
    constant_label_risk,
    critical_numbers,
    ensemble_risk,
    filled_numbers,
    unseen_mass,
    unseen_probability,
)
from fractalman.theory.coverage_limits import rank_law_unseen, seen_mass_amplitude, size_biased_unseen_limit
from fractalman.theory.curves import (
    brownian_one_nn_risk,
    cascade_curve,
    empty_cell_probabilities,
    local_slope,
    nearest_distance_law,
)
from fractalman.theory.exponents import (
    cascade_dimensions,
    log_period,
    moran_exponent,
    moran_exponent_masses,
    quantization_exponent,
    quantization_exponent_masses,
    shared_by_one_tree,
)
from fractalman.theory.fields import (
    FieldCovariance,
    field_covariance,
    field_variogram,
    gaussian_floor,
    gaussian_floor_with_error,
)
from fractalman.theory.grammars.targets import DiscreteFloor, discrete_floor, posterior
from fractalman.theory.kernel_smoothers import KernelRidge
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.theory.lattice import LatticeConstants, lattice_constants
from fractalman.theory.laws import Conflict, Frontier, JointLaw, Law, Window
from fractalman.theory.linear import (
    LinearRisk,
    PowerLawExponents,
    kernel_ridge_risk,
    optimal_ridge_risk,
    power_law_exponents,
    power_law_spectrum,
    random_features_risk,
)
from fractalman.theory.linear_smoothers import LinearRidge, RandomFeatures
from fractalman.theory.measures import (
    Spectrum,
    cascade_curve_masses,
    cascade_spectrum,
    log_period_masses,
    mean_power,
    shared_by_one_tree_masses,
)
from fractalman.theory.parities import ideal_parities_risk, ideal_parity_risk
from fractalman.theory.ridged import Expected, Smoother, expected_risk, with_intercept
from fractalman.theory.smoothers import SMOOTHERS, Neighbours, smoother_curve, smoother_named, smoother_risk
from fractalman.theory.spectra import KernelSpectrum, learning_curve_from_spectrum, spectrum_of
from fractalman.theory.tree_neighbours import one_nn_in_hierarchy

__all__ = [
    "SMOOTHERS",
    "UNSEEN_RISK",
    "ClassCovariance",
    "ClusterAsymptotics",
    "Conflict",
    "DiscreteFloor",
    "Expected",
    "FieldCovariance",
    "Frontier",
    "JointLaw",
    "KernelRidge",
    "KernelSpectrum",
    "LabelCovariance",
    "LatticeConstants",
    "Law",
    "LinearRidge",
    "LinearRisk",
    "Neighbours",
    "PowerLawExponents",
    "RandomFeatures",
    "Smoother",
    "Spectrum",
    "TreeCovariance",
    "Window",
    "bayes_curve",
    "bayes_risk",
    "bethe_cluster_numbers",
    "bethe_correlation_size",
    "bethe_extinction",
    "bethe_giant_share",
    "bethe_mean_size",
    "bethe_numbers",
    "bethe_shape_probabilities",
    "bethe_threshold",
    "borel_law",
    "brownian_one_nn_risk",
    "cascade_class_exponent",
    "cascade_curve",
    "cascade_curve_masses",
    "cascade_dimensions",
    "cascade_model_curve",
    "cascade_spectrum",
    "class_entropy_floor",
    "class_error",
    "class_floor",
    "classification_risk",
    "cluster_class_exponent",
    "constant_label_risk",
    "critical_cluster_asymptotics",
    "critical_numbers",
    "discrete_floor",
    "empty_cell_probabilities",
    "ensemble_risk",
    "expected_risk",
    "field_covariance",
    "field_variogram",
    "filled_numbers",
    "gaussian_floor",
    "gaussian_floor_with_error",
    "ideal_parities_risk",
    "ideal_parity_risk",
    "induced_tree",
    "kernel_ridge_risk",
    "lattice_constants",
    "learning_curve_from_spectrum",
    "local_slope",
    "log_period",
    "log_period_masses",
    "manifold_class_exponent",
    "mean_leaf_depth",
    "mean_power",
    "moran_exponent",
    "moran_exponent_masses",
    "nearest_distance_law",
    "neighbour_class_curve",
    "neighbour_class_risk",
    "one_nn_curve_on_tree",
    "one_nn_in_hierarchy",
    "one_nn_on_tree",
    "optimal_ridge_risk",
    "pair_risk",
    "posterior",
    "power_law_exponents",
    "power_law_spectrum",
    "prediction_variance",
    "quantization_exponent",
    "quantization_exponent_masses",
    "random_features_risk",
    "rank_law_unseen",
    "root_split_law",
    "seen_mass_amplitude",
    "shared_by_one_tree",
    "shared_by_one_tree_masses",
    "size_biased_unseen_limit",
    "smoother_curve",
    "smoother_named",
    "smoother_risk",
    "spectrum_of",
    "tie_probability",
    "tree_distance_law",
    "tree_shape",
    "tree_shape_probabilities",
    "unseen_mass",
    "unseen_probability",
    "vertex_degree_law",
    "vote_curve",
    "with_intercept",
    "within_variance",
    "yule_simon_expected_numbers",
    "yule_simon_law",
]

__getattr__ = nothing_else(__name__, __all__)
