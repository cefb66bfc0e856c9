"""Measurements with errors, on our own files or on anybody's arrays: sizes, distances, variograms, exponents."""

from fractalman.measure.distances import Distances, tree_distances
from fractalman.measure.files import measure_file
from fractalman.measure.scaling import PowerLawFit, fit_power_law, student_t
from fractalman.measure.sizes import ClusterSizes, cluster_sizes
from fractalman.measure.variograms import Variogram, variogram

__all__ = [
    "ClusterSizes",
    "Distances",
    "PowerLawFit",
    "Variogram",
    "cluster_sizes",
    "fit_power_law",
    "measure_file",
    "student_t",
    "tree_distances",
    "variogram",
]
