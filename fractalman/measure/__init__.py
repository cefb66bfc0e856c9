"""Measurements with errors, on our own files or on anybody's arrays: sizes, distances, variograms, exponents."""

from typing import TYPE_CHECKING, Any

from fractalman.measure.comparison import (
    BrokenPowerLawFit,
    WindowSensitivity,
    fit_broken_power_law,
    window_sensitivity,
)
from fractalman.measure.compute_law import ComputeLawFit, fit_compute_law
from fractalman.measure.dimension import MAX_TARGETS, Dimension, Dimensions, dimension, dimensions
from fractalman.measure.dimension_components import DimensionComponent
from fractalman.measure.dimension_local import (
    PointwiseDimension,
    dimension_components,
    pointwise_dimension,
)
from fractalman.measure.dimension_methods import METHODS
from fractalman.measure.dimension_scan import DimensionScan
from fractalman.measure.distances import Distances, tree_distances
from fractalman.measure.files import measure_file
from fractalman.measure.frontier import Approach, Optimum, approaches, optimum
from fractalman.measure.influence import Influence
from fractalman.measure.joint import fit_joint_power_law
from fractalman.measure.joint_result import JointPowerLawFit, effective_data
from fractalman.measure.law_comparison import LawComparison, LawScore, compare_laws
from fractalman.measure.loss_report import measure_scaling
from fractalman.measure.measured import Measured
from fractalman.measure.percolation import (
    Growth,
    PathCurve,
    growth_exponent,
    path_curve,
    path_dimension,
    size_exponent,
)
from fractalman.measure.polytopes import (
    AffineMap,
    LineRegions,
    PlaneRegions,
    affine_map,
    line_regions,
    plane_regions,
    points_per_polytope,
)
from fractalman.measure.scaling import PowerLawFit, fit_power_law, student_t
from fractalman.measure.sizes import ClusterSizes, cluster_sizes
from fractalman.measure.smoothness import Smoothness, smoothness
from fractalman.measure.user_files import DATA_FILES, POINT_FILES, UserPoints, read_points, read_user_points
from fractalman.measure.user_points import measure_points
from fractalman.measure.variograms import Variogram, variogram

if TYPE_CHECKING:
    from fractalman.measure.estimator import IntrinsicDimension


def __getattr__(name: str) -> Any:
    """Load at first use what needs scikit-learn."""
    if name == "IntrinsicDimension":
        from fractalman.errors import MissingExtraError

        try:
            from fractalman.measure.estimator import IntrinsicDimension
        except ImportError:
            raise MissingExtraError(
                "measure.IntrinsicDimension needs scikit-learn: use pip install scikit-learn"
            ) from None
        return IntrinsicDimension
    from fractalman._on_demand import no_attribute

    raise no_attribute(__name__, name, __all__)


__all__ = [
    "DATA_FILES",
    "MAX_TARGETS",
    "METHODS",
    "POINT_FILES",
    "AffineMap",
    "Approach",
    "BrokenPowerLawFit",
    "ClusterSizes",
    "ComputeLawFit",
    "Dimension",
    "DimensionComponent",
    "DimensionScan",
    "Dimensions",
    "Distances",
    "Growth",
    "Influence",
    "IntrinsicDimension",
    "JointPowerLawFit",
    "LawComparison",
    "LawScore",
    "LineRegions",
    "Measured",
    "Optimum",
    "PathCurve",
    "PlaneRegions",
    "PointwiseDimension",
    "PowerLawFit",
    "Smoothness",
    "UserPoints",
    "Variogram",
    "WindowSensitivity",
    "affine_map",
    "approaches",
    "cluster_sizes",
    "compare_laws",
    "dimension",
    "dimension_components",
    "dimensions",
    "effective_data",
    "fit_broken_power_law",
    "fit_compute_law",
    "fit_joint_power_law",
    "fit_power_law",
    "growth_exponent",
    "line_regions",
    "measure_file",
    "measure_points",
    "measure_scaling",
    "optimum",
    "path_curve",
    "path_dimension",
    "plane_regions",
    "points_per_polytope",
    "pointwise_dimension",
    "read_points",
    "read_user_points",
    "size_exponent",
    "smoothness",
    "student_t",
    "tree_distances",
    "variogram",
    "window_sensitivity",
]
