"""A prediction for anybody's points: what geometry and smoothness say, its curve, and the reasoning in words.

Measured points, dimensions and differences go in (`own_data.predict_own_data` measures them); risks by training-set
size come out. n = training points, N = points given, D = intrinsic dimension, 2H = exponent of the label variogram,
γ_k = mean squared label difference of a point and its k-th neighbour. Units: those of y².
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fractalman import measure, theory
from fractalman._typing import F64, AnyInt
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.learners import learner_class
from fractalman.prediction.chosen_settings import (
    LabelDifferences,
    MeasuredVariogram,
    risk_with_chosen_neighbours,
    risk_with_chosen_ridge,
)
from fractalman.prediction.curves import Curve
from fractalman.prediction.label_scatter import NeighbourLaw
from fractalman.prediction.own_display import OwnPredictionDisplay
from fractalman.prediction.own_votes import votes_with_chosen_neighbours
from fractalman.theory import KernelSpectrum


@dataclass(frozen=True)
class OwnPrediction(OwnPredictionDisplay):
    """What the geometry of given points and the smoothness of their target say about learning.

    Parameters
    ----------
    learner : str
        Its name.
    n_points : int
        Number of points, N.
    ambient_dim : int
        Number of coordinates, d.
    data_exponent : float
        α_D of the part of the risk that can be learned: above the noise, where noise was found.
    standard_error : float
        Of the exponent, over label draws and starting points; nan where it could not be had.
    interval : (float, float)
        The 95 % interval of the exponent, likewise.
    law : str
        Where the exponent comes from, in words.
    dimensions : dict of str to Dimension
        Every estimate of the intrinsic dimension, by method; those that failed are missing.
    smoothness : Smoothness
        The label variogram and the neighbours' differences.
    from_geometry : (float, float)
        2H/D and its standard error, with D from "correlation" in the variogram's window; nan without D.
    from_neighbours : (float, float)
        α of γ_k ~ k^α and its standard error, as it is, noise included.
    neighbours : NeighbourLaw
        Exponents with and without noise, and the noise, each with its error over label draws.
    classes : int
        Number of classes, 0 for a target of numbers. Of classes every risk is a share of wrong answers (1-nn), or the
        squared error summed over one-hot columns and halved (kernels).
    label_variance : float
        Of y; of classes, the share of wrong answers of a random one.
    warnings : tuple of str
        What qualifies the numbers, one sentence each.
    points : (N, d) float64
        Points as they were measured, copies left out.
    labels : (N,) float64
        Their labels; classes as 0, 1, …
    """

    learner: str
    n_points: int
    ambient_dim: int
    data_exponent: float
    standard_error: float
    interval: tuple[float, float]
    law: str
    dimensions: dict[str, measure.Dimension]
    smoothness: measure.Smoothness
    from_geometry: tuple[float, float]
    from_neighbours: tuple[float, float]
    neighbours: NeighbourLaw
    classes: int
    label_variance: float
    warnings: tuple[str, ...]
    points: F64 = field(repr=False)
    labels: F64 = field(repr=False)
    _spectrum: KernelSpectrum | None = field(repr=False, default=None)
    _variogram: MeasuredVariogram | LabelDifferences | None = field(repr=False, default=None)
    _seed: int = field(repr=False, default=0)

    @property
    def sizes(self) -> tuple[int, int]:
        """Smallest and largest training-set size that `curve` answers for."""
        if self._variogram is not None:
            return min(8, self.n_points // 4), self.n_points - self.n_points // 4
        last = int(self.smoothness.rank[-1])
        least = 2 if self._spectrum is not None else math.ceil(4.0 * self.n_points / last)
        return min(least, self.n_points // 2), self.n_points // 2 if self._spectrum is not None else self.n_points - 1

    @property
    def shares(self) -> bool:
        """Whether risks are shares of wrong answers: on classes those of one and of several neighbours are."""
        return self.classes > 0 and learner_class(self.learner).properties.kind == "local"

    def curve(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the expected risk on the points that are not trained on, unit of y².

        1-nn: Σ_k P(the k-th neighbour is the first in the training set)·γ_k, measured differences and exact weights.
        k-nn: Σ_i γ_ti/k − Σ_ij γ_ij/2k² over the k nearest, γ the measured variogram; where that falls below 0, which
        no risk does, γ are the differences of these points' own labels (a warning says so); of classes the share of
        wrong votes on parts of these points. Kernels and ridge: from the spectrum alone
        (`theory.learning_curve_from_spectrum`), of classes half the squared error of their columns, which is no share.
        k and the ridge are those that are best in the mean on four fifths of the training points, as the learners
        choose theirs.

        Parameters
        ----------
        n : array or sequence of int
            Training-set sizes inside `sizes`.

        Returns
        -------
        Curve
            Sizes, risks and how they were computed.

        Raises
        ------
        RecipeError
            For sizes outside.
        """
        sizes = np.atleast_1d(np.asarray(n))
        low, high = self.sizes
        if sizes.dtype.kind not in "iu" or sizes.size == 0 or sizes.min() < low or sizes.max() > high:
            raise RecipeError(
                f"n = {shown(n)}: expected integer training-set sizes from {low} to {high} on these points"
            )
        error = np.zeros(sizes.size)
        if self.learner == "k-nn" and self.classes:
            risk, error = votes_with_chosen_neighbours(self.points, self.labels, sizes.astype(np.int64), self._seed)
            kind = "k-nn: shares of wrong votes of k neighbours on parts of these points, k chosen"
        elif self._variogram is not None:
            risk, _ = risk_with_chosen_neighbours(self._variogram, self.points, sizes, self._seed)
            of = "on the measured variogram" if isinstance(self._variogram, MeasuredVariogram) else "and their labels"
            kind = f"k-nn: means of k neighbours {of}, k chosen"
        elif self._spectrum is None:
            risk = np.array([self._thinned(int(size)) for size in sizes])
            kind = "1-nn: differences of neighbours, thinned"
        else:
            risk, _ = risk_with_chosen_ridge(self._spectrum, sizes, self.ambient_dim)
            kind = (
                f"{self.learner}: from the spectrum of {self._spectrum.kernel}, {self._spectrum.method}, ridge chosen"
            ) + ", half the squared error of class columns" * (self.classes > 0)
        return Curve(sizes.astype(np.int64), np.asarray(risk, np.float64), error, kind)

    def _thinned(self, n: int) -> float:
        """The k-th neighbour is the first of n training points among N − 1 others: (1 − p)^(k−1)·p, p = n/(N − 1)."""
        found = self.smoothness
        share = n / (self.n_points - 1)
        scale = self.n_points / min(self.n_points, measure.MAX_TARGETS)  # ranks were counted in a part of the points
        k = np.arange(1, int(found.rank[-1]) + 1)
        g, steps = found.rank_difference, (np.log(k), np.log(found.rank))
        difference = np.exp(np.interp(*steps, np.log(g))) if g.min() > 0.0 else np.interp(*steps, g)
        p = min(1.0, share * scale)
        weight = p * np.exp((k - 1) * math.log1p(-p)) if p < 1.0 else (k == 1).astype(np.float64)
        return float(weight @ difference / weight.sum())

    def local_exponent(self, n_lo: int, n_hi: int) -> float:
        """Return the exponent of `curve` between two sizes.

        Parameters
        ----------
        n_lo : int
            Smallest training-set size.
        n_hi : int
            Largest training-set size, above n_lo.

        Returns
        -------
        float
            Of risk ~ n^−exponent, least squares through six sizes of positive risk; nan where fewer than two are.
        """
        grid = np.unique(np.rint(np.geomspace(n_lo, n_hi, 6)).astype(np.int64))
        used = (risk := self.curve(grid).risk) > 0.0
        return theory.local_slope(grid[used], risk[used]) if used.sum() > 1 else math.nan

    def why(self) -> str:
        """Return the reasoning in words.

        Returns
        -------
        str
            A line for each step.
        """
        smooth, law = self.smoothness.variogram, self.neighbours
        geometry, neighbours = self.from_geometry, self.from_neighbours
        D = self.dimensions.get("recommended")
        size = "no dimension" if D is None else f"dimension {D.value:.3g} ± {D.standard_error:.2g}"
        if D is not None and D.components:
            parts = ", ".join(f"{c.value:.3g} ({100 * c.share:.0f} %)" for c in D.components)
            size = f"components of dimension {parts}"
        of = f"{self.classes} classes" if self.classes else "a target of numbers"
        if not math.isfinite(law.clean.value):
            return "\n".join(
                [
                    f"{self.n_points} points in {self.ambient_dim} coordinates, {size}, {of}.",
                    "Labels of neighbours never differ: the risk of one neighbour is 0 (95 %: below "
                    f"{2.0 * law.noise.interval[1]:.2g}), and its exponent is not resolved.",
                    self.law,
                ]
            )
        noise = (
            f"No noise found; up to variance {law.noise.interval[1]:.2g} cannot be ruled out (of the labels: "
            f"{self.label_variance:.2g}), and above it α is between {law.clean.interval[0]:.2g} and "
            f"{law.clean.interval[1]:.2g}."
        )
        if law.noise_found:
            low, high = law.noise.interval
            noise = (
                f"Noise of variance {law.noise.value:.3g} ({low:.3g} … {high:.3g}): above it α = {law.clean.value:.3g} "
                f"± {law.clean.standard_error:.2g}, with it {law.noisy.value:.3g} ± {law.noisy.standard_error:.2g}."
            )
        return "\n".join(
            [
                f"{self.n_points} points in {self.ambient_dim} coordinates, {size}, {of}.",
                f"Label differences grow as r^(2H), 2H = {smooth.value:.3g} ± {smooth.standard_error:.2g}.",
                f"Geometry: the nearest of n points is ~ n^(-1/D) away: 2H/D = {geometry[0]:.3g} ± {geometry[1]:.2g}.",
                f"Neighbours: differences grow as k^α with the rank, α = {neighbours[0]:.3g} ± {neighbours[1]:.2g}.",
                noise,
                self.law,
            ]
        )
