"""Exponents of learning curves of exact law: pure, with a floor, a logarithm, periodic in the logarithm, real noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from trial import Answer, Case, Method, Trial

import fractalman as fm

Curve = tuple[np.ndarray, np.ndarray]
"""Sizes, and losses (replicates, sizes)."""


def _curve(exponent: float, floor: float = 0.0, noise: float = 0.02, shape: str = "constant", extra: Any = None) -> Any:
    """Return curves of n sizes, 4 replicates; their noise is relative: constant, falling with n or heavy-tailed."""

    def make(n: int, seed: int) -> Curve:
        rng = np.random.default_rng([37, seed])
        size = np.geomspace(32, 32 * 2 ** (n - 1), n)
        law = size**-exponent * (1.0 if extra is None else extra(size)) + floor
        draw = rng.standard_normal((4, n)) if shape != "heavy" else rng.standard_t(2.5, (4, n)) / math.sqrt(5.0)
        if shape == "falling":
            draw = draw * 2.0 * (size / size[0]) ** -0.3
        return size, law * np.exp(noise * draw)

    return make


def _ours(**keywords: Any) -> Any:
    def run(curve: Curve) -> Answer:
        fit = fm.measure.fit_power_law(*curve, **keywords)
        return Answer(fit.value, *fit.interval)

    return run


def _power(n: np.ndarray, a: float, alpha: float, floor: float) -> np.ndarray:
    return a * n**-alpha + floor


def _scipy(start: bool, weights: bool) -> Any:
    def run(curve: Curve) -> Answer:
        from scipy.optimize import curve_fit

        size, loss = curve
        mean = loss.mean(0)
        keywords: dict[str, Any] = {"p0": (mean[0] * size[0] ** 0.5, 0.5, 0.5 * mean[-1])} if start else {}
        keywords |= {"sigma": mean} if weights else {}
        best, covariance = curve_fit(_power, size, mean, maxfev=20_000, **keywords)
        half = 1.96 * math.sqrt(covariance[1, 1])
        return Answer(float(best[1]), best[1] - half, best[1] + half)

    return run


def _lmfit(curve: Curve) -> Answer:
    import lmfit

    size, loss = curve
    mean = loss.mean(0)
    model = lmfit.models.PowerLawModel() + lmfit.models.ConstantModel()
    start = {**model.components[0].guess(mean, x=size).valuesdict(), "c": 0.0}
    found = model.fit(mean, x=size, **start)
    value, error = -found.params["exponent"].value, found.params["exponent"].stderr
    return Answer(value, *(() if error is None else (value - 1.96 * error, value + 1.96 * error)))


def _statsmodels(curve: Curve) -> Answer:
    """Least squares in logarithms: no floor."""
    import statsmodels.api as sm

    size, loss = curve
    fit = sm.OLS(np.log(loss.mean(0)), sm.add_constant(np.log(size))).fit()
    low, high = fit.conf_int()[1]
    return Answer(-float(fit.params[1]), -float(high), -float(low))


TRIAL = Trial(
    name="curves",
    question="Which fit gives the exponent of a learning curve with a 95 % interval that covers?",
    quantity="exponent of the curve",
    cases=(
        Case("pure .3", 0.3, _curve(0.3)),
        Case("pure 1.1", 1.1, _curve(1.1)),
        Case("pure .5, noise .1", 0.5, _curve(0.5, noise=0.1)),
        Case("pure .5, heavy tails", 0.5, _curve(0.5, shape="heavy")),
        Case("pure .5, falling noise", 0.5, _curve(0.5, shape="falling")),
        Case("floor .02, .5", 0.5, _curve(0.5, 0.02)),
        Case("floor .1, .3", 0.3, _curve(0.3, 0.1)),
        Case("floor 1.7, .35", 0.35, _curve(0.35, 1.7, 0.002)),
        Case("floor .02, 1", 1.0, _curve(1.0, 0.02)),
        Case("logarithm, 1", 1.0, _curve(1.0, extra=lambda n: np.log(n))),
        Case("log-periodic, .7", 0.7, _curve(0.7, extra=lambda n: 1 + 0.1 * np.cos(2 * np.pi * np.log(n) / np.log(4)))),
        Case("floor .02, .5, falling", 0.5, _curve(0.5, 0.02, shape="falling")),
    ),
    methods=(
        Method("fractalman", "fractalman", _ours()),
        Method("fractalman, floor", "fractalman", _ours(floor=True), "floor=True"),
        Method("fractalman, logarithm", "fractalman", _ours(logarithm=True), "logarithm=True"),
        Method("scipy curve_fit", "scipy", _scipy(False, False)),
        Method("scipy curve_fit, start", "scipy", _scipy(True, False), "p0"),
        Method("scipy curve_fit, start, sigma", "scipy", _scipy(True, True), "p0, sigma=mean"),
        Method("lmfit power law + constant", "lmfit", _lmfit),
        Method("statsmodels OLS in logarithms", "statsmodels", _statsmodels),
    ),
    sizes=(5, 8, 12),
    figure=("pure .3", "floor .02, .5", "logarithm, 1", "log-periodic, .7"),
)
