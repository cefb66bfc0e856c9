"""What to expect of learning on anybody's data: points and labels in, measured geometry and smoothness, exponents out.

Here measure and theory meet. D = intrinsic dimension, 2H = exponent of the label variogram, α = exponent of neighbours'
label differences. `own_prediction.OwnPrediction` is what comes out. Units: those of y².
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from fractalman import measure, theory
from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import is_word, shown
from fractalman.errors import FractalmanError, RecipeError
from fractalman.errors import nearest as nearest_word
from fractalman.learners import learner_class, names
from fractalman.measure.points import as_points, contradictions, with_labels
from fractalman.prediction.chosen_settings import LabelDifferences, measured_variogram, no_risk, risk_with_chosen_ridge
from fractalman.prediction.label_scatter import NeighbourLaw, cut, fields, neighbour_law
from fractalman.prediction.own_labels import check_classes, numbers_of, one_hot
from fractalman.prediction.own_prediction import OwnPrediction
from fractalman.prediction.own_votes import slope_with_error
from fractalman.random.streams import Role, key64, normals

KERNELS = {name: learner_class(name).kernel for name in names() if learner_class(name).kernel}
"""Learner → its kernel in `theory.spectrum_of`."""
LEARNERS = ("1-nn", "k-nn", *KERNELS)
_LANDMARKS = 1024
_SOURCES = 2048  # starting points: classes that rarely differ need many
_REPEATS = 6  # drawn fields whose kernel exponents are compared
_REPEATED = 512  # points on which


@checked_arguments
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
    _check_learner(learner)
    numbers, found_classes = numbers_of(y, classes)
    X, labels = with_labels(X, numbers)
    if found_classes:
        check_classes(labels)
        labels = np.unique(labels, return_inverse=True)[1].astype(np.float64)
    points = as_points(X, seed=seed)
    given, labels = labels, labels[points.row]
    smooth = measure.smoothness(
        points.values * points.unit, labels, window=window, nugget=nugget and not found_classes, seed=seed,
        classes=found_classes, n_sources=_SOURCES,
    )  # fmt: skip
    dimensions, trouble = _dimensions(points.values * points.unit, window, seed)
    best = dimensions.get("recommended") or next(iter(dimensions.values()), None)
    law = neighbour_law(
        points.values, labels, smooth.rank, smooth.rank_difference, smooth.neighbours, found_classes, seed
    )
    geometry = _from_geometry(smooth, dimensions)
    warnings = [*contradictions(points, given, found_classes), *trouble]
    warnings += () if best is None else best.warnings
    warnings += [said for said in (*points.notes, *smooth.warnings) if said not in warnings]
    prediction = OwnPrediction(
        learner="1-nn",
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
        from_neighbours=(smooth.neighbours.value, smooth.neighbours.standard_error),
        neighbours=law,
        classes=int(labels.max()) + 1 if found_classes else 0,
        label_variance=_label_variance(labels, found_classes),
        warnings=(*warnings, *_qualifications(law, geometry)),
        points=points.values * points.unit,
        labels=labels,
    )
    return for_learner(prediction, learner, seed)


def _check_learner(learner: str) -> None:
    if not is_word(learner, LEARNERS):
        raise RecipeError(
            f"own data and learner {shown(learner)}: expected {', '.join(LEARNERS)}{nearest_word(learner, LEARNERS)}"
        )


def for_learner(measured: OwnPrediction, learner: str, seed: int) -> OwnPrediction:
    """Return the prediction of a learner from that of one neighbour, which holds all that was measured.

    Parameters
    ----------
    measured : OwnPrediction
        As `predict_own_data` returns it for "1-nn".
    learner : str
        One of `LEARNERS`.
    seed : int
        That of ``measured``.
    """
    _check_learner(learner)
    if learner == "1-nn":
        return measured
    prediction = replace(measured, learner=learner)
    if learner == "k-nn":
        return _with_neighbours(prediction, seed)
    best = measured.dimensions.get("recommended") or next(iter(measured.dimensions.values()), None)
    D = 2.0 if best is None else best.value
    return _with_spectrum(prediction, prediction.points, prediction.labels, D, seed)


def _dimensions(
    points: F64, window: tuple[float, float] | None, seed: int
) -> tuple[dict[str, measure.Dimension], tuple[str, ...]]:
    """Return every estimate of the dimension, and why there is none: that costs a prediction its geometry alone."""
    try:
        return measure.dimensions(points, window=window, seed=seed), ()
    except FractalmanError as error:
        return {}, (f"the dimension could not be measured: {error}",)


def _label_variance(labels: F64, classes: bool) -> float:
    """Return the variance of the labels; of classes, the share of wrong answers of a random one."""
    if not classes:
        return float(labels.var())
    return float(1.0 - np.square(np.bincount(labels.astype(int)) / len(labels)).sum())


def _qualifications(law: NeighbourLaw, geometry: tuple[float, float]) -> list[str]:
    """Return what noise, and a contradiction between geometry and neighbours, say against a single exponent."""
    said = []
    if law.noise_found:
        said.append(
            f"labels carry noise: of variance {law.noise.value:.3g} ({law.noise.interval[0]:.3g} … "
            f"{law.noise.interval[1]:.3g}); the exponent is that above the noise, {law.clean.value:.3g}, with it the "
            f"risk falls with {law.noisy.value:.3g} in this window"
        )
    if abs(geometry[0] - law.clean.value) > 3.0 * math.hypot(geometry[1], law.clean.standard_error):
        said.append(
            f"2H/D = {geometry[0]:.3g} and the neighbours' α = {law.clean.value:.3g} differ by more than their errors: "
            "no single power law in this window; trust the neighbours"
        )
    return said


def _from_geometry(smooth: measure.Smoothness, dimensions: dict[str, measure.Dimension]) -> tuple[float, float]:
    """2H/D with its standard error, D in the variogram's window; nan where D could not be measured."""
    D, two_h = dimensions.get("correlation"), smooth.variogram
    if D is None or two_h.value == 0.0:
        return math.nan, math.nan
    ratio = two_h.value / D.value
    return ratio, abs(ratio) * math.hypot(two_h.standard_error / two_h.value, D.standard_error / D.value)


def _with_neighbours(prediction: OwnPrediction, seed: int) -> OwnPrediction:
    """The prediction of k neighbours, k chosen: means over the measured variogram."""
    if prediction.classes:
        return _with_votes(prediction, seed)
    variogram = measured_variogram(prediction.points, prediction.labels, False, seed)
    prediction = replace(prediction, _variogram=variogram, _seed=seed)
    grid = np.unique(np.rint(np.geomspace(*prediction.sizes, 12)).astype(np.int64))
    if said := no_risk(grid, prediction.curve(grid).risk):
        own = LabelDifferences(prediction.labels, False)
        prediction = replace(prediction, _variogram=own, warnings=(*prediction.warnings, *said))
    low, high = max(prediction.sizes[0], prediction.n_points // 16), prediction.n_points // 2
    law = prediction.neighbours
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


def _with_votes(prediction: OwnPrediction, seed: int) -> OwnPrediction:
    """The prediction of k neighbours on classes: their votes on parts of these points, and the slope of that curve.

    Its intervals held the mean over draws in 110 of 111 draws of 400 points (a half plane with noise, five classes of a
    field, signs of a cascade; seeds from 1000 on): half-widths are 1.1 to 2.4 times two standard deviations, too wide.
    """
    law = prediction.neighbours
    prediction = replace(prediction, _variogram=LabelDifferences(prediction.labels, True), _seed=seed)
    if not math.isfinite(law.noisy.value):
        return replace(prediction, law="k neighbours: the risk is 0, classes are separated by gaps; no exponent.")
    low, high = max(prediction.sizes[0], prediction.n_points // 16), prediction.n_points // 2
    grid = np.unique(np.rint(np.geomspace(low, high, 6)).astype(np.int64))
    curve = prediction.curve(grid)
    value, counted = slope_with_error(curve)
    drawn = max(law.noisy.standard_error, law.clean.standard_error if law.noise_found else 0.0)
    error = math.hypot(drawn, counted)
    return replace(
        prediction,
        data_exponent=value,
        standard_error=error,
        interval=(value - 2.0 * error, value + 2.0 * error),
        law="k neighbours: the exponent is that of the share of their wrong votes on parts of these points between "
        f"n = {low} and {high}; its error joins that of the points asked about with that of one neighbour's exponent "
        "over drawn fields.",
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
