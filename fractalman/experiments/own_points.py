"""What theory expects of a learner's risk on a replicate's very points, over labels: structures cancel against it.

- A linear smoother of values: exact, with the ridge or the number of neighbours that it chose, for choosing again would
  cost more than learning. It holds for every field whose label vectors are drawn alike, Gaussian or not.
- One neighbour of classes, and k of which one was chosen: exact for Gaussian values, the arccosine of the correlation
  of the pair (Owen's function of it where a threshold is not 0). The vote of more neighbours, of ridge or of kernels is
  an orthant probability without a closed form: its share of wrong answers over classes drawn anew on these points, so
  many that their own scatter adds an eighth to the variance of the ratio at most.
- A network of values: the exact risk of ridge regression with its tangent kernel times what networks were measured to
  lose against it, which has the errors of that measurement (`prediction.networks`); along its steps that of the
  kernel's gradient flow after so many, likewise (`prediction.stopped`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fractalman.conventions import ZERO_ONE
from fractalman.errors import FractalmanError
from fractalman.experiments.replicates import Replicate
from fractalman.experiments.specification import Spec
from fractalman.learners import Learner

if TYPE_CHECKING:
    from fractalman.theory import Smoother

EXPECTED_LARGEST = 4096
"""Training sets up to which a linear smoother's expected risk is computed: a covariance of 128 MiB."""
NETWORK_LARGEST = 2048
"""The same of networks, whose kernel chooses its ridge anew."""
VOTES_LARGEST = 2048
"""The same of votes, over classes drawn from a covariance that is factored …"""
_VOTE_POINTS = 6144
"""… of so many training and test points at most: 300 MB."""
_VOTES = (16, 256, 1024)
"""Class vectors drawn for each one that is measured, the fewest and the most."""


def expected_on(
    learner: Learner, spec: Spec, r: Replicate, n: int, key: int, chosen: Mapping[str, Any]
) -> float | None:
    """Return the risk expected over labels on a replicate's training and test points; None where it is not known.

    Parameters
    ----------
    learner : Learner
        Who was fitted.
    spec : Spec
        Of the sweep: whether labels are classes, and the loss.
    r : Replicate
        Its points.
    n : int
        Training points, the first of the replicate's.
    key : int
        The learner's key.
    chosen : dict
        What it chose: "ridge" or "k".
    """
    smoother = learner.smoother() if expects(learner, spec, n) else None
    if smoother is None or r.covariance is None:
        return None
    if spec.axis.kind == "budget":
        from fractalman.prediction.stopped import stopped_on

        test = len(r.X_train) + np.arange(len(r.X_test))
        own = stopped_on(cast(Any, learner), r.covariance, r.X_train[:n], r.X_test, test, spec.network_draws)
        return float(own.mean())
    if chosen.get("ridge") is not None:
        smoother = dataclasses.replace(cast(Any, smoother), ridges=(chosen["ridge"],))
    elif chosen.get("k") is not None:
        smoother = dataclasses.replace(cast(Any, smoother), k=chosen["k"])
    try:
        if spec.recipe.classifies:
            return _of_class(smoother, spec, r, n, key)
        train, test = np.arange(n), len(r.X_train) + np.arange(len(r.X_test))
        risk = float(smoother.expected(r.covariance, r.X_train[:n], r.X_test, train, test, key).risk.mean())
    except FractalmanError:  # no ridge can be used in double precision
        return None
    if learner.linear_smoother:
        return risk
    from fractalman.prediction.networks import measured_ratio

    return measured_ratio(spec.recipe, spec.network_draws).ratio * risk


def expects(learner: Learner, spec: Spec, n: int) -> bool:
    """Return whether `expected_on` may know a learner's risk, before there are points.

    Parameters
    ----------
    learner, spec, n
        As for `expected_on`.
    """
    if not spec.recipe.redraws_labels:
        return False
    if spec.axis.kind == "budget":
        from fractalman.prediction.stopped import no_steps_curve

        return no_steps_curve(learner) is None and n <= NETWORK_LARGEST and not spec.recipe.classifies
    if spec.axis.kind not in ("data", "model"):
        return False
    if learner.linear_smoother:
        if not spec.recipe.classifies:
            return n <= EXPECTED_LARGEST
        known = spec.loss == ZERO_ONE and spec.recipe.gaussian_values
        if learner.name == "1-nn":
            return known and n <= EXPECTED_LARGEST
        return known and n <= VOTES_LARGEST and VOTES_LARGEST + spec.test_size <= _VOTE_POINTS
    if spec.axis.kind == "model":  # the ratio was measured at two widths
        return False
    return learner.batched and n <= NETWORK_LARGEST and not spec.recipe.classifies and learner.smoother() is not None


def _of_class(smoother: Smoother, spec: Spec, r: Replicate, n: int, key: int) -> float | None:
    """Return a 0–1 risk: of one neighbour exactly, of votes over drawn classes; None of other losses."""
    from fractalman.nearest import nearest_k
    from fractalman.theory import neighbour_class_risk, vote_curve
    from fractalman.theory.smoothers import Neighbours

    if spec.loss != ZERO_ONE or r.covariance is None:
        return None
    t, threshold = len(r.X_test), spec.recipe.threshold
    test = len(r.X_train) + np.arange(t)
    if isinstance(smoother, Neighbours) and smoother.k == 1:
        nearest = nearest_k(r.X_train[:n], r.X_test, 1)[:, 0]
        return float(neighbour_class_risk(r.covariance, test, nearest, threshold).mean())
    if n > VOTES_LARGEST or VOTES_LARGEST + t > _VOTE_POINTS:
        return None
    count = int(np.clip(_VOTES[0] * spec.label_draws, *_VOTES[1:]))
    drawn = r.classes(VOTES_LARGEST, count, threshold)[: t + n].astype(np.float64)
    own, X = r.covariance.restricted(np.concatenate([test, np.arange(n)])), np.concatenate([r.X_test, r.X_train[:n]])
    return float(vote_curve(own, drawn, X, t + np.arange(n), [n], np.arange(t), smoother, threshold, key)[0])
