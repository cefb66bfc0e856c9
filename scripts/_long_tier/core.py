"""What a check of the long tier is, and the tests that checks share.

A check is a function of a scale (1 = as the report is meant, less to try it out). It returns one p-value, how many
independent draws made it, a control (something wrong put through the same test, which must be rejected) and numbers
that should be standard normal, for the plot. Draws come from seeds that no test of the fast suite uses.

A control is a wrong law that somebody could take for the right one: the other ensemble, one point or one dimension too
many, the limit in place of the finite size. Its test must have the power to reject it at full scale whatever the draws
say: most lie tens of standard errors away, the nearest nine; docstrings say which, where it is not plain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

FIRST = 1 << 40  # seeds from here on


@dataclass
class Outcome:
    """What a check found: p-value, sample size, control's p-value, normal scores for the plot, a remark."""

    p: float
    n: int
    control: float
    scores: np.ndarray = field(default_factory=lambda: np.empty(0))
    remark: str = ""


Check = Callable[[float], Outcome]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Enter a check under its name."""

    def enter(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return enter


def family(name: str, *cases: object) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Enter one check per case; ``name`` is a format with the case's parts."""

    def enter(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        for case in cases:
            parts = case if isinstance(case, tuple) else (case,)

            def run(scale: float, parts: tuple[object, ...] = parts) -> Outcome:
                return function(scale, *parts)

            run.__doc__ = function.__doc__
            CHECKS[name.format(*parts)] = run
        return function

    return enter


def count(scale: float, full: int, least: int = 200) -> int:
    """How many draws at this scale."""
    return max(least, int(full * scale))


def seed_range(n: int, stream: int) -> range:
    """n seeds of a stream of their own."""
    return range(FIRST + (stream << 32), FIRST + (stream << 32) + n)


# ---------------------------------------------------------------------------------------------------- exact laws


def chi_square(counts: Sequence[float], law: Sequence[float], least: float = 10.0) -> tuple[float, np.ndarray]:
    """p-value of counts against exact probabilities, and the cells' scores; thin cells are joined with their neighbour.

    What ``law`` lacks to 1 is a last cell. A larger ``least`` makes fewer cells, which see a wide difference sharper.
    """
    observed, probability = np.asarray(counts, float), np.asarray(law, float)
    total = observed.sum()
    observed, probability = np.append(observed, 0.0), np.append(probability, max(0.0, 1.0 - probability.sum()))
    cells: list[list[float]] = []
    for o, p in zip(observed, probability, strict=True):
        if cells and cells[-1][1] * total < least:
            cells[-1][0] += o
            cells[-1][1] += p
        else:
            cells.append([o, p])
    while len(cells) > 1 and cells[-1][1] * total < least:
        o, p = cells.pop()
        cells[-1][0] += o
        cells[-1][1] += p
    o, p = np.array(cells).T
    scores = (o - p * total) / np.sqrt(p * (1.0 - p) * total) if len(cells) > 1 else np.zeros(1)
    return float(stats.chi2.sf(((o - p * total) ** 2 / (p * total)).sum(), len(cells) - 1)), scores


def size_chi_square(sizes: np.ndarray, law: np.ndarray, least: float = 10.0) -> tuple[float, np.ndarray]:
    """`chi_square` of integers 1, 2, … against a law whose entry s belongs to s; the rest is one cell."""
    last = law.size - 1
    counts = np.bincount(np.minimum(sizes, last + 1), minlength=last + 2)[1:]
    return chi_square(counts, [*law[1:], max(0.0, 1.0 - law.sum())], least)


def z_test(sample: Sequence[float], mean: float) -> tuple[float, np.ndarray]:
    """p-value of a sample's mean against an exact mean, and the scores of up to 100 batches."""
    x = np.asarray(sample, float)
    batches = np.array_split(x, min(100, max(2, x.size // 20)))
    scores = np.array([(b.mean() - mean) * math.sqrt(b.size) for b in batches]) / x.std(ddof=1)
    return float(2 * stats.t.sf(abs(x.mean() - mean) * math.sqrt(x.size) / x.std(ddof=1), x.size - 1)), scores


def ratio_test(top: Sequence[float], bottom: Sequence[float], ratio: float) -> tuple[float, np.ndarray]:
    """p-value of Σ top / Σ bottom over independent pairs against an exact ratio of expectations."""
    return z_test(np.asarray(top, float) - ratio * np.asarray(bottom, float), 0.0)


def mean_test(sample: np.ndarray, mean: np.ndarray) -> tuple[float, np.ndarray]:
    """p-value of the mean of vectors, (m, k), against exact means: Hotelling's T², and whitened scores of batches.

    Entries that never vary (an event too rare for the sample) are left out.
    """
    x, mu = np.asarray(sample, float), np.asarray(mean, float)
    varies = np.ptp(x, axis=0) > 0
    x, mu = x[:, varies], mu[varies]
    m, k = x.shape
    root = np.linalg.cholesky(np.atleast_2d(np.cov(x.T)))
    off = np.linalg.solve(root, (x.mean(axis=0) - mu) * math.sqrt(m))
    batches = np.array_split(x, min(50, max(2, m // 20)))
    scores = [np.linalg.solve(root, (b.mean(axis=0) - mu) * math.sqrt(len(b))) for b in batches]
    return float(stats.f.sf(float(off @ off) * (m - k) / (k * (m - 1.0)), k, m - k)), np.concatenate(scores)


# ---------------------------------------------------------------------------------------------------- exponents


@dataclass(frozen=True)
class Measured:
    """A number with its error: value, standard error over groups, allowance for what is left of a finite size.

    ``scores`` are the groups' jackknife pseudo-values, standardised.
    """

    value: float
    error: float
    allowance: float
    groups: int
    scores: np.ndarray

    def against(self, exact: float) -> float:
        """p-value: Student's t of the deviation over both errors in quadrature. Conservative: an allowance is a bound
        and no spread, so p-values pile up near 1 rather than near 0."""
        return float(2 * stats.t.sf(abs(self.value - exact) / math.hypot(self.error, self.allowance), self.groups - 1))

    def __str__(self) -> str:
        return f"{self.value:.4f} ± {self.error:.4f} (draws) ± {self.allowance:.4f} (finite size)"


def jackknife(groups: np.ndarray, statistic: Callable[[np.ndarray], tuple[float, float]]) -> Measured:
    """Return ``statistic`` (value, allowance) of the sum of groups, (g, …), with the error that leaving one out makes.

    A group is a sum over independent draws. The statistic is one of the mean: twice the sum gives the same.
    """
    g, total = len(groups), groups.sum(axis=0)
    value, allowance = statistic(total)
    left_out = np.array([statistic(total - one)[0] for one in groups])
    pseudo = g * value - (g - 1) * left_out
    error = float(pseudo.std(ddof=1)) / math.sqrt(g)
    return Measured(value, error, allowance, g, (pseudo - pseudo.mean()) / pseudo.std(ddof=1))


def settled(smaller: float, larger: float) -> tuple[float, float]:
    """Return the value of the larger of two sizes, and an allowance: the step from the smaller one.

    It bounds what is left wherever corrections halve, or more, from one size to the other.
    """
    return larger, abs(larger - smaller)


def extrapolated(smaller: float, larger: float) -> tuple[float, float]:
    """Return what two sizes leave for infinite size, and an allowance: half of the step.

    The sizes are so far apart that the leading correction halves between them; then the rest is as large as the step.
    Half of it as an allowance covers a correction that falls to anything between 3/5 and 1/3 instead.
    """
    return 2.0 * larger - smaller, 0.5 * abs(larger - smaller)
