"""One neighbour, actually run on generated data: what predicted curves are held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import fractalman as fm
from fractalman.nearest import nearest
from fractalman.prediction import Curve

SIZES = [32, 128, 512]


def measured(
    recipe: fm.Recipe, seeds: int, draws: int = 8, test: int = 400, sizes: Sequence[int] = SIZES
) -> np.ndarray:
    """1-NN risk of real coordinates and labels, (seeds, sizes)."""
    rows = []
    for seed in range(1000, 1000 + seeds):
        data = fm.generate(recipe.replace(seed=seed))
        y = fm.label_draws(data, draws)
        train, tests = data.split(max(sizes), test, seed=seed)
        row = []
        for n in sizes:
            found = train[:n][nearest(data.X[train[:n]], data.X[tests])]
            row.append(np.mean((y[found] - y[tests]) ** 2))
        rows.append(row)
    return np.array(rows)


def joint_p(sample: np.ndarray, curve: Curve) -> float:
    """The least p-value over the sizes, times their number; the curve's own error is added in quadrature."""
    errors = np.sqrt(sample.std(axis=0, ddof=1) ** 2 / len(sample) + curve.standard_error**2)
    from scipy import stats

    p = 2 * stats.t.sf(np.abs(sample.mean(axis=0) - curve.risk) / errors, len(sample) - 1)
    return float(min(1.0, len(p) * p.min()))
