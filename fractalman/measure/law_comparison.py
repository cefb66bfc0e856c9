"""Which law a learning curve follows: laws fitted to small sizes, scored on the large ones, and told apart by a test.

A fit that is good where it was made says little; the one that predicts is the better law. Whether it is better by more
than chance is asked of whole curves: the points of a curve share their data, so that the sizes of one curve are no
independent witnesses. The difference of two laws' mean squared misses on the held-out sizes is computed again without
each curve in turn, fits included; its jackknife error makes it a Student t of curves − 1 degrees of freedom. A law is
behind where some other law beats it in a two-sided test at 5 % shared among its rivals (Bonferroni): of two laws that
predict equally well either is preferred in 5 % of data sets, and the law that truly predicts best is called behind in
half as many. The laws that are left are a model confidence set.

Where two laws are the same at what was fitted (a floor of 0 is a power law), the difference is quadratic in the noise
and the jackknife makes its error too large, by 2 in the statistic: preferences are rarer than stated there.

Source: Hansen, Lunde & Nason 2011 (Econometrica 79:453) for confidence sets of models; Diebold & Mariano 1995 for
differences of predictive losses, with curves in the place of time; Vuong 1989 for what happens where laws overlap. The
test by curves is argued, and its level simulated (tests/measure/test_law_comparison.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fractalman._arguments import checked_arguments
from fractalman._typing import F64
from fractalman.config import is_word, real
from fractalman.config import shown as plain
from fractalman.display import Display
from fractalman.errors import FitError, nearest
from fractalman.measure.comparison import BrokenPowerLawFit, broken_curve, fit_broken_power_law, solve_broken
from fractalman.measure.curves import checked_curves
from fractalman.measure.floor_fit import floor_solution, jackknife_errors
from fractalman.measure.scaling import CONFIDENCE, PowerLawFit, fit_power_law, student_t

LAWS = ("power", "logarithm", "floor", "broken")
_SHARPNESS = 0.25  # of a broken law's turn
_ROUNDING = 1e-12  # a mean squared miss below this is where the solver stopped
_WORDS = {
    "power": "a pure power law", "logarithm": "a power law with a logarithm", "floor": "a power law with a floor",
    "broken": "a broken power law",
}  # fmt: skip


@dataclass(frozen=True)
class LawScore(Display):
    """How one law, fitted to small sizes, predicts the large ones.

    Parameters
    ----------
    law : str
        "power", "logarithm", "floor" or "broken".
    error : float
        Root mean square of ln(predicted / measured) over the held-out sizes.
    bias : float
        Its mean: positive where the law promises too large a loss.
    sigma : float or None
        The error in units of the measurement's own standard error there; None for a single curve.
    fit : PowerLawFit or BrokenPowerLawFit
        The fit to the small sizes.
    excess : float, default 0.0
        error² less that of the best law.
    excess_error : float or None, default None
        Its standard error over whole curves; 0 for the best law, None for a single curve.
    behind : bool or None, default None
        Whether some other law predicts significantly better; None for a single curve, where this cannot be said.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = 2.0 ** np.arange(4, 14)
    >>> score = fm.measure.compare_laws(n, n**-0.5 + 0.05, laws=("power",))[0]
    >>> score.bias < 0, score.sigma is None
    (True, True)
    """

    law: str
    error: float
    bias: float
    sigma: float | None
    fit: PowerLawFit | BrokenPowerLawFit
    excess: float = 0.0
    excess_error: float | None = None
    behind: bool | None = None


@dataclass(frozen=True)
class LawComparison(Display, Sequence[LawScore]):
    """Laws in the order of how well they predict, and which of them these data tell apart.

    It is a sequence of its scores, best first.

    Parameters
    ----------
    scores : tuple of LawScore
        Best first.
    up_to : float
        Largest size that was fitted.
    curves : int
        Replicates, which the test is over.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n, rng = 2.0 ** np.arange(4, 14), np.random.default_rng(0)
    >>> found = fm.measure.compare_laws(n, (n**-0.5 + 0.05) * np.exp(0.02 * rng.normal(size=(8, 10))))
    >>> found[0].law, "power" in found.indistinguishable
    ('floor', False)
    """

    scores: tuple[LawScore, ...]
    up_to: float
    curves: int

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: int) -> LawScore:  # type: ignore[override]
        return self.scores[index]

    def __iter__(self) -> Iterator[LawScore]:
        return iter(self.scores)

    @property
    def indistinguishable(self) -> tuple[str, ...]:
        """Names of the laws among which the best one is, with 95 % confidence; all of them for a single curve."""
        return tuple(score.law for score in self.scores if not score.behind)

    @property
    def sentence(self) -> str:
        """What these data say, in one sentence."""
        left = [_WORDS[law] for law in self.indistinguishable]
        out = [_WORDS[score.law] for score in self.scores if score.behind]
        where = f"fitted up to {self.up_to:g}"
        if self.curves < 2:
            return (
                f"{where}, {left[0]} predicts the larger sizes best; one curve does not say whether by more than chance"
            )
        if len(self.scores) == 1:
            return f"{where}, {left[0]} misses the larger sizes by {self.scores[0].error:.1%}; no other law was tried"
        if len(left) > 1:
            names = ", ".join(left[:-1]) + f" and {left[-1]}"
            worse = f"; {' and '.join(out)} predict{'s' * (len(out) == 1)} them worse" if out else ""
            return f"{where}, {names} are indistinguishable on the larger sizes ({self.curves} curves){worse}"
        return f"{where}, {left[0]} predicts the larger sizes better than {' and '.join(out)} ({self.curves} curves)"


@checked_arguments
def compare_laws(
    n: ArrayLike, loss: ArrayLike, *, up_to: float | None = None, laws: Sequence[str] = LAWS
) -> LawComparison:
    """Fit small, predict large: return the laws in the order of how well they predict the sizes they were not shown.

    Parameters
    ----------
    n : (sizes,) array_like
        Distinct sizes > 1.
    loss : (sizes,) or (replicates, sizes) array_like
        > 0, any unit; a row is a curve of its own data, whose sizes may share them.
    up_to : float, optional
        Largest size that is fitted; None = the smaller two thirds of the sizes (5 or more).
    laws : sequence of str
        Which of "power", "logarithm", "floor", "broken" to try; one that cannot be fitted is left out.

    Returns
    -------
    LawComparison
        The scores, best first, which of the laws are indistinguishable, and a sentence that says so.

    Raises
    ------
    FitError
        When fewer than 5 sizes are fitted, none is held out, a law is unknown, or none can be fitted.

    Notes
    -----
    The order is that of errors and says nothing of chance; ``behind`` and ``indistinguishable`` are the test: either
    of two laws that predict equally well is preferred in 5 % of data sets, whatever the sizes of one curve share.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> n = 2.0 ** np.arange(4, 14)
    >>> fm.measure.compare_laws(n, n**-0.5 + 0.05, laws=("power", "floor"))[0].law
    'floor'
    """
    for law in laws if isinstance(laws, Sequence) and not isinstance(laws, str) else (laws,):
        if not is_word(law, LAWS):
            raise FitError(f"unknown law {plain(law)}: expected {', '.join(LAWS)}{nearest(law, LAWS)}")
    sizes, losses = checked_curves(n, loss)
    up_to = None if up_to is None else real(0.0, math.inf)("up_to", up_to)
    shown = sizes <= up_to if up_to is not None else np.arange(sizes.size) < max(5, math.ceil(2 * sizes.size / 3))
    if shown.sum() < 5 or shown.all():
        raise FitError(
            f"{int(shown.sum())} sizes to fit and {int((~shown).sum())} to predict: expected 5 or more and 1 or more"
        )
    order = np.argsort(sizes)
    sizes, losses, shown = sizes[order], losses[:, order], shown[order]
    fits: dict[str, Callable[[], PowerLawFit | BrokenPowerLawFit]] = {
        "power": lambda: fit_power_law(sizes[shown], losses[:, shown]),
        "logarithm": lambda: fit_power_law(sizes[shown], losses[:, shown], logarithm=True),
        "floor": lambda: fit_power_law(sizes[shown], losses[:, shown], floor=True),
        "broken": lambda: fit_broken_power_law(sizes[shown], losses[:, shown], sharpness=_SHARPNESS),
    }
    found: dict[str, PowerLawFit | BrokenPowerLawFit] = {}
    refused = ""
    for law in laws:
        try:
            found[law] = fits[law]()
        except FitError as error:  # one law that does not fit never takes the others down
            refused = str(error)
    if not found:
        raise FitError(f"no law fits the smaller sizes: {refused}")
    measured = losses[:, ~shown].mean(axis=0)
    misses = {law: np.log(fit.predict(sizes[~shown])) - np.log(measured) for law, fit in found.items()}
    squared = {law: float(np.mean(np.square(miss))) for law, miss in misses.items()}
    ranked = sorted(found, key=lambda law: squared[law])
    without = _without_each(found, sizes, losses, shown) if len(losses) > 1 else None
    own = losses[:, ~shown].std(axis=0, ddof=1) / math.sqrt(len(losses)) / measured if len(losses) > 1 else None
    scores = []
    for law in ranked:
        sigma, excess_error, behind = None, None, None
        if without is not None and own is not None:
            with np.errstate(over="ignore"):  # curves that are equal to the last digit
                sigma = float(np.sqrt(np.mean(np.square(misses[law] / np.maximum(own, 1e-300)))))
            excess_error = float(jackknife_errors(without[law] - without[ranked[0]]))
            behind = _is_behind(law, squared, without, len(losses))
        excess = squared[law] - squared[ranked[0]]
        scores.append(
            LawScore(
                law, math.sqrt(squared[law]), float(misses[law].mean()), sigma, found[law], excess, excess_error, behind
            )
        )
    return LawComparison(tuple(scores), float(sizes[shown].max()), len(losses))


def _is_behind(law: str, squared: Mapping[str, float], without: Mapping[str, F64], curves: int) -> bool:
    """Return whether a rival predicts better, two-sided at 5 % shared among the rivals."""
    rivals = [other for other in squared if other != law]
    if not rivals:
        return False
    quantile = student_t(curves - 1, 1.0 - (1.0 - CONFIDENCE) / len(rivals))
    return any(
        squared[law] - squared[other]
        > max(_ROUNDING, quantile * float(jackknife_errors(without[law] - without[other])))
        for other in rivals
    )


def _without_each(
    found: Mapping[str, PowerLawFit | BrokenPowerLawFit], sizes: F64, losses: F64, shown: np.ndarray
) -> dict[str, F64]:
    """Return every law's mean squared miss with each curve left out, of fits and of what they are held against."""
    x, count = np.log(sizes), len(losses)
    means = (losses.sum(axis=0) - losses) / (count - 1)
    return {
        law: np.array(
            [
                np.mean(np.square(_refitted(law, fit, x[shown], mean[shown])(x[~shown]) - np.log(mean[~shown])))
                for mean in means
            ]
        )
        for law, fit in found.items()
    }


def _refitted(law: str, fit: PowerLawFit | BrokenPowerLawFit, x: F64, curve: F64) -> Callable[[F64], F64]:
    """Return ln loss as a function of ln n, by the same law fitted to another curve, from the fit as it was."""
    if isinstance(fit, BrokenPowerLawFit):
        start = np.array([math.log(fit.amplitude), fit.before, fit.after, math.log(fit.turn)])
        solution = solve_broken(x, np.log(curve), fit.sharpness, start)[0]
        return lambda at: broken_curve(solution, at, fit.sharpness)
    if law == "floor":
        start = np.array([math.log(fit.amplitude), fit.value, fit.floor or 0.0])
        q = floor_solution(x, curve, np.zeros_like(x), start)[0]
        return lambda at: np.log(np.exp(q[0] - q[1] * at) + q[2])
    offset = np.log(x) if law == "logarithm" else np.zeros_like(x)
    slope, level = np.polyfit(x - x.mean(), np.log(curve) - offset, 1)
    return lambda at: level + slope * (at - x.mean()) + (np.log(at) if law == "logarithm" else 0.0)
