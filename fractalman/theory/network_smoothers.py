"""Wide networks as linear smoothers: kernel regression with their tangent kernel, stopped after a time, from a start.

While a network stays close to its tangent at the start (infinite width), gradient flow moves its outputs on the n
training points by df/dt = −K(f − y), and those at the test points by the same right-hand side through K_tn. With
H(t) = K_tn K⁻¹(1 − exp(−tK)) and f₀ the function that it starts from,

    f(t) = f₀(test) + H(t)·(y − f₀(train)),    risk = E|y_t − H y|² + v·E|f₀(test) − H f₀(train)|²

the second term because labels are divided by their root mean square √v before training and f₀ is independent of them: a
Gaussian process of covariance NNGP. Time is measured in ∫ rate dstep × 2/(n·outputs), for gradient descent on the mean
square; momentum μ multiplies the rate of step j by (1 − μ^j)/(1 − μ), for its memory begins empty. Adam's time is
another one, and no formula for it is known here.

Source: Jacot, Gabriel & Hongler, arXiv 1806.07572; Lee et al., arXiv 1902.06720 (the same with f₀); docs/theory.md §6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fractalman._typing import F64, I64, AnyFloat
from fractalman.config import shown
from fractalman.conventions import scaled_inputs
from fractalman.errors import RecipeError
from fractalman.kernels import nngp, ntk
from fractalman.random.streams import normals
from fractalman.theory.label_covariance import LabelCovariance
from fractalman.theory.ridged import Expected, Smoother, with_intercept

_ROWS = 1024  # test points whose weights are held at once
_RIDGE = 1e-10  # of the kernel's mean diagonal: below it, double precision has no digits of an eigenvalue


@dataclass(frozen=True)
class TangentNetwork(Smoother):
    """A ReLU network in the limit of its tangent kernel, trained by gradient flow from a random start.

    Parameters
    ----------
    width : int, default 256
        Units of a hidden layer; it sets the weight of the layers and biases in the kernel, and the scale of time.
    depth : int, default 2
        Hidden layers.
    parameterization : {"standard", "ntk"}, default "standard"
        As in `fractalman.kernels.ntk`.
    time : float or None, default None
        Learning rate × steps (× 1/(1 − momentum)), the area under the schedule; None means trained to the end.
    outputs : int, default 1
        Outputs of the network, among which the mean square is shared out.
    from_start : bool, default True
        Whether the function that the network starts from is counted; without it the network is its kernel alone.

    Notes
    -----
    Source: Lee et al., arXiv 1902.06720; docs/theory.md §6.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.5]])
    >>> H = TangentNetwork(width=64).weights(X, X)
    >>> bool(np.allclose(H, np.eye(3), atol=1e-6))
    True
    """

    width: int = 256
    depth: int = 2
    parameterization: str = "standard"
    time: float | None = None
    outputs: int = 1
    from_start: bool = True

    def __post_init__(self) -> None:
        if self.time is not None and not 0.0 <= self.time < np.inf:
            raise RecipeError(f"time = {shown(self.time)}: expected a number ≥ 0, or None for training to the end")
        if self.outputs < 1:
            raise RecipeError(f"outputs = {shown(self.outputs)}: expected at least 1")

    def _kernel(self, X: F64, Z: F64) -> F64:
        """The tangent kernel per unit of learning rate: the weights' own units, not divided by the width."""
        width = None if self.parameterization == "ntk" else float(self.width)
        scale = 1.0 if self.parameterization == "ntk" else float(self.width)
        return scale * ntk(X, Z, self.depth, width, self.parameterization)

    def _smoothers(self, X: F64, times: Sequence[float | None]) -> Iterator[F64]:
        """Yield G with H = K_tn G for every time, (n, n) float64: K⁻¹(1 − exp(−tK)); one spectrum serves all."""
        K = self._kernel(X, X)
        level, modes = np.linalg.eigh(K)
        floor = _RIDGE * float(np.mean(np.diag(K))) or 1.0
        for time in times:
            if time is None:
                gain = 1.0 / np.maximum(level, floor)
            else:
                rate = 2.0 * time / (len(X) * self.outputs)
                small = level * rate < 1e-8  # (1 − e^−x)/x → 1
                gain = np.where(small, rate, -np.expm1(-np.maximum(level, 0.0) * rate) / np.where(small, 1.0, level))
            yield np.asarray((modes * gain) @ modes.T, np.float64)

    def _smoother(self, X: F64) -> F64:
        return next(self._smoothers(X, [self.time]))

    def along(
        self,
        covariance: LabelCovariance,
        X_train: AnyFloat,
        X_test: AnyFloat,
        train: I64,
        test: I64,
        times: Sequence[float | None],
    ) -> list[F64]:
        """Return the risk expected over labels and over the start, at several times.

        Parameters
        ----------
        covariance : LabelCovariance
            Of the labels.
        X_train, X_test : (n, d) and (t, d) float arrays
            Inputs, scaled here as the harness scales them.
        train, test : (n,) and (t,) int64
            Their point numbers.
        times : sequence of float or None
            In place of ``time``.

        Returns
        -------
        list of (t,) float64
            Risks at the test points for every time, in units of the label's prior variance.
        """
        X, Z = scaled_inputs(X_train, X_test)
        n = train.size
        inner = covariance.block(train, train)
        spread = float(np.trace(inner) / n - inner.mean())  # E of the labels' mean square about their mean
        start = nngp(X, X, self.depth) if self.from_start else None
        across = [self._kernel(Z[a : a + _ROWS], X) for a in range(0, test.size, _ROWS)]
        begun = [
            None if start is None else _starts(Z[a : a + _ROWS], X, self.depth) for a in range(0, test.size, _ROWS)
        ]
        found = []
        for G in self._smoothers(X, times):
            risk = np.empty(test.size)
            for part, (rows, own) in enumerate(zip(across, begun, strict=True)):
                at, H = slice(part * _ROWS, (part + 1) * _ROWS), rows @ G
                risk[at] = covariance.residuals(with_intercept(H), train, test[at])
                if start is not None and own is not None:
                    left = own[0] - 2.0 * np.einsum("tn,tn->t", H, own[1])
                    left += np.einsum("tn,tn->t", H @ start, H)
                    risk[at] += spread * np.maximum(left, 0.0)
            found.append(risk)
        return found

    def drawn(
        self, y_train: F64, y_test: F64, X_train: AnyFloat, X_test: AnyFloat, times: Sequence[float], key: int
    ) -> F64:
        """Return the risks of single label vectors, each learned from a start of its own, at several times.

        Parameters
        ----------
        y_train, y_test : (n, m) and (t, m) float64
            Label vectors.
        X_train, X_test : (n, d) and (t, d) float arrays
            Inputs, scaled here as the harness scales them.
        times : sequence of k float
            In place of ``time``.
        key : int
            Of the functions that training starts from.

        Returns
        -------
        (m, k) float64
            Mean squared errors at the test points.
        """
        X, Z = scaled_inputs(X_train, X_test)
        n, centred = len(X), y_train - y_train.mean(axis=0)
        begun = np.zeros((n + len(Z), y_train.shape[1]))
        if self.from_start:  # of as much variance as the labels have, which are scaled to one
            both = np.concatenate([X, Z])
            level, modes = np.linalg.eigh(nngp(both, both, self.depth))
            normal = normals(key, begun.size).reshape(begun.shape)
            begun = (modes * np.sqrt(np.maximum(level, 0.0))) @ normal * centred.std(axis=0)
        across = self._kernel(Z, X)
        found = [
            np.square(begun[n:] + across @ (G @ (centred - begun[:n])) + y_train.mean(axis=0) - y_test).mean(axis=0)
            for G in self._smoothers(X, times)
        ]
        return np.stack(found, axis=1)

    def expected(
        self,
        covariance: LabelCovariance,
        X_train: AnyFloat,
        X_test: AnyFloat,
        train: I64,
        test: I64,
        key: int,  # noqa: ARG002 (nothing is chosen)
    ) -> Expected:
        """Return the risk expected over labels and over the start.

        Parameters
        ----------
        covariance : LabelCovariance
            Of the labels.
        X_train, X_test : (n, d) and (t, d) float arrays
            Inputs, scaled here as the harness scales them.
        train, test : (n,) and (t,) int64
            Their point numbers.
        key : int
            Not used: nothing is chosen.

        Returns
        -------
        Expected
            ``risk`` (t,) float64 in units of the label's prior variance.
        """
        return Expected(self.along(covariance, X_train, X_test, train, test, [self.time])[0])

    def weights(self, X_train: AnyFloat, X_test: AnyFloat, key: int = 0, ridge: float | None = None) -> F64:  # noqa: ARG002
        """Return the weights of the training labels, centred ones, in the predictions.

        Parameters
        ----------
        X_train, X_test : (n, d) and (t, d) float arrays
            Inputs.
        key, ridge
            Not used.

        Returns
        -------
        (t, n) float64
            Rows sum to 1.
        """
        X, Z = scaled_inputs(X_train, X_test)
        return with_intercept(self._kernel(Z, X) @ self._smoother(X))


def _starts(rows: F64, X: F64, depth: int) -> tuple[F64, F64]:
    """Return variances of the first function at test points, and its covariances with the training points."""
    own = np.array([nngp(row[None], row[None], depth)[0, 0] for row in rows])
    return own, nngp(rows, X, depth)


def training_time(learning_rate: float, steps: int, warmup: int, momentum: float = 0.9) -> float:
    """Return the area under the harness's schedule: a linear rise, then half a cosine down to 0.

    Parameters
    ----------
    learning_rate : float
        Peak of the schedule.
    steps, warmup : int
        Steps in all, and of the rise.
    momentum : float, default 0.9
        Of the descent; every step's effect is repeated 1/(1 − momentum) times in the end.

    Returns
    -------
    float
        Time for `TangentNetwork`.

    Examples
    --------
    >>> round(training_time(0.1, 1000, 1, momentum=0.0), 2)
    49.95
    """
    step = np.arange(1, steps + 1, dtype=np.float64)
    shape = np.minimum(1.0, step / max(1, warmup)) * 0.5 * (1.0 + np.cos(np.pi * step / steps))
    gathered = 1.0 - momentum**step  # what a steady gradient has become in the descent's memory, which begins empty
    return float(learning_rate * (shape * gathered).sum() / (1.0 - momentum))
