"""How fast all scores of a wide dictionary are, and beside them the same scores of dense tables in NumPy.

Usage: python scripts/bench_recovery.py [--width 1024] [--points 20000] [--active 16] [--dim 256]
    [--features 1024] [--large]

Both get the same made-up case; processor time, and the largest difference of any score. --large: 16,384 units and
features, 10^5 points, no dense tables (26 GB), with the peak of the process's memory. --features: as many, of which the
dictionary has some; no dense tables.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np

from fractalman.measure.recovery import Truth, match_dictionary, score_dictionary
from fractalman.measure.recovery.absorption import absorption
from fractalman.measure.recovery.firing import columns_of, firing_scores


def dense_scores(
    decoder: Any, codes: Any, directions: Any, truth: Any, parent: Any, threshold: float
) -> dict[str, Any]:
    """Return the scores by their definitions, from dense tables.

    Parameters
    ----------
    decoder, directions : (w, d) and (m, d) float
        Learned and true directions.
    codes, truth : (n, w) and (n, m) float
        Learned and true codes.
    parent : (m,) int
        Of the features, −1 for roots.
    threshold : float
        Units fire above.
    """
    from scipy.optimize import linear_sum_assignment

    unit = decoder / np.linalg.norm(decoder, axis=1)[:, None]
    true = directions / np.linalg.norm(directions, axis=1)[:, None]
    cosine = np.abs(unit @ true.T)
    rows, columns = linear_sum_assignment(-cosine)
    fires, present = codes > threshold, truth != 0.0
    hits = fires.astype(np.float32).T @ present.astype(np.float32)
    f1 = 2.0 * hits / np.maximum(1.0, fires.sum(axis=0)[:, None] + present.sum(axis=0))
    best = []
    for i, j in zip(rows, columns, strict=True):
        order = np.argsort(-codes[:, i], kind="stable")
        value = codes[order, i]
        ends = np.append(value[1:] < value[:-1], True) & (value > 0.0)
        found = 2.0 * np.cumsum(present[order, j]) / (np.arange(1, value.size + 1) + present[:, j].sum())
        best.append(found[ends].max(initial=0.0))
    unit_of = dict(zip(columns.tolist(), rows.tolist(), strict=True))
    gap = []
    for child in np.flatnonzero(parent >= 0).tolist():
        above = int(parent[child])
        inside, outside = present[:, above] & present[:, child], present[:, above] & ~present[:, child]
        if above in unit_of and inside.any() and outside.any():
            own = fires[:, unit_of[above]]
            gap.append(own[outside].mean() - own[inside].mean())
    alive = fires.any(axis=0)
    return {
        "mcc": cosine[rows, columns].mean(),
        "mean_maximum_cosine": cosine.max(axis=0).mean(),
        "f1": f1[rows, columns].mean(),
        "best_f1": np.mean(best),
        "uniqueness": np.unique(cosine.argmax(axis=1)[alive]).size / max(1, alive.sum()),
        "dead": 1.0 - alive.mean(),
        "l0": fires.sum(axis=1).mean(),
        "absorption": np.mean(gap) if gap else np.nan,
    }


def case(width: int, points: int, active: int, d: int, features: int) -> tuple[Any, Any, Truth]:
    """Return decoder, codes and truth of a case: a regular tree of features, a dictionary that errs a little."""
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    directions = rng.standard_normal((features, d)).astype(np.float32)
    parent = (np.arange(features) - 1) // 2
    held = directions[rng.permutation(features)[:width]]
    decoder = (held + 0.5 * rng.standard_normal(held.shape)).astype(np.float32)

    def table(count: int) -> Any:
        at = rng.integers(0, count, points * active)
        codes = csr_array((rng.random(at.size) + 0.1, at, np.arange(0, at.size + 1, active)), shape=(points, count))
        codes.sum_duplicates()
        return codes

    truth = Truth(directions, table(features), np.where(np.arange(features) > 0, parent, -1))
    return decoder, table(width), truth


def direct(decoder: Any, codes: Any, truth: Truth) -> dict[str, Any]:
    """Return the package's scores without chance levels, splitting and composition, which the dense ones lack."""
    learned, true = columns_of("codes", codes), columns_of("truth", truth.codes)
    match = match_dictionary(decoder, truth.directions)
    firing = firing_scores(learned, true, match.direction, match.feature)
    unit_of = np.full(len(truth.directions), -1)
    unit_of[match.feature] = match.direction
    return {"match": match, "firing": firing, "edges": absorption(learned, true, truth.parent, unit_of)}


def timed(call: Any, *given: Any) -> tuple[float, Any]:
    """Return processor seconds and the result."""
    begin = time.process_time()
    made = call(*given)
    return time.process_time() - begin, made


def main() -> None:
    """Print one or two lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("width", 1024), ("points", 20_000), ("active", 16), ("dim", 256)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--features", type=int, default=None)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    size = (16_384, 100_000, 16, 256) if options.large else (options.width, options.points, options.active, options.dim)
    features = options.features or size[0]
    decoder, codes, truth = case(*size, features)
    whole, score = timed(score_dictionary, decoder, codes, truth)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{size[0]} units, {features} features, {size[1]} points: all scores with chance levels {whole:.1f} s, "
        f"{peak:.2f} GiB"
    )
    if not options.large and options.features is None:
        own, _ = timed(direct, decoder, codes, truth)
        dense = codes.toarray(), truth.directions, truth.codes.toarray(), truth.parent
        slow, same = timed(dense_scores, decoder, *dense, 0.0)
        apart = max(abs(float(getattr(score, name)) - float(value)) for name, value in same.items())
        print(f"scores alone {own:.2f} s, dense {slow:.2f} s: {slow / own:.1f} times; largest difference {apart:.1e}")


if __name__ == "__main__":
    main()
