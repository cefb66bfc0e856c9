"""What a task of a sweep is, and what a point: one learner under one condition on one replicate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fractalman.display import Display
from fractalman.experiments.journal import Lines


class Task(NamedTuple):
    """A learner at a position of the axis on replicate ``seed``, or on all of them (None) if it runs them together.

    ``doubled`` names the setting that is doubled there, "" none.
    """

    learner: str
    value: int | float
    seed: int | None
    doubled: str = ""


@dataclass(frozen=True)
class Point(Display):
    """One point of a learning curve.

    Parameters
    ----------
    learner : str
        Its name; "bayes" for the Bayes floor.
    n : int
        Training-set size.
    seed : int
        Replicate, 0 … S − 1.
    risk : float
        Mean squared error over test points and label draws, in units of the label's prior variance; where the
        target is a class the share of wrong answers, 0–1 risk.
    train_risk : float
        Mean squared training residual, same unit; of classes the share of wrong answers.
    v_in : float
        V_in, the best constant's risk: expected label variance within the population, same unit; of classes the share
        of the rarer one.
    n_population : float
        N; inf where points are addressed.
    regime : str, default ""
        "" until the sweep's rule is applied to all replicates of this (learner, n).
    reason : str, default ""
        Why it has that regime.
    seconds : float, default 0.0
        Wall time spent on it.
    info : dict, default empty
        What the learner reports.
    value : int or float or None, default None
        Position on the sweep's axis; None = n.
    parameters : int or None, default None
        Number of fitted parameters, all outputs together; None where the learner has none.
    doubled : str, default ""
        The setting that was doubled, "" for a point of the sweep itself.
    efficiency : float or None, default None
        Risk over the Bayes floor of the same replicate at the same condition; None until the sweep is concluded, and
        where there is no floor.
    draw_risks : tuple of float, default ()
        The risk of every label vector alone, whose mean is ``risk``; () where there is one, or points decide their
        labels.
    expected_risk : float or None, default None
        What theory expects of the risk on these very points, training set and test set, over labels
        (`experiments.own_points`); None where it is not known.
    draw_scatter : float or None, default None
        Standard deviation of ``draw_risks`` over their mean, by `scatter.relative_scatter` from the residuals
        themselves; None where labels or residuals are not Gaussian.
    """

    learner: str
    n: int
    seed: int
    risk: float
    train_risk: float
    v_in: float
    n_population: float
    regime: str = ""
    reason: str = ""
    seconds: float = 0.0
    info: Mapping[str, Any] = field(default_factory=dict)
    value: int | float | None = None
    parameters: int | None = None
    doubled: str = ""
    efficiency: float | None = None
    draw_risks: tuple[float, ...] = ()
    expected_risk: float | None = None
    draw_scatter: float | None = None

    def __post_init__(self) -> None:
        if self.value is None:
            object.__setattr__(self, "value", self.n)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: an infinite N and a risk that is no number are None.

        Returns
        -------
        dict
            Plain JSON values.
        """
        out = dataclasses.asdict(self)
        for key in ("risk", "train_risk", "v_in", "n_population", "seconds"):
            out[key] = out[key] if math.isfinite(out[key]) else None
        out["draw_risks"] = list(self.draw_risks)
        return out

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Point:
        """Return the point of `to_dict`.

        Parameters
        ----------
        values : dict
            What `to_dict` returned.

        Returns
        -------
        Point
            Equal to the one that it was.
        """
        values = dict(values)
        for key in ("risk", "train_risk", "v_in", "n_population", "seconds"):
            if values[key] is None:
                values[key] = math.inf if key == "n_population" else math.nan
        values["draw_risks"] = tuple(values.get("draw_risks", ()))
        return cls(**values)


POINTS: Lines[Task, Point] = Lines(lambda task: Task(*task), Point.from_dict, Point.to_dict)
"""How they are written in a journal."""
