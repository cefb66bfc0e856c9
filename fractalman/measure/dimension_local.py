"""The dimension around every point, and components of different dimension told apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.measure.dimension import prepared
from fractalman.measure.dimension_components import (
    NEIGHBOURS,
    DimensionComponent,
    components_of,
    mean_logs,
    shares_of,
)
from fractalman.measure.dimension_reference import corrected
from fractalman.sources import RecipeSource


@dataclass(frozen=True, repr=False)
class PointwiseDimension(Display):
    """The dimension around points.

    Parameters
    ----------
    row : (m,) int64
        Rows of X.
    value : (m,) float64
        D around them, corrected for the bias at n points.
    standard_error : (m,) float64
        Of the sampling; the correction's uncertainty is common to all points.
    points : (m, d) float64
        The points themselves, in the unit that was measured in.
    n_neighbours : int
        Neighbours k that each value rests on.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> found = fm.measure.pointwise_dimension(np.random.default_rng(0).random((600, 2)))
    >>> found.n_neighbours, found.points.shape
    (32, (600, 2))
    """

    row: I64
    value: F64
    standard_error: F64
    points: F64
    n_neighbours: int

    def __repr__(self) -> str:
        low, middle, high = np.quantile(self.value, (0.05, 0.5, 0.95))
        return f"PointwiseDimension({len(self.row)} points, 5/50/95 %: {low:.3g}, {middle:.3g}, {high:.3g})"

    def to_pandas(self) -> Any:
        """Return a data frame, one row a point; needs pandas.

        Returns
        -------
        pandas.DataFrame
            Columns row, value and standard_error.
        """
        from fractalman.measure.dimension_figures import columns_frame

        return columns_frame({name: getattr(self, name) for name in ("row", "value", "standard_error")})

    def plot(self, ax: Any = None) -> Any:
        """Draw the map: the first two principal axes, coloured by D; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the map.
        """
        from fractalman.measure.dimension_figures import draw_pointwise

        return draw_pointwise(self, ax)


@checked_arguments
def pointwise_dimension(
    X: ArrayLike | RecipeSource, *, n_neighbours: int = 32, n_sources: int = 2048, seed: int = 0, theiler: int = 0
) -> PointwiseDimension:
    """Return the dimension around points of a set.

    Parameters
    ----------
    X : (n, d) array_like
        As for `dimension`.
    n_neighbours : int, default 32
        Neighbours k, 8 … n/12: fewer see finer, and err by 1/√(k − 2) of D.
    n_sources : int, default 2048
        Points around which it is measured.
    seed : int, default 0
        Picks them.
    theiler : int, default 0
        As for `dimension`.

    Returns
    -------
    PointwiseDimension
        One value a point, with errors.

    Raises
    ------
    RecipeError
        As `dimension`, and for ``n_neighbours``.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fm.measure.pointwise_dimension(np.random.default_rng(0).random((600, 2))).value.shape
    (600,)
    """
    found = prepared(X, n_sources, seed, theiler)
    t = mean_logs(found, n_neighbours)
    reading = (n_neighbours - 2) / ((n_neighbours - 1) * t)  # unbiased for a Gamma variate
    value = np.exp(corrected(reading, shares_of(n_neighbours, len(found.points.values))).mean(axis=0))
    return PointwiseDimension(
        found.points.row[found.sources], value, value / math.sqrt(n_neighbours - 2), found.points.values[found.sources],
        n_neighbours,
    )  # fmt: skip


@checked_arguments
def dimension_components(
    X: ArrayLike | RecipeSource, *, n_neighbours: int = NEIGHBOURS, n_sources: int = 2048, seed: int = 0
) -> tuple[DimensionComponent, ...]:
    """Return the components of different dimension that a set consists of, the largest first.

    Parameters
    ----------
    X : (n, d) array_like
        As for `dimension`.
    n_neighbours : int, default 16
        As for `pointwise_dimension`; points with the same k neighbours are taken to be of one component.
    n_sources : int, default 2048
        Points that are told apart.
    seed : int, default 0
        Picks them.

    Returns
    -------
    tuple of DimensionComponent
        One where the set is of one dimension as far as can be seen: components differ by a third of D or more and hold
        5 % of the points or more, and do so at the next scales, too (what differs from place to place at one scale only
        is a fractal's lacunarity).

    Notes
    -----
    A mixture of Gamma variates, fitted by expectation and maximisation; a component more must pay its price by the
    Bayesian information criterion, in which overlapping neighbourhoods count once.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> len(fm.measure.dimension_components(np.random.default_rng(0).random((400, 2))))
    1
    """
    return components_of(prepared(X, n_sources, seed), n_neighbours)
