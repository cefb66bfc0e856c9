"""A trained sparse autoencoder as plain arrays: it encodes and decodes without JAX."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractalman._typing import F32, AnyFloat


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """Codes f = activation((x − b_dec) W_enc + b_enc) and reconstruction f W_dec + b_dec.

    Parameters
    ----------
    W_enc : (d, w) float32
        Encoder.
    b_enc : (w,) float32
        Its bias, in units of the points.
    W_dec : (w, d) float32
        Decoder; rows of length 1.
    b_dec : (d,) float32
        What no unit at all decodes to.
    threshold : (w,) float32
        Units fire above theirs; 0 where k are counted point by point.
    k : int
        Units a point at the most, where they are counted point by point ("topk"); else the width.
    architecture : str
        What it was trained as.
    sparsity : float
        The number of units or weight of the penalty that it was trained with.
    seed : int
        Of its initialisation.

    Examples
    --------
    >>> import numpy as np
    >>> eye = np.eye(3, dtype=np.float32)
    >>> zero = np.zeros(3, np.float32)
    >>> model = SparseAutoencoder(eye, zero, eye, zero, zero, 1, "topk", 1.0, 0)
    >>> model.encode(np.array([[1.0, 3.0, 2.0]])).tolist()
    [[0.0, 3.0, 0.0]]
    """

    W_enc: F32
    b_enc: F32
    W_dec: F32
    b_dec: F32
    threshold: F32
    k: int
    architecture: str
    sparsity: float
    seed: int

    def encode(self, X: AnyFloat) -> F32:
        """Return the codes of points.

        Parameters
        ----------
        X : (n, d) float
            Points.

        Returns
        -------
        (n, w) float32
            0 where a unit does not fire.
        """
        codes = np.asarray((np.asarray(X, np.float32) - self.b_dec) @ self.W_enc + self.b_enc, np.float32)
        codes[(codes <= self.threshold) | (codes <= 0.0)] = 0.0
        w = codes.shape[1]
        if self.k < w:
            lower = np.argpartition(-codes, self.k - 1, axis=1)[:, self.k :]
            np.put_along_axis(codes, lower, np.float32(0.0), axis=1)
        return codes

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
        return np.asarray(np.asarray(codes, np.float32) @ self.W_dec + self.b_dec, np.float32)

    def __repr__(self) -> str:
        w, d = self.W_dec.shape
        return f"SparseAutoencoder({self.architecture}, {w} units, {d} dimensions, sparsity {self.sparsity:g})"
