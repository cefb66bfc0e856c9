"""Intrinsic dimension of a set of points, with its total error and a warning where the set deceives.

D = intrinsic dimension, C(r) = share of the pairs closer than r, r_k = distance of a point to its k-th neighbour,
ψ = digamma function, n = points, q = share of the points inside the distances that are read.

Every estimator that reads distances falls short of a large D at n points. What reference sets of known D read at the
same q corrects it (`dimension_reference`), and what they disagree by is part of the error. "recommended" joins the
distances of several scales (`dimension_scan`) with the angles between neighbours (`dimension_angles`).

A discrete set fools every estimator that looks at the first neighbours: on a complete embedded tree most points have
several neighbours at one distance. `ties` is the share of such points, and a warning names it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import is_integer
from fractalman.display import Display, Summary
from fractalman.errors import RecipeError
from fractalman.measure.dimension_components import DimensionComponent
from fractalman.measure.dimension_methods import ESTIMATORS, estimator
from fractalman.measure.dimension_part import Part
from fractalman.measure.dimension_reference import corrected, unlike_references
from fractalman.measure.dimension_scan import DimensionScan
from fractalman.measure.dimension_warnings import deceptions
from fractalman.measure.near_copies import without_near_copies
from fractalman.measure.neighbours import (
    BLOCKS,
    LAST,
    Neighbourhoods,
    block_jackknife,
    neighbourhoods,
    share_of_ties,
    without_runs,
)
from fractalman.measure.points import MAX_TARGETS as MAX_TARGETS
from fractalman.measure.points import as_points
from fractalman.measure.scaling import student_t
from fractalman.sources import RecipeSource

_WORTH_SAYING = 0.15  # correction, as a share, that is named in a warning


@dataclass(frozen=True, repr=False)
class Dimension(Display):
    """An estimate of the intrinsic dimension.

    Parameters
    ----------
    value : float
        D, corrected for the bias at n points.
    standard_error : float
        Total: sampling, correction and scales.
    interval : tuple of float
        95 %, from the total error, on the logarithm.
    window : tuple of float
        Smallest and largest distance used, unit of X.
    lower, upper : float or None
        D in the lower and in the upper half of the window; None for estimators of one scale.
    ties : float
        Share of the points whose two nearest neighbours are equally far, to a relative 1e-4.
    method : str
        One of `fractalman.measure.METHODS`, or one that was registered.
    n_points : int
        Points among which neighbours were looked for.
    n_sources : int
        Points whose neighbours were.
    warnings : tuple of str
        Sentences that qualify the number.
    raw : float
        D as read, before the correction.
    sampling_error : float
        By jackknife over compact blocks of starting points: the scatter over other points of the same set.
    bias_error : float
        What the reference sets leave open of the correction.
    scale_error : float
        From a trend or a scatter over the scales.
    reason : str
        Where the value comes from, one sentence.
    scan : DimensionScan or None
        D against scale; None except for "recommended".
    components : tuple of DimensionComponent
        Components of different dimension, where "recommended" sees several; the interval then spans them all.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fm.measure.dimension(np.random.default_rng(0).random((200, 2)), method="mle").n_points
    200
    """

    value: float
    standard_error: float
    interval: tuple[float, float]
    window: tuple[float, float]
    lower: float | None
    upper: float | None
    ties: float
    method: str
    n_points: int
    n_sources: int
    warnings: tuple[str, ...]
    raw: float
    sampling_error: float
    bias_error: float
    scale_error: float
    reason: str
    scan: DimensionScan | None = None
    components: tuple[DimensionComponent, ...] = ()

    def _summary(self) -> Summary:
        low, high = self.interval
        rows = [
            ("D", f"{self.value:.3g} ± {self.standard_error:.2g}, 95 % {low:.3g} … {high:.3g}"),
            ("method", self.method),
        ]
        rows += [("as read", f"{self.raw:.3g}"), ("points", f"{self.n_points:,}, neighbours of {self.n_sources:,}")]
        rows += [("distances", f"{self.window[0]:.3g} … {self.window[1]:.3g}"), ("reason", self.reason)]
        return Summary("Dimension", rows + [("warning", text) for text in self.warnings])

    def to_pandas(self) -> Any:
        """Return the estimate as a pandas DataFrame of one row; needs the extra ``tables``.

        Returns
        -------
        pandas.DataFrame
            The value, its errors and its interval.
        """
        return Dimensions({self.method: self}).to_pandas()

    def __repr__(self) -> str:
        low, high = self.interval
        said = f"; {len(self.warnings)} warnings" if self.warnings else ""
        return f"Dimension({self.value:.3g}, 95 % {low:.3g} … {high:.3g}, {self.method}, {self.n_points} points{said})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values.

        Returns
        -------
        dict
            Fields by name; the scan as a list of octaves.
        """
        names = (
            "value", "standard_error", "raw", "sampling_error", "bias_error", "scale_error", "ties", "reason",
        )  # fmt: skip
        out: dict[str, Any] = {name: getattr(self, name) for name in names}
        out |= {"interval": list(self.interval), "window": list(self.window)}
        out |= {"lower_half": self.lower, "upper_half": self.upper, "warnings": list(self.warnings)}
        if self.components:
            out["components"] = [
                {"value": c.value, "standard_error": c.standard_error, "share": c.share} for c in self.components
            ]
        if self.scan is not None:
            scan = self.scan
            out["noise_scale"] = scan.noise_scale
            out["scan"] = [
                {
                    "rank": int(k),
                    "distance": float(r),
                    "reading": float(d),
                    "value": float(v),
                    "standard_error": float(e),
                }
                for k, r, d, v, e in zip(
                    scan.rank, scan.distance, scan.reading, scan.value, scan.standard_error, strict=True
                )
            ]
        return out

    def plot(self, ax: Any = None) -> Any:
        """Draw the scan of scales with the estimate; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        from fractalman.measure.dimension_figures import draw_dimension

        return draw_dimension(self, ax)


class Dimensions(Display, dict[str, Dimension]):
    """Estimates of one set of points by method.

    Examples
    --------
    >>> import fractalman as fm
    >>> len(fm.measure.Dimensions())
    0
    """

    def _summary(self) -> Summary:
        rows = [(name, f"{d.value:.3g}, 95 % {d.interval[0]:.3g} … {d.interval[1]:.3g}") for name, d in self.items()]
        return Summary(f"Dimensions by {len(self)} methods", rows)

    def to_pandas(self) -> Any:
        """Return a data frame, one row a method; needs pandas (``pip install pandas``).

        Returns
        -------
        pandas.DataFrame
            The value, its errors and its interval.
        """
        from fractalman.measure.dimension_figures import columns_frame

        names = ("value", "standard_error", "raw", "sampling_error", "bias_error", "scale_error", "ties")
        columns: dict[str, Any] = {"method": list(self)}
        columns |= {name: [getattr(d, name) for d in self.values()] for name in names}
        columns |= {"low": [d.interval[0] for d in self.values()], "high": [d.interval[1] for d in self.values()]}
        return columns_frame(columns)

    def plot(self, ax: Any = None) -> Any:
        """Draw the scan of scales and every estimate; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib axes, default None
            Where to draw; None = a new figure.

        Returns
        -------
        matplotlib axes
            With the drawing.
        """
        from fractalman.measure.dimension_figures import draw_dimensions

        return draw_dimensions(self, ax)


@checked_arguments
def dimension(
    X: ArrayLike | RecipeSource,
    *,
    method: str = "recommended",
    window: tuple[float, float] | None = None,
    n_sources: int = 2048,
    seed: int = 0,
    theiler: int = 0,
    duplicates: str = "drop",
) -> Dimension:
    """Return the intrinsic dimension of points, with its total error.

    Parameters
    ----------
    X : (n ≥ 64, d) array_like
        Coordinates in one unit: an array, masked array, data frame, tensor, sparse matrix or AnnData;
        or a dataset or a file's path. Beyond 32768
        points a random part stands for all.
    method : str, default "recommended"
        "recommended": several scales of distances, and angles; "correlation": slope of ln C(r) against ln r (D_2);
        "information": 1 / slope of the mean of ln r_k against ψ(k) (D_1); "mle": Levina & Bickel with 20 neighbours,
        averaged as inverses; "two-nn": ratio of the first two neighbours' distances; "angles": expected simplex
        skewness, for high dimensions.
    window : (low, high), default None
        Smallest and largest distance, unit of X; None = for "correlation" and "information" from the median distance of
        the 8th neighbour to that of the (n/32)-th, for "recommended" the scales that serve best. Estimators of one
        scale take none.
    n_sources : int, default 2048
        Random starting points, fewer where distances to so many would take long.
    seed : int, default 0
        Picks them.
    theiler : int, default 0
        Rows of X this close to a point's own row, or closer, are not its neighbours: for points that follow each other
        in time. Only every second, fourth, … row is used where neighbours of a point follow each other, too.
    duplicates : {"drop", "near", "keep"}, default "drop"
        "drop" keeps one of several equal rows, "near" also one of rows that are nearly equal (much nearer than points
        of their dimension come by chance), "keep" keeps all.

    Returns
    -------
    Dimension
        The estimate with its errors, its reason and its warnings.

    Raises
    ------
    RecipeError
        For shapes, an empty window, or points that all coincide.

    Notes
    -----
    Grassberger & Procaccia 1983; Levina & Bickel 2004 with MacKay & Ghahramani's average; Facco et al. 2017; Johnsson,
    Soneson & Fontes 2015. How often the intervals cover: datasets/statistics/dimension_coverage.md.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> plane = np.random.default_rng(0).random((1000, 2)) @ [[1, 0, 1], [0, 1, 1]]
    >>> found = fm.measure.dimension(plane)
    >>> found.interval[0] < 2 < found.interval[1]
    True
    """
    measured = estimator(method)
    found: Dimension = measured(prepared(X, n_sources, seed, theiler, duplicates), window)
    return found


@checked_arguments
def dimensions(
    X: ArrayLike | RecipeSource,
    *,
    window: tuple[float, float] | None = None,
    n_sources: int = 2048,
    seed: int = 0,
    theiler: int = 0,
    duplicates: str = "drop",
) -> Dimensions:
    """Return every estimate of `dimension` side by side, by method; errors as there.

    Parameters
    ----------
    X, window, n_sources, seed, theiler, duplicates
        As for `dimension`.

    Returns
    -------
    Dimensions
        By method; one that failed is named in the others' warnings.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> found = fm.measure.dimensions(np.random.default_rng(0).random((500, 2)))
    >>> sorted(found)
    ['angles', 'correlation', 'information', 'mle', 'recommended', 'two-nn']
    """
    found = prepared(X, n_sources, seed, theiler, duplicates)
    out, failed = Dimensions(), []
    for name in ESTIMATORS:
        try:
            out[name] = estimator(name)(found, window)
        except RecipeError as error:  # one estimator that fails does not take the others down
            failed.append((name, error))
    if not out:
        raise failed[0][1]
    said = tuple(f"{name} could not be measured: {error}" for name, error in failed)
    return Dimensions({name: replace(one, warnings=(*one.warnings, *said)) for name, one in out.items()})


def prepared(
    X: Any, n_sources: int = 2048, seed: int = 0, theiler: int = 0, duplicates: str = "drop", least: int = 64
) -> Neighbourhoods:
    """Return the neighbour distances that every estimator reads; parameters as for `dimension`."""
    points = as_points(X, least=least, duplicates=duplicates, most=MAX_TARGETS, seed=seed)
    if duplicates == "near":
        points = without_near_copies(points, least, seed)
    if is_integer(theiler) and int(theiler) > 0:
        points = without_runs(points, theiler, seed)
    return neighbourhoods(points, n_sources, seed, theiler)


def usable(found: Neighbourhoods, near: F64) -> Any:
    """Say which starting points have no copy among these neighbours: a copy's distance has no logarithm."""
    free = (near > 0.0).all(axis=1)
    if free.sum() < min(2 * BLOCKS, len(found.sources) // 2):
        raise RecipeError("most points are duplicates: there is no distance to measure a dimension from")
    return free


# ---------------------------------------------------------------------------------------------------- results


def _by_reference(value: float, sampling: float, q: F64, scale: float) -> Part:
    """An estimate as the reference sets correct it; errors on the logarithm."""
    logs = corrected(value, q)
    return Part(float(logs.mean()), sampling / value, max(0.01, float(logs.std(ddof=1))), scale / value, 0.0)


def windowed(
    found: Neighbourhoods,
    method: str,
    window: tuple[float, float],
    rows: tuple[F64, Any],
    slopes: Any,
    q: F64,
    why: str,
) -> Dimension:
    """Return the estimate of a slope over a window.

    Parameters
    ----------
    found : neighbours of the starting points.
    method : name of the estimator.
    window : smallest and largest distance, unit of the points inside.
    rows : (n_sources, …) what the slope is fitted to, and (n_sources,) the compact block of each.
    slopes : rows → D over the window, its lower and its upper half, and what the line misses by, in D.
    q : share of the points inside the distances that are read, one or several.
    why : where the value comes from, one sentence.
    """
    (value, lower, upper, miss), (error, lower_error, upper_error, _), _ = block_jackknife(*rows, slopes)
    if not math.isfinite(value) or value <= 0.0:
        raise RecipeError(
            f"no pair of points is closer than {window[0]:g}: expected a window that starts where points have "
            "neighbours"
        )
    warnings = []
    if abs(lower - upper) > 3.0 * math.hypot(lower_error, upper_error):
        warnings.append(
            f"no single power law: D is {lower:.3g} in the lower half of the window and {upper:.3g} in the upper"
        )
    if window[1] / window[0] < 4.0:
        warnings.append(f"the window spans a factor {window[1] / window[0]:.2g} in distance only")
    # a swing of unknown phase about the line, and a bend: both shift the slope
    span = math.log(window[1] / window[0])
    swing = math.hypot(3.0 * math.sqrt(2.0) * float(miss) / span, abs(lower - upper) / math.sqrt(12.0))
    part = _by_reference(float(value), float(error), np.clip(q, 1e-9, 1.0 / LAST), swing)
    unit = found.points.unit
    limits = window[0] * unit, window[1] * unit
    return result(found, method, float(value), part, limits, (float(lower), float(upper)), warnings, why)


def one_scale(
    found: Neighbourhoods, method: str, inverse: F64, block: Any, window: tuple[float, float], ranks: F64, why: str
) -> Dimension:
    """Return the estimate of 1/D at one scale.

    Parameters
    ----------
    found : neighbours of the starting points.
    method : name of the estimator.
    inverse : (m,) unbiased estimates of 1/D, one a usable starting point.
    block : (m,) compact block of each.
    window : smallest and largest distance, unit of the points inside.
    ranks : ranks of the neighbours that are read, one or several.
    why : where the value comes from, one sentence.
    """
    if not inverse.any():
        raise RecipeError("all neighbour distances are equal: there is no scale to measure a dimension from")
    value, error, _ = block_jackknife(inverse[:, None], block, lambda rows: 1.0 / rows.mean(axis=0))
    part = _by_reference(float(value[0]), float(error[0]), ranks / len(found.points.values), 0.0)
    limits = window[0] * found.points.unit, window[1] * found.points.unit
    return result(found, method, float(value[0]), part, limits, (None, None), [], why)


def result(
    found: Neighbourhoods,
    method: str,
    raw: float,
    part: Part,
    window: tuple[float, float],
    halves: tuple[float | None, float | None],
    warnings: list[str],
    reason: str,
    scan: DimensionScan | None = None,
) -> Dimension:
    """Return an estimate with its interval, and the warnings that all estimators share.

    Parameters
    ----------
    found : neighbours of the starting points.
    method : name of the estimator.
    raw : D as read, before the correction.
    part : logarithm of the corrected D, and its errors.
    window : smallest and largest distance used, the caller's unit.
    halves : D in the lower and the upper half of the window, or None.
    warnings : the estimator's own.
    reason : where the value comes from, one sentence.
    scan : D against scale.
    """
    value, n = math.exp(part.log), len(found.points.values)
    part = replace(part, bias=math.hypot(part.bias, unlike_references(part.log)))
    ties = share_of_ties(found)
    warnings = [*found.points.notes, *warnings]
    warnings += deceptions(found, ties)
    if method != "angles" and value > (1.0 + _WORTH_SAYING) * raw:
        warnings.append(
            f"too few points for no bias: neighbours among {n} points read {raw:.3g}, as reference sets of dimension "
            f"{value:.3g} do; what they leave open is in the interval"
        )
    width = student_t(BLOCKS - 1) * part.total
    interval = math.exp(part.log - width), math.exp(part.log + width)
    return Dimension(
        value, value * part.total, interval, window, halves[0], halves[1], ties, method, n, int(found.sources.size),
        tuple(warnings), raw, value * part.sampling, value * part.bias, value * part.scale, reason, scan,
    )  # fmt: skip
