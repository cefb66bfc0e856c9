"""Exponents of cluster sizes: windows with and without an end, and the low that is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled import examples
from scipy.special import zeta

from fractalman import measure
from fractalman.errors import FitError


@given(tau=st.floats(1.2, 6.0), low=st.integers(1, 200))
@examples(30, deadline=None)
def test_counts_of_an_exact_law_give_its_exponent(tau: float, low: int) -> None:
    """Counts proportional to a law that has no end, its tail one size at the mean of its logarithms."""
    size = np.unique(np.geomspace(low, 1e12 * low, 4000).astype(np.int64))
    edge = np.append(size, size[-1] * 10)
    cell = zeta(tau, edge[:-1].astype(float)) - zeta(tau, edge[1:].astype(float))
    count = np.rint(1e12 * cell / zeta(tau, float(low))).astype(np.int64)
    kept = count > 0
    found = measure.size_exponent(size[kept], count[kept], (low, None))
    assert found.value == pytest.approx(tau, abs=0.02 * (tau - 1.0) + 2e-3)


def test_intervals_cover_and_the_largest_seen_is_no_end() -> None:
    rng = np.random.default_rng(3)
    held = {"no end": 0, "largest seen": 0, "wrong law": 0}
    value: dict[str, list[float]] = {"no end": [], "largest seen": []}
    for _ in range(200):
        size, count = np.unique(np.minimum(rng.zipf(2.5, 100), 10**15), return_counts=True)
        free = measure.size_exponent(size, count, (1, None))
        tied = measure.size_exponent(size, count, (1, int(size[-1])))
        held["no end"] += abs(free.value - 2.5) <= free.half_width
        held["wrong law"] += abs(free.value - 3.0) <= free.half_width
        value["no end"].append(free.value)
        value["largest seen"].append(tied.value)
    assert 184 <= held["no end"] <= 198
    assert held["wrong law"] < 100
    assert np.mean(value["largest seen"]) < 2.5 - 4 * np.std(value["largest seen"]) / np.sqrt(200)


def test_the_low_is_chosen_where_the_law_begins() -> None:
    """A head that is no power law, then one from 20 on: without a window the head is left out."""
    rng = np.random.default_rng(5)
    tail = np.arange(20, 10**6)
    law = tail**-2.2
    sizes = np.concatenate([rng.integers(1, 20, 4000), rng.choice(tail, 4000, p=law / law.sum())])
    size, count = np.unique(sizes, return_counts=True)
    found = measure.size_exponent(size, count)
    assert found.window[0] in range(18, 60)
    assert "chosen" in found.warnings[0]
    assert abs(found.value - 2.2) < 3 * found.standard_error
    whole = measure.size_exponent(size, count, (1, None))  # the control: with the head it is another number
    assert abs(whole.value - 2.2) > 10 * whole.standard_error


def test_bad_windows_are_refused() -> None:
    with pytest.raises(FitError, match="at least 10 sites: an exponent needs several sizes"):
        measure.size_exponent([3, 9], [5, 1], (10, None))
    with pytest.raises(FitError, match="50 of several sizes; use a window"):
        measure.size_exponent([3, 9], [5, 1])
    with pytest.raises(FitError, match="several sizes"):
        measure.size_exponent([3], [500], (3, None))
