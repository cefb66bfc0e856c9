"""Laws of dictionaries whose features have a power law of sizes: in the width, and in the number of points."""

from __future__ import annotations

import math

from fractalman.errors import RecipeError
from fractalman.theory.laws.law import Law


def width_law(rank_exponent: float) -> Law:
    """Return the law of a dictionary's error as its width grows, where the r-th largest feature has p ~ r^−ζ.

    Parameters
    ----------
    rank_exponent : float
        ζ > 0; 2 for subclusters of a critical cluster (subclusters of s points or more ~ s^−1/2), 1 for regular trees.

    Returns
    -------
    Law
        Model exponent ζ − 1 for ζ > 1; none for ζ ≤ 1, where every scale holds as much as the next.

    Raises
    ------
    RecipeError
        For ζ that is not above 0.

    Examples
    --------
    >>> width_law(2.0).model_exponent
    1.0
    >>> width_law(1.0).model_exponent is None
    True
    """
    if not rank_exponent > 0.0 or math.isinf(rank_exponent):
        raise RecipeError(f"rank_exponent = {rank_exponent!r}: expected a finite number above 0")
    name = "features by decreasing share of the points"
    domain = (
        "orthogonal directions, magnitudes that do not depend on size, faithful units, widths between the largest "
        "features' and the number of features, units a point not limiting"
    )
    source = "docs/theory: dictionaries"
    inputs = {"ζ": float(rank_exponent)}
    if rank_exponent <= 1.0:
        return Law.none(
            name,
            "the error falls with the logarithm of the width at the most: features of all sizes hold as much",
            because=f"Σ r^−{rank_exponent:g} has no limit: what is left out is set by the smallest features",
            nearest="the same for ζ > 1",
            domain=domain,
            source=source,
            evidence="argued, and held against exact sums",
            inputs=inputs,
        )
    return Law(
        name=name,
        statement=f"error ~ w^−{rank_exponent - 1:g}",
        data_exponent=None,
        model_exponent=rank_exponent - 1.0,
        source=source,
        evidence="argued, and held against exact sums",
        reason=f"what w units leave out is the sum of p_r ~ r^−{rank_exponent:g} over r > w",
        domain=domain,
        inputs=inputs,
        irreducible=0.0,
    )
