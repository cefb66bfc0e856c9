"""A prediction of one's own data as plain values: what the command prints and its report holds."""

from __future__ import annotations

import math

import numpy as np

from fractalman._typing import I64
from fractalman.prediction.label_scatter import LabelEstimate
from fractalman.prediction.own_prediction import OwnPrediction


def own_data_table(prediction: OwnPrediction, n: I64 | None = None) -> dict[str, object]:
    """Return a prediction of one's own data as plain JSON values, with its curve.

    Parameters
    ----------
    prediction : OwnPrediction
        Of `fractalman.predict_own_data`.
    n : (k,) int64 or None, default None
        Training-set sizes of the curve; None = five over the range where it holds.

    Returns
    -------
    dict
        Plain JSON values.
    """
    low, high = prediction.sizes
    grid = np.unique(np.rint(np.geomspace(low, high, 5)).astype(np.int64)) if n is None else n
    curve = prediction.curve(grid)
    D, s, law = prediction.dimensions, prediction.smoothness, prediction.neighbours

    def plain(one: LabelEstimate) -> dict[str, object]:
        return {
            "value": known(one.value),
            "standard_error": known(one.standard_error),
            "interval": list(one.interval) if math.isfinite(one.value) else None,
        }

    def known(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "learner": prediction.learner,
        "points": prediction.n_points,
        "coordinates": prediction.ambient_dim,
        "data_exponent": known(prediction.data_exponent),
        "standard_error": prediction.standard_error if math.isfinite(prediction.standard_error) else None,
        "interval": list(prediction.interval) if math.isfinite(prediction.standard_error) else None,
        "classes": prediction.classes,
        "noise_found": law.noise_found,
        "noise_variance": plain(law.noise),
        "clean_exponent": plain(law.clean),
        "noisy_exponent": plain(law.noisy),
        "law": prediction.law,
        "dimension": {
            name: {"value": d.value, "standard_error": d.standard_error, "window": list(d.window), "ties": d.ties}
            for name, d in D.items()
        },
        "variogram_exponent": {"value": known(s.variogram.value), "standard_error": known(s.variogram.standard_error)},
        "nugget": s.variogram.floor,
        "from_geometry": [known(v) for v in prediction.from_geometry],
        "from_neighbours": [known(v) for v in prediction.from_neighbours],
        "label_variance": prediction.label_variance,
        "curve": [
            {"n": int(m), "risk": float(r), "share_of_variance": float(r) / prediction.label_variance}
            for m, r in zip(curve.n, curve.risk, strict=True)
        ],
        "curve_kind": curve.kind,
        "warnings": list(prediction.warnings),
    }
