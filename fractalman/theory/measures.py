"""Self-similar measures with unequal children: multifractal spectrum, prior variance, the exact annealed 1-NN curve.

Symbols: p_i = a child's share of its parent's mass, r_i = the ratio of its cell to its parent's, H = Hurst exponent,
R_l = Π r and μ_l = Π p along a path, L = levels, n = training points, s = E Σ_i p_i r_i^(2H). Kinds of node are equally
likely and drawn independently at every node; E is the average over kinds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64, AnyFloat, Bool
from fractalman.config import shown
from fractalman.display import Series, SeriesDisplay
from fractalman.errors import RecipeError
from fractalman.theory.curves import BEYOND, binomial_law, exact_means, gridded_means
from fractalman.theory.exponents import Masses, shares
from fractalman.theory.log_sums import log_sum, log_sum_root

_EXACT_MASSES = 3  # so many distinct masses below 1 are enumerated, more are put on a grid
_FARTHEST_Q = 1024.0


# ---------------------------------------------------------------------------------------------------- prior variance


def mean_power(masses: Masses, ratios: Masses | float, hurst: float) -> float:
    """Return s = E Σ_i p_i r_i^(2H): the mean of R_l^(2H) over the natural measure is s^l.

    A path's label Σ_l R_l^H z_l therefore has the average variance Σ_{l=0..L} s^l, the square of the one norm. The
    prior variance of a point with path R is Σ_l R_l^(2H) / Σ_l s^l: 1 on average over the natural measure (and over the
    kinds, where there are several), and 1 for every point only if all ratios are equal.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.

    Returns
    -------
    float
        s, 0 < s < 1.

    Notes
    -----
    Source: docs/theory.md §1.

    Examples
    --------
    >>> mean_power([0.25, 0.75], [0.5, 0.25], 0.5)
    0.3125
    """
    weight, _, r = shares(masses, ratios)
    return float(weight @ np.exp(2.0 * hurst * np.log(r)))


# ---------------------------------------------------------------------------------------------------- dimensions


@dataclass(frozen=True)
class Spectrum(SeriesDisplay):
    """The generalised dimensions D_q of a cascade.

    Attributes
    ----------
    q : (k,) float64
        Moments.
    annealed : (k,) float64
        D_q of the Moran equation E Σ_i p_i^q r_i^(−τ) = 1, D_q = τ/(q−1): averaged over trees.
    typical : (k,) float64
        D_q of one tree: annealed between the freezing points, a tangent's beyond.
    frozen : (k,) bool
        Where the two differ.
    freezing : (float, float)
        (low, high) q beyond which annealed and typical differ; ∓inf for one kind of node, whose tree is not random.
    """

    _series = Series("q", "typical", more=("annealed", "frozen"), words=("q", "D_q of one tree"), linear=("x", "y"))

    q: F64
    annealed: F64
    typical: F64
    frozen: Bool
    freezing: tuple[float, float]

    @property
    def warning(self) -> str | None:
        """A sentence where a moment is frozen, or None."""
        if not self.frozen.any():
            return None
        low, high = self.freezing
        return (
            f"D_q of one tree leaves the Moran equation beyond q = {low:.4g} and q = {high:.4g}: there rare trees make "
            "the average"
        )


def cascade_spectrum(masses: Masses, q: Sequence[float] | AnyFloat, ratios: Masses | float = 0.5) -> Spectrum:
    """Return D_q of a cascade: D_0 of the set, D_1 (information) and D_2 (correlation) of its measure, and any other.

    One tree obeys the annealed equation while q·τ'(q) > τ(q) (Biggins 1977: the mean of Σ p^q R^(−τ) is that of a
    martingale, and beyond the condition its limit is 0). Where that ends, at q*, τ freezes: τ(q) = q·τ'(q*), the
    tangent through the origin.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    q : (k,) array or sequence of float
        Real moments.
    ratios : float, or as masses, default 0.5
        r_i in (0, 1), one for all or one per mass.

    Returns
    -------
    Spectrum
        D_q of a cascade: D_0 of the set, D_1 (information) and D_2 (correlation) of its measure, and any other.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §2; Halsey et al. 1986, Molchan 1996.

    Examples
    --------
    >>> spectrum = cascade_spectrum([0.25, 0.75], [0, 1, 2], ratios=0.5)
    >>> spectrum.annealed.round(4).tolist()
    [1.0, 0.8113, 0.6781]
    """
    weight, p, r = shares(masses, ratios)
    moments = np.atleast_1d(np.asarray(q, np.float64))
    if moments.ndim != 1 or not np.isfinite(moments).all():
        raise RecipeError(f"q = {shown(q)}: expected finite moments")
    log_p, log_r = np.log(p), np.log(r)
    count = float((weight / p).sum())  # E k: children are weighted by weight/p, that is by 1 / number of kinds
    child = weight / p
    annealed = np.array([_dimension(child, log_p, log_r, float(x)) for x in moments])
    one_kind = abs(float(child.max()) - 1.0) < 1e-12 and count >= 2
    freezing = (-math.inf, math.inf)
    if not one_kind:
        freezing = (_freezing(child, log_p, log_r, -1.0), _freezing(child, log_p, log_r, 1.0))
    frozen = (moments < freezing[0]) | (moments > freezing[1])
    typical = annealed.copy()
    for i in np.flatnonzero(frozen):
        edge = freezing[0] if moments[i] < 0 else freezing[1]
        slope = _tau(child, log_p, log_r, edge) / edge
        typical[i] = moments[i] * slope / (moments[i] - 1.0)
    return Spectrum(moments, annealed, typical, frozen, freezing)


def _tau(child: F64, log_p: F64, log_r: F64, q: float) -> float:
    """Solve Σ child·p^q·r^(−τ) = 1; the sum rises with τ."""
    start, slope, high = q * log_p, -log_r, 1.0
    while log_sum(child, start + high * slope) < 0.0:
        high *= 2.0
        if high > 1e12:
            raise RecipeError(f"q = {shown(q)}: no τ(q) solves the Moran equation")
    return log_sum_root(child, start, slope, high)


def _dimension(child: F64, log_p: F64, log_r: F64, q: float) -> float:
    if abs(q - 1.0) < 1e-9:  # τ'(1), the limit
        return float((child * np.exp(log_p)) @ log_p) / float((child * np.exp(log_p)) @ log_r)
    return _tau(child, log_p, log_r, q) / (q - 1.0)


def _above_tangent(child: F64, log_p: F64, log_r: F64, q: float) -> float:
    """Return q·τ'(q) − τ(q), positive where one tree obeys the annealed equation."""
    tau = _tau(child, log_p, log_r, q)
    exponent = q * log_p - tau * log_r
    tilted = child * np.exp(exponent - exponent.max())
    return q * float(tilted @ log_p) / float(tilted @ log_r) - tau


def _freezing(child: F64, log_p: F64, log_r: F64, sign: float) -> float:
    """Return the q of a sign at which q·τ'(q) = τ(q), ∓inf where there is none up to 1024."""
    from scipy.optimize import brentq

    high = 1.0
    while _above_tangent(child, log_p, log_r, sign * high) > 0.0:
        high *= 2.0
        if high > _FARTHEST_Q:
            return sign * math.inf
    low = 0.0 if high == 1.0 else high / 2.0
    return sign * float(brentq(lambda x: _above_tangent(child, log_p, log_r, sign * x), low, high, xtol=1e-12))


# ---------------------------------------------------------------------------------------------------- one tree


def shared_by_one_tree_masses(masses: Masses, ratios: Masses | float, hurst: float, beta: float) -> bool:
    """Tell whether one tree has the annealed exponent β: E Σ A_i ln A_i < 0, A_i = p_i^(1−β) r_i^(2H).

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.
    beta : float
        β, `moran_exponent_masses`'s result.

    Returns
    -------
    bool
        True where one tree is enough.

    Notes
    -----
    Source: docs/theory.md §3.1 (Biggins 1977); for equal shares the condition of `shared_by_one_tree`.

    Examples
    --------
    >>> shared_by_one_tree_masses([0.25, 0.75], 0.5, 0.5, 0.9)
    True
    """
    weight, p, r = shares(masses, ratios)
    log_a = (1.0 - beta) * np.log(p) + 2.0 * hurst * np.log(r)
    return float((weight / p * np.exp(log_a)) @ log_a) < 0.0


def log_period_masses(masses: Masses) -> float | None:
    """Return the factor in n after which the learning curve repeats its wiggle, or None when it has none.

    That is so where all masses are powers of one number 1/b; the largest b is looked for among the 64th roots of the
    largest mass.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.

    Returns
    -------
    float or None
        The factor b; None without a wiggle.

    Notes
    -----
    Source: docs/theory.md §3.1.

    Examples
    --------
    >>> log_period_masses([0.5, 0.25, 0.25]), log_period_masses([0.3, 0.7])
    (2.0, None)
    """
    _, p, _ = shares(masses, 0.5)
    steps = np.unique(-np.log(p[p < 1.0]))
    for parts in range(1, 65):
        unit = float(steps[0]) / parts
        multiples = steps / unit
        if np.all(np.abs(multiples - np.rint(multiples)) < 1e-9 * multiples):
            return math.exp(unit)
    return None


# ---------------------------------------------------------------------------------------------------- the curve


def cascade_curve_masses(
    masses: Masses, ratios: Masses | float, hurst: float, depth: int, n: AnyFloat | I64 | Sequence[int]
) -> F64:
    """Return the exact annealed 1-NN risk of a cascade with unequal children.

    The neighbour is one of the training points that share most levels with the test point, each as likely as the
    others. The test point's own levels below the shared ones cost Σ_l E R_l^(2H)(1−μ_l)^n; those of a neighbour that
    shares exactly m levels and left to a child j ≠ i cost E R_m^(2H) r_j^(2H) Σ_u s^u, u = 0 … L−m−1, where j is drawn
    by mass among the children other than the test point's i. R and μ go together along a path: averages are taken under
    the law tilted by r^(2H), where only μ is left.

    Parameters
    ----------
    masses : sequence of float, or of such sequences
        p_i > 0, summing to 1; a sequence of such sequences = equally likely kinds of node.
    ratios : float, or as masses
        r_i in (0, 1), one for all or one per mass.
    hurst : float
        Hurst exponent, H > 0.
    depth : int
        Number of levels, L ≥ 1 levels below the root.
    n : (sizes,) array or sequence of float
        Training-set sizes ≥ 0; 0 gives the risk of an independent answer.

    Returns
    -------
    (sizes,) float64
        In units of the average prior variance. For equal ratios the same as `cascade_curve`.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §3.1.

    Examples
    --------
    >>> cascade_curve_masses([0.25, 0.75], 0.5, 0.5, 8, [1, 10, 100]).round(4).tolist()
    [0.5426, 0.1066, 0.0096]
    """
    sizes = np.atleast_1d(np.asarray(n, np.float64))
    if sizes.ndim != 1 or (sizes.size and not (sizes.min() >= 0 and np.isfinite(sizes).all())):
        raise RecipeError("n: expected finite training-set sizes of at least 0")
    if int(depth) != depth or depth < 1 or not hurst > 0.0:
        raise RecipeError(
            f"depth = {shown(depth)}, hurst = {shown(hurst)}: expected an integer of at least 1 and hurst > 0"
        )
    levels = int(depth)
    weight, p, r = shares(masses, ratios)
    power = np.exp(2.0 * hurst * np.log(r))
    s = float(weight @ power)
    tilted = weight * power / s
    sibling = weight * _sibling_powers(masses, p, power)
    power_sums = np.cumsum(s ** np.arange(levels + 1))  # Σ_{u=0..t} s^u
    means = _Means(p, tilted, levels, sizes)
    own = means.of(None)  # tilted E (1−μ_l)^n, l = 0 … L
    own[:, 0] = 0.0  # the root is always shared
    rate = float(sibling.sum())
    after = rate * means.of(sibling / rate) if rate else np.zeros_like(own)  # one step further, by sibling weights
    decay = s ** np.arange(levels + 1)
    risk = own[:, 1:] @ decay[1:]
    left = after[:, :levels] - rate * own[:, :levels]  # shares exactly m, over R_m^(2H)
    risk = risk + (left * decay[:levels]) @ power_sums[:levels][::-1]
    risk[sizes == 0.0] = 2.0 * (power_sums[levels] - 1.0)
    return np.asarray(risk / power_sums[levels], np.float64)


def _sibling_powers(masses: Masses, p: F64, power: F64) -> F64:
    """Return for every child i of every kind Σ_{j≠i} p_j r_j^(2H) / (1 − p_i); 0 for an only child."""
    kinds = [masses] if np.isscalar(next(iter(masses))) else list(masses)
    out, first = np.zeros(p.size), 0
    for kind in kinds:
        width = len(kind)  # type: ignore[arg-type]
        own = slice(first, first + width)
        for i in range(first, first + width):
            others = np.arange(first, first + width) != i
            if width > 1:
                out[i] = float(p[own][others] @ power[own][others]) / float(p[own][others].sum())
        first += width
    return out


class _Means:
    """Averages of (1−μ_l)^n over paths whose steps have given probabilities."""

    def __init__(self, p: F64, probability: F64, levels: int, n: F64) -> None:
        # Equal masses up to rounding are one atom; a node's only child leaves the mass as it is.
        self._x, self._group = np.unique(np.round(-np.log(p), 13), return_inverse=True)
        self._group = self._group.ravel()
        self._law = np.bincount(self._group, weights=probability)
        self._levels, self._n = levels, n

    def of(self, last: F64 | None) -> F64:
        """Return (sizes, levels + 1): after l levels, and one more branching with probabilities ``last`` if given."""
        proper = self._x > 0.0
        x, share = self._x[proper], float(self._law[proper].sum())
        reach = math.log(max(2.0, float(self._n.max(initial=0.0)))) + BEYOND
        steps = min(self._levels, math.ceil(reach / float(x.min())))
        if x.size > _EXACT_MASSES and float(x.min()) < 0.02:
            raise RecipeError(
                f"a mass of {math.exp(-float(x.min())):.4g} beside more than {_EXACT_MASSES - 1} other masses: no "
                "curve is known; expected masses up to 0.98, or fewer different ones"
            )
        extra = None if last is None else np.bincount(self._group, weights=last, minlength=self._x.size)
        still = 0.0 if extra is None else float(extra[~proper].sum())  # a last step that leaves the mass as it is
        means: Callable[..., F64] = exact_means if x.size <= _EXACT_MASSES else gridded_means
        found = means(x, self._law[proper] / share, steps, reach, self._n, None if extra is None else extra[proper])
        if still:
            found = found + still * means(x, self._law[proper] / share, steps, reach, self._n)
        if share > 1.0 - 1e-15:
            out = np.ones((self._n.size, self._levels + 1))
            out[:, : steps + 1] = found
            return out
        mixing = np.stack([binomial_law(level, share, steps) for level in range(self._levels + 1)])
        return np.asarray(found @ mixing.T + np.maximum(0.0, 1.0 - mixing.sum(axis=1))[None, :], np.float64)
