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
from fractalman._switches import switches
from fractalman._typing import F64, AnyInt
from fractalman.config import is_word, shown
from fractalman.errors import FractalmanError, RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.learners import learner_class, names
from fractalman.measure.points import as_points, contradictions, with_labels
from fractalman.prediction.chosen_settings import (
    LabelDifferences,
    MeasuredVariogram,
    measured_variogram,
    no_risk,
    risk_with_chosen_neighbours,
    risk_with_chosen_ridge,
)
from fractalman.prediction.curves import Curve
from fractalman.prediction.label_scatter import NeighbourLaw, cut, fields, neighbour_law
from fractalman.prediction.own_display import OwnPredictionDisplay
from fractalman.prediction.own_labels import check_classes, numbers_of, one_hot
from fractalman.random.streams import Role, key64, normals
from fractalman.theory import KernelSpectrum

KERNELS = {name: learner_class(name).kernel for name in names() if learner_class(name).kernel}
"""Learner → its kernel in `theory.spectrum_of`."""
LEARNERS = ("1-nn", "k-nn", *KERNELS)
_LANDMARKS = 1024
_SOURCES = 2048  # starting points: classes that rarely differ need many
_REPEATS = 6  # drawn fields whose kernel exponents are compared
_REPEATED = 512  # points on which


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

    def curve(self, n: Sequence[int] | AnyInt) -> Curve:
        """Return the expected risk on the points that are not trained on, unit of y².

        1-nn: Σ_k P(the k-th neighbour is the first in the training set)·γ_k, measured differences and exact weights.
        k-nn: Σ_i γ_ti/k − Σ_ij γ_ij/2k² over the k nearest, γ the measured variogram; where that falls below 0, which
        no risk does, γ are the differences of these points' own labels (a warning says so). Kernels and ridge: from the
        spectrum alone (`theory.learning_curve_from_spectrum`). k and the ridge are those that are best in the mean on
        four fifths of the training points, as the learners choose theirs.

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
            raise RecipeError(f"n = {n!r}: expected integer training-set sizes from {low} to {high} on these points")
        if self._variogram is not None:
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
            )
        return Curve(sizes.astype(np.int64), np.asarray(risk, np.float64), np.zeros(sizes.size), kind)

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


@switches
def predict_own_data(
    X: ArrayLike,
    y: ArrayLike,
    *,
    learner: str = "1-nn",
    window: tuple[float, float] | None = None,
    nugget: bool = False,
    seed: int = 0,
    classes: bool | None = None,
) -> OwnPrediction:
    """Predict how a learner's risk scales on points and a target that did not come from us.

    Parameters
    ----------
    X : (N, d) float array
        Features, N ≥ 64, one unit for all columns (scale them first if they have different ones).
    y : (N,) array
        Target: numbers, or classes as words, truth values or whole numbers.
    learner : str, default "1-nn"
        "1-nn", "k-nn" (k chosen), "laplace-kernel", "gaussian-kernel", "matern-kernel", "ntk-kernel" or "ridge".
    window : (float, float) or None, default None
        Distances in which dimension and smoothness are measured; None = by neighbours, as `measure.dimension`.
    nugget : bool, default False
        Fit label noise beside the power law of the variogram, too.
    seed : int, default 0
        Picks starting points, landmarks and drawn fields.
    classes : bool or None, default None
        Whether y are classes, whose risk is a share of wrong answers; None = words, truth values, and whole numbers
        of at most 32 values that stand eight times each or more.

    Returns
    -------
    OwnPrediction
        The exponent with its interval, the curve, and every number it rests on.

    Raises
    ------
    RecipeError
        For arguments that cannot be measured at all.
    FitError
        For points on which nothing can be fitted. A dimension or a spectrum that fails is a warning.

    Notes
    -----
    docs/theory.md §3.1 and §5; the estimators' own sources.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> X = np.random.default_rng(0).random((400, 2))
    >>> fm.predict_own_data(X, X[:, 0] > 0.5).classes
    2
    """
    if not is_word(learner, LEARNERS):
        raise RecipeError(
            f"own data and learner {shown(learner)}: expected {', '.join(LEARNERS)}{nearest_word(learner, LEARNERS)}"
        )
    numbers, found_classes = numbers_of(y, classes)
    X, labels = with_labels(X, numbers)
    if found_classes:
        check_classes(labels)
        labels = np.unique(labels, return_inverse=True)[1].astype(np.float64)
    points = as_points(X, seed=seed)
    warnings = list(contradictions(points, labels, found_classes))
    labels = labels[points.row]
    count = int(labels.max()) + 1 if found_classes else 0
    smooth = measure.smoothness(
        points.values * points.unit, labels, window=window, nugget=nugget and not found_classes, seed=seed,
        classes=found_classes, n_sources=_SOURCES,
    )  # fmt: skip
    dimensions: dict[str, measure.Dimension] = {}
    try:
        dimensions = measure.dimensions(points.values * points.unit, window=window, seed=seed)
    except FractalmanError as error:
        warnings.append(f"the dimension could not be measured: {error}")
    best = dimensions.get("recommended") or next(iter(dimensions.values()), None)
    D = best.value if best is not None else 2.0
    law = neighbour_law(
        points.values,
        labels,
        smooth.rank,
        smooth.rank_difference,
        smooth.neighbours,
        found_classes,
        seed,
    )
    geometry = _from_geometry(smooth, dimensions)
    neighbours = (smooth.neighbours.value, smooth.neighbours.standard_error)
    if best is not None:
        warnings += best.warnings
    warnings += [said for said in (*points.notes, *smooth.warnings) if said not in warnings]
    if law.noise_found:
        warnings.append(
            f"labels carry noise: of variance {law.noise.value:.3g} ({law.noise.interval[0]:.3g} … "
            f"{law.noise.interval[1]:.3g}); the exponent is that above the noise, {law.clean.value:.3g}, with it the "
            f"risk falls with {law.noisy.value:.3g} in this window"
        )
    if abs(geometry[0] - law.clean.value) > 3.0 * math.hypot(geometry[1], law.clean.standard_error):
        warnings.append(
            f"2H/D = {geometry[0]:.3g} and the neighbours' α = {law.clean.value:.3g} differ by more than their errors: "
            "no single power law in this window; trust the neighbours"
        )
    prediction = OwnPrediction(
        learner=learner,
        n_points=len(labels),
        ambient_dim=int(points.values.shape[1]),
        data_exponent=law.clean.value,
        standard_error=law.clean.standard_error,
        interval=law.clean.interval,
        law="One neighbour: the exponent is the neighbours' α, measured without a detour over 2H and D."
        if math.isfinite(law.clean.value)
        else "One neighbour: its risk is 0, classes are separated by gaps; the exponent is not resolved.",
        dimensions=dimensions,
        smoothness=smooth,
        from_geometry=geometry,
        from_neighbours=neighbours,
        neighbours=law,
        classes=count,
        label_variance=float(1.0 - np.square(np.bincount(labels.astype(int)) / len(labels)).sum()) if count
        else float(labels.var()),
        warnings=tuple(warnings),
        points=points.values * points.unit,
        labels=labels,
    )  # fmt: skip
    if learner == "1-nn":
        return prediction
    if learner == "k-nn":
        return _with_neighbours(prediction, seed)
    return _with_spectrum(prediction, points.values * points.unit, labels, D, seed)


def _from_geometry(smooth: measure.Smoothness, dimensions: dict[str, measure.Dimension]) -> tuple[float, float]:
    """2H/D with its standard error, D in the variogram's window; nan where D could not be measured."""
    D, two_h = dimensions.get("correlation"), smooth.variogram
    if D is None or two_h.value == 0.0:
        return math.nan, math.nan
    ratio = two_h.value / D.value
    return ratio, abs(ratio) * math.hypot(two_h.standard_error / two_h.value, D.standard_error / D.value)


def _with_neighbours(prediction: OwnPrediction, seed: int) -> OwnPrediction:
    """The prediction of k neighbours, k chosen: means over the measured variogram."""
    variogram = measured_variogram(prediction.points, prediction.labels, prediction.classes > 0, seed)
    prediction = replace(prediction, _variogram=variogram, _seed=seed)
    grid = np.unique(np.rint(np.geomspace(*prediction.sizes, 12)).astype(np.int64))
    if said := no_risk(grid, prediction.curve(grid).risk):
        own = LabelDifferences(prediction.labels, prediction.classes > 0)
        prediction = replace(prediction, _variogram=own, warnings=(*prediction.warnings, *said))
    low, high = max(prediction.sizes[0], prediction.n_points // 16), prediction.n_points // 2
    law = prediction.neighbours
    if not math.isfinite(law.noisy.value):
        return replace(prediction, law="k neighbours: the risk is 0, classes are separated by gaps; no exponent.")
    value = prediction.local_exponent(low, high)
    of = "the labels of these points" if said else "the measured variogram"
    error = max(law.noisy.standard_error, law.clean.standard_error if law.noise_found else 0.0)
    return replace(
        prediction,
        data_exponent=value,
        standard_error=error,
        interval=(value - 2.0 * error, value + 2.0 * error),
        law=f"k neighbours: the exponent is that of the curve predicted from {of} between n = {low} "
        f"and {high}, noise included; its error is that of one neighbour's exponent over drawn fields.",
    )


def _with_spectrum(prediction: OwnPrediction, points: F64, labels: F64, D: float, seed: int) -> OwnPrediction:
    """The prediction of a kernel: its curve and exponent come from the spectrum; its error from drawn fields."""
    targets = one_hot(labels, prediction.classes) if prediction.classes else labels
    try:
        spectrum = theory.spectrum_of(
            points, targets, kernel=KERNELS[prediction.learner], max_points=_LANDMARKS, seed=seed
        )
        prediction = replace(prediction, _spectrum=spectrum)
        low, high = 16, max(64, min(_LANDMARKS // 4, len(points) // 16))
        value = prediction.local_exponent(low, high)
    except FractalmanError as error:
        said = f"{prediction.learner}'s spectrum could not be had ({error}): the exponent is that of one neighbour"
        return replace(prediction, _spectrum=None, warnings=(*prediction.warnings, said))
    warnings = prediction.warnings
    scatter, missing = _scatter_of_kernel(prediction, points, labels, D, seed)
    if missing is not None:
        warnings = (*warnings, f"the error of {prediction.learner}'s exponent could not be had: {missing}")
    if D < 4.0:
        warnings = (
            *warnings,
            f"dimension {D:.2g}: below 4 measured risks exceed those predicted from the spectrum, by 6 to 26 % at D = "
            "2 and more below (docs/theory.md, linear theory)",
        )
    return replace(
        prediction,
        data_exponent=value,
        standard_error=scatter,
        interval=(value - 2.0 * scatter, value + 2.0 * scatter),
        law=f"{prediction.learner}: the exponent is that of the curve predicted from the kernel's spectrum between n = "
        f"{low} and {high}; its error is the scatter over drawn fields of the measured smoothness.",
        warnings=warnings,
    )


def _scatter_of_kernel(
    prediction: OwnPrediction, points: F64, labels: F64, D: float, seed: int
) -> tuple[float, str | None]:
    """Return the standard deviation of the kernel's exponent over fields of the measured smoothness."""
    part = points[:: max(1, len(points) // _REPEATED)][:_REPEATED]
    law, classes = prediction.neighbours, prediction.classes
    if not math.isfinite(law.clean.value):
        return math.nan, "classes are separated by gaps, and no fields are known that are"
    two_h = min(1.95, max(0.05, law.clean.value * D * (2.0 if classes else 1.0)))
    made = fields(part - part.mean(axis=0), two_h, _REPEATS, seed + 2)
    if classes:
        made = cut(made, np.bincount(labels.astype(int)) / len(labels))
    elif law.noise_found:
        share = max(1e-9, float(labels.var()) - law.noise.value) / max(1e-300, float(made.var()))
        sigma = math.sqrt(law.noise.value / share)
        made = made + sigma * normals(key64(seed, Role.PREDICTION, 15), made.size).reshape(made.shape)
    sizes = np.unique(np.rint(np.geomspace(16, 64, 5)).astype(np.int64))
    slopes = []
    try:
        for column in made.T:
            target = one_hot(column, classes) if classes else column
            spectrum = theory.spectrum_of(part, target, kernel=KERNELS[prediction.learner], max_points=_REPEATED)
            slopes.append(theory.local_slope(sizes, risk_with_chosen_ridge(spectrum, sizes, part.shape[1])[0]))
    except FractalmanError as error:
        return math.nan, str(error)
    return float(np.std(slopes, ddof=1)) * math.sqrt(1.0 + 1.0 / len(slopes)), None
