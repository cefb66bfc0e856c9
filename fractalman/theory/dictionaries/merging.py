"""When one unit for a parent and a child has a smaller loss than one for each: absorption as an optimum, edge by edge.

Loss: squared error + λ × (Σ codes, or number of units that fire), orthogonal unit directions. Argued; thresholds are
held against simulated losses in tests. docs/theory.md §8.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fractalman._typing import AnyFloat
from fractalman.config import is_word, shown
from fractalman.errors import RecipeError
from fractalman.theory.dictionaries.moments import magnitude_moments

PENALTIES = ("l0", "l1")


class Merge(NamedTuple):
    """What merging a child with its parent does to the loss at points that have both.

    Attributes
    ----------
    threshold : float
        Of the penalty's weight: above it the merged unit has the smaller loss; inf where it never has.
    ceiling : float
        Weight above which it no longer has; inf where there is none.
    """

    threshold: float
    ceiling: float


def absorption_threshold(
    mean: tuple[float, float], square: tuple[float, float], penalty: str = "l1", correlation: float = 0.0
) -> Merge:
    """Return from which penalty on one unit for parent and child has a smaller loss than one for each.

    Parameters
    ----------
    mean : (float, float)
        Mean magnitudes of parent and child at points that have both, above 0.
    square : (float, float)
        Their mean squares.
    penalty : {"l1", "l0"}, default "l1"
        λ Σ f, or λ × number of units.
    correlation : float, default 0
        Covariance of the two magnitudes.

    Returns
    -------
    Merge

    Raises
    ------
    RecipeError
        For means, squares or a covariance that no magnitudes have, and another penalty.

    Notes
    -----
    Source: docs/theory.md §8.

    Loss: squared error + penalty, orthogonal unit directions, codes at their optimum on the units that fire. The merged
    unit has the direction (cos φ, sin φ) and misses E(a sin φ − b cos φ)². L0 saves λ: the threshold is the smaller
    eigenvalue of the magnitudes' second moments, 0 where they are constants. L1 saves
    λ (E a + E b − E a cos φ − E b sin φ), and loses λ²/4, because every code shrinks by λ/2 at a gain of λ²/4 in loss:
    merged where missed − λ saved + λ²/4 < 0 for some φ. Valid where no code is smaller than λ/2. With constants merging
    pays from λ = 0 on: absorption is not an accident of training. That training finds the smaller loss is not claimed.

    Examples
    --------
    >>> absorption_threshold((1.0, 1.0), (1.0, 1.0), "l0").threshold
    0.0
    >>> round(absorption_threshold((1.0, 1.0), (1.25, 1.25), "l0").threshold, 12)
    0.25
    >>> merge = absorption_threshold((1.0, 1.0), (1.0, 1.0))
    >>> merge.threshold, round(merge.ceiling, 4) == round(4 * (2 - 2**0.5), 4)
    (0.0, True)
    """
    (a, b), (aa, bb) = map(float, mean), map(float, square)
    both = a * b + float(correlation)
    numbers = (a, b, aa, bb, both)
    if not all(map(math.isfinite, numbers)) or a <= 0.0 or b <= 0.0:
        raise RecipeError(f"mean = {shown(mean)}: expected magnitudes above 0")
    slack = 1e-9
    if aa < a * a * (1 - slack) or bb < b * b * (1 - slack) or both**2 > aa * bb * (1 + slack):
        raise RecipeError(
            f"square = {shown(square)}, correlation = {shown(correlation)}: no magnitudes of mean "
            f"{shown(mean)} have them"
        )
    if not is_word(penalty, PENALTIES):
        raise RecipeError(f"penalty = {shown(penalty)}: expected one of {', '.join(PENALTIES)}")
    if penalty == "l0":
        half = (aa + bb) / 2
        smaller = half - math.sqrt(((aa - bb) / 2) ** 2 + both**2)
        return Merge(max(0.0, smaller) if smaller > slack * half else 0.0, math.inf)
    angle = np.linspace(0.0, math.pi / 2, 4001)
    angle = np.append(angle, math.atan2(b, a))
    cos, sin = np.cos(angle), np.sin(angle)
    missed = np.maximum(0.0, aa * sin**2 + bb * cos**2 - 2 * both * sin * cos)
    missed[missed < slack * (aa + bb)] = 0.0
    saved = a * (1 - cos) + b * (1 - sin)
    margin = saved**2 - missed
    if not (margin > 0.0).any():
        return Merge(math.inf, math.inf)
    root = np.sqrt(margin[margin > 0.0])
    return Merge(float((2 * (saved[margin > 0.0] - root)).min()), float((2 * (saved[margin > 0.0] + root)).max()))


def merge_gain(
    parent: AnyFloat,
    child: AnyFloat,
    weight: float,
    penalty: str = "l1",
    angles: int = 91,
    probability: AnyFloat | None = None,
) -> float:
    """Return by how much one unit for parent and child lowers the loss of two that may keep silent where it pays.

    Parameters
    ----------
    parent, child : (n,) float
        Magnitudes at points that have both, from 0 up.
    weight : float
        λ of the penalty.
    penalty : {"l1", "l0"}, default "l1"
        As of `absorption_threshold`.
    angles : int, default 91
        Directions between the child's and the parent's that the one unit may have.
    probability : (n,) float, optional
        Of each pair of magnitudes, in place of 1/n.

    Returns
    -------
    float
        Mean loss of two units less that of the best one, at these points; above 0 merging pays.

    Raises
    ------
    RecipeError
        For magnitudes below 0 or of different number, a weight that is not above 0, and another penalty.

    Notes
    -----
    Source: docs/theory.md §8.

    Of a sample the number lies above the true one: the direction is the best for these very points. Where the law of
    the magnitudes is known, use `independent_merge_gain`.

    `absorption_threshold` lets both units fire at all points, and then promises merging far too early: under an L0
    penalty a unit that keeps silent where its magnitude² is below λ loses min(a², λ) only. Independent folded-normal
    magnitudes of mean square s merge above λ = .36 s if units must fire, and at no λ if they may be silent (*checked*,
    λ from .1 s to 8 s); equal constants merge at any λ below twice their square.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.abs(np.random.default_rng(0).standard_normal((2, 20_000)))
    >>> merge_gain(np.ones(9), np.ones(9), 0.5, "l0") > 0.0 > merge_gain(a, b, 0.5, "l0")
    True
    """
    a, b = np.asarray(parent, np.float64), np.asarray(child, np.float64)
    fine = a.ndim == 1 and a.size > 0 and a.shape == b.shape
    if not fine or not all((np.isfinite(own) & (own >= 0.0)).all() for own in (a, b)):
        raise RecipeError(f"parent {a.shape} and child {b.shape}: expected as many magnitudes of each, from 0 up")
    if not is_word(penalty, PENALTIES):
        raise RecipeError(f"penalty = {shown(penalty)}: expected one of {', '.join(PENALTIES)}")
    if not (math.isfinite(weight) and weight > 0.0):
        raise RecipeError(f"weight = {shown(weight)}: expected a number above 0")
    share = np.full(a.size, 1.0 / a.size) if probability is None else np.asarray(probability, np.float64)
    if share.shape != a.shape or not (np.isfinite(share) & (share >= 0.0)).all():
        raise RecipeError(f"probability of shape {share.shape}: expected a number from 0 up for each pair")

    def cost(code: AnyFloat) -> AnyFloat:
        """Squared error and penalty of the best code where ``code`` fits exactly."""
        if penalty == "l0":
            return np.minimum(code**2, weight)
        return np.where(code < weight / 2, code**2, weight * code - weight**2 / 4)

    one = min(
        float(share @ ((a * s - b * c) ** 2 + cost(a * c + b * s)))
        for c, s in ((math.cos(t), math.sin(t)) for t in np.linspace(0.0, math.pi / 2, angles))
    )
    return float(share @ (cost(a) + cost(b))) - one


def independent_merge_gain(kind: str, weight: float, penalty: str = "l1", scale: float = 1.0) -> float:
    """Return `merge_gain` of two independent magnitudes of a kind, from their law and not from a sample.

    Parameters
    ----------
    kind : {"constant", "folded-normal"}
        As of `magnitude_moments`.
    weight, penalty
        As of `merge_gain`.
    scale : float, default 1
        Root mean square of both magnitudes.

    Returns
    -------
    float
        The same at every edge: with one law for all, no edge gains more than another.

    Raises
    ------
    RecipeError
        As `merge_gain`, for another kind, and a scale that is not above 0.

    Notes
    -----
    Source: docs/theory.md §8.

    Exact for constants; for folded normals by quadrature, 160 × 160 nodes (*checked* against 4 million draws, within
    .001).

    Examples
    --------
    >>> independent_merge_gain("constant", 0.5, "l0") > 0.0 > independent_merge_gain("folded-normal", 0.5, "l0")
    True
    """
    magnitude_moments(kind)  # refuses other kinds
    if not 0.0 < scale < math.inf:
        raise RecipeError(f"scale = {shown(scale)}: expected a number above 0")
    if kind == "constant":
        one = np.full(1, float(scale))
        return merge_gain(one, one, weight, penalty)
    at, mass = _folded_normal()
    a, b = (grid.ravel() * scale for grid in np.meshgrid(at, at))
    return merge_gain(a, b, weight, penalty, probability=np.outer(mass, mass).ravel())


def _folded_normal() -> tuple[AnyFloat, AnyFloat]:
    """Nodes and masses of |N(0, 1)|."""
    nodes, weights = np.polynomial.legendre.leggauss(160)
    at = 9.0 * (nodes + 1.0) / 2.0
    mass = weights * np.exp(-(at**2) / 2.0)
    return at, mass / mass.sum()
