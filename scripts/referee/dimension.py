"""Intrinsic dimension: fractals, manifolds and noise of known dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from elsewhere import asked
from sets import ball, cantor_product, carpet, henon, points, sponge
from trial import Answer, Case, Method, Trial

import fractalman as fm


def _cascade(**keywords: Any) -> Any:
    return lambda n, seed: points(fm.Cascade(n_points=n, seed=seed, **keywords))


def _unequal(n: int, seed: int) -> np.ndarray:
    return points(fm.Cascade(n_points=n, branching=3, contraction=(0.25, 0.35, 0.45), masses=_MASSES, seed=seed))


# Masses r_i^D with Σ r_i^D = 1 make every dimension of the set the similarity dimension D.
_LOW, _HIGH = 0.5, 2.0
for _ in range(60):
    _MID = 0.5 * (_LOW + _HIGH)
    _LOW, _HIGH = (_MID, _HIGH) if sum(r**_MID for r in (0.25, 0.35, 0.45)) > 1.0 else (_LOW, _MID)
_MASSES = tuple(r**_LOW for r in (0.25, 0.35, 0.45))


def _skdim(name: str, **keywords: Any) -> Any:
    def run(X: np.ndarray) -> float:
        import skdim

        return float(getattr(skdim.id, name)(**keywords).fit(X).dimension_)

    return run


def _ours(method: str) -> Any:
    def run(X: np.ndarray) -> Answer:
        one = fm.measure.dimension(X, method=method)
        return Answer(one.value, *one.interval)

    return run


def _dadapy(method: str) -> Any:
    def run(X: np.ndarray) -> Answer:
        said = asked("dadapy", method, X)
        if "raised" in said:
            raise RuntimeError(said["raised"])
        value, half = said["value"], 1.96 * said["error"]
        ends = (value - half, value + half) if half > 0.0 else (None, None)
        return Answer(value, *ends, seconds=said["seconds"])

    return run


def _persistent(X: np.ndarray) -> float:
    """Dimension from the growth of the total length of 0-dimensional persistence (the spanning tree) with n."""
    from ripser import ripser

    rng = np.random.default_rng(0)
    sizes = np.unique(np.geomspace(len(X) / 8, len(X), 6).astype(int))
    lengths = []
    for size in sizes:
        part = X[rng.choice(len(X), size, replace=False)]
        death = ripser(part, maxdim=0)["dgms"][0][:, 1]
        lengths.append(death[np.isfinite(death)].sum())
    slope = np.polyfit(np.log(sizes), np.log(lengths), 1)[0]
    return 1.0 / (1.0 - slope)


TRIAL = Trial(
    name="dimension",
    question="Which estimator gives the intrinsic dimension of fractal, smooth and noisy points?",
    quantity="intrinsic dimension",
    cases=(
        Case("cascade 4, 1/3", math.log(4) / math.log(3), _cascade(branching=4, contraction=1 / 3)),
        Case("cascade 2, 1/2", 1.0, _cascade(branching=2, contraction=0.5)),
        Case("cascade 16, 1/2", 4.0, _cascade(branching=16, contraction=0.5, ambient_dim=32)),
        Case(
            "cascade (2, 8) random, 1/3",
            0.5 * (math.log(2) + math.log(8)) / math.log(3),
            _cascade(branching=(2, 8), contraction=1 / 3),
        ),
        Case("unequal cascade", _LOW, _unequal),
        Case("Cantor product", 4 * math.log(2) / math.log(3), lambda n, s: cantor_product(1 / 3, 4, n, s)),
        Case("Sierpinski carpet", math.log(8) / math.log(3), carpet),
        Case("Menger sponge", math.log(20) / math.log(3), sponge),
        Case("critical cluster", 4.0, lambda n, s: points(fm.PercolationCluster(n_points=n, seed=s))),
        Case("Hénon", 1.22, henon),
        Case("ball 2 in 10", 2.0, lambda n, s: ball(2, 10, n, s)),
        Case("ball 5 in 20", 5.0, lambda n, s: ball(5, 20, n, s)),
        Case("ball 12 in 50", 12.0, lambda n, s: ball(12, 50, n, s)),
        Case("ball 3 in 30, noise .05", 3.0, lambda n, s: ball(3, 30, n, s, 0.05)),
    ),
    methods=(
        *(Method(f"fractalman {m}", "fractalman", _ours(m)) for m in ("recommended", "two-nn", "correlation", "mle")),
        Method("CorrInt", "scikit-dimension", _skdim("CorrInt"), most=10_000),
        Method("CorrInt k 5–50", "scikit-dimension", _skdim("CorrInt", k1=5, k2=50), "k1=5, k2=50", most=10_000),
        Method("ESS", "scikit-dimension", _skdim("ESS"), most=300, repeats=1),
        Method("FisherS", "scikit-dimension", _skdim("FisherS"), most=5000),
        Method("KNN", "scikit-dimension", _skdim("KNN"), most=3000),
        Method("lPCA", "scikit-dimension", _skdim("lPCA")),
        Method("MADA", "scikit-dimension", _skdim("MADA"), most=5000),
        Method("MiND_ML", "scikit-dimension", _skdim("MiND_ML"), wide=10_000),
        Method("MLE", "scikit-dimension", _skdim("MLE"), most=10_000),
        Method("MOM", "scikit-dimension", _skdim("MOM"), wide=10_000),
        Method("TLE", "scikit-dimension", _skdim("TLE"), most=1000),
        Method("TwoNN", "scikit-dimension", _skdim("TwoNN"), wide=10_000),
        Method("2NN", "dadapy", _dadapy("2NN"), wide=10_000),
        Method("Gride, 32 to 64 neighbours", "dadapy", _dadapy("Gride"), "range_max=64", wide=10_000),
        Method("spanning-tree persistence", "ripser", _persistent, most=3000, repeats=5),
    ),
    sizes=(300, 1000, 3000, 10_000, 100_000),
    figure=("cascade 4, 1/3", "Cantor product", "critical cluster", "ball 5 in 20"),
)
