"""What to expect of learning on anybody's data: measured geometry and smoothness in, exponents and curves out.

Here measure and theory meet. n = training points, N = points given, D = intrinsic dimension, 2H = exponent of the label
variogram, γ_k = mean squared label difference of a point and its k-th neighbour. Units: those of y², and beside them
the share of the label variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from fractalman import measure, theory
from fractalman._typing import F64, I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.learners import learner_class, names
from fractalman.prediction.curves import Curve
from fractalman.theory import KernelSpectrum

KERNELS = {name: learner_class(name).kernel for name in names() if learner_class(name).kernel}
"""Learner → its kernel in `theory.spectrum_of`."""
LEARNERS = ("1-nn", *KERNELS)
_LANDMARKS = 1024
_INTERPOLATING = 1e-10  # ridge, in units of the kernel at distance 0
_ONE_DRAW = "one draw of labels: over other labels of the same smoothness exponents scatter more than this error says"


@dataclass(frozen=True)
class OwnPrediction:
    """What the geometry of given points and the smoothness of their target say about learning.

    Args:
        learner: its name. n_points: N. ambient_dim: d.
        data_exponent: α_D. standard_error: sampling error on these points and labels.
        law: where the exponent comes from, in words.
        dimensions: every estimate of the intrinsic dimension, by method.
        smoothness: the label variogram and the neighbours' differences.
        from_geometry: (2H/D, its standard error), with D from "correlation" in the variogram's window.
        from_neighbours: (α, its standard error) of γ_k ~ k^α, which needs neither 2H nor D.
        label_variance: of y.
        warnings: what qualifies the numbers, one sentence each.
    """

    learner: str
    n_points: int
    ambient_dim: int
    data_exponent: float
    standard_error: float
    law: str
    dimensions: dict[str, measure.Dimension]
    smoothness: measure.Smoothness
    from_geometry: tuple[float, float]
    from_neighbours: tuple[float, float]
    label_variance: float
    warnings: tuple[str, ...]
    _spectrum: KernelSpectrum | None = field(repr=False, default=None)

    @property
    def sizes(self) -> tuple[int, int]:
        """Smallest and largest training-set size that `curve` answers for."""
        last = int(self.smoothness.rank[-1])
        least = 2 if self._spectrum is not None else math.ceil(4.0 * self.n_points / last)
        return min(least, self.n_points // 2), self.n_points // 2 if self._spectrum is not None else self.n_points - 1

    def curve(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the expected risk on the points that are not trained on, unit of y².

        1-nn: Σ_k P(the k-th neighbour is the first in the training set)·γ_k, measured differences and exact weights.
        Kernels and ridge: from the spectrum alone (`theory.learning_curve_from_spectrum`), nearly interpolating.

        Args:
            n: training-set sizes inside `sizes`.
        Errors: RecipeError for others.
        """
        sizes = np.atleast_1d(np.asarray(n))
        low, high = self.sizes
        if sizes.dtype.kind not in "iu" or sizes.size == 0 or sizes.min() < low or sizes.max() > high:
            raise RecipeError(f"n = {n!r}: allowed are integer training-set sizes from {low} to {high} on these points")
        if self._spectrum is None:
            risk = np.array([self._thinned(int(size)) for size in sizes])
            kind = "1-nn: differences of neighbours, thinned"
        else:
            ridge = _INTERPOLATING * (self._spectrum.trace if self._spectrum.kernel.startswith("linear") else 1.0)
            risk = theory.learning_curve_from_spectrum(self._spectrum, sizes, ridge).risk
            kind = f"{self.learner}: from the spectrum of {self._spectrum.kernel}, {self._spectrum.method}"
        return Curve(sizes.astype(np.int64), np.asarray(risk, np.float64), np.zeros(sizes.size), kind)

    def _thinned(self, n: int) -> float:
        """The k-th neighbour is the first of n training points among N − 1 others: (1 − p)^(k−1)·p, p = n/(N − 1)."""
        found = self.smoothness
        share = n / (self.n_points - 1)
        scale = self.n_points / min(self.n_points, measure.MAX_TARGETS)  # ranks were counted in a part of the points
        k = np.arange(1, int(found.rank[-1]) + 1)
        difference = np.exp(np.interp(np.log(k), np.log(found.rank), np.log(found.rank_difference)))
        p = min(1.0, share * scale)
        weight = p * np.exp((k - 1) * math.log1p(-p)) if p < 1.0 else (k == 1).astype(np.float64)
        return float(weight @ difference / weight.sum())

    def local_exponent(self, n_lo: int, n_hi: int) -> float:
        """Return the exponent of `curve` between two sizes."""
        grid = np.unique(np.rint(np.geomspace(n_lo, n_hi, 6)).astype(np.int64))
        return theory.local_slope(grid, self.curve(grid).risk)

    def why(self) -> str:
        """Return the reasoning in words."""
        D, smooth = self.dimensions["correlation"], self.smoothness.variogram
        geometry, neighbours = self.from_geometry, self.from_neighbours
        return "\n".join(
            [
                f"{self.n_points} points in {self.ambient_dim} coordinates.",
                f"Intrinsic dimension {D.value:.3g} ± {D.standard_error:.2g} at distances {D.window[0]:.3g} … "
                f"{D.window[1]:.3g}; label differences grow as r^(2H), 2H = {smooth.value:.3g} ± "
                f"{smooth.standard_error:.2g} there.",
                f"Geometry: the nearest of n points is ~ n^(-1/D) away: 2H/D = {geometry[0]:.3g} ± {geometry[1]:.2g}.",
                f"Neighbours: differences grow as k^α with the rank, α = {neighbours[0]:.3g} ± {neighbours[1]:.2g}.",
                self.law,
            ]
        )


def predict_own_data(
    X: ArrayLike,
    y: ArrayLike,
    *,
    learner: str = "1-nn",
    window: tuple[float, float] | None = None,
    nugget: bool = False,
    seed: int = 0,
) -> OwnPrediction:
    """Predict how a learner's risk scales on points and a target that did not come from us.

    Args:
        X: (N ≥ 64, d) features, one unit for all columns (scale them first if they have different ones).
        y: (N,) target.
        learner: "1-nn", "laplace-kernel", "gaussian-kernel", "matern-kernel", "ntk-kernel" or "ridge".
        window: distances in which dimension and smoothness are measured; None = by neighbours, as `measure.dimension`.
        nugget: fit label noise beside the power laws.
        seed: picks starting points and landmarks.
    Returns: `OwnPrediction`. Errors: RecipeError, FitError.
    Source: docs/theory.md §3.1 and §5; the estimators' own sources.
    """
    if learner not in LEARNERS:
        raise RecipeError(
            f"own data and learner {learner!r}: allowed are {', '.join(LEARNERS)}{nearest_word(str(learner), LEARNERS)}"
        )
    points, labels = np.asarray(X), np.asarray(y, np.float64)
    smooth = measure.smoothness(points, labels, window=window, nugget=nugget, seed=seed)
    dimensions = measure.dimensions(points, window=window, seed=seed)
    D, two_h = dimensions["correlation"], smooth.variogram
    ratio = two_h.value / D.value
    geometry = (ratio, abs(ratio) * math.hypot(two_h.standard_error / two_h.value, D.standard_error / D.value))
    neighbours = (smooth.neighbours.value, smooth.neighbours.standard_error)
    warnings = [_ONE_DRAW, *D.warnings, *smooth.warnings]
    if abs(geometry[0] - neighbours[0]) > 3.0 * math.hypot(geometry[1], neighbours[1]):
        warnings.append(
            f"2H/D = {geometry[0]:.3g} and the neighbours' α = {neighbours[0]:.3g} differ by more than their errors: "
            "no single power law in this window; trust the neighbours"
        )
    made = OwnPrediction(
        learner=learner,
        n_points=int(points.shape[0]),
        ambient_dim=int(points.shape[1]),
        data_exponent=neighbours[0],
        standard_error=neighbours[1],
        law="One neighbour: the exponent is the neighbours' α, measured without a detour over 2H and D.",
        dimensions=dimensions,
        smoothness=smooth,
        from_geometry=geometry,
        from_neighbours=neighbours,
        label_variance=float(labels.var()),
        warnings=tuple(warnings),
    )
    return made if learner == "1-nn" else _with_spectrum(made, points, labels, seed)


def _with_spectrum(made: OwnPrediction, points: np.ndarray, labels: F64, seed: int) -> OwnPrediction:
    """The prediction of a kernel: its curve and exponent come from the spectrum."""
    spectrum = theory.spectrum_of(
        points.astype(np.float64), labels, kernel=KERNELS[made.learner], max_points=_LANDMARKS, seed=seed
    )
    made = replace(made, _spectrum=spectrum)
    low, high = 16, max(64, min(_LANDMARKS // 4, len(points) // 16))
    warnings, D = made.warnings, made.dimensions["correlation"].value
    if D < 4.0:
        warnings = (
            *warnings,
            f"dimension {D:.2g}: below 4 measured risks exceed those predicted from the spectrum, by 6 to 26 % at D = "
            "2 and more below (docs/theory.md, linear theory)",
        )
    return replace(
        made,
        data_exponent=made.local_exponent(low, high),
        standard_error=math.nan,
        law=f"{made.learner}: the exponent is that of the curve predicted from the kernel's spectrum between n = {low} "
        f"and {high}; no error is known for it.",
        warnings=warnings,
    )


def own_data_table(prediction: OwnPrediction, n: I64 | None = None) -> dict[str, object]:
    """Return plain JSON values of a prediction, with its curve at sizes ``n`` (None = five over the allowed range)."""
    low, high = prediction.sizes
    grid = np.unique(np.rint(np.geomspace(low, high, 5)).astype(np.int64)) if n is None else n
    curve = prediction.curve(grid)
    D, s = prediction.dimensions, prediction.smoothness
    return {
        "learner": prediction.learner,
        "points": prediction.n_points,
        "coordinates": prediction.ambient_dim,
        "data_exponent": prediction.data_exponent,
        "standard_error": prediction.standard_error if math.isfinite(prediction.standard_error) else None,
        "law": prediction.law,
        "dimension": {
            name: {"value": d.value, "standard_error": d.standard_error, "window": list(d.window), "ties": d.ties}
            for name, d in D.items()
        },
        "variogram_exponent": {"value": s.variogram.value, "standard_error": s.variogram.standard_error},
        "nugget": s.variogram.floor,
        "from_geometry": list(prediction.from_geometry),
        "from_neighbours": list(prediction.from_neighbours),
        "label_variance": prediction.label_variance,
        "curve": [
            {"n": int(m), "risk": float(r), "share_of_variance": float(r) / prediction.label_variance}
            for m, r in zip(curve.n, curve.risk, strict=True)
        ],
        "curve_kind": curve.kind,
        "warnings": list(prediction.warnings),
    }
