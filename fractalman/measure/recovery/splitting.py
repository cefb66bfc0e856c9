"""Splitting: several units for one feature, each of which fires at some of its points only.

Units belong to the feature that is nearest in direction, where |cosine| is at least `NEAR`. A feature is split where
its units together say where it is present and none of them does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._typing import F64, I64
from fractalman.display import Display
from fractalman.measure.recovery.firing import column, columns_of
from fractalman.measure.recovery.matching import Match

NEAR = 0.5
"""|cosine| from which a unit counts as one for its nearest feature."""
_GAIN = 0.1


@dataclass(frozen=True)
class Splitting(Display):
    """Units of every feature, and what they say together.

    Parameters
    ----------
    units : (m,) int64
        Living units whose nearest feature it is.
    single : (m,) float64
        Largest F1 of one of them at their own threshold; nan without units, or where the feature is never present.
    together : (m,) float64
        F1 of "one of them fires".
    """

    units: I64
    single: F64
    together: F64

    @property
    def gain(self) -> F64:
        """F1 of all less that of the best one: about 0 = one unit is enough; below 0 = the others fire elsewhere."""
        return np.asarray(self.together - self.single, np.float64)

    @property
    def split(self) -> Any:
        """(m,) bool, two units or more, and together better by more than .1."""
        return (self.units > 1) & (np.nan_to_num(self.gain) > _GAIN)

    @property
    def share(self) -> float:
        """Share of the features that are split."""
        return float(self.split.mean()) if self.units.size else float("nan")

    def to_pandas(self) -> Any:
        """Return one row a feature as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns feature, units, single, together, gain, split.

        Raises
        ------
        MissingExtraError
            Without pandas.
        """
        names = ("units", "single", "together", "gain", "split")
        table = {name: getattr(self, name) for name in names}
        return load_extra("pandas", "to_pandas").DataFrame({"feature": np.arange(self.units.size), **table})


def splitting(codes: Any, truth: Any, match: Match, threshold: float = 0.0) -> Splitting:
    """Return which features are split over several units.

    Parameters
    ----------
    codes : (n, w) array or sparse matrix
        Learned codes.
    truth : (n, m) array or sparse matrix
        True codes.
    match : Match
        Of the learned directions with the true ones.
    threshold : float, default 0
        A unit fires where its code is larger.

    Returns
    -------
    Splitting
        One row a feature.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.measure.recovery import match_dictionary
    >>> truth = np.array([[1.0], [1.0], [1.0], [0.0]])
    >>> codes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])  # two units share the points
    >>> found = splitting(codes, truth, match_dictionary(np.ones((2, 2)), np.ones((1, 2))))
    >>> found.units.tolist(), found.single.tolist(), found.together.tolist()
    ([2], [0.8], [1.0])
    """
    learned = columns_of("codes", codes)
    true = columns_of("truth", truth, learned.shape[0])
    m = true.shape[1]
    counts, out = np.zeros(m, np.int64), np.full((2, m), np.nan)
    near = np.flatnonzero((match.nearest_feature >= 0) & (match.nearest_cosine >= NEAR))
    fires = np.zeros(learned.shape[0], np.bool_)
    present = np.zeros(learned.shape[0], np.bool_)
    order = near[np.argsort(match.nearest_feature[near], kind="stable")]
    features, first = np.unique(match.nearest_feature[order], return_index=True)
    parts = np.split(order, first[1:]) if features.size else []
    for feature, units in zip(features.tolist(), parts, strict=True):
        points = column(true, feature)[0]
        present[points] = True
        best, touched = 0.0, []
        for unit in units.tolist():
            rows, values = column(learned, unit)
            rows = rows[values > threshold]
            if rows.size:
                counts[feature] += 1
                touched.append(rows)
                best = max(best, 2.0 * int(present[rows].sum()) / (rows.size + points.size))
        if touched and points.size:
            fires[np.concatenate(touched)] = True
            every = np.flatnonzero(fires)
            out[:, feature] = best, 2.0 * int(present[every].sum()) / (every.size + points.size)
            fires[every] = False
        present[points] = False
    return Splitting(counts, out[0], out[1])
