"""Linear probes: what can be read off a representation, how sure that is, and with how many false alarms.

Fits and scores use different points throughout. Penalties are chosen by leaving one fitted point out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, AnyFloat, Bool

RIDGES: tuple[float, ...] = tuple(10.0**power for power in range(-8, 3))
"""Penalties of ridge probes, in units of the number of fitted points × the mean square of a coordinate."""
PENALTIES: tuple[float, ...] = (1.0, 0.1, 0.01, 0.001)
"""Penalties of logistic probes, per fitted point, for principal components scaled to a mean square of 1 in all."""
COMPONENTS = 48
"""Principal components that a logistic probe sees."""
_NEWTON_STEPS = 12


@dataclass(frozen=True)
class Basis:
    """The principal components of a representation's fitted points.

    Args:
        fitted: (n, r) float64 centred coordinates of the fitted points, orthogonal columns of falling length.
        scored: (t, r) those of the scored points. Both are divided by one number, so that a coordinate's mean square
            over the fitted points and all original dimensions is 1.
    """

    fitted: F64
    scored: F64


def basis(fit: AnyFloat, score: AnyFloat) -> Basis:
    """Return the principal components of representations at fitted (n, u) and scored (t, u) points."""
    import scipy.linalg

    centre = fit.mean(axis=0, dtype=np.float64)
    centred: F64 = fit - centre
    scale = float(np.sqrt(np.mean(np.square(centred)))) or 1.0
    _, s, Vt = scipy.linalg.svd(centred / scale, full_matrices=False, check_finite=False)
    rank = int(np.sum(s > 1e-6 * s.max(initial=0.0)))
    axes = Vt[:rank].T
    return Basis(centred @ axes / scale, (np.asarray(score, np.float64) - centre) @ axes / scale)


def ridge_scores(made: Basis, targets: F64) -> F64:
    """Return the predictions of ridge regressions with an intercept at the scored points, (t, k).

    Args:
        targets: (n, k) at the fitted points; each has the penalty of smallest leave-one-out error.
    """
    n = len(made.fitted)
    mean = targets.mean(axis=0)
    length = np.square(made.fitted).sum(axis=0)
    projected = made.fitted.T @ (targets - mean)
    best = np.full(targets.shape[1], np.inf)
    out = np.tile(mean, (len(made.scored), 1))
    for ridge in sorted(RIDGES, reverse=True):
        shrink = 1.0 / (length + ridge * n)
        solution = shrink[:, None] * projected
        leverage = 1.0 / n + (np.square(made.fitted) * shrink).sum(axis=1)
        residual = (targets - mean - made.fitted @ solution) / np.maximum(1.0 - leverage, 1e-9)[:, None]
        error = np.square(residual).mean(axis=0)
        better = error < best * (1.0 - 1e-9)  # ties to the larger penalty
        best = np.where(better, error, best)
        out[:, better] = mean[better] + made.scored @ solution[:, better]
    return out


def logistic_scores(made: Basis, members: Bool) -> F64:
    """Return the log odds of logistic regressions with an intercept at the scored points, (t, k).

    The first `COMPONENTS` principal components, penalized likelihood, Newton's method; each has the penalty of largest
    approximate leave-one-out likelihood.

    Args:
        members: (n, k) bool, who of the fitted points is a member; both kinds must be there.
    Source: Rad & Maleki, arXiv 1801.10243, for the leave-one-out formula.
    """
    n, r = len(made.fitted), min(COMPONENTS, made.fitted.shape[1])
    X = np.column_stack([np.ones(n), made.fitted[:, :r]])
    T = np.column_stack([np.ones(len(made.scored)), made.scored[:, :r]])
    total = max(1.0, float(np.square(made.fitted).sum() / n))
    X[:, 1:] /= np.sqrt(total)
    T[:, 1:] /= np.sqrt(total)
    return np.column_stack([_logistic(X, T, y.astype(np.float64)) for y in members.T])


def _logistic(X: F64, T: F64, y: F64) -> F64:
    import scipy.linalg

    n = len(X)
    w = np.zeros(X.shape[1])
    share = y.mean()
    w[0] = np.log(share / (1.0 - share))
    best, out = -np.inf, T @ w
    for penalty in PENALTIES:
        ridge = np.full(X.shape[1], penalty)
        ridge[0] = 1e-9
        for _ in range(_NEWTON_STEPS):
            p = _sigmoid(X @ w)
            weight = np.maximum(p * (1.0 - p), 1e-10)
            hessian = (X * weight[:, None]).T @ X / n
            hessian[np.diag_indices_from(hessian)] += ridge
            factor = scipy.linalg.cho_factor(hessian, check_finite=False)
            move = scipy.linalg.cho_solve(factor, X.T @ (p - y) / n + ridge * w, check_finite=False)
            w = w - move * min(1.0, 20.0 / float(np.abs(X @ move).max(initial=1e-300)))
            if float(np.abs(move).max()) < 1e-5:
                break
        z = X @ w
        p = _sigmoid(z)
        weight = np.maximum(p * (1.0 - p), 1e-10)
        leverage = (X * scipy.linalg.cho_solve(factor, X.T, check_finite=False).T).sum(axis=1) / n
        left_out = z + leverage / np.maximum(1.0 - weight * leverage, 1e-3) * (p - y)
        likelihood = -float(np.logaddexp(0.0, np.where(y > 0.5, -left_out, left_out)).mean())
        if likelihood > best + 1e-9:
            best, out = likelihood, T @ w
    return out


def _sigmoid(z: F64) -> F64:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)), np.float64)


# ---------------------------------------------------------------------------------------------------- scores


def r_squared(predicted: F64, target: F64, reference: F64) -> float:
    """Return 1 − squared error over that of the fitted points' mean, over all columns.

    nan where the target is constant.

    Args:
        predicted, target: (t, k). reference: (k,) the mean over the fitted points.
    """
    spread = float(np.square(target - reference).sum())
    return 1.0 - float(np.square(predicted - target).sum()) / spread if spread > 0.0 else np.nan


def auc(score: F64, member: Bool) -> float:
    """Return the area under the ROC curve: P(a member scores above another point), ties count half.

    Args:
        score: (t,). member: (t,) bool, both kinds there.
    """
    return float(_placements(score, member)[0].mean())


def auc_p_value(score: F64, member: Bool) -> float:
    """Return the one-sided p-value of "members score no higher": Mann & Whitney's test.

    Exact where one kind has 8 points or fewer and none tie, else normal with the correction for ties.
    """
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(score[member], score[~member], alternative="greater", method="auto").pvalue)


def auc_difference_p_value(first: F64, second: F64, member: Bool) -> float:
    """Return the one-sided p-value of "the first score ranks members no better than the second", on the same points.

    Asymptotically normal. 1 where both rank alike, or either kind has a single point.

    Source: DeLong, DeLong & Clarke-Pearson 1988.
    """
    from scipy.special import ndtr

    (x1, y1), (x2, y2) = _placements(first, member), _placements(second, member)
    if min(x1.size, y1.size) < 2:
        return 1.0
    gain = float(x1.mean() - x2.mean())
    variance = float((x1 - x2).var(ddof=1) / x1.size + (y1 - y2).var(ddof=1) / y1.size)
    if variance <= 0.0:
        return 1.0
    return float(ndtr(-gain / np.sqrt(variance)))


def _placements(score: F64, member: Bool) -> tuple[F64, F64]:
    """Return, of every member the share of others below it, of every other point the share of members above it."""
    inside, outside = np.sort(score[member]), np.sort(score[~member])
    below = np.searchsorted(outside, score[member], "left") + np.searchsorted(outside, score[member], "right")
    upto = np.searchsorted(inside, score[~member], "left") + np.searchsorted(inside, score[~member], "right")
    return below / (2.0 * outside.size), 1.0 - upto / (2.0 * inside.size)


def discoveries(p: F64, rate: float) -> Bool:
    """Return which hypotheses are rejected, so that at most ``rate`` of the rejected are expected to be true.

    Args:
        p: (m,) p-values; nan are never rejected, and not counted. rate: of false discoveries.
    Source: Benjamini & Hochberg 1995; holds for independent tests and positively dependent ones.
    """
    out = np.zeros(p.size, bool)
    known = np.flatnonzero(~np.isnan(p))
    if known.size:
        order = known[np.argsort(p[known], kind="stable")]
        passed = np.flatnonzero(p[order] <= rate * np.arange(1, order.size + 1) / order.size)
        if passed.size:
            out[order[: passed[-1] + 1]] = True
    return out
