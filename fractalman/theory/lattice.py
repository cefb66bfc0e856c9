"""Percolation on Z^dim: thresholds and critical exponents, from the literature.

Symbols: p_c = threshold, τ = exponent of the number of clusters of s sites (n_s ~ s^−τ), d_f = fractal dimension of the
largest cluster (its mass ~ side^d_f), d_min = exponent of the shortest path (ℓ ~ r^d_min), ν = exponent of the
correlation length (ξ ~ |p − p_c|^−ν).
"""

from __future__ import annotations

from dataclasses import dataclass

from fractalman.config import shown
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.thresholds import THRESHOLDS

_TAU = {2: 187 / 91, 3: 2.1891, 4: 2.3138, 5: 2.4180, 6: 2.5, 7: 2.5}
_FRACTAL = {2: 91 / 48, 3: 2.5229, 4: 3.0446, 5: 3.5260, 6: 4.0, 7: 4.0}
_THERMAL = {2: 0.75, 3: 1.1410, 4: 1.461, 5: 1.743, 6: 2.0, 7: 2.0}
_SHORTEST = {2: 1.13077, 3: 1.3756, 4: 1.6042, 5: 1.8137, 6: 2.0, 7: 2.0}


@dataclass(frozen=True)
class LatticeConstants(Display):
    """What is known about critical percolation on Z^dim.

    Attributes
    ----------
    dim : int
        Dimension of the lattice.
    site_threshold : float
        p_c when sites are occupied at random.
    bond_threshold : float
        p_c when bonds are occupied at random.
    size_exponent : float
        Exponent of the sizes, τ.
    fractal_dimension : float
        Fractal dimension, d_f.
    path_dimension : float
        d_min.
    thermal_exponent : float
        1/ν, also the dimension of the bonds whose removal splits the cluster.
    """

    dim: int
    site_threshold: float
    bond_threshold: float
    size_exponent: float
    fractal_dimension: float
    path_dimension: float
    thermal_exponent: float

    @property
    def chemical_dimension(self) -> float:
        """d_f/d_min: points within ℓ steps of one ~ ℓ^(d_f/d_min)."""
        return self.fractal_dimension / self.path_dimension

    @property
    def strand_exponent(self) -> float:
        """κ: of points of one cluster r apart, the share (r/R)^κ is joined through a distance R only.

        Two strands that nothing joins within R cross r: d_f − 1/ν below six dimensions, dim − 4 from there on, where
        other parts of the cluster meet a point by chance. Argued; docs/theory.md §3.7.
        """
        return self.fractal_dimension - self.thermal_exponent if self.dim < 6 else self.dim - 4.0

    @property
    def tail_exponent(self) -> float:
        """τ − 2: when every site counts once, the mass in clusters larger than s falls as s^(2−τ)."""
        return self.size_exponent - 2.0


def lattice_constants(dim: int) -> LatticeConstants:
    """Return the thresholds and exponents of Z^dim.

    Parameters
    ----------
    dim : int
        Dimension of the lattice, 2 … 7; from 6 on the exponents are those of mean field (at 6 with logarithms).

    Returns
    -------
    LatticeConstants
        Thresholds and exponents of Z^dim.

    Raises
    ------
    RecipeError
        For another dimension.

    Notes
    -----
    Source: Grassberger 2003; Mertens & Moore 2018; arXiv 1112.3428, 1302.0421 and 2004.11289; docs/theory.md §1.

    Examples
    --------
    >>> lattice_constants(2).bond_threshold
    0.5
    """
    if dim not in _TAU:
        raise RecipeError(f"dim = {shown(dim)}: expected an integer from 2 to 7")
    return LatticeConstants(
        dim, THRESHOLDS["site"][dim], THRESHOLDS["bond"][dim], _TAU[dim], _FRACTAL[dim], _SHORTEST[dim], _THERMAL[dim]
    )
