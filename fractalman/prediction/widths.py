"""The joint law of random features: what n points and P features are worth, each where the other does not limit.

Its term in n is that of the kernel of infinitely many features, its term in P what is left with infinitely many data.
Neither needs anything to be trained: both are risks expected over labels on drawn structures. With n far above P a
regression on P features has n/(n − P) times what the best combination of them leaves (docs/theory.md §5), so one large
n gives the limit: (1 − P/n)·risk.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fractalman import theory
from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.kernels import nngp
from fractalman.learners.random_features import RandomFeatures
from fractalman.prediction import frontiers, realization
from fractalman.prediction.drawn import DrawnRealizations
from fractalman.prediction.laws import law_for
from fractalman.prediction.splits import Splits

if TYPE_CHECKING:
    from fractalman.recipes import Recipe

_DRAWS = 4
"""Structures that amplitudes average over."""
_AROUND = 256
"""Training points about which the term in n is taken."""
_BEYOND, _SPAN = 16, 8.0
"""Times that n exceeds the largest P at least, and the factor in P that is averaged over without a period."""
_LARGEST = 1024
_DATA_POINTS, _MODEL_POINTS, _IN_A_PERIOD = 3, 4, 7
"""Sizes at which risks are taken where nothing wiggles, in n and in P, and where something does."""


def of_infinitely_many() -> theory.KernelRidge:
    """Return ridge regression with the kernel that rectified random features have in the limit of their number.

    E relu(w·x/√d + b) relu(w·z/√d + b) is the arc-cosine kernel of degree 1 (Cho & Saul 2009) of (x, √d) and (z, √d),
    up to a factor that no ridge in units of the kernel sees.
    """

    def kernel(A: F64, B: F64) -> F64:
        bias = np.sqrt(A.shape[1])
        return nngp(
            np.pad(A, ((0, 0), (0, 1)), constant_values=bias), np.pad(B, ((0, 0), (0, 1)), constant_values=bias), 1
        )

    return theory.KernelRidge(kernel=kernel)


def joint_of_features(
    recipe: Recipe,
    source: DrawnRealizations | Splits,
    own: RandomFeatures,
    largest: float,
    data_amplitude: float | None,
    model_amplitude: float | None,
) -> theory.JointLaw:
    """Return the joint law of random features in training points and number of features.

    Parameters
    ----------
    recipe : Recipe
        What the points are made of.
    source : DrawnRealizations or Splits
        Structures, or splits of a dataset.
    own : RandomFeatures
        The learner; its own number of features does not matter.
    largest : float
        The largest training set.
    data_amplitude, model_amplitude : float or None
        As given; they go first.

    Raises
    ------
    RecipeError
        Where the kernel or the number of features has no exponent here.
    """
    kernel = law_for(recipe, replace(own.own_properties, name="kernel of random features", features=None))
    alpha = kernel.data_exponent if kernel.data_exponent is not None else kernel.excess_exponent
    width, stays = law_for(recipe, own.own_properties).model_exponent, kernel.irreducible
    if alpha is None or stays is None:
        raise RecipeError(
            f"no joint law for learner 'random-features' on {recipe.family!r}: their kernel has no exponent in n, "
            f"{kernel.reason}; the nearest law is {kernel.nearest or 'that of noiseless labels'}"
        )
    if width is None:
        best = "" if kernel.model_exponent is None else f" of the best P cells, α_P = {kernel.model_exponent:.4g}"
        raise RecipeError(
            f"no joint law for learner 'random-features' on {recipe.family!r}: how the risk falls with the number of "
            "features is derived where cells of one size have one mass, on manifolds and on one cluster in enough "
            f"coordinates; the nearest law is that{best or ' of their kernel'}, in n n^−{alpha:.4g}"
        )
    A = _data_amplitude(source, kernel, alpha, stays, largest) if data_amplitude is None else data_amplitude
    B, n = model_amplitude, _points(largest)
    if B is None:
        B = _model_amplitude(source, own, kernel, width, stays, n)
    return theory.JointLaw(
        alpha, width, A, B, stays,
        "the kernel of infinitely many features" if data_amplitude is None else "as given",
        f"P features and {n} points, as if they were infinitely many" if model_amplitude is None else "as given",
    )  # fmt: skip


def _data_amplitude(
    source: DrawnRealizations | Splits, law: theory.Law, alpha: float, stays: float, largest: float
) -> float:
    period, count = law.log_period or frontiers.NO_PERIOD, _IN_A_PERIOD if law.log_period else _DATA_POINTS
    sizes = frontiers.period_sizes(period, max(1.0, min(largest / 16, _LARGEST)), count, _AROUND)
    return frontiers.mean_amplitude(sizes, _risks(source, of_infinitely_many(), sizes) - stays, alpha)


def _model_amplitude(
    source: DrawnRealizations | Splits, own: RandomFeatures, law: theory.Law, width: float, stays: float, n: int
) -> float:
    most = n / _BEYOND
    period = law.log_period or _SPAN
    factor = period ** max(1, int(np.log(_SPAN) / np.log(period) + 1e-9))
    features = frontiers.period_sizes(factor, most, _IN_A_PERIOD if law.log_period else _MODEL_POINTS, most)
    risks = [
        _risks(source, replace(own, features=int(P)).smoother(), np.array([n]))[0] * (1.0 - P / n) for P in features
    ]
    return frontiers.mean_amplitude(features, np.array(risks) - stays, width)


def _points(largest: float) -> int:
    """Training points that stand for infinitely many; features are no neighbours, so any share of a population does."""
    return int(min(_LARGEST, largest))


def _risks(source: DrawnRealizations | Splits, smoother: theory.Smoother, sizes: I64) -> F64:
    """Expected risks averaged over structures."""
    compute = realization.averaged(source, realization.smoothed(smoother))
    return np.asarray(compute(tuple(int(n) for n in sizes), 0, _DRAWS).mean(axis=0), np.float64)
