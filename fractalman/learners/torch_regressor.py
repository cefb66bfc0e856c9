"""A PyTorch module as an estimator with fit and predict; torch is imported when one is fitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fractalman._typing import F64, AnyFloat
from fractalman.config import shown as cut
from fractalman.conventions import input_scale, root_mean_square
from fractalman.display import HtmlTable
from fractalman.errors import MissingExtraError, RecipeError
from fractalman.learners.descriptions import package_version, shown


@dataclass
class TorchRegressor(HtmlTable):
    """Least squares with a network of your own: Adam on mini-batches, warm-up, then half a cosine down to 0.

    Inputs are centred and divided by one scalar (root mean square of the centred training coordinates), labels centred
    and divided by their root mean square; both are undone in the prediction.

    Parameters
    ----------
    factory : function
        (number of inputs, number of outputs) → ``torch.nn.Module``; a subclass of it with such a constructor will do.
        It is called anew for every fit, under the fit's own seed.
    steps : int
        Steps of Adam. Default 2000.
    batch_size : int
        Points of a step, drawn with replacement; all points where there are fewer. Default 128.
    learning_rate : float
        Peak of the schedule. Default 1e-3.
    weight_decay : float
        Decoupled weight decay (AdamW). Default 0.
    device : str
        As torch calls it. Default "cpu".
    random_state : int
        Seed of weights and batches; a sweep sets it. Default 0.

    Raises
    ------
    RecipeError
        For steps, batch_size or learning_rate that cannot be.

    Examples
    --------
    >>> from fractalman import learners
    >>> learners.TorchRegressor(lambda d, m: None, steps=10).get_params()["steps"]
    10
    """

    factory: Callable[[int, int], Any]
    steps: int = 2000
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    device: str = "cpu"
    random_state: int = 0

    def __post_init__(self) -> None:
        if not callable(self.factory):
            raise RecipeError(f"factory = {cut(self.factory)}: expected a function (inputs, outputs) → torch.nn.Module")
        for name in ("steps", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise RecipeError(f"{name} = {cut(value)}: expected an integer >= 1")
        if not 0.0 < self.learning_rate < float("inf"):
            raise RecipeError(f"learning_rate = {cut(self.learning_rate)}: expected a number > 0")

    def __repr__(self) -> str:
        fields = [f for f in dataclasses.fields(self) if f.name not in ("factory", "random_state")]
        settings = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields)
        return f"TorchRegressor({shown(self.factory)}, {settings}, {package_version('torch')})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (scikit-learn's own)
        """Return the parameters by name, as scikit-learn's estimators do.

        Parameters
        ----------
        deep : bool, default True
            Without effect: no parameter is an estimator.

        Returns
        -------
        dict of str to object
            Parameter → value.
        """
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def set_params(self, **values: Any) -> Self:
        """Set parameters by name, as scikit-learn's estimators do.

        Parameters
        ----------
        values : object
            Parameters and their new values.

        Returns
        -------
        TorchRegressor
            Itself.
        """
        for name, value in values.items():
            setattr(self, name, value)
        self.__post_init__()
        return self

    def fit(self, X: AnyFloat, y: AnyFloat) -> Self:
        """Train a new module on n points.

        Parameters
        ----------
        X : (n, d) float array
            Inputs.
        y : (n,) or (n, m) float array
            Labels.

        Returns
        -------
        TorchRegressor
            Itself.
        """
        torch = _torch()
        targets = np.asarray(y, np.float64)
        self._flat = targets.ndim == 1
        targets = targets.reshape(len(targets), -1)
        self._centre, self._scale = input_scale(X)
        self._label_centre = targets.mean(axis=0)
        self._label_scale = root_mean_square(targets - self._label_centre)
        inputs = self._tensor((np.asarray(X, np.float64) - self._centre) / self._scale)
        wanted = self._tensor((targets - self._label_centre) / self._label_scale)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            self._module = self.factory(inputs.shape[1], wanted.shape[1]).to(self.device)
            self._train(torch, inputs, wanted)
        return self

    def _train(self, torch: Any, inputs: Any, wanted: Any) -> None:
        rates = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        optimizer = torch.optim.AdamW(self._module.parameters(), **rates)
        warmup = min(100, max(1, self.steps // 20))

        def rate(step: int) -> float:
            rise = min(1.0, (step + 1.0) / warmup)
            return float(rise * 0.5 * (1.0 + np.cos(np.pi * (step + 1.0) / self.steps)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        batches = torch.Generator().manual_seed(self.random_state)
        self._module.train()
        for _ in range(self.steps):
            x, z = inputs, wanted
            if len(inputs) > self.batch_size:
                rows = torch.randint(len(inputs), (self.batch_size,), generator=batches).to(self.device)
                x, z = inputs[rows], wanted[rows]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(self._module(x), z).backward()
            optimizer.step()
            schedule.step()
        self._module.eval()

    def predict(self, X: AnyFloat) -> F64:
        """Return the predictions at t points.

        Parameters
        ----------
        X : (t, d) float array
            Inputs.

        Returns
        -------
        (t,) or (t, m) float64
            As the labels of `fit` were.
        """
        torch = _torch()
        with torch.no_grad():
            found = self._module(self._tensor((np.asarray(X, np.float64) - self._centre) / self._scale))
        out = found.cpu().numpy().astype(np.float64) * self._label_scale + self._label_centre
        return np.asarray(out[:, 0] if self._flat else out, np.float64)

    def _tensor(self, values: F64) -> Any:
        return _torch().as_tensor(values.astype(np.float32), device=self.device)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            f"a TorchRegressor needs torch, which cannot be imported ({error}); use pip install torch"
        ) from None
    return torch
