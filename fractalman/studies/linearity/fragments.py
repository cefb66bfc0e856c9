"""Linear regression inside the fragments of a cut: its learning curve, and the law of the fragment's own spectrum.

A fragment of N points is a dataset by itself: n_s of its points train a linear regression with an intercept from a
space (the input, or a layer) to a target (the label, or the network's own function), and the other N − n_s test it,
over many random splits. The law is that of n_s of N points drawn without replacement (docs/theory.md §5), with the
ridge δ = 0, whose peak stands at n_s = rank + 1, and with the δ of least risk by the law itself; both are simulated
with the very same δ, so that nothing is fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fractalman._typing import F64, I64
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row
from fractalman.studies.granularity.linear_risk import Design, ridge_risks
from fractalman.studies.sources import Sample
from fractalman.theory import kernel_ridge_risk, optimal_ridge_risk, spectrum_of

LEAST = 4
"""Training points of the shortest curve; a fragment holds four times as many at the least."""
MOST = 512
"""Points of a fragment that are used, a random part of larger ones."""
RIDGES = ("none", "best")
_CONSTANT = 1e-12
"""Share of the whole variance below which a target is constant in a fragment, or all units of a layer are off."""


def curve_sizes(points: int, rank: int) -> list[int]:
    """Return n_s = 4, 6, 8, 12, 16, …, up to half of the points, and the peak of the ridgeless risk, rank + 1.

    Args:
        points: of the fragment. rank: of its centred coordinates.
    """
    ladder = {2**k * step // 2 for k in range(2, 20) for step in (2, 3)}
    return sorted({n for n in ladder | {rank + 1} if LEAST <= n <= points // 2})


def fragment_rows(
    sample: Sample,
    spaces: Mapping[str, F64],
    targets: Mapping[str, F64],
    scale: int,
    fragments: int,
    splits: int,
    base: Row,
) -> list[Row]:
    """Return measured and predicted risks in the largest fragments of one cut, in every space, of every target.

    Args:
        sample: the replicate. spaces: name → (n, d). targets: name → (n, m). scale: of the cut. fragments, splits: how
            many. base: columns of every row.
    Returns: rows "curve" with space, target, fragment, points, rank, n, ridge, delta, risk, error, predicted_risk, all
    risks in units of the target's variance within the fragment; ``error`` is the standard error over the splits.
    """
    cut = sample.hierarchy.cut(scale)
    rows: list[Row] = []
    for rank_of_size, f in enumerate(np.argsort(-cut.count, kind="stable")[:fragments].tolist()):
        members = np.flatnonzero(cut.fragment == f)
        if members.size < 4 * LEAST:
            continue
        key = key64(sample.key, Role.SPLIT, scale, rank_of_size)
        members = members[permutation(key, members.size)[:MOST]]
        common = {**base, "row": "curve", "scale": scale, "fragment": rank_of_size, "points": int(members.size)}
        for space, X in spaces.items():
            for target, y in targets.items():
                if min(_part(X, members), _part(y, members)) > _CONSTANT:  # else nothing here but rounding
                    here = {**common, "space": space, "target": target}
                    rows += _curve(X[members], y[members], splits, key, here)
    return rows


def _part(values: F64, members: I64) -> float:
    """Return the variance among some points over that among all, summed over columns; 0 where there is none."""
    whole = float(values.var(axis=0).sum())
    return float(values[members].var(axis=0).sum()) / whole if whole > 0.0 else 0.0


def _curve(X: F64, y: F64, splits: int, key: int, common: Row) -> list[Row]:
    variance = float(np.mean(np.square(y - y.mean(axis=0))))
    spread = float(np.mean(np.square(X - X.mean(axis=0))))
    X, y = (X - X.mean(axis=0)) / math.sqrt(spread), y / math.sqrt(variance)
    spectrum = spectrum_of(X, y, kernel="linear")
    N, λ, v2, rest = len(X), spectrum.eigenvalues, spectrum.coefficients, spectrum.outside
    orders = [permutation(key64(key, Role.MEASUREMENT, k), N) for k in range(splits)]
    rows = []
    for n in curve_sizes(N, λ.size):
        best = optimal_ridge_risk(λ, v2, n, outside=rest, intercept=True, population=N)
        none = kernel_ridge_risk(λ, v2, n, outside=rest, intercept=True, population=N)
        deltas = [0.0, float(best.ridge[0])]
        found = np.array([ridge_risks(_design(X, y, order, n), deltas) for order in orders])
        for k, (name, law) in enumerate(zip(RIDGES, (none, best), strict=True)):
            predicted = float(law.risk[0])
            rows.append(
                {
                    **common, "rank": int(λ.size), "n": n, "ridge": name,
                    "delta": deltas[k] if math.isfinite(deltas[k]) else None,
                    "risk": float(found[:, k].mean()), "error": float(found[:, k].std(ddof=1) / math.sqrt(splits)),
                    "predicted_risk": predicted if math.isfinite(predicted) else None,
                }
            )  # fmt: skip
    return rows


def _design(X: F64, y: F64, order: I64, n: int) -> Design:
    train, test = order[:n], order[n:]
    return Design(X[train], y[train], X[test], y[test])
