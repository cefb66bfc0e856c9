"""What the risk of a linear smoother needs to know of the labels: their covariance, from wherever it comes."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fractalman._typing import F64, I64
from fractalman.display import HtmlTable


class LabelCovariance(HtmlTable, ABC):
    """The covariance of the labels of n points, in units of the label's prior variance."""

    @property
    @abstractmethod
    def n_points(self) -> int:
        """Number of points."""

    @abstractmethod
    def restricted(self, points: I64) -> LabelCovariance:
        """Return the covariance of these points alone.

        Parameters
        ----------
        points : (points,) int64
            Point numbers, each at most once; they are numbered 0, 1, … in this order.

        Returns
        -------
        LabelCovariance
            Of these points alone.
        """

    @abstractmethod
    def prior(self, points: I64) -> F64:
        """Return Σ_ii, (points,) float64.

        Parameters
        ----------
        points : (points,) int64
            Point numbers.

        Returns
        -------
        (points,) float64
            Σ_ii, in units of the label's prior variance.
        """

    @abstractmethod
    def pairs(self, i: I64, j: I64) -> F64:
        """Return E(y_i − y_j)² of point pairs, (pairs,) float64, never as 1 + 1 − 2·covariance.

        Parameters
        ----------
        i : (pairs,) int64
            First points.
        j : (pairs,) int64
            Second points.

        Returns
        -------
        (pairs,) float64
            E(y_i − y_j)² in units of the label's prior variance.
        """

    @abstractmethod
    def block(self, i: I64, j: I64) -> F64:
        """Return Σ between two lists of points, (len(i), len(j)) float64.

        Parameters
        ----------
        i : (a,) int64
            Points of the rows.
        j : (b,) int64
            Points of the columns.

        Returns
        -------
        (a, b) float64
            Σ_ij in units of the label's prior variance.
        """

    @abstractmethod
    def times(self, vectors: F64) -> F64:
        """Return Σ·v for every column of (n_points,) or (n_points, k) float64, of the same shape.

        Parameters
        ----------
        vectors : (n_points,) or (n_points, k) float64
            Vectors v, one a column.

        Returns
        -------
        float64, shaped as vectors
            Σ·v for every column.
        """

    @abstractmethod
    def residuals(self, weights: F64, train: I64, test: I64) -> F64:
        """Return E(y_t − Σ_i weights[t, i]·y_train[i])² for every test point, (t,) float64.

        Parameters
        ----------
        weights : (t, n) float64
            Weights of the training points' labels in every prediction.
        train : (n,) int64
            Training points.
        test : (t,) int64
            Test points.

        Returns
        -------
        (t,) float64
            E(y_t − Σ_i weights[t, i]·y_train[i])² in units of the label's prior variance.
        """
