"""The intrinsic dimension as an estimator with scikit-learn's conventions."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from fractalman.config import is_word, shown
from fractalman.errors import FractalmanError
from fractalman.measure.dimension import prepared
from fractalman.measure.dimension_methods import ESTIMATORS, estimator

_LEAST = 8


class IntrinsicDimension(BaseEstimator):  # type: ignore[misc]
    """The intrinsic dimension of points, as `fractalman.measure.dimension` measures it.

    Parameters
    ----------
    method : str, default "recommended"
        One of ``fractalman.measure.METHODS``.
    n_sources : int, default 2048
        Random starting points.
    theiler : int, default 0
        Rows this close to a point's own are not its neighbours.
    duplicates : {"drop", "near", "keep"}, default "drop"
        Whether one of several equal rows is kept, one of nearly equal ones too, or all.
    random_state : int, default 0
        Picks the starting points.

    Attributes
    ----------
    dimension_ : float
        D.
    interval_ : tuple of float
        Low and high end, 95 %.
    standard_error_ : float
        Total.
    result_ : Dimension
        Everything else.
    n_features_in_ : int
        Columns of X.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> fitted = fm.measure.IntrinsicDimension().fit(np.random.default_rng(0).random((500, 2)))
    >>> 1.8 < fitted.dimension_ < 2.2
    True
    """

    def __init__(
        self,
        method: str = "recommended",
        *,
        n_sources: int = 2048,
        theiler: int = 0,
        duplicates: str = "drop",
        random_state: int = 0,
    ) -> None:
        self.method = method
        self.n_sources = n_sources
        self.theiler = theiler
        self.duplicates = duplicates
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> IntrinsicDimension:
        """Measure the dimension of points.

        Parameters
        ----------
        X : (n, d) array_like
            Coordinates in one unit.
        y : Any, default None
            Ignored.

        Returns
        -------
        IntrinsicDimension
            The estimator itself, fitted.

        Raises
        ------
        ValueError
            For an unknown method, and for points that cannot be measured.
        """
        del y
        if not is_word(self.method, ESTIMATORS):
            raise ValueError(f"method = {shown(self.method)}: expected {', '.join(ESTIMATORS)}")
        values = validate_data(self, X, ensure_min_samples=_LEAST, dtype="numeric")
        try:
            found = prepared(values, self.n_sources, self.random_state, self.theiler, self.duplicates, _LEAST)
            self.result_ = estimator(self.method)(found, None)
        except FractalmanError as error:
            raise ValueError(str(error)) from None
        self.dimension_ = self.result_.value
        self.interval_ = self.result_.interval
        self.standard_error_ = self.result_.standard_error
        return self
