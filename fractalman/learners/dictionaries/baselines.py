"""Dictionaries of scikit-learn, scaled and started so that their stopping rules do not pass for results.

Points are centred and scaled to a mean squared length of 1: tolerances and penalties of scikit-learn's are absolute,
and on smaller numbers it stops before it has begun.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._typing import F32, F64, AnyFloat
from fractalman.config import is_integer, is_word, shown
from fractalman.errors import RecipeError, nearest
from fractalman.random.streams import Role, key64, normals, permutation

BASELINES = ("pca", "ica", "k-means", "dictionary-learning", "nmf", "random")
"""Names of the classical dictionaries, and of random directions that learn nothing."""
_PASSES = 20


@dataclass(frozen=True, eq=False)
class LinearDictionary:
    """A linear decoder with whatever encoder belongs to it.

    Parameters
    ----------
    W_dec : (w, d) float32
        Decoder.
    b_dec : (d,) float32
        What codes of 0 decode to.
    name : str
        One of `BASELINES`.
    codes_of : callable
        (n, d) float64 points → (n, w) codes.

    Examples
    --------
    >>> import numpy as np
    >>> model = LinearDictionary(np.eye(2, dtype=np.float32), np.ones(2, np.float32), "pca", lambda X: X - 1.0)
    >>> model.decode(model.encode(np.array([[2.0, 5.0]]))).tolist()
    [[2.0, 5.0]]
    """

    W_dec: F32
    b_dec: F32
    name: str
    codes_of: Callable[[F64], Any] = field(repr=False)

    def encode(self, X: AnyFloat) -> F64:
        """Return the codes of points.

        Parameters
        ----------
        X : (n, d) float
            Points.

        Returns
        -------
        (n, w) float64
            Codes.
        """
        return np.asarray(self.codes_of(np.asarray(X, np.float64)), np.float64)

    def decode(self, codes: AnyFloat) -> F32:
        """Return what codes stand for.

        Parameters
        ----------
        codes : (n, w) float
            Codes.

        Returns
        -------
        (n, d) float32
            Points.
        """
        return np.asarray(np.asarray(codes) @ self.W_dec + self.b_dec, np.float32)


def fit_baseline(name: str, points: AnyFloat, width: int, *, sparsity: float = 0.1, seed: int = 0) -> LinearDictionary:
    """Return a classical dictionary fitted to points.

    Parameters
    ----------
    name : str
        One of `BASELINES`.
    points : (n, d) float
        Points.
    width : int
        Units; of "pca" and "ica" at most d, and no more than that is made.
    sparsity : float, default 0.1
        Weight of the L1 penalty of "dictionary-learning" and of "nmf", on points scaled to a mean squared length of 1.
    seed : int, default 0
        Of starts.

    Returns
    -------
    LinearDictionary

    Raises
    ------
    RecipeError
        For another name, points that are no finite array, or a width or sparsity out of range.
    MissingExtraError
        Without scikit-learn.

    Notes
    -----
    Dictionary learning starts from points drawn at random and not from singular vectors, makes a fixed number of passes
    (no tolerance), and codes are not negative. Non-negative matrix factorization sees positive and negative parts of
    the coordinates beside each other; its decoder is the difference. Clusters' centres are what k-means decodes to, of
    the centred points. "random" has independent random directions and reads points off along them, where that is
    positive: what scores are without any learning.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(64, 4))
    >>> model = fit_baseline("pca", points, 4)
    >>> bool(np.allclose(model.decode(model.encode(points)), points, atol=1e-5))
    True
    """
    if not is_word(name, BASELINES):
        raise RecipeError(f"baseline {shown(name)}: expected one of {', '.join(BASELINES)}{nearest(name, BASELINES)}")
    X = np.asarray(points, np.float64)
    if X.ndim != 2 or not X.size or not np.isfinite(X).all():
        raise RecipeError(f"points of shape {X.shape}: expected a finite (points, dimensions) array")
    if not is_integer(width) or not 1 <= width <= len(X):
        raise RecipeError(f"width = {shown(width)}: expected a whole number from 1 to {len(X)}, the number of points")
    if not (isinstance(sparsity, (int, float)) and 0.0 < sparsity <= 1e6):
        raise RecipeError(f"sparsity = {shown(sparsity)}: expected a weight above 0; use e.g. 0.1")
    load_extra("sklearn", f"the dictionary {name!r}")
    mean = X.mean(axis=0)
    scale = float(np.sqrt(np.square(X - mean).sum(axis=1).mean()))
    if scale == 0.0:
        raise RecipeError("all points are the same: expected points that differ")
    state = int(key64(seed, Role.INITIALISATION) >> 33)
    decoder, codes = _FITS[name]((X - mean) / scale, int(width), float(sparsity), state)
    length = np.linalg.norm(decoder, axis=1)
    length[length == 0.0] = 1.0

    def codes_of(points: F64) -> Any:
        return codes((points - mean) / scale) * (length * scale)

    return LinearDictionary(
        np.asarray(decoder / length[:, None], np.float32), np.asarray(mean, np.float32), name, codes_of
    )


Fit = tuple[F64, Callable[[F64], Any]]


def _pca(X: F64, width: int, sparsity: float, state: int) -> Fit:  # noqa: ARG001 (one signature for all)
    from sklearn.decomposition import PCA

    model = PCA(min(width, *X.shape), svd_solver="full").fit(X)
    return model.components_, model.transform


def _ica(X: F64, width: int, sparsity: float, state: int) -> Fit:  # noqa: ARG001
    from sklearn.decomposition import FastICA

    model = FastICA(min(width, *X.shape), whiten="unit-variance", max_iter=2000, tol=1e-3, random_state=state)
    _quietly(model.fit, X)
    return np.asarray(model.mixing_.T), model.transform


def _k_means(X: F64, width: int, sparsity: float, state: int) -> Fit:  # noqa: ARG001
    from sklearn.cluster import KMeans

    model = KMeans(width, n_init=4, random_state=state).fit(X)
    eye = np.eye(width)
    return model.cluster_centers_, lambda points: eye[model.predict(points)]


def _dictionary_learning(X: F64, width: int, sparsity: float, state: int) -> Fit:
    from sklearn.decomposition import MiniBatchDictionaryLearning

    start = X[permutation(key64(state, Role.INITIALISATION, 1), len(X))[:width]].copy()
    length = np.linalg.norm(start, axis=1, keepdims=True)
    start /= np.where(length > 0.0, length, 1.0)
    model = MiniBatchDictionaryLearning(
        width, alpha=sparsity, max_iter=_PASSES, batch_size=256, tol=0.0, max_no_improvement=None, dict_init=start,
        fit_algorithm="cd", transform_algorithm="lasso_cd", transform_alpha=sparsity, positive_code=True,
        random_state=state, transform_max_iter=2000,
    )  # fmt: skip
    _quietly(model.fit, X)
    return model.components_, lambda points: _quietly(model.transform, points)


def _nmf(X: F64, width: int, sparsity: float, state: int) -> Fit:
    from sklearn.decomposition import NMF

    d = X.shape[1]
    model = NMF(
        width, init="random", solver="cd", alpha_W=sparsity / (2 * d), alpha_H=0.0, l1_ratio=1.0, max_iter=200,
        tol=1e-5, random_state=state,
    )  # fmt: skip
    _quietly(model.fit, _parts(X))
    both = model.components_
    return both[:, :d] - both[:, d:], lambda points: _quietly(model.transform, _parts(points))


def _parts(X: F64) -> F64:
    """Positive and negative parts beside each other."""
    return np.concatenate([np.maximum(X, 0.0), np.maximum(-X, 0.0)], axis=1)


def _quietly(call: Callable[[F64], Any], X: F64) -> Any:
    """Without the warning that the number of passes was used up: it is what is asked for."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call(X)


def _random(X: F64, width: int, sparsity: float, state: int) -> Fit:  # noqa: ARG001
    rows = normals(key64(state, Role.INITIALISATION, 2), width * X.shape[1]).reshape(width, -1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows, lambda points: np.maximum(points @ rows.T, 0.0)


_FITS: dict[str, Callable[[F64, int, float, int], Fit]] = {
    "pca": _pca,
    "ica": _ica,
    "k-means": _k_means,
    "dictionary-learning": _dictionary_learning,
    "nmf": _nmf,
    "random": _random,
}
