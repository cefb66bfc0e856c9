"""Long tables of measurements, and their means over replicates with errors that include data and initialization.

A row is one number: what it says of (``quantity``), for which network (``part``, ``value``, ``width``, ``depth``,
``n``), when (``step``), where in it (``layer``), against what and at which place of it (``against``, ``place``, ``x``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fractalman.measure.scaling import student_t
from fractalman.studies.base import Row

KEYS = ("part", "value", "n", "width", "depth", "step", "layer", "quantity", "against", "place")
"""What tells one measured quantity from another; replicates differ in ``seed`` only."""
ROW = (*KEYS, "seed", "x", "number", "count")


def measured(
    base: Mapping[str, Any], quantity: str, number: float, *, layer: str = "", against: str = "",
    place: float | None = None, x: float | None = None, count: int | None = None,
) -> Row:  # fmt: skip
    """Return one row.

    Args:
        base: part, value, seed, n, width, depth, step.
        quantity: what was measured. number: its value; None is stored where it is not finite.
        layer: "input", "1" …, "output", or "all". against: the distance or scale that it is a function of.
        place: which bin or scale. x: mean position of what lies in it. count: pairs, points or latents averaged.
    """
    return {
        **base,
        "layer": layer,
        "quantity": quantity,
        "against": against,
        "place": place,
        "x": None if x is None or not math.isfinite(x) else float(x),
        "number": float(number) if math.isfinite(number) else None,
        "count": count,
    }


def means(rows: Iterable[Row]) -> list[Row]:
    """Return the mean of every quantity over its replicates, in the order in which quantities first appear.

    ``standard_error`` is that of the mean over replicates (their own data, split and initialization); ``half_width`` is
    half of the 95 % interval, Student's t over replicates; both are None with fewer than two. Replicates without a
    number (None) are left out, ``replicates`` counts those that have one; ``count`` is summed.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if "quantity" not in row:  # of single latents, which replicates do not share
            continue
        groups.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    return [{**dict(zip(KEYS, key, strict=True)), **_mean(group)} for key, group in groups.items()]


def _mean(group: Sequence[Row]) -> Row:
    numbers = np.array([row["number"] for row in group if row["number"] is not None])
    places = [row["x"] for row in group if row["x"] is not None]
    counts = [row["count"] for row in group if row["count"] is not None]
    m, error = numbers.size, None
    if m > 1:
        error = float(numbers.std(ddof=1)) / math.sqrt(m)
    return {
        "x": float(np.mean(places)) if places else None,
        "number": float(numbers.mean()) if m else None,
        "standard_error": error,
        "half_width": None if error is None else student_t(m - 1) * error,
        "replicates": int(m),
        "count": sum(counts) if counts else None,
    }


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows whose columns have the wanted values, e.g. ``select(rows, quantity="influence", layer="all")``.

    A value may be a tuple of allowed ones.
    """

    def fits(row: Row) -> bool:
        return all(row[key] in (value if isinstance(value, tuple) else (value,)) for key, value in wanted.items())

    return [row for row in rows if fits(row)]


@dataclass(frozen=True)
class Difference:
    """The mean difference of two quantities over replicates that have both.

    Args:
        number: the mean. half_width: of its 95 % interval, Student's t; None with fewer than two replicates.
    """

    number: float
    half_width: float | None


def paired(first: Iterable[Row], second: Iterable[Row]) -> Difference | None:
    """Return the mean difference first − second, replicate by replicate; None where they share none."""
    one, two = ({r["seed"]: r["number"] for r in rows if r["number"] is not None} for rows in (first, second))
    gaps = np.array([one[seed] - two[seed] for seed in sorted(one.keys() & two.keys())])
    if not gaps.size:
        return None
    if gaps.size < 2:
        return Difference(float(gaps.mean()), None)
    error = float(gaps.std(ddof=1)) / math.sqrt(gaps.size)
    return Difference(float(gaps.mean()), student_t(gaps.size - 1) * error)
