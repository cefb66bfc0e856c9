"""Hurst exponents: paths of fractional Brownian motion, and fields on points, of exactly known roughness."""

from __future__ import annotations

from typing import Any

import numpy as np
from sets import brownian
from trial import Answer, Case, Method, Trial

import fractalman as fm


def _nolds(name: str, increments: bool, **keywords: Any) -> Any:
    def run(path: np.ndarray) -> float:
        import nolds

        return float(getattr(nolds, name)(np.diff(path) if increments else path, **keywords))

    return run


def _dfa(path: np.ndarray) -> float:
    import antropy

    return float(antropy.detrended_fluctuation(np.diff(path)))


def _higuchi(path: np.ndarray) -> float:
    import antropy

    return 2.0 - float(antropy.higuchi_fd(path))


def _mfdfa(order: int) -> Any:
    def run(path: np.ndarray) -> float:
        from MFDFA import MFDFA

        lag = np.unique(np.geomspace(order + 3, len(path) / 4, 20).astype(int))
        scale, fluctuation = MFDFA(np.diff(path), lag=lag, q=np.array([2.0]), order=order)
        return float(np.polyfit(np.log(scale), np.log(fluctuation[:, 0]), 1)[0])

    return run


def _gstools(path: np.ndarray) -> float:
    import gstools

    position = np.arange(len(path), dtype=float)
    bins = np.arange(0.5, 33.0)
    distance, value = gstools.vario_estimate(position, path, bins, sampling_size=2000, sampling_seed=1)
    model = gstools.Stable(dim=1)
    model.fit_variogram(distance, value, nugget=False)
    return 0.5 * float(model.alpha)


def _smoothness(which: str) -> Any:
    def run(path: np.ndarray) -> Answer:
        fit = getattr(fm.measure.smoothness(np.arange(len(path), dtype=float)[:, None], path), which)
        return Answer(0.5 * fit.value, 0.5 * fit.interval[0], 0.5 * fit.interval[1])

    return run


TRIAL = Trial(
    name="roughness",
    question="Which estimator gives the Hurst exponent of a path of fractional Brownian motion?",
    quantity="Hurst exponent H",
    cases=tuple(
        Case(f"H = {h:g}", h, lambda n, seed, h=h: brownian(h, n, seed))
        for h in (0.1, 0.15, 0.2, 0.25, 0.35, 0.4, 0.5, 0.6, 0.65, 0.75, 0.8, 0.9)
    ),
    methods=(
        Method("fractalman variogram", "fractalman", _smoothness("variogram")),
        Method("fractalman neighbours", "fractalman", _smoothness("neighbours")),
        Method("nolds hurst_rs of increments", "nolds", _nolds("hurst_rs", True), most=5000),
        Method("nolds hurst_rs of the path", "nolds", _nolds("hurst_rs", False), most=5000),
        Method("nolds dfa of increments", "nolds", _nolds("dfa", True), most=5000),
        Method("antropy DFA of increments", "antropy", _dfa),
        Method("antropy Higuchi", "antropy", _higuchi),
        Method("MFDFA order 1, q = 2", "MFDFA", _mfdfa(1)),
        Method("MFDFA order 2, q = 2", "MFDFA", _mfdfa(2), "order=2"),
        Method("gstools Stable variogram", "gstools", _gstools, "lags 1 … 32"),
    ),
    sizes=(300, 1000, 3000, 10_000),
    figure=("H = 0.2", "H = 0.35", "H = 0.5", "H = 0.8"),
)
