"""Expected risk of linear smoothers ŷ = Hy under the labels' covariance: no label is drawn, nothing is trained.

    E(y_t − Σ_i H_ti y_i)² = Σ_tt − 2HΣ_nt + HΣ_nnHᵀ,      H ← H(I − 11ᵀ/n) + 11ᵀ/n with an intercept.

The weights H are those of the learners that the harness runs, made here from their stated conventions: inputs centred
by the training mean and divided by one scalar (root mean square of the centred training coordinates), labels centred by
their training mean, kernel length = median distance of two training points, ridge chosen on a fifth of the training
points. A learner chooses by measured risk, which looks at labels; theory takes the ridge whose *expected* risk on the
same points is smallest. Symbols: n training, t test points, λ = ridge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fractalman._arguments import checked_arguments
from fractalman._threads import one_matrix_thread
from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import shown
from fractalman.conventions import scaled_inputs, validation_split
from fractalman.display import Display, HtmlTable
from fractalman.errors import RecipeError
from fractalman.theory.label_covariance import LabelCovariance

_BLOCK = 1 << 24  # weights held at once


@dataclass(frozen=True)
class Expected(Display):
    """The expected risk of a smoother fitted on one training set.

    Attributes
    ----------
    risk : (t,) float64
        At every test point, in units of the label's prior variance.
    ridge : float or None
        The ridge chosen, None where there is nothing to choose.
    validation_risk : float or None
        The expected risk on the held-out points that it (or k) was chosen by, or None.
    k : int or None
        The number of neighbours chosen, None where it is given.
    """

    risk: F64
    ridge: float | None = None
    validation_risk: float | None = None
    k: int | None = None


def with_intercept(weights: F64) -> F64:
    """Return H(I − 11ᵀ/n) + 11ᵀ/n, the weights of a smoother of centred labels.

    Parameters
    ----------
    weights : (t, n) float64
        H, weights of centred labels in every prediction.

    Returns
    -------
    (t, n) float64
        Rows sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> with_intercept(np.array([[0.5, 0.0]])).tolist()
    [[0.75, 0.25]]
    """
    return np.asarray(weights + (1.0 - weights.sum(axis=1, keepdims=True)) / weights.shape[1], np.float64)


@checked_arguments
def expected_risk(covariance: LabelCovariance, weights: F64, train: I64, test: I64, intercept: bool = False) -> F64:
    """Return the expected squared error of any linear smoother, exact as long as its weights do not see the labels.

    Parameters
    ----------
    covariance : LabelCovariance
        Of the labels, `TreeCovariance` or `FieldCovariance` (label noise included in either).
    weights : (t, n) float64
        H, weights of the training labels in every prediction.
    train : (n,) int64
        Point numbers of the training points.
    test : (t,) int64
        Point numbers of the test points.
    intercept : bool, default False
        Whether `with_intercept` is applied first.

    Returns
    -------
    (t,) float64
        In units of the prior variance.

    Raises
    ------
    RecipeError
        If an argument lies outside what is allowed; the message names it.

    Notes
    -----
    Source: docs/theory.md §4.

    Examples
    --------
    >>> import numpy as np
    >>> from fractalman.trees import LabelTree
    >>> tree = LabelTree(np.array([-1, 0, 0]), np.zeros(3), np.ones(3), np.full(2, 2**0.5), np.array([1, 2]))
    >>> from fractalman.theory import TreeCovariance
    >>> expected_risk(TreeCovariance(tree), np.array([[1.0]]), np.array([0]), np.array([1])).round(6).tolist()
    [1.0]
    """
    H = np.asarray(weights, np.float64)
    return covariance.residuals(with_intercept(H) if intercept and H.size else H, train, test)


# ---------------------------------------------------------------------------------------------------- smoothers


class Smoother(HtmlTable, ABC):
    """A linear smoother of labels, defined by inputs alone (and by its ridge, where it has one)."""

    @property
    def turns(self) -> bool:
        """Whether what it predicts, or the law of that, stays where all inputs are turned by one rotation.

        False is always right: such a smoother is given the very coordinates, and not others at the same distances.
        """
        return False

    @abstractmethod
    def expected(
        self, covariance: LabelCovariance, X_train: AnyFloat, X_test: AnyFloat, train: I64, test: I64, key: int
    ) -> Expected:
        """Return the expected risk at the test points.

        Parameters
        ----------
        covariance : LabelCovariance
            Of the labels.
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.
        train : (n,) int64
            Point numbers of the training points.
        test : (t,) int64
            Point numbers of the test points.
        key : int
            The learner's key, of its validation points and sampled distances.

        Returns
        -------
        Expected
            Risk at every test point, and what was chosen.
        """

    @abstractmethod
    def weights(self, X_train: AnyFloat, X_test: AnyFloat, key: int = 0, ridge: float | None = None) -> F64:
        """Return H, the weights of the training labels in every prediction.

        Parameters
        ----------
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.
        key : int, default 0
            The learner's key.
        ridge : float or None, default None
            With one of several ridges; None = the first listed.

        Returns
        -------
        (t, n) float64
            Rows sum to 1.
        """


class Part(ABC):
    """A ridged smoother on some of its training points, waiting for a ridge."""

    @abstractmethod
    def weights(self, ridge: float, rows: F64) -> F64 | None:
        """Return H with its intercept, (t, n), or None where the fit fails in double precision.

        Parameters
        ----------
        ridge : float
            Ridge, λ.
        rows : float64 array
            What `Fit.rows` returned for the target points.

        Returns
        -------
        (t, n) float64 or None
            Weights of the training labels.
        """

    def risk(self, covariance: LabelCovariance, train: I64, ridge: float, rows: F64, test: I64) -> F64 | None:
        """Return the expected risk at target points, or None where the fit fails; always one and the same covariance.

        Parameters
        ----------
        covariance : LabelCovariance
            Of the labels.
        train : (n,) int64
            Point numbers of the training points.
        ridge : float
            Ridge, λ.
        rows : float64 array
            What `Fit.rows` returned for the target points.
        test : (t,) int64
            Point numbers of the target points.

        Returns
        -------
        (t,) float64 or None
            Expected squared errors in units of the label's prior variance.
        """
        H = self.weights(ridge, rows)
        return None if H is None else covariance.residuals(H, train, test)


class Fit(ABC):
    """What a training set fixes before a ridge is chosen."""

    @abstractmethod
    def rows(self, points: F64 | I64) -> F64:
        """Return what is needed of target points: scaled inputs (t, d), or training points by number.

        Parameters
        ----------
        points : (t, d) float64 or (t,) int64
            Inputs, or numbers of training points.

        Returns
        -------
        float64 array
            Scaled inputs (t, d), or what stands for them.
        """

    @abstractmethod
    def on(self, part: I64 | slice) -> Part:
        """Return the fit on a part of the training points, given by their positions among them.

        Parameters
        ----------
        part : (m,) int64 or slice
            Positions among the training points.

        Returns
        -------
        Part
            The fit on these.
        """


class Ridged(Smoother):
    """A smoother with a ridge, chosen on held-out training points by the smallest expected risk."""

    ridges: tuple[float, ...]
    larger_first: ClassVar[bool]  # of equal risks the larger ridge is taken, else the smaller

    @abstractmethod
    def prepare(self, X_train: F64, key: int) -> Fit:
        """Return what all ridges share, from the inputs (n, d) that `inputs` returns.

        Parameters
        ----------
        X_train : (n, d) float64
            Training inputs, as ``inputs`` returns them.
        key : int
            The learner's key.

        Returns
        -------
        Fit
            What all ridges share.
        """

    def inputs(self, X_train: AnyFloat, X_test: AnyFloat) -> tuple[F64, F64]:
        """Return training and test inputs as the smoother sees them: on the scale of the training inputs.

        Parameters
        ----------
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.

        Returns
        -------
        X_train : (n, d) float64
            Training inputs, scaled.
        X_test : (t, d) float64
            Test inputs, scaled by the training inputs' scale.
        """
        return scaled_inputs(X_train, X_test)

    def expected(
        self, covariance: LabelCovariance, X_train: AnyFloat, X_test: AnyFloat, train: I64, test: I64, key: int
    ) -> Expected:
        """Return the expected risk with the ridge of smallest expected validation risk, refitted on all points.

        Parameters
        ----------
        covariance : LabelCovariance
            Of the labels.
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.
        train : (n,) int64
            Point numbers of the training points.
        test : (t,) int64
            Point numbers of the test points.
        key : int
            The learner's key, of its validation points and sampled distances.

        Returns
        -------
        Expected
            Risk at every test point, the ridge and its validation risk.

        Raises
        ------
        RecipeError
            If no ridge can be used in double precision.
        """
        if not self.ridges:
            raise RecipeError("ridges = (): expected at least one ridge")
        X, Z = self.inputs(X_train, X_test)
        with one_matrix_thread():
            return self._chosen(covariance, self.prepare(X, key), Z, train, test, key)

    def _chosen(self, covariance: LabelCovariance, fit: Fit, Z: F64, train: I64, test: I64, key: int) -> Expected:
        """Return the expected risk at the inputs Z with the ridge of smallest expected validation risk."""
        order, validation = sorted(self.ridges, reverse=self.larger_first), None
        if len(order) > 1 and train.size > 1:
            risks = self._validated(covariance, fit, train, key)
            order.sort(key=risks.__getitem__)  # stable: of equal risks the first stays first
            validation = risks[order[0]]
        whole, step, risk = fit.on(slice(None)), max(1, _BLOCK // train.size), np.empty(test.size)
        for ridge in order:  # more points than were validated on: where they cannot be factorised, the next best
            for a in range(0, max(1, test.size), step):
                found = whole.risk(covariance, train, ridge, fit.rows(Z[a : a + step]), test[a : a + step])
                if found is None:
                    break
                risk[a : a + step] = found
            else:
                return Expected(risk, ridge, validation)
        raise RecipeError(f"ridges = {self.ridges}: none of them is large enough to factorise this kernel")

    def _validated(self, covariance: LabelCovariance, fit: Fit, train: I64, key: int) -> dict[float, float]:
        """Expected risk on the held-out points for every ridge, infinite where the fit fails."""
        part, held = validation_split(key, train.size)
        tried, rows, risks = fit.on(part), fit.rows(held), {}
        for ridge in self.ridges:
            risk = tried.risk(covariance, train[part], ridge, rows, train[held])
            risks[ridge] = np.inf if risk is None else float(risk.mean())
        return risks

    def weights(self, X_train: AnyFloat, X_test: AnyFloat, key: int = 0, ridge: float | None = None) -> F64:
        """Return H for one ridge, the weights of the training labels in every prediction.

        Parameters
        ----------
        X_train : (n, d) float array
            Training inputs.
        X_test : (t, d) float array
            Test inputs.
        key : int, default 0
            The learner's key.
        ridge : float or None, default None
            The ridge; None = the first listed.

        Returns
        -------
        (t, n) float64
            Rows sum to 1.

        Raises
        ------
        RecipeError
            Where the kernel and this ridge cannot be factorised in double precision.
        """
        X, Z = self.inputs(X_train, X_test)
        fit = self.prepare(X, key)
        chosen = self.ridges[0] if ridge is None else ridge
        H = fit.on(slice(None)).weights(chosen, fit.rows(Z))
        if H is None:
            raise RecipeError(f"ridge = {shown(chosen)}: too small to factorise this kernel in double precision")
        return H
