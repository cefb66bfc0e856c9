"""Whatever encodes as an object with ``encode``: functions, stacks of layers, modules within others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fractalman.errors import RecipeError


class Functions:
    """An encoder that is a function of points, with a decoder that is a table, or a function of codes, or none.

    Parameters
    ----------
    encode : function
        (n, d) points → (n, w) codes.
    decoder : (w, d) array, or function, optional
        Rows, or (n, w) codes → (n, d) points.
    """

    def __init__(self, encode: Callable[[Any], Any], decoder: Any = None) -> None:
        self.encode = encode
        if callable(decoder):
            self.decode = decoder
        else:
            self.W_dec = decoder


class Stack:
    """An object whose ``encoder`` encodes, and of which all else is its own.

    Parameters
    ----------
    model : object
        With ``encoder``, a function or a module.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def encode(self, X: Any) -> Any:
        """Return the codes of points."""
        return self.model.encoder(X)

    def __getattr__(self, name: str) -> Any:
        """Return what the object has under another name."""
        return getattr(self.model, name)


def encoder_of(model: Any) -> Any:
    """Return an object with ``encode`` where something encodes in another way, else the object itself.

    Parameters
    ----------
    model : object
        A pair (function, decoder), a module that wraps another, an object with ``encoder``, or anything.

    Raises
    ------
    RecipeError
        For pairs whose first is no function.
    """
    if isinstance(model, tuple):
        if len(model) == 2 and callable(model[0]):
            return Functions(*model)
        raise RecipeError(
            f"a tuple of {len(model)} as the model: expected (function that encodes, decoder); use "
            "recovery(decoder, codes, data)"
        )
    while not _encodes(model) and _encodes(getattr(model, "module", None)):
        model = model.module
    if callable(getattr(model, "encode", None)) or not callable(getattr(model, "encoder", None)):
        return model
    return Stack(model)


def _encodes(model: Any) -> bool:
    return any(callable(getattr(model, name, None)) for name in ("encode", "encoder", "transform"))
