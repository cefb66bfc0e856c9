"""How much of the labels lies along a direction: drawn labels, or their covariance without drawing any."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.display import Display
from fractalman.errors import RecipeError
from fractalman.theory import _kernels
from fractalman.trees import LabelTree, path_sums, topological_order

_COLUMNS = 512  # columns of the unit matrix that a covariance multiplies at once


@runtime_checkable
class HasLabelTree(Protocol):
    """Anything with a label tree: a dataset, an open file."""

    @property
    def label_tree(self) -> LabelTree | None:
        """The tree from which the labels come."""


@runtime_checkable
class Covariance(Protocol):
    """Anything that multiplies by the labels' covariance Σ."""

    def times(self, vectors: F64) -> F64:
        """Return Σ·v for every column of (N, k) float64."""


Labels: TypeAlias = AnyFloat | LabelTree | HasLabelTree | Covariance


@dataclass(frozen=True)
class Target(Display):
    """Labels in whatever form, reduced to what a spectrum asks of them.

    Attributes
    ----------
    along : function
        (N, m) unit vectors → (m,) float64, the label variance v_i² along each, (uᵀy)²/N or uᵀΣu/N.
    mean_square : float
        Mean of E y_i² over the points.
    variance : float
        The same about the points' mean.
    """

    along: Callable[[F64], F64]
    mean_square: float
    variance: float


def target_of(labels: Labels, n: int) -> Target:
    """Return the target that n points' labels are.

    Parameters
    ----------
    labels : Labels
        Drawn labels (n,) or (n, draws), averaged over draws; a label tree, a dataset with one; a covariance.

    Raises
    ------
    RecipeError
        For labels of another number of points, numbers that are not finite, or a lost tree.
    """
    if isinstance(labels, LabelTree):
        return _of_tree(labels, n)
    if isinstance(labels, HasLabelTree):
        if labels.label_tree is None:
            raise RecipeError(
                "these labels carry no label tree: give drawn labels, (N,) or (N, draws), or a dataset that kept its "
                "hierarchy"
            )
        return _of_tree(labels.label_tree, n)
    if isinstance(labels, Covariance):
        return _of_covariance(labels, n)
    return _of_draws(labels, n)


def _of_draws(labels: AnyFloat, n: int) -> Target:
    y = np.asarray(labels, np.float64)
    if y.ndim not in (1, 2) or y.shape[0] != n or y.size == 0 or not np.isfinite(y).all():
        raise RecipeError(
            f"labels of shape {y.shape} for {n} inputs: expected finite drawn labels ({n},) or ({n}, draws), a "
            "label tree, or a covariance with times()"
        )
    columns = y.reshape(n, -1)

    def along(U: F64) -> F64:
        return np.asarray(np.square(U.T @ columns).mean(axis=1) / n, np.float64)

    return Target(along, float(np.square(columns).mean()), float(np.square(columns - columns.mean(axis=0)).mean()))


def _of_tree(tree: LabelTree, n: int) -> Target:
    if tree.n_points != n:
        raise RecipeError(f"{n} inputs and a label tree of {tree.n_points} points: expected equally many")
    parent = np.ascontiguousarray(tree.parent, np.int64)
    order = topological_order(parent)
    prior = path_sums(parent, tree.variance, order)[tree.leaf] / np.square(tree.norm)

    def along(U: F64) -> F64:
        """vᵀΣv = Σ_u variance_u·(sum of v_i/norm_i below u)²: one walk a column, only positive terms."""
        out = np.empty(U.shape[1])
        for j in range(out.size):
            below = np.bincount(tree.leaf, weights=U[:, j] / tree.norm, minlength=parent.size)
            _kernels.sums_below(parent, order, below)
            out[j] = tree.variance @ np.square(below)
        return out / n

    total = float(prior.mean())
    return Target(along, total, total - _along_constant(along, n))


def _of_covariance(covariance: Covariance, n: int) -> Target:
    def along(U: F64) -> F64:
        return np.asarray(np.maximum(np.einsum("ij,ij->j", U, covariance.times(U)), 0.0) / n, np.float64)

    trace = 0.0
    for start in range(0, n, _COLUMNS):
        unit = np.eye(n, min(_COLUMNS, n - start), -start)
        trace += float(np.einsum("ij,ij->", unit, covariance.times(unit)))
    return Target(along, trace / n, trace / n - _along_constant(along, n))


def _along_constant(along: Callable[[F64], F64], n: int) -> float:
    return float(along(np.full((n, 1), 1.0 / math.sqrt(n)))[0])
