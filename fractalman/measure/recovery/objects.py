"""Scores of whatever has an encoder and a decoder, by what it can do: nothing of the libraries is imported."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fractalman._typing import I64, AnyFloat
from fractalman.datasets.dictionary import Dictionary
from fractalman.errors import RecipeError
from fractalman.measure.recovery.scores import Recovery, Truth, score_dictionary

_BLOCK = 8192  # points that a model encodes at a time


class Encoded(NamedTuple):
    """What a model makes of points: decoder (w, d), codes (n, w), and the constant (d,) that is added when decoding."""

    decoder: AnyFloat
    codes: Any
    bias: AnyFloat | float


def recovery(
    model: Any, codes: Any, data: Any = None, *, threshold: float = 0.0, min_size: int = 2, seed: int = 0
) -> Recovery:
    """Return how well a dictionary, as ``(decoder, codes, data)`` or ``(model, data)``, recovers a dataset's latents.

    Parameters
    ----------
    model : (w, d) array, or object
        Learned directions; or an object with ``encode`` and a decoder (``W_dec``, ``get_dictionary``, a linear
        ``decoder`` or ``decode``), or an estimator of scikit-learn's (``transform`` and ``components_``, or
        ``cluster_centers_``).
    codes : (n, w) array or sparse matrix
        What the encoder makes of the points; left out for objects, which encode the points themselves.
    data : Dataset, open file, Dictionary or Truth
        What is to be recovered.
    threshold : float, default 0
        Units fire where their code is larger.
    min_size : int, default 2
        Latents of fewer points are left out; only for datasets and files.
    seed : int, default 0
        Of the chance levels.

    Returns
    -------
    Recovery
        Scores beside their chance levels.

    Raises
    ------
    RecipeError
        For data without a hierarchy, objects that cannot encode or decode, and shapes that do not fit.

    Notes
    -----
    The truth is `Dataset.dictionary`. A unit fires where its code exceeds the threshold, whatever its sign convention:
    models whose codes are small but never 0 (PCA, ICA) are better judged by ``best_f1``.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.Cascade(n_points=256, ambient_dim=64))
    >>> known = data.dictionary()
    >>> score = fm.recovery(known.directions, known.codes, data)
    >>> round(score.mcc, 6), score.f1, score.dead, score.absorption.mean
    (1.0, 1.0, 0.0, 0.0)
    """
    if data is None:
        codes, data = None, codes
    truth, size = _truth(data, min_size)
    if codes is None:
        if truth.X is None:
            raise RecipeError("this truth has no points for the model to encode; use recovery(decoder, codes, data)")
        made = encoded(model, truth.X)
        truth = Truth(truth.directions, truth.codes, truth.parent, truth.X - made.bias)
    else:
        made = Encoded(_array(model), _array(codes), 0.0)
    score = score_dictionary(made.decoder, made.codes, truth, threshold=threshold, seed=seed)
    return score if size is None else score.of_sizes(size)


def _truth(data: Any, min_size: int) -> tuple[Truth, I64 | None]:
    """Features of whatever was given, and how many points have each."""
    if isinstance(data, Truth):
        return data, None
    known = data if isinstance(data, Dictionary) else None
    if known is None:
        if not hasattr(data, "dictionary"):
            raise RecipeError(
                f"data of type {type(data).__name__}: expected a dataset, an open file, a Dictionary or a Truth; "
                "use fm.generate or fm.open"
            )
        known = data.dictionary(min_size)
    return Truth(known.directions, known.codes, known.parent, known.X), known.size


def encoded(model: Any, X: AnyFloat) -> Encoded:
    """Return decoder, codes and bias of a model.

    Parameters
    ----------
    model : object
        See `recovery`.
    X : (n, d) float
        Points.

    Raises
    ------
    RecipeError
        For objects that have no encoder or no linear decoder.

    Examples
    --------
    >>> class Copy:
    ...     W_dec = np.eye(3)
    ...     def encode(self, X):
    ...         return np.maximum(X, 0.0)
    >>> encoded(Copy(), np.ones((2, 3))).codes.shape
    (2, 3)
    """
    if hasattr(model, "encode"):
        codes = _codes(model, X)
        decoder, bias = _decoder(model, codes.shape[1])
        return Encoded(decoder, codes, bias)
    if hasattr(model, "cluster_centers_") and hasattr(model, "predict"):
        centres = _array(model.cluster_centers_)
        return Encoded(centres, np.eye(len(centres))[np.asarray(model.predict(X))], 0.0)
    if hasattr(model, "transform") and hasattr(model, "components_"):
        codes = _array(model.transform(X))
        decoder = model.mixing_.T if hasattr(model, "mixing_") else model.components_
        mean = getattr(model, "mean_", None)
        return Encoded(_array(decoder), codes, 0.0 if mean is None else _array(mean))
    raise RecipeError(
        f"a model of type {type(model).__name__} has neither encode nor transform: expected an encoder with a linear "
        "decoder; use recovery(decoder, codes, data)"
    )


def _codes(model: Any, X: AnyFloat) -> Any:
    """Codes of all points, block by block, sparse where most of them are 0."""
    from scipy.sparse import csr_array, vstack

    blocks = []
    for a in range(0, len(X), _BLOCK):
        made = model.encode(_like(model, X[a : a + _BLOCK]))
        blocks.append(_array(made[-1] if isinstance(made, tuple) else made))  # (before activation, codes)
    if all(np.ndim(block) == 2 for block in blocks) and blocks:
        return vstack([csr_array(block) for block in blocks], format="csr")
    raise RecipeError(f"encode gave codes of shape {np.shape(blocks[0])}: expected (points, units)")


def _decoder(model: Any, width: int) -> tuple[AnyFloat, AnyFloat | float]:
    """Decoder (w, d) and bias of an object, by its weights or by what it decodes; the bias by what 0 decodes to."""
    zero = None
    if callable(getattr(model, "decode", None)):
        zero = _array(model.decode(_like(model, np.zeros((1, width), np.float32))))[0]
    weights, bias = _weights(model)
    if weights is not None:
        return weights, bias if zero is None else zero
    if zero is None:
        raise RecipeError(
            f"a model of type {type(model).__name__} encodes and has no decoder: expected W_dec, decoder or decode; "
            "use recovery(decoder, codes, data)"
        )
    rows = [
        _array(model.decode(_like(model, np.eye(width, dtype=np.float32)[a : a + _BLOCK]))) - zero
        for a in range(0, width, _BLOCK)
    ]
    return np.concatenate(rows), zero


def _weights(model: Any) -> tuple[Any, AnyFloat | float]:
    """Decoder and bias among an object's attributes; None where there is none."""
    decoder = getattr(model, "W_dec", None)
    if decoder is not None:
        bias = getattr(model, "b_dec", None)
        return _array(decoder), 0.0 if bias is None else _array(bias)
    if callable(getattr(model, "get_dictionary", None)):
        return _array(model.get_dictionary()), 0.0
    layer = getattr(model, "decoder", None)
    weight = getattr(layer, "weight", None)
    if weight is not None:  # a linear layer keeps (outputs, inputs)
        bias = getattr(layer, "bias", None)
        return np.ascontiguousarray(_array(weight).T), 0.0 if bias is None else _array(bias)
    if layer is not None and not callable(layer):
        return _array(layer), 0.0
    return None, 0.0


def _like(model: Any, X: AnyFloat) -> Any:
    """Points as the model takes them: a tensor beside its first parameter where it has some, else the array."""
    parameters = getattr(model, "parameters", None)
    first: Any = next(iter(parameters()), None) if callable(parameters) else None
    return first.new_tensor(np.ascontiguousarray(X)) if hasattr(first, "new_tensor") else X


def _array(values: Any) -> Any:
    """Numbers as an array or a sparse matrix, wherever they lie."""
    for step in ("detach", "cpu", "numpy"):
        if hasattr(values, step) and not isinstance(values, np.ndarray):
            values = getattr(values, step)()
    return values if hasattr(values, "tocsc") else np.asarray(values)
