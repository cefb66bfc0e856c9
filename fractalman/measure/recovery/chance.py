"""What scores are without any learning: the same width, dimension and firing rates, and no knowledge of the points.

Chance of directions: decoders of independent random unit vectors, as wide as the one that is scored. Chance of firing
and absorption: the same codes with their rows shuffled against the truth, so that every unit keeps how often it fires
and with whom, and knows nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, Bool
from fractalman.measure.recovery.absorption import COMPOSED, absorption, parts
from fractalman.measure.recovery.firing import firing_scores
from fractalman.measure.recovery.matching import Match, match_dictionary
from fractalman.random.keys import Role, key64
from fractalman.random.streams import normals, permutation

_DRAWS = 19
"""The largest of 19 is passed by one in 20 of those that know nothing."""
_ENTRIES = 4_000_000  # cosines, or entries of both codes, up to which there are 19 draws, else one


def known(values: F64) -> float:
    """Return the mean of the numbers that are there; nan where none is."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")


def chance_levels(
    decoder: AnyFloat,
    codes: Any,
    truth_codes: Any,
    directions: AnyFloat,
    parent: I64,
    match: Match,
    unit_of: I64,
    alive: Bool,
    threshold: float,
    seed: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return mean and largest of the scores of those that know nothing.

    Parameters
    ----------
    decoder : (w, d) float
        Learned directions.
    codes, truth_codes : column-compressed sparse matrices
        Learned and true codes.
    directions : (m, d) float
        True ones.
    parent : (m,) int64
        Of the features.
    match : Match
        The pairs that are scored.
    unit_of : (m,) int64
        Unit of every feature, −1 for none.
    alive : (w,) bool
        Units that fire: uniqueness is over as many.
    threshold : float
        Units fire above.
    seed : int
        Of the draws.
    """
    w, m, d = match.nearest_feature.size, parent.size, directions.shape[1]
    draws: dict[str, list[float]] = {name: [] for name in ("mcc", "mean_maximum_cosine", "uniqueness", "f1", "best_f1")}
    for draw in range(_DRAWS if w * m <= _ENTRIES else 1):
        random = normals(key64(seed, Role.MEASUREMENT, 2, draw), w * d).reshape(w, d).astype(np.float32)
        found = match_dictionary(random, directions)
        draws["mcc"].append(found.mcc)
        draws["mean_maximum_cosine"].append(found.mean_maximum_cosine)
        draws["uniqueness"].append(np.unique(found.nearest_feature[alive]).size / max(1, int(alive.sum())))
    rows, edges = codes.tocsr(), np.nan
    for draw in range(_DRAWS if codes.nnz + truth_codes.nnz <= _ENTRIES else 1):
        key = key64(seed, Role.MEASUREMENT, 3, draw) if draw else key64(seed, Role.MEASUREMENT, 3)
        shuffled = rows[permutation(key, codes.shape[0])].tocsc()
        firing = firing_scores(shuffled, truth_codes, match.direction, match.feature, threshold)
        draws["f1"].append(known(firing.f1))
        draws["best_f1"].append(known(firing.best_f1))
        if not draw:
            edges = absorption(shuffled, truth_codes, parent, unit_of, threshold).mean
    chance = {name: float(np.mean(values)) for name, values in draws.items()}
    chance |= {"absorption": edges, "composition": _unrelated(decoder, directions, parent, unit_of, seed)}
    limit = {name: max(own) if len(own) == _DRAWS else float("nan") for name, own in draws.items()}
    return chance, limit


def _unrelated(decoder: AnyFloat, directions: AnyFloat, parent: I64, unit_of: I64, seed: int) -> float:
    """Share of children's units that have a part of an unrelated feature, in place of the parent's."""
    children = np.flatnonzero((parent >= 0) & (unit_of >= 0))
    if not children.size:
        return float("nan")
    other = permutation(key64(seed, Role.MEASUREMENT, 4), parent.size)[children]
    related = np.zeros(children.size, np.bool_)
    for below, above in ((children, other), (other, children)):
        at = below.copy()
        while (at >= 0).any():
            related |= at == above
            at = np.where(at >= 0, parent[at], -1)
    kept = ~related
    found = parts(decoder, directions, unit_of[children[kept]], children[kept], other[kept])
    there = found[np.isfinite(found)]
    return float((there > COMPOSED).mean()) if there.size else float("nan")
