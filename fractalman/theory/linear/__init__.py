"""Linear theory: the risk of kernel ridge regression and of linear random features from a spectrum alone."""

from fractalman.theory.linear.power_laws import PowerLawExponents, power_law_exponents, power_law_spectrum
from fractalman.theory.linear.risks import LinearRisk, kernel_ridge_risk, optimal_ridge_risk, random_features_risk

__all__ = [
    "LinearRisk",
    "PowerLawExponents",
    "kernel_ridge_risk",
    "optimal_ridge_risk",
    "power_law_exponents",
    "power_law_spectrum",
    "random_features_risk",
]
