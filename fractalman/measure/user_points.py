"""What `fractalman measure POINTS` prints: dimension, and the smoothness of the target where it has one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman.errors import FractalmanError
from fractalman.measure.dimension import dimensions
from fractalman.measure.measured import Measured
from fractalman.measure.scaling import PowerLawFit
from fractalman.measure.smoothness import smoothness
from fractalman.measure.targets import TargetError
from fractalman.measure.user_files import read_user_points


@checked_arguments
def measure_points(
    path: str | Path,
    nugget: bool = False,
    *,
    target: str | None = None,
    points: str | None = None,
    theiler: int = 0,
    duplicates: str = "drop",
) -> Measured:
    """Return the dimension of a file's points and, where it has a target, its smoothness, as plain JSON values.

    Parameters
    ----------
    path : str or Path
        As for `read_user_points`.
    nugget : bool, default False
        Fit label noise beside the power laws.
    target, points : str, default None
        As for `read_user_points`.
    theiler : int, default 0
        As for `dimension`.
    duplicates : {"drop", "near", "keep"}, default "drop"
        As for `dimension`.

    Returns
    -------
    Measured
        {"points", "coordinates", "target", "notes", "dimension" (by method), "label" (None without a target)}.

    Raises
    ------
    RecipeError
        For files and points that cannot be read. What is wrong with the target is said under "label", and the dimension
        is there all the same.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> np.save("points.npy", np.random.default_rng(0).random((100, 2)))
    >>> found = fm.measure.measure_points("points.npy")
    >>> found["points"], found["coordinates"], found["label"] is None
    (100, 2, True)
    """
    trouble = None
    try:
        found = read_user_points(path, target, points)
    except TargetError as error:  # the dimension does not need the labels
        found, trouble = error.points, f"the target cannot be used: {error}"
    estimates = dimensions(found.X, theiler=theiler, duplicates=duplicates)
    out: dict[str, Any] = {
        "points": int(found.X.shape[0]),
        "coordinates": int(found.X.shape[1]),
        "target": found.target,
        "notes": list(found.notes),
        "dimension": {name: one.to_dict() for name, one in estimates.items()},
        "label": None if trouble is None else {"not_measured": trouble},
    }
    if found.y is not None:
        out["label"] = _label(found.X, found.y, found.classes, nugget)
    return Measured(out)


def _label(X: Any, y: Any, classes: tuple[str, ...] | None, nugget: bool) -> dict[str, Any]:
    """The smoothness of one target; several classes are no numbers, and each is measured against the others."""
    try:
        if classes is not None and len(classes) > 2:
            return {
                "classes": {
                    name: _smooth(X, (y == code).astype(np.float64), nugget)
                    for code, name in enumerate(classes)
                    if (y == code).sum() >= 8
                }
            }
        return _smooth(X, y, nugget)
    except FractalmanError as error:
        return {"not_measured": f"the target's smoothness is not measured: {error}"}


def _smooth(X: Any, y: Any, nugget: bool) -> dict[str, Any]:
    s = smoothness(X, y, nugget=nugget)
    return {
        "variance": s.variance,
        "variogram_exponent": _exponent(s.variogram),
        "nugget": s.variogram.floor,
        "neighbour_exponent": _exponent(s.neighbours),
        "variogram": [
            {"distance": r, "value": v} for r, v in zip(s.distance.tolist(), s.difference.tolist(), strict=True)
        ],
        "warnings": list(s.warnings),
    }


def _exponent(fit: PowerLawFit) -> dict[str, float | None]:
    """An exponent with its error; None where it is not resolved, which a warning explains."""
    known = math.isfinite(fit.value)
    return {"value": fit.value if known else None, "standard_error": fit.standard_error if known else None}
