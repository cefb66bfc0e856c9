"""Kernels over columns of codes: whether units fire where features are present, pair by pair and edge by edge.

Codes come column-compressed: rows[starts[j] … starts[j + 1] − 1] of column j rise, values stand beside them.
"""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline, kernel


@inline
def sort_falling(values, beside):  # type: ignore[no-untyped-def]
    """Sort values, and what stands beside them, so that they fall: a heap whose top is the least."""
    for end in range(values.size - 1, -values.size, -1):  # first the heap is built, then emptied
        top, last = (end, values.size) if end >= 0 else (0, values.size + end)
        if end < 0:
            values[0], values[last] = values[last], values[0]
            beside[0], beside[last] = beside[last], beside[0]
        while 2 * top + 1 < last:
            below = 2 * top + 1
            if below + 1 < last and values[below + 1] < values[below]:
                below += 1
            if values[top] <= values[below]:
                break
            values[top], values[below] = values[below], values[top]
            beside[top], beside[below] = beside[below], beside[top]
            top = below


@inline
def best_threshold(values, hits, present):  # type: ignore[no-untyped-def]
    """The largest F1 over all thresholds between values, and the threshold (the value itself still fires)."""
    best, at, found = -1.0, np.nan, 0
    sort_falling(values, hits)
    for k in range(values.size):
        found += hits[k]
        if k + 1 < values.size and values[k + 1] == values[k]:
            continue  # equal values fire together
        f1 = 2.0 * found / (k + 1 + present)
        if f1 > best:
            best, at = f1, values[k]
    return best, at


@kernel
def fire_where_present(  # type: ignore[no-untyped-def]
    starts, rows, values, true_starts, true_rows, units, features, threshold, n, out, counts
):
    """out[:, k] = precision, recall, F1, best F1 and its threshold of units[k] for features[k], nan where unavailable.

    counts[:, k] = points at which the feature is present, and at which the unit fires.
    """
    has = np.zeros(n, np.bool_)
    for k in range(units.size):
        first, last = starts[units[k]], starts[units[k] + 1]
        true_first, true_last = true_starts[features[k]], true_starts[features[k] + 1]
        for at in range(true_first, true_last):
            has[true_rows[at]] = True
        present, fired, hits, up = true_last - true_first, 0, 0, 0
        for at in range(first, last):
            up += values[at] > 0.0
            if values[at] > threshold:
                fired += 1
                hits += has[rows[at]]
        out[:, k] = np.nan
        counts[0, k], counts[1, k] = present, fired
        if fired:
            out[0, k] = hits / fired
        if present:
            out[1, k] = hits / present
        if fired + present:
            out[2, k] = 2.0 * hits / (fired + present)
        for side in range(2):
            size = up if side == 0 else last - first - up
            if size == 0:
                if side == 0 and present:
                    out[3, k] = 0.0
                continue
            own, hit, into = np.empty(size), np.empty(size, np.int64), 0
            for at in range(first, last):
                if (values[at] > 0.0) == (side == 0):
                    own[into] = values[at] if side == 0 else -values[at]
                    hit[into] = has[rows[at]]
                    into += 1
            best, least = best_threshold(own, hit, present)
            if side == 0:
                out[3, k], out[4, k] = best, least
            elif best > out[3, k]:
                out[3, k], out[4, k] = best, -least
        for at in range(true_first, true_last):
            has[true_rows[at]] = False


@kernel
def recall_on_edges(  # type: ignore[no-untyped-def]
    starts, rows, values, true_starts, true_rows, parents, children, unit_of, threshold, n, out, counts
):
    """Recall of the unit of parents[k] on points with and without children[k], edge by edge; nan where unavailable.

    out[:, k] = recall with the child, without it, and the share of the points with both features, the parent's unit
    being silent, at which the child's unit fires. counts[:, k] = points with both features, and with the parent alone.
    """
    fires, has_child, own = np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for k in range(parents.size):
        unit, child_unit = unit_of[parents[k]], unit_of[children[k]]
        out[:, k] = np.nan
        active = 0
        if unit >= 0:
            for at in range(starts[unit], starts[unit + 1]):
                if values[at] > threshold:
                    fires[rows[at]] = True
                    active += 1
        if child_unit >= 0:
            for at in range(starts[child_unit], starts[child_unit + 1]):
                if values[at] > threshold:
                    own[rows[at]] = True
        for at in range(true_starts[children[k]], true_starts[children[k] + 1]):
            has_child[true_rows[at]] = True
        inside, outside, with_child, without, silent, seen = 0, 0, 0, 0, 0, 0
        for at in range(true_starts[parents[k]], true_starts[parents[k] + 1]):
            row = true_rows[at]
            if has_child[row]:
                inside += 1
                with_child += fires[row]
                if not fires[row]:
                    silent += 1
                    seen += own[row]
            else:
                outside += 1
                without += fires[row]
        counts[0, k], counts[1, k] = inside, outside
        if active and inside:
            out[0, k] = with_child / inside
        if active and outside:
            out[1, k] = without / outside
        if unit >= 0 and child_unit >= 0 and silent:
            out[2, k] = seen / silent
        for at in range(true_starts[children[k]], true_starts[children[k] + 1]):
            has_child[true_rows[at]] = False
        if unit >= 0:
            for at in range(starts[unit], starts[unit + 1]):
                fires[rows[at]] = False
        if child_unit >= 0:
            for at in range(starts[child_unit], starts[child_unit + 1]):
                own[rows[at]] = False
