"""Curve and floor of one prediction, paired: the same structures, training sets and test points, one number of draws.

A floor lies below every curve draw by draw, so it does so on average, too, as long as both average over the same draws.
Where a curve of the same draws is known exactly (`methods.Control`), both are multiplied by one number, the control's
exact risk over its average: that takes off what these draws have too much of it and changes no order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fractalman._threads import one_matrix_thread
from fractalman._typing import F64
from fractalman.config import is_integer, is_real, shown
from fractalman.errors import RecipeError
from fractalman.prediction.methods import Control, Method
from fractalman.prediction.realization import Compute

FEWEST, MOST = 3, 4096
"""Realizations that one may ask for, and how many at most a target error is pursued with."""


@dataclass
class KnownRisks:
    """Risks draw by draw of one method, kept: computed for sizes and draws that are not known yet.

    Args:
        compute: sizes, first draw, last draw → (draws, sizes).
    """

    compute: Compute
    known: dict[int, F64] = field(default_factory=dict)

    def get(self, sizes: Sequence[int], count: int) -> F64:
        """Return the risks of the first ``count`` draws, (count, sizes)."""
        lengths: dict[int, list[int]] = {}
        for n in dict.fromkeys(sizes):
            have = self.known.get(n, np.empty(0)).size
            if have < count:
                lengths.setdefault(have, []).append(n)
        for have, missing in lengths.items():
            with one_matrix_thread():
                new = self.compute(tuple(sorted(missing)), have, count)
            for n, column in zip(sorted(missing), new.T, strict=True):
                self.known[n] = np.concatenate([self.known.get(n, np.empty(0)), column])
        return np.stack([self.known[n][:count] for n in sizes], axis=1)


class Averages:
    """The curve and the floor of one prediction.

    Parameters
    ----------
    curve : Method or None
        How the curve is computed; None where none is known.
    floor : Method or None
        The same of the Bayes floor.
    control : Control or None
        A curve known exactly and draw by draw.
    usual : int
        Draws that the source has by default.
    draws : int or None
        How many are asked for; None = the fewest that curve and floor have by default.
    target_error : float or None
        Relative standard error of the curve that draws are added for; None = no more.

    Raises
    ------
    RecipeError
        For a number of draws or an error outside its range.
    """

    def __init__(
        self,
        curve: Method | None,
        floor: Method | None,
        control: Control | None,
        usual: int,
        draws: int | None,
        target_error: float | None,
    ) -> None:
        if draws is not None and (not is_integer(draws) or draws < FEWEST):
            raise RecipeError(f"draws = {shown(draws)}: expected an integer of at least {FEWEST}, or None")
        if target_error is not None and not (is_real(target_error) and 0.0 < target_error < 1.0):
            raise RecipeError(f"target_error = {shown(target_error)}: expected a number between 0 and 1, or None")
        self.methods = {"curve": curve, "floor": floor}
        self.control, self.target_error = control, target_error
        limits = [m.usual for m in (curve, floor) if m is not None and m.usual is not None]
        self.count = int(draws) if draws is not None else min([usual, *limits])
        self._rows = {name: KnownRisks(m.compute) for name, m in self.methods.items() if m is not None}
        self._control = None if control is None else KnownRisks(control.compute)
        exact = curve is not None and curve.exact and curve.drawn is not None
        self._drawn = KnownRisks(curve.drawn) if exact and curve is not None and curve.drawn is not None else None

    def columns(self, which: str, sizes: Sequence[int]) -> F64:
        """Return risks draw by draw whose mean is the curve or floor; one row where it is exact.

        The scatter of the rows over √draws is the mean's standard error, that of the control's factor included.

        Parameters
        ----------
        which : str
            "curve" or "floor".
        sizes : list of int
            Training-set sizes.

        Returns
        -------
        (draws, sizes) float64
            Risks in units of the label's prior variance.

        Raises
        ------
        RecipeError
            Where none is known, or the wanted error is not reached with the most draws.
        """
        method = self.methods[which]
        if method is None:
            raise RecipeError(f"no {which} is known here: expected a learner and a family with one")
        if method.exact:
            rows = self._rows[which]
            return rows.get(sizes, 1)
        found = self._columns(which, sizes)
        while self.target_error is not None and self.relative_error(found) > self.target_error:
            if self.count >= MOST:
                raise RecipeError(
                    f"target_error = {self.target_error:g} is not reached with {MOST} draws: the curve's relative "
                    f"error is {self.relative_error(found):.2g}; use a larger target_error"
                )
            needed = self.count * (self.relative_error(found) / self.target_error) ** 2
            self.count = int(min(MOST, max(math.ceil(1.1 * needed), self.count + 2)))
            found = self._columns(which, sizes)
        return found

    def known(self, which: str) -> list[int]:
        """Return the sizes at which the curve or the floor was computed already.

        Parameters
        ----------
        which : str
            "curve" or "floor".

        Returns
        -------
        list of int
            Ascending; [] where there is none.
        """
        method, rows = self.methods[which], self._rows.get(which)
        if method is None or rows is None:
            return []
        count = 1 if method.exact else self.count
        return sorted(n for n, column in rows.known.items() if column.size >= count)

    def structures(self, sizes: Sequence[int]) -> F64 | None:
        """Return the curve's risks on every draw as they are, without any control; None where they are not known so.

        Their scatter is that of the structures which replicates of an experiment are.

        Parameters
        ----------
        sizes : list of int
            Training-set sizes.

        Returns
        -------
        (draws, sizes) float64 or None
            Risks in units of the label's prior variance.
        """
        method = self.methods["curve"]
        rows = self._drawn if method is None or method.exact else self._rows["curve"]
        return None if rows is None else rows.get(sizes, self.count)

    @staticmethod
    def relative_error(columns: F64) -> float:
        """Return the largest relative standard error over the sizes; 0 where no risk is resolved.

        Parameters
        ----------
        columns : (draws, sizes) float64
            Risks, draw by draw.

        Returns
        -------
        float
            A share of the risk.
        """
        mean = columns.mean(axis=0)
        error = columns.std(axis=0, ddof=1) / math.sqrt(len(columns))
        share = error[mean > 0.0] / mean[mean > 0.0]
        return float(share.max(initial=0.0))

    def _columns(self, which: str, sizes: Sequence[int]) -> F64:
        found = self._rows[which].get(sizes, self.count)
        if self._control is None or self.control is None or len(found) < FEWEST:
            return found
        beside = self._control.get(sizes, self.count)
        mean, exact = beside.mean(axis=0), self.control.exact(tuple(sizes))[0]
        usable = (mean > 0.0) & (exact > 0.0)
        factor = np.where(usable, exact / np.where(usable, mean, 1.0), 1.0)
        slope = np.where(usable, found.mean(axis=0) / np.where(usable, mean, 1.0), 0.0)
        return np.asarray(factor * (found - slope * (beside - mean)), np.float64)
