"""Dictionaries: scikit-learn's on superpositions whose directions are known; the score is our own recovery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from trial import Case, Method, Trial

import fractalman as fm


@dataclass(frozen=True)
class Known:
    """Points, their true directions, and how many of them a point has on average, rounded, at least one."""

    X: np.ndarray
    directions: np.ndarray
    fires: int


def _known(recipe: Any, width: int = 32) -> Any:
    def make(n: int, seed: int) -> Known:
        truth = fm.generate(recipe(n, seed)).dictionary()
        codes = truth.codes
        often = np.asarray((codes != 0).sum(axis=0)).ravel()
        kept = np.argsort(-np.minimum(often, n - often), kind="stable")[:width]
        X = np.asarray(codes[:, kept] @ truth.directions[kept], np.float64)
        fires = max(1, round(float((codes[:, kept] != 0).sum() / n)))
        return Known(X, np.asarray(truth.directions, np.float64)[kept], fires)

    return make


def mean_best_cosine(found: np.ndarray, true: np.ndarray) -> float:
    """Return the mean over true directions of the cosine to the direction assigned to each, signs free."""
    from scipy.optimize import linear_sum_assignment

    length = np.linalg.norm(found, axis=1, keepdims=True)
    cosine = np.abs(
        (found / np.where(length > 0, length, 1.0)) @ (true / np.linalg.norm(true, axis=1, keepdims=True)).T
    )
    rows, columns = linear_sum_assignment(-cosine)
    return float(cosine[rows, columns].sum() / len(true))


def _fit(name: str, module: str = "sklearn.decomposition", scaled: bool = False, **keywords: Any) -> Any:
    def run(known: Known) -> float:
        import importlib

        width = len(known.directions)
        X = known.X / known.X.std() if scaled else known.X
        kind = getattr(importlib.import_module(module), name)
        count = "n_clusters" if "KMeans" in name else "n_components"
        fit = kind(**{count: width}, random_state=0, **keywords).fit(X)
        found = fit.cluster_centers_ if "KMeans" in name else getattr(fit, "mixing_", None)
        found = fit.components_ if found is None else (found if "KMeans" in name else found.T)
        return mean_best_cosine(np.asarray(found, np.float64), known.directions)

    return run


def _autoencoder(architecture: str, sparsity: float | None = None, start: str = "random") -> Any:
    """Our sparse autoencoders; without a sparsity, as many units a point as there are directions in it on average."""

    def run(known: Known) -> float:
        from fractalman.learners.dictionaries import AutoencoderSettings, fit_autoencoders

        settings = AutoencoderSettings(architecture=architecture, width=len(known.directions), start=start)
        used = known.fires if sparsity is None else sparsity
        X = np.asarray(known.X / known.X.std(), np.float32)
        return mean_best_cosine(np.asarray(fit_autoencoders(X, settings, [used])[0].W_dec), known.directions)

    return run


def _baseline(name: str, sparsity: float) -> Any:
    """A dictionary of scikit-learn's as ours fits it: centred, scaled, from points, codes not negative."""

    def run(known: Known) -> float:
        from fractalman.learners.dictionaries import fit_baseline

        found = fit_baseline(name, known.X, len(known.directions), sparsity=sparsity).W_dec
        return mean_best_cosine(np.asarray(found, np.float64), known.directions)

    return run


def _random(known: Known) -> float:
    rng = np.random.default_rng(0)
    return mean_best_cosine(rng.standard_normal(known.directions.shape), known.directions)


def _cascade(**keywords: Any) -> Any:
    return lambda n, s: fm.Cascade(n_points=n, seed=s, embedding="superposition", **keywords)


def _case(b: int, d: int, how: str, folded: bool = False) -> Case:
    """With constant magnitudes 300 points are 20 to 28 different ones; with folded normal ones all differ."""
    law: dict[str, Any] = {"feature_magnitude": "folded-normal"} if folded else {}
    recipe = _cascade(branching=b, contraction=0.5, ambient_dim=d, feature_directions=how, **law)
    return Case(f"cascade {b}, d = {d}, {how}" + (", magnitudes" if folded else ""), 1.0, _known(recipe))


TRIAL = Trial(
    name="dictionaries",
    question="Which dictionary learner finds the 32 directions that the points are sums of?",
    quantity="mean best cosine",
    cases=(
        *(_case(b, d, how) for b in (2, 4) for d in (24, 64) for how in ("random", "orthogonal", "nested")),
        *(_case(b, d, "random", folded=True) for b in (2, 4) for d in (24, 64)),
    ),
    methods=(
        Method("random directions", "fractalman", _random, "chance"),
        Method("PCA", "scikit-learn", lambda known: _pca(known)),
        Method("FastICA", "scikit-learn", lambda known: _capped("FastICA", known, max_iter=1000)),
        Method("KMeans", "scikit-learn", _fit("KMeans", "sklearn.cluster", n_init=4)),
        Method(
            "DictionaryLearning",
            "scikit-learn",
            _fit("DictionaryLearning", max_iter=60),
            "max_iter=60",
            most=300,
        ),
        Method("MiniBatchDictionaryLearning", "scikit-learn", _fit("MiniBatchDictionaryLearning"), most=3000),
        Method(
            "MiniBatchDictionaryLearning, scaled",
            "scikit-learn",
            _fit("MiniBatchDictionaryLearning", scaled=True, alpha=0.1),
            "unit variance, alpha=.1",
            most=300,
        ),
        Method("TopK autoencoder", "fractalman", _autoencoder("topk"), "as many units as a point has"),
        Method("ReLU autoencoder", "fractalman", _autoencoder("relu", 0.01), "penalty .01"),
        Method(
            "TopK from dictionary learning",
            "fractalman",
            _autoencoder("topk", start="dictionary-learning"),
            'start="dictionary-learning"',
        ),
        Method(
            "dictionary learning, positive codes",
            "fractalman",
            _baseline("dictionary-learning", 0.05),
            "fit_baseline, sparsity=.05",
        ),
    ),
    axis=(0.2, 1.03),
    sizes=(300, 1000, 3000),
    figure=(
        "cascade 4, d = 64, random",
        "cascade 4, d = 64, orthogonal",
        "cascade 4, d = 64, nested",
        "cascade 2, d = 24, random",
    ),
)


def _pca(known: Known) -> float:
    from sklearn.decomposition import PCA

    width = min(len(known.directions), *known.X.shape)
    return mean_best_cosine(PCA(width, random_state=0).fit(known.X).components_, known.directions)


def _capped(name: str, known: Known, **keywords: Any) -> float:
    from sklearn import decomposition

    width = min(len(known.directions), np.linalg.matrix_rank(known.X - known.X.mean(axis=0)))
    fit = getattr(decomposition, name)(n_components=int(width), random_state=0, **keywords).fit(known.X)
    return mean_best_cosine(fit.mixing_.T, known.directions)
