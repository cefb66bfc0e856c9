"""Scores of whatever has an encoder and a decoder, by what it can do: nothing of the libraries is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._evaluation import evaluating, is_equinox
from fractalman._typing import I64, AnyFloat
from fractalman.config import shown
from fractalman.datasets.dictionary import Dictionary
from fractalman.datasets.file import open_file
from fractalman.errors import RecipeError
from fractalman.measure.recovery.arrays import numbers
from fractalman.measure.recovery.downstream import LEAST_POINTS, LabelLoss, label_loss
from fractalman.measure.recovery.encoders import Functions, Stack, encoder_of
from fractalman.measure.recovery.matching import checked_rows
from fractalman.measure.recovery.scores import Recovery, Truth, score_dictionary

_BLOCK = 8192  # points that a model encodes at a time
_TRIED = 64  # points that decoding is tried on
_ROUNDED = 0.02


class Encoded(NamedTuple):
    """What a model makes of points: decoder (w, d), codes (n, w), and the constant (d,) that is added when decoding."""

    decoder: AnyFloat
    codes: Any
    bias: AnyFloat | float


@checked_arguments
def recovery(
    model: Any,
    codes: Any,
    data: Any = None,
    *,
    threshold: float = 0.0,
    min_size: int = 2,
    seed: int = 0,
    downstream: Callable[[Any], Any] | None = None,
) -> Recovery:
    """Return how well a dictionary, as ``(decoder, codes, data)`` or ``(model, data)``, recovers a dataset's latents.

    Parameters
    ----------
    model : (w, d) array, or object
        Learned directions; or an object with ``encode`` and a decoder (``W_dec``, ``get_dictionary``, a linear
        ``decoder`` or ``decode``), or with ``encoder`` and a decoder; a pair (function, decoder); or an estimator of
        scikit-learn's (``transform`` and ``components_`` or ``inverse_transform``, or ``cluster_centers_``). Modules
        are asked in evaluation mode.
    codes : (n, w) array or sparse matrix, or function
        What the encoder makes of the points, or the encoder; left out for objects, which encode the points themselves.
    data : Dataset, open file or its path, Dictionary or Truth
        What is to be recovered.
    threshold : float, default 0
        Units fire where their code is larger.
    min_size : int, default 2
        Latents of fewer points are left out; only for datasets and files.
    seed : int, default 0
        Of the chance levels, and of the halves of the label's readout.
    downstream : callable, optional
        (n, d) float32 points → their loss, e.g. of the rest of a network: what reconstructions cost there. Without it,
        and where data have labels, a linear readout of these, see `label_loss`.

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
    if isinstance(data, (str, PathLike)):
        with open_file(data) as file:
            return recovery(
                model, codes, file, threshold=threshold, min_size=min_size, seed=seed, downstream=downstream
            )
    truth, size = _truth(data, min_size)
    if codes is None:
        if truth.X is None:
            raise RecipeError("this truth has no points for the model to encode; use recovery(decoder, codes, data)")
        made = encoded(model, truth.X)
    else:
        if callable(codes):
            if truth.X is None:
                raise RecipeError("this truth has no points to encode; use codes as a table, (n, units)")
            with evaluating(codes) as asked:
                codes = _codes(Functions(asked), truth.X)
        made = Encoded(checked_rows("decoder", model), numbers("codes", codes), 0.0)
    bias = np.asarray(made.bias)
    d = np.shape(made.decoder)[-1]
    if bias.shape not in ((), (1,), (d,)) or not np.isfinite(bias).all():
        raise RecipeError(f"bias of the decoder, shape {bias.shape}: expected {d} finite numbers, one a coordinate")
    fits = truth.X is not None and np.shape(truth.X)[-1] == d  # else the shapes are refused where they are compared
    centred = replace(truth, X=truth.X - bias) if truth.X is not None and fits else truth
    score = score_dictionary(made.decoder, made.codes, centred, threshold=threshold, seed=seed)
    return replace(score, size=size, label_loss=_label_loss(made, truth.X, data, downstream, seed))


def _label_loss(
    made: Encoded, X: AnyFloat | None, data: Any, downstream: Callable[[Any], Any] | None, seed: int
) -> LabelLoss | None:
    """What reconstructions cost downstream; None without points, or with neither labels nor a function."""
    y = getattr(data, "y", None)
    if X is None or (downstream is None and (y is None or len(X) < LEAST_POINTS)):
        return None
    classes = data.classes if isinstance(data, Truth) else getattr(getattr(data, "recipe", None), "target_classes", 0)
    again = made.codes @ np.asarray(made.decoder, np.float64) + made.bias
    return label_loss(
        X, again, None if y is None else np.asarray(y[:]), classes=int(classes), downstream=downstream, seed=seed
    )


def _truth(data: Any, min_size: int) -> tuple[Truth, I64 | None]:
    """Features of whatever was given, and how many points have each."""
    if isinstance(data, Truth):
        return data, None
    known = data if isinstance(data, Dictionary) else None
    if known is None:
        if not hasattr(data, "dictionary"):
            raise RecipeError(
                f"data of type {type(data).__name__}: expected a dataset, a file, a Dictionary or a Truth; "
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
    if isinstance(model, (str, bytes, PathLike)):
        raise RecipeError(f"model = {shown(model)}: expected an object that encodes; load it with its library first")
    if isinstance(model, type):
        raise RecipeError(f"model = class {model.__name__}: expected an object; use {model.__name__}(…)")
    if isinstance(model, Mapping):
        raise RecipeError(
            f"model: a table of weights ({shown(list(model))}) does not say how it encodes; "
            'use recovery(weights["W_dec"], codes, data)'
        )
    with evaluating(encoder_of(model)) as asked:
        return _encoded(asked, X)


def _encoded(model: Any, X: AnyFloat) -> Encoded:
    if callable(getattr(model, "encode", None)):
        codes = _codes(model, X)
        decoder, bias = _decoder(model, codes, *_weights(model))
        if isinstance(model, Stack) and callable(model.model):
            _check_stack(model, X[:_TRIED], codes[:_TRIED] @ np.asarray(decoder, np.float64) + bias)
        return Encoded(decoder, codes, bias)
    if hasattr(model, "cluster_centers_") and hasattr(model, "predict"):
        centres = numbers("cluster_centers_", model.cluster_centers_)
        return Encoded(centres, np.eye(len(centres))[np.asarray(_asked(model, "predict", X))], 0.0)
    if callable(getattr(model, "transform", None)):
        return _estimated(model, X)
    raise RecipeError(
        f"a model of type {type(model).__name__} has neither encode nor transform: expected an encoder with a linear "
        "decoder; use recovery(decoder, codes, data)"
    )


def _estimated(model: Any, X: AnyFloat) -> Encoded:
    """What an estimator of scikit-learn's makes of points: what it turns back into points decides the decoder."""
    from scipy.sparse import csr_array

    codes = numbers("codes", _asked(model, "transform", X))
    weights = model.mixing_.T if hasattr(model, "mixing_") else getattr(model, "components_", None)
    mean = getattr(model, "mean_", None)
    if weights is None and not callable(getattr(model, "inverse_transform", None)):
        raise RecipeError(
            f"{type(model).__name__} has transform and no linear decoder: expected components_ or inverse_transform; "
            "use recovery(decoder, codes, data)"
        )
    known = None if weights is None else numbers("decoder", weights)
    decoder, bias = _decoder(
        model, csr_array(codes), known, 0.0 if mean is None else numbers("mean_", mean), ("inverse_transform",)
    )
    return Encoded(decoder, codes, bias)


def _check_stack(model: Stack, X: AnyFloat, made: Any) -> None:
    """Refuse layers that are not all that is between points and what a model makes of them: a threshold, say."""
    given = _asked(model, "model", _like(model, X))
    again = checked_rows("the model's output", given[0] if isinstance(given, tuple) else given)
    if again.shape != made.shape or np.linalg.norm(again - made) > _ROUNDED * 2.0 * np.linalg.norm(made):
        raise RecipeError(
            f"{type(model.model).__name__} makes other points than its decoder of what its encoder gives: expected "
            "encode, with all that lies between; use recovery(decoder, codes, data)"
        )


def _asked(model: Any, name: str, given: Any) -> Any:
    """What a method of the model returns; what it raises is an error that names it."""
    try:
        try:
            return getattr(model, name)(given)
        except Exception:
            if not is_equinox(model):
                raise
            return sys.modules["jax"].vmap(getattr(model, name))(given)  # of one point, as these modules are
    except Exception as error:
        raise RecipeError(
            f"{name} of {type(model).__name__}, given {type(given).__name__} of shape {tuple(np.shape(given))}, raised "
            f"{type(error).__name__}: {error}; use recovery(decoder, codes, data)"
        ) from error


def _codes(model: Any, X: AnyFloat) -> Any:
    """Codes of all points, block by block, sparse where most of them are 0."""
    from scipy.sparse import csr_array, vstack

    blocks = []
    for a in range(0, len(X), _BLOCK):
        made = _asked(model, "encode", _like(model, X[a : a + _BLOCK]))
        if isinstance(made, Mapping):
            raise RecipeError(f"encode gave a dict of {shown(list(made))}: expected codes (points, units)")
        blocks.append(numbers("codes", made[-1] if isinstance(made, tuple) else made))  # (before activation, codes)
    if all(np.ndim(block) == 2 for block in blocks) and blocks:
        return vstack([csr_array(block) for block in blocks], format="csr")
    raise RecipeError(f"encode gave codes of shape {np.shape(blocks[0])}: expected (points, units)")


def _decoder(
    model: Any, codes: Any, weights: Any, bias: AnyFloat | float, names: tuple[str, ...] = ("decode", "decoder")
) -> tuple[AnyFloat, AnyFloat | float]:
    """Decoder (w, d) and bias of an object, by its weights or by what it decodes; the bias by what 0 decodes to.

    Where the object decodes, what it makes of the first codes must be what these two say: a scale that comes after the
    weights makes the rows that decoding gives the decoder, and a decoder that is not linear is refused.
    """
    name = next((own for own in names if callable(getattr(model, own, None))), "")
    if not name or (name == "decoder" and weights is not None):
        if weights is None:
            raise RecipeError(
                f"a model of type {type(model).__name__} encodes and has no decoder: expected W_dec, decoder or "
                "decode; use recovery(decoder, codes, data)"
            )
        return weights, bias
    width, first = codes.shape[1], codes[:_TRIED]
    zero = _decoded(model, name, np.zeros((1, width)))[0]
    made = _decoded(model, name, first.toarray())
    if weights is not None and _linear(first, weights, zero, made):
        return weights, zero
    rows = np.concatenate(
        [_decoded(model, name, np.eye(width)[a : a + _BLOCK]) - zero for a in range(0, width, _BLOCK)]
    )
    if weights is not None and np.shape(weights) not in (rows.shape, rows.shape[::-1]):
        return weights, zero  # of a wrong shape, which is said where shapes are compared
    if not _linear(first, rows, zero, made):
        raise RecipeError(
            f"{name} of {type(model).__name__} is not linear in the codes: expected codes × decoder + bias; "
            "use recovery(decoder, codes, data)"
        )
    return rows, zero


def _decoded(model: Any, name: str, codes: AnyFloat) -> Any:
    given: AnyFloat = np.asarray(codes, np.float64 if name == "inverse_transform" else np.float32)
    return checked_rows(name, _asked(model, name, _like(model, given)))


def _linear(codes: Any, decoder: Any, zero: Any, made: Any) -> bool:
    """Whether decoded codes are codes × decoder + zero, up to the rounding of 16-bit weights."""
    if np.shape(decoder) != (codes.shape[1], made.shape[1]):
        return False
    again = codes @ np.asarray(decoder, np.float64) + zero
    return bool(np.linalg.norm(again - made) <= _ROUNDED * (np.linalg.norm(made - zero) + np.linalg.norm(made)))


def _weights(model: Any) -> tuple[Any, AnyFloat | float]:
    """Decoder and bias among an object's attributes; None where there is none."""
    decoder = getattr(model, "W_dec", None)
    if decoder is not None:
        bias = getattr(model, "b_dec", None)
        return numbers("W_dec", decoder), 0.0 if bias is None else numbers("b_dec", bias)
    if callable(getattr(model, "get_dictionary", None)):
        return numbers("get_dictionary", model.get_dictionary()), 0.0
    layer = getattr(model, "decoder", None)
    weight = getattr(layer, "weight", None)
    if weight is not None:  # a linear layer keeps (outputs, inputs)
        bias = getattr(layer, "bias", None)
        return np.ascontiguousarray(numbers("weight", weight).T), 0.0 if bias is None else numbers("bias", bias)
    if layer is not None and not callable(layer):
        return numbers("decoder", layer), 0.0
    return None, 0.0


def _like(model: Any, X: AnyFloat) -> Any:
    """Points as the model takes them: a tensor beside its first parameter or buffer of such numbers, or the array."""
    held = (getattr(model, name, None) for name in ("parameters", "buffers"))
    tensors: Any = (own for some in held if callable(some) for own in some())
    first = next((own for own in tensors if hasattr(own, "new_tensor") and own.is_floating_point()), None)
    return X if first is None else first.new_tensor(np.ascontiguousarray(X))
