"""Measurements with errors, on our own files or on anybody's arrays: sizes, distances, variograms, exponents."""

from fractalman.measure.dimension import Dimension, dimension, dimensions
from fractalman.measure.distances import Distances, tree_distances
from fractalman.measure.files import measure_file
from fractalman.measure.percolation import (
    Growth,
    PathCurve,
    growth_exponent,
    path_curve,
    path_dimension,
    size_exponent,
)
from fractalman.measure.scaling import PowerLawFit, fit_power_law, student_t
from fractalman.measure.sizes import ClusterSizes, cluster_sizes
from fractalman.measure.smoothness import Smoothness, smoothness
from fractalman.measure.variograms import Variogram, variogram

__all__ = [
    "ClusterSizes",
    "Dimension",
    "Distances",
    "Growth",
    "PathCurve",
    "PowerLawFit",
    "Smoothness",
    "Variogram",
    "cluster_sizes",
    "dimension",
    "dimensions",
    "fit_power_law",
    "growth_exponent",
    "measure_file",
    "path_curve",
    "path_dimension",
    "size_exponent",
    "smoothness",
    "student_t",
    "tree_distances",
    "variogram",
]
