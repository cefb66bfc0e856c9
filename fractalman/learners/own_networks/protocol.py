"""What studies ask of anybody's trained network: its layers' activations, and what a step at a point does at others.

Notation: f_k(x), k = 1 … m, the outputs; θ_p the parameters of part p (the parameters of one layer, say). One step of
plain gradient descent at x with a residual in output k moves f_k(x′) in proportion to

    K_p(x, x′) = (1/m) Σ_k ∂f_k(x)/∂θ_p · ∂f_k(x′)/∂θ_p,

averaged over outputs; the sum over parts is the whole tangent kernel.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.display import Display
from fractalman.errors import FractalmanError, RecipeError

BLOCK_BYTES = 1 << 28
"""Of the Jacobians that are held at once, of either of two sets of points."""
OUTPUT = "output"
INPUT = "input"


class OwnNetwork(Display, ABC):
    """A trained network as studies see it; a subclass says how one kind is asked.

    Attributes
    ----------
    layers : tuple of str
        Names of the hidden layers whose activations are known, first to last.
    parts : tuple of str
        Names of the groups of parameters whose steps are told apart, first to last.

    Examples
    --------
    >>> from fractalman.learners import own_network
    >>> hidden = np.ones((3, 2))
    >>> own_network({"hidden": hidden}, np.eye(3)).layers
    ('hidden',)
    """

    layers: tuple[str, ...]
    parts: tuple[str, ...]

    @abstractmethod
    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return what the layers hold at points, each (n, units); under "output" the outputs, where they are known.

        Parameters
        ----------
        X : (n, d) float
            Points, in the units that the network was trained on.

        Returns
        -------
        dict of str to float64 array
            Layer → (n, units).
        """

    @abstractmethod
    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return the tangent kernel between points, part by part, (parts, a, b).

        Parameters
        ----------
        A : (a, d) float
            Points of the steps.
        B : (b, d) float
            Points where the outputs move.

        Returns
        -------
        float64 array
            (parts, a, b).
        """

    @abstractmethod
    def own(self, A: AnyFloat) -> F64:
        """Return the tangent kernel of points with themselves, (parts, a).

        Parameters
        ----------
        A : (a, d) float
            Points.

        Returns
        -------
        float64 array
            (parts, a).
        """

    @abstractmethod
    def arrays(self) -> list[AnyFloat]:
        """Return the numbers that decide what the network is: its parameters, or its activations.

        Returns
        -------
        list of array
            In an order that does not change.
        """

    def fingerprint(self) -> str:
        """Return a hash of what the network is, so that a run is not continued with another.

        Returns
        -------
        str
            Hexadecimal digits.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{type(self).__name__} {self.layers} {self.parts}".encode())
        for array in self.arrays():
            digest.update(str(np.shape(array)).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@contextmanager
def asking(points: AnyFloat) -> Iterator[None]:
    """Say of what foreign code raises that it is the network's, and at which points it was asked.

    Parameters
    ----------
    points : (n, d) float
        What the network is asked at.

    Raises
    ------
    RecipeError
        In place of anything that is not an error of this package or of memory; the cause stays attached.
    """
    try:
        yield
    except (FractalmanError, MemoryError):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
        raise RecipeError(
            f"the network cannot be asked at points of shape {np.shape(points)}: {said}; expected a network of points "
            f"of {np.shape(points)[-1]} coordinates"
        ) from error


def activations_at(network: OwnNetwork, X: AnyFloat) -> dict[str, F64]:
    """Return what a network's layers hold at points, checked: a row for every point, finite numbers.

    Parameters
    ----------
    network : OwnNetwork
        Anybody's.
    X : (n, d) float
        Points.

    Returns
    -------
    dict of str to float64 array
        Layer → (n, units); under "output" the outputs, where they are known.

    Raises
    ------
    RecipeError
        Naming the layer that holds something else, or what the network raised.
    """
    with asking(X):
        held = network.activations(X)
    for name, values in held.items():
        if len(values) != len(X):
            raise RecipeError(f"layer {name} of {len(values)} rows at {len(X)} points: expected a row for every point")
        bad = int(len(X) - np.isfinite(values).all(axis=1).sum())
        if bad:
            raise RecipeError(
                f"layer {name} holds NaN or infinity at {bad} of {len(X)} points: expected finite numbers"
            )
    return held


def blocks(points: int, bytes_each: int) -> Iterator[slice]:
    """Yield slices of so many points that their Jacobians fit into `BLOCK_BYTES`, a power of two of them.

    Parameters
    ----------
    points : int
        In all.
    bytes_each : int
        Of one point's Jacobian.
    """
    fit = max(1, BLOCK_BYTES // max(1, bytes_each))
    size = min(1 << (fit.bit_length() - 1), 1024)
    for start in range(0, points, size):
        yield slice(start, min(points, start + size))


def flat(values: AnyFloat) -> F64:
    """Return activations of any shape (n, …) as (n, units) float64."""
    array = np.asarray(values, np.float64)
    if array.ndim == 0:
        raise RecipeError("one number for all points: expected a row of activations for every point")
    return np.ascontiguousarray(array.reshape(len(array), -1))


def split_output(found: Any) -> tuple[Any, dict[str, Any]]:
    """Return outputs and activations of what a function returned.

    Parameters
    ----------
    found : array, or (array, activations)
        Activations as a dict layer → array, as a list, or as one array; without names they are "1", "2", ….
    """
    if not (isinstance(found, tuple) and len(found) == 2):
        return found, {}
    output, beside = found
    if not isinstance(beside, Mapping):
        several = beside if isinstance(beside, Sequence) else [] if beside is None else [beside]
        beside = {str(k + 1): one for k, one in enumerate(several)}
    return output, {str(name): value for name, value in beside.items()}


def grouped(names: Mapping[str, str]) -> dict[str, list[str]]:
    """Return part → its parameters, in the order of the parameters.

    Parameters
    ----------
    names : dict
        Parameter → part.
    """
    out: dict[str, list[str]] = {}
    for name, part in names.items():
        out.setdefault(part, []).append(name)
    return out
