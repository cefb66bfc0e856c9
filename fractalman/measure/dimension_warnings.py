"""What deceives every estimator that looks at first neighbours: grids, copies, rows in time."""

from __future__ import annotations

from fractalman.measure.neighbours import COPY, Neighbourhoods, rows_in_time, share_of_near_copies

_TIES_ALLOWED = 0.03
_COPIES_ALLOWED = 0.05


def deceptions(found: Neighbourhoods, ties: float, value: float) -> list[str]:
    """Return sentences about points that are a grid, copies of each other, or in time.

    Parameters
    ----------
    found : neighbours of the starting points.
    ties : share of points whose two nearest neighbours are equally far.
    value : their dimension; the smaller, the nearer are neighbours by chance.
    """
    warnings = []
    if ties > _TIES_ALLOWED:
        warnings.append(
            f"{100 * ties:.0f} % of the points have two nearest neighbours at one distance: a discrete set, whose "
            "first neighbours say nothing of its dimension; measure a random 1/16 of it"
        )
    copied = share_of_near_copies(found)
    if copied > _COPIES_ALLOWED + 2.0 * COPY**value:
        warnings.append(
            f"{100 * copied:.0f} % of the points have a neighbour a thousand times nearer than the next one: copies, "
            "but not to the last digit, which say nothing of the dimension; round X and measure again (equal rows are "
            "left out)"
        )
    if rows_in_time(found):
        left_out = f"theiler={found.theiler} leaves out too little" if found.theiler else "use theiler=…"
        warnings.append(
            f"the nearest neighbour of {100 * found.in_a_row:.0f} % of the points is the next row or the one after: "
            "rows follow each other in time, and neighbours in time say nothing of the dimension; "
            f"{left_out} (at least the time in which the series forgets itself, in rows)"
        )
    return warnings
