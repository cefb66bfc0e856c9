"""What few coordinates do to a law of nearest points: other branches cross where a point lies.

Symbols: D = dimension of the set, d = coordinates, ε = distance to the nearest training point of the own branch.
"""

from __future__ import annotations

import math
from dataclasses import replace

from fractalman.theory.laws.law import Conflict, Law
from fractalman.theory.laws.learner_properties import LearnerProperties

SEEN_BY = ("local", "kernel", "network")
"""Kinds of learners that know points by where they lie in X."""
_CHECKED = ("1-nn", "k-nn", "laplace-kernel")


def crossing_exponent(d: float, dimension: float) -> float:
    """Return the exponent of the risk that crossing branches leave, (d − D)/D; 0 or less: it does not fall.

    Parameters
    ----------
    d : float
        Coordinates.
    dimension : float
        D of a set whose cells have the mass R^D.

    Examples
    --------
    >>> crossing_exponent(3, 2.0)
    0.5
    """
    return d / dimension - 1.0


def crowded(law: Law, learner: LearnerProperties, d: int, dimension: float, crossing: float | None) -> Law:
    """Return a law of nearest points as it holds in d coordinates.

    A point of another branch comes within ε with probability ~ n·ε^d, whatever the branch's own scale, and is then the
    nearest though its label has nothing to do with this one: the risk falls as the slower of the law's power and of
    n·ε^d ~ n^(1 − d/D). With d ≤ D branches cross everywhere and nothing decays.

    Parameters
    ----------
    law : Law
        That holds in as many coordinates as one likes.
    learner : LearnerProperties
        Who learns; one that does not go by places in X keeps the law.
    d : int
        Coordinates.
    dimension : float
        D, of the set.
    crossing : float or None
        Exponent of n·ε^d, `crossing_exponent` where a cell of size R has the mass R^D; None = not derived where
        branches cross, but slower than the law's power.

    Returns
    -------
    Law
        The same, with the slower exponent, or with none.

    Notes
    -----
    Source: docs/theory.md §3.1, argued; checked for one neighbour and the Laplace kernel.
    """
    if learner.kind not in SEEN_BY or law.data_exponent is None:
        return law
    clean = law.data_exponent
    if crossing is not None and crossing > clean * (1.0 + 1e-9):
        return law
    nearest = f"{law.name}, α_D = {clean:.4g}, in more coordinates: d far above {dimension + clean * dimension:.3g}"
    if d <= dimension:
        return law.withdrawn(
            name="no law: as many dimensions as coordinates",
            statement=f"no power law: a set of dimension {dimension:.4g} crosses itself everywhere in d = {d} "
            "coordinates, so what lies next to a point need not belong to its branch however many points there are",
            because="X does not tell branches apart, and what it leaves open stays",
            nearest=nearest,
            windows=(),
            attained=False,
        )
    if crossing is None:
        return law.withdrawn(
            name="no law: branches cross",
            statement=f"between d = {d} and a dimension of {dimension:.4g} other branches cross often enough to be "
            f"nearest: the risk falls more slowly than {law.statement}",
            because="cells of one size differ in mass, and how often an empty one is crossed by a full one is not "
            "derived",
            nearest=nearest,
            windows=(),
            attained=False,
        )
    if math.isclose(crossing, clean, rel_tol=1e-9):
        return replace(law, data_logarithms=law.data_logarithms + 1.0, attained=False)
    return replace(
        law,
        name=f"branches that cross ({law.name})",
        statement=f"in d = {d} coordinates another branch is nearer than the own with probability ~ n·ε^d: "
        f"α_D = {crossing:.4g}, slower than {law.statement}",
        data_exponent=crossing,
        data_logarithms=0.0,
        evidence="argued; checked for 1-nn, n = 128…8192: slopes .48–.55, .33–.35, .86–.96 where .5, .333, 1 are due "
        "(cascades), .23–.30 where .25 is (clusters, d = 5)",
        reason="a set crosses itself in so few coordinates; where it does, the nearest point has another label",
        windows=tuple(
            replace(window, exponent=None if window.exponent is None else crossing) for window in law.windows
        ),
        conflicts=(
            Conflict(law.name, "data", clean, f"holds from d = {dimension + clean * dimension:.3g} on"),
            *law.conflicts,
        ),
        attained=law.attained and learner.name in _CHECKED,
    )
