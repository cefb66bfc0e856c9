"""What of a label or of an error lies between the fragments of a cut, and what within them; drawn, and expected.

The fragments of the unseen points (size T) at one cut are 0 … F − 1; ē_f is the mean of e over the n_f unseen points of
fragment f. Mean e² = Σ_f (n_f/T) ē_f² + mean (e − ē_f)², between and within, for a label and for an error alike.
Symbols: n training points, Σ = the labels' covariance, H = (T, n) weights of a linear smoother.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fractalman._typing import F64, I64
from fractalman.theory import LabelCovariance

_PAIRWISE = 24  # fragments of up to so many points are summed pair by pair


def fragment_sums(values: F64, fragment: I64, fragments: int) -> F64:
    """Return the sums over every fragment, (F, …), of values (T, …); fragments without a point have 0."""
    out = np.zeros((fragments, *values.shape[1:]))
    np.add.at(out, fragment, values)
    return out


def within_square(errors: F64, fragment: I64) -> F64:
    """Return mean (e − ē_f)² for every column, (m,) float64; a fragment with one point has nothing within.

    Args:
        errors: (T, m) float64, labels or errors. fragment: (T,) int64.
    """
    count = np.bincount(fragment)
    means = fragment_sums(errors, fragment, count.size) / np.maximum(count, 1)[:, None]
    return np.asarray(np.square(errors - means[fragment]).mean(axis=0), np.float64)


def compact(fragment: I64) -> I64:
    """Return fragments numbered 0 … F − 1 without gaps."""
    return np.unique(fragment, return_inverse=True)[1].astype(np.int64).reshape(-1)


def covariance_sums(covariance: LabelCovariance, points: I64, fragment: I64) -> F64:
    """Return 1ᵀΣ_ff1 of every fragment, (F,) float64.

    Args:
        covariance: of the labels. points: (T,) their numbers. fragment: (T,) int64 without gaps.
    """
    count = np.bincount(fragment)
    out = np.bincount(fragment, weights=covariance.prior(points), minlength=count.size)
    order = np.argsort(fragment, kind="stable")
    start = np.concatenate([[0], np.cumsum(count)])
    for size in np.unique(count[(count > 1) & (count <= _PAIRWISE)]):
        these = np.flatnonzero(count == size)
        members = order[start[these][:, None] + np.arange(size)]
        a, b = np.triu_indices(int(size), 1)
        i, j = points[members[:, a]].ravel(), points[members[:, b]].ravel()
        shared = 0.5 * (covariance.prior(i) + covariance.prior(j) - covariance.pairs(i, j))
        out[these] += 2.0 * shared.reshape(these.size, -1).sum(axis=1)
    for f in np.flatnonzero(count > _PAIRWISE):
        members = points[order[start[f] : start[f + 1]]]
        out[f] = covariance.restricted(members).times(np.ones(members.size)).sum()
    return np.asarray(out, np.float64)


@dataclass
class ExpectedParts:
    """Expected parts of the squared error of linear smoothers on one split, without drawing a label.

    Args:
        covariance: of the labels. train: (n,), unseen: (T,) int64 point numbers.
    """

    covariance: LabelCovariance
    train: I64
    unseen: I64
    _sums: dict[int, F64] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = self.covariance.block(self.train, self.train)
        self.across = self.covariance.block(self.unseen, self.train)
        self.prior = self.covariance.prior(self.unseen)

    def label_sums(self, scale: int, fragment: I64) -> F64:
        """Return 1ᵀΣ_ff1 of a cut's fragments of unseen points; remembered under the cut's size."""
        if scale not in self._sums:
            self._sums[scale] = covariance_sums(self.covariance, self.unseen, fragment)
        return self._sums[scale]

    def smoother(self, weights: F64) -> ExpectedErrors:
        """Return the expected errors of a smoother of weights H, (T, n) float64."""
        return ExpectedErrors(self, weights)

    def best(self) -> F64:
        """Return the weights of the best linear smoother, Σ_Tn Σ_nn⁻¹: the posterior mean of Gaussian labels.

        Where Σ_nn is singular in double precision the labels are taken to carry noise of variance 1e-14 … 1e-10.
        """
        import scipy.linalg

        for jitter in (0.0, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10):
            try:
                factor = scipy.linalg.cho_factor(self.known + jitter * np.eye(self.train.size), check_finite=False)
            except scipy.linalg.LinAlgError:
                continue
            return np.asarray(scipy.linalg.cho_solve(factor, self.across.T, check_finite=False).T, np.float64)
        raise AssertionError("a covariance with noise is positive definite")


class ExpectedErrors:
    """The expected squared error of one smoother: its mean over unseen points, and its part within fragments."""

    def __init__(self, parts: ExpectedParts, weights: F64) -> None:
        self._parts, self._H = parts, weights
        self._HS = weights @ parts.known
        explained = 2.0 * np.einsum("tn,tn->t", weights, parts.across) - np.einsum("tn,tn->t", self._HS, weights)
        self.risk = float(np.maximum(parts.prior - explained, 0.0).mean())

    def within(self, scale: int, fragment: I64) -> float:
        """Return E mean (e − ē_f)².

        Args:
            scale: of the cut, its name. fragment: (T,) int64 without gaps.
        """
        parts, F = self._parts, int(fragment.max(initial=-1)) + 1
        count = np.bincount(fragment, minlength=F)
        h, hS = fragment_sums(self._H, fragment, F), fragment_sums(self._HS, fragment, F)
        c = fragment_sums(parts.across, fragment, F)
        square = parts.label_sums(scale, fragment) - 2.0 * np.einsum("fn,fn->f", h, c) + np.einsum("fn,fn->f", hS, h)
        return max(0.0, self.risk - float((np.maximum(square, 0.0) / count).sum()) / fragment.size)


def expected_within_labels(parts: ExpectedParts, scale: int, fragment: I64) -> float:
    """Return E mean (y − ȳ_f)² of the labels themselves: V_in of the unseen points where there is one fragment."""
    count = np.bincount(fragment)
    return max(0.0, float(parts.prior.mean() - (parts.label_sums(scale, fragment) / count).sum() / fragment.size))
