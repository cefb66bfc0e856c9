"""Learners with everybody's defaults: which default bends a learning curve away from the exponent that is due?"""

from __future__ import annotations

from typing import Any

import numpy as np
from trial import Answer, Case, Method, Trial

import fractalman as fm

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
TEST = 2000


def _recipe(**keywords: Any) -> Any:
    """(n, seed) → (X, y, X_test, y_test), n points for training at most."""

    def make(n: int, seed: int) -> tuple[np.ndarray, ...]:
        data = fm.generate(fm.Cascade(n_points=n + TEST, seed=seed, **keywords))
        X, y = np.asarray(data.X, np.float64), np.asarray(data.y, np.float64)
        row = np.random.default_rng([43, seed]).permutation(len(X))
        return X[row[:n]], y[row[:n]], X[row[n:]], y[row[n:]]

    return make


def _slope(build: Any) -> Any:
    """Fit at five sizes from n/16 to n and return the exponent of the test risk."""

    def run(data: tuple[np.ndarray, ...]) -> Answer:
        X, y, X_test, y_test = data
        sizes = [int(len(X) * share) for share in SHARES]
        risk = [float(np.mean((build().fit(X[:n], y[:n]).predict(X_test).ravel() - y_test) ** 2)) for n in sizes]
        fit = fm.measure.fit_power_law(sizes, risk)
        return Answer(fit.value, *fit.interval)

    return run


def _sklearn(module: str, name: str, **keywords: Any) -> Any:
    def build() -> Any:
        import importlib

        return getattr(importlib.import_module(f"sklearn.{module}"), name)(**keywords)

    return build


def _scaled(build: Any) -> Any:
    def whole() -> Any:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return TransformedTargetRegressor(make_pipeline(StandardScaler(), build()), transformer=StandardScaler())

    return whole


def _exponent(branching: int, contraction: float, hurst: float) -> float:
    return 2.0 * hurst * np.log(1.0 / contraction) / np.log(branching)


_GRID = (
    (2, 0.5, 0.3),
    (2, 0.5, 0.5),
    (2, 0.5, 0.7),
    (4, 0.5, 0.4),
    (4, 0.5, 0.8),
    (4, 0.3, 0.5),
    (8, 0.5, 0.6),
    (8, 0.5, 0.9),
    (8, 0.3, 0.4),
    (16, 0.5, 0.5),
    (16, 0.5, 0.8),
    (3, 0.4, 0.5),
)

TRIAL = Trial(
    name="learners",
    question="Which learner, with its defaults, has the learning curve that the data's geometry calls for?",
    quantity="exponent of the risk",
    cases=tuple(
        Case(
            f"cascade {b}, {c:g}, H = {h:g}",
            _exponent(b, c, h),
            _recipe(branching=b, contraction=c, hurst=h, ambient_dim=24),
        )
        for b, c, h in _GRID
    ),
    methods=(
        Method(
            "1-NN", "scikit-learn", _slope(_sklearn("neighbors", "KNeighborsRegressor", n_neighbors=1)), "n_neighbors=1"
        ),
        Method("KNeighborsRegressor", "scikit-learn", _slope(_sklearn("neighbors", "KNeighborsRegressor"))),
        Method(
            "RandomForestRegressor",
            "scikit-learn",
            _slope(_sklearn("ensemble", "RandomForestRegressor", random_state=0)),
            most=2000,
        ),
        Method(
            "HistGradientBoostingRegressor",
            "scikit-learn",
            _slope(_sklearn("ensemble", "HistGradientBoostingRegressor", random_state=0)),
        ),
        Method(
            "KernelRidge laplacian",
            "scikit-learn",
            _slope(_sklearn("kernel_ridge", "KernelRidge", kernel="laplacian")),
            most=2000,
        ),
        Method(
            "KernelRidge laplacian, alpha 1e-8",
            "scikit-learn",
            _slope(_sklearn("kernel_ridge", "KernelRidge", kernel="laplacian", alpha=1e-8)),
            "alpha=1e-8",
            most=2000,
        ),
        Method("SVR", "scikit-learn", _slope(_sklearn("svm", "SVR")), most=2000),
        Method(
            "GaussianProcessRegressor",
            "scikit-learn",
            _slope(_sklearn("gaussian_process", "GaussianProcessRegressor")),
            most=500,
        ),
        Method(
            "MLPRegressor",
            "scikit-learn",
            _slope(_sklearn("neural_network", "MLPRegressor", random_state=0)),
            most=2000,
        ),
        Method(
            "MLPRegressor, scaled",
            "scikit-learn",
            _slope(_scaled(_sklearn("neural_network", "MLPRegressor", random_state=0))),
            "inputs and targets scaled",
            most=2000,
        ),
    ),
    sizes=(500, 2000, 8000),
    figure=(
        "cascade 2, 0.5, H = 0.5",
        "cascade 4, 0.5, H = 0.8",
        "cascade 8, 0.5, H = 0.6",
        "cascade 16, 0.5, H = 0.5",
    ),
)
