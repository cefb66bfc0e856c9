"""Exponents of discrete cluster sizes of exact laws, with and without a cut-off."""

from __future__ import annotations

from typing import Any

import numpy as np
from trial import Answer, Case, Method, Trial

import fractalman as fm


def _yule(prob: float) -> Any:
    """Sizes drawn from Yule–Simon's law by its mixture: geometric with success e^(−E/ρ) of an exponential E."""

    def make(n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng([19, seed])
        rho = 1.0 / (1.0 - prob)
        return rng.geometric(np.exp(-rng.exponential(1.0 / rho, n)))

    return make


def _borel(mean: float) -> Any:
    """Total progeny of Poisson branching: at mean 1 Borel's law, τ = 3/2; below 1 with an exponential cut-off."""

    def make(n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng([23, seed])
        alive, size = np.ones(n, np.int64), np.ones(n, np.int64)
        for _ in range(100_000):
            growing = np.flatnonzero((alive > 0) & (size < 10**7))
            if not len(growing):
                break
            alive[growing] = rng.poisson(mean * alive[growing])
            size[growing] += alive[growing]
        return size

    return make


def _zipf(tau: float) -> Any:
    return lambda n, seed: np.minimum(np.random.default_rng([29, seed]).zipf(tau, n), 10**15)


def _floor_pareto(tau: float) -> Any:
    """Pareto numbers rounded down: the tail of a power law, with another head."""
    return lambda n, seed: np.floor(
        np.random.default_rng([31, seed]).random(n) ** (-1.0 / (tau - 1.0))
    ).clip(1, 1e15).astype(np.int64)  # fmt: skip


def _recipe(recipe: Any) -> Any:
    """The sizes of a dataset's clusters, n points in all."""

    def make(n: int, seed: int) -> np.ndarray:
        found = fm.measure.cluster_sizes(np.asarray(fm.generate(recipe(n * 4, seed)).cluster))
        return np.repeat(found.size, found.count)

    return make


def _ours(window: Any) -> Any:
    """Our maximum likelihood in the window that ``window`` makes of the largest size seen."""

    def run(sizes: np.ndarray) -> Answer:
        size, count = np.unique(sizes, return_counts=True)
        one = fm.measure.size_exponent(size, count, window(int(size[-1])))
        return Answer(one.value, one.value - one.half_width, one.value + one.half_width)

    return run


def _powerlaw(**keywords: Any) -> Any:
    def run(sizes: np.ndarray) -> Answer:
        import powerlaw

        fit = powerlaw.Fit(sizes, discrete=True, verbose=False, **keywords).power_law
        sigma = getattr(fit, "sigma", None)
        return Answer(
            float(fit.alpha), *(() if sigma is None else (fit.alpha - 1.96 * sigma, fit.alpha + 1.96 * sigma))
        )

    return run


def _counts_regression(sizes: np.ndarray) -> float:
    """What many papers do: least squares of log counts on log sizes."""
    size, count = np.unique(sizes, return_counts=True)
    import statsmodels.api as sm

    return -float(sm.OLS(np.log(count), sm.add_constant(np.log(size))).fit().params[1])


TRIAL = Trial(
    name="sizes",
    question="Which estimator gives the exponent τ of cluster numbers n_s ~ s^−τ?",
    quantity="exponent τ",
    cases=(
        *(Case(f"Yule–Simon p = {p:.2g}", 1.0 + 1.0 / (1.0 - p), _yule(p)) for p in (0.1, 1 / 3, 0.5, 0.7)),
        Case("Borel, critical", 1.5, _borel(1.0)),
        Case("Borel, mean .9 (cut-off)", 1.5, _borel(0.9)),
        *(Case(f"Zipf τ = {t:g}", t, _zipf(t)) for t in (1.6, 2.055, 2.5, 3.5)),
        *(Case(f"rounded Pareto τ = {t:g}", t, _floor_pareto(t)) for t in (1.8, 2.5)),
        Case("ensemble of clusters", 2.5, _recipe(lambda n, s: fm.PercolationEnsemble(n_points=n, seed=s))),
    ),
    methods=(
        Method("fractalman", "fractalman", _ours(lambda _: None)),
        Method("fractalman from 1", "fractalman", _ours(lambda _: (1, None)), "window=(1, None)"),
        Method(
            "fractalman 1 to largest", "fractalman", _ours(lambda largest: (1, largest)), "window=(1, largest seen)"
        ),
        Method("powerlaw", "powerlaw", _powerlaw(), most=10_000),
        Method("powerlaw xmin 1", "powerlaw", _powerlaw(xmin=1), "xmin=1"),
        Method(
            "powerlaw range to 10", "powerlaw", _powerlaw(xmin=1, parameter_ranges={"alpha": [1.01, 10]}), "alpha to 10"
        ),
        Method("regression on counts", "statsmodels", _counts_regression),
    ),
    sizes=(300, 1000, 3000, 10_000),
    figure=("Yule–Simon p = 0.33", "Borel, critical", "Zipf τ = 3.5", "rounded Pareto τ = 2.5"),
)
