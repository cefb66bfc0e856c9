"""Learning curves inside the fragments of a cut: n_s points of a fragment train, others of the same fragment test.

At a scale s the largest fragments are taken, as many as were asked for, of s/2 points at least. Each is a dataset of
its own: with its own spectrum, whose law (`theory.optimal_ridge_risk` of its linear kernel, population = the fragment)
stands beside the expectation over labels that its covariance gives to the same splits.
"""

from __future__ import annotations

import math

import numpy as np

from fractalman import learners
from fractalman._typing import F64, I64
from fractalman.errors import RecipeError
from fractalman.learners import Problem
from fractalman.random.streams import Role, key64, permutation
from fractalman.studies.base import Row
from fractalman.studies.granularity.labels import covariance_of, overall
from fractalman.studies.granularity.spec import Granularity
from fractalman.studies.sources import Sample
from fractalman.theory import LabelCovariance, bayes_curve, optimal_ridge_risk, smoother_curve, spectrum_of

LEARNERS = ("ridge", "laplace-kernel")
_LEAST, _MOST_TESTED = 4, 512
_WINDOW = (2, 24)  # ranks of the PCA slope: a fragment has few


def curve_sizes(size: int) -> list[int]:
    """Return n_s = 4, 8, …, up to half of a fragment."""
    return [2**k for k in range(2, 24) if _LEAST <= 2**k <= size // 2]


def curve_rows(study: Granularity, scale: int, seed: int) -> list[Row]:
    """Return risks inside the largest fragments of one cut, measured, expected, and from the fragments' spectra."""
    sample = study.sample(seed)
    cut = sample.hierarchy.cut(scale)
    large = np.argsort(-cut.count, kind="stable")[: study.values["curve_fragments"]]
    covariance, rows = covariance_of(sample), []
    for rank, f in enumerate(large.tolist()):
        members = np.flatnonzero(cut.fragment == f)
        if members.size < max(2 * _LEAST, scale // 2):
            continue
        key = key64(sample.key, Role.SPLIT, scale, rank)
        order = members[permutation(key, members.size)]
        rows += _fragment(sample, covariance, order, key, {"row": "curve", "replicate": seed, "scale": scale,
                                                          "fragment": rank, "points": int(members.size)})  # fmt: skip
    return rows


def _fragment(sample: Sample, covariance: LabelCovariance | None, order: I64, key: int, common: Row) -> list[Row]:
    sizes = curve_sizes(order.size)
    test = order[sizes[-1] :][:_MOST_TESTED]
    X = sample.X[order].astype(np.float64)
    X /= math.sqrt(float(np.mean(np.square(X - X.mean(axis=0))))) or 1.0
    local = None if covariance is None else covariance.restricted(order)
    spectrum = spectrum_of(X, sample.y[order] if local is None else local, kernel="linear")
    columns = sample.y.shape[1] if local is None and sample.recipe is None else 1
    law = optimal_ridge_risk(
        spectrum.eigenvalues, spectrum.coefficients, sizes, outside=spectrum.outside, intercept=True,
        population=order.size,
    ).risk  # fmt: skip
    try:
        slope: float | None = spectrum.slope(*_WINDOW)
    except RecipeError:
        slope = None
    λ = spectrum.eigenvalues
    participation = float(λ.sum() ** 2 / np.square(λ).sum()) if λ.size else 0.0
    common = {**common, "variance": spectrum.variance * columns, "pca_slope": slope, "participation": participation}
    expected = _expected(covariance, sample, order, sizes, test, key)
    rows: list[Row] = []
    for i, n in enumerate(sizes):
        problem = Problem(sample.X[order[:n]], sample.y[order[:n]], sample.X[test], key)
        for name in LEARNERS:
            outcome = learners.make(name).run([problem])[0]
            risk = overall(np.square(sample.y[test] - outcome.prediction).mean(axis=0), sample)
            spectral = float(law[i]) * columns if name == "ridge" else None
            known = expected.get(name, {}).get(n)
            rows.append({**common, "learner": name, "n": n, "risk": risk, "expected_risk": known,
                         "spectral_risk": spectral})  # fmt: skip
        if "bayes" in expected:
            rows.append({**common, "learner": "bayes", "n": n, "risk": None, "expected_risk": expected["bayes"][n],
                         "spectral_risk": None})  # fmt: skip
    return rows


def _expected(
    covariance: LabelCovariance | None, sample: Sample, order: I64, sizes: list[int], test: I64, key: int
) -> dict[str, dict[int, float]]:
    """Learner → n → expected risk on the same split; empty where the covariance is not known."""
    if covariance is None:
        return {}
    found: dict[str, F64] = {
        name: smoother_curve(covariance, sample.X, order, sizes, test, name, key) for name in LEARNERS
    }
    tree = sample.noisy_tree
    if tree is not None:
        found["bayes"] = bayes_curve(tree, order, sizes, test).mean(axis=1)
    return {name: dict(zip(sizes, map(float, curve), strict=True)) for name, curve in found.items()}
