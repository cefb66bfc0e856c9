"""What deceives every estimator that looks at first neighbours: grids, copies, rows in time."""

from __future__ import annotations

from fractalman.measure.near_copies import near_copies
from fractalman.measure.neighbours import Neighbourhoods, rows_in_time

_TIES_ALLOWED = 0.03
_LEFT_OUT = "use duplicates='near' (--near-duplicates) to leave them out"


def deceptions(found: Neighbourhoods, ties: float) -> list[str]:
    """Return sentences about points that are a grid, copies of each other, or in time.

    Parameters
    ----------
    found : neighbours of the starting points.
    ties : share of points whose two nearest neighbours are equally far.
    """
    warnings = []
    copied = near_copies(found.near)
    if ties > _TIES_ALLOWED and copied is None:  # two near copies are equally far from a third point
        warnings.append(
            f"{100 * ties:.0f} % of the points have two nearest neighbours at one distance: a discrete set, whose "
            "first neighbours say nothing of its dimension; measure a random 1/16 of it"
        )
    if copied is not None:
        warnings.append(
            f"{100 * copied.share:.0f} % of the points have a neighbour nearer than {copied.ratio:.1g} of the distance "
            f"to the eighth: copies, but not to the last digit, which say nothing of the dimension; {_LEFT_OUT}"
        )
    if rows_in_time(found):
        left_out = f"theiler={found.theiler} leaves out too little" if found.theiler else "use theiler=…"
        warnings.append(
            f"the nearest neighbour of {100 * found.in_a_row:.0f} % of the points is the next row or the one after: "
            "rows follow each other in time, and neighbours in time say nothing of the dimension; "
            f"{left_out} (at least the time in which the series forgets itself, in rows)"
        )
    return warnings
