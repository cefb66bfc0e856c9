"""Batches on their way to a JAX device, sent ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fractalman._arguments import checked_arguments
from fractalman.config import shown
from fractalman.errors import RecipeError
from fractalman.learners.networks import require


@checked_arguments
def device_batches(batches: Iterable[Any], ahead: int = 1, device: Any = None) -> Iterator[Any]:
    """Yield batches as arrays on a JAX device, in their order, the next ones being sent while one is used.

    Parameters
    ----------
    batches : iterable of object
        Of NumPy arrays, such as `fractalman.batches` makes; float64 becomes float32 unless JAX has x64 on.
    ahead : int, default 1
        Batches that are sent before they are asked for, 0 or more; they take memory on the device.
    device : object, default None
        A JAX device or sharding; None = the default device.

    Returns
    -------
    iterator of object
        Batches as arrays on a JAX device, in their order, the next ones being sent while one is used.

    Raises
    ------
    MissingExtraError
        Without JAX.
    RecipeError
        For ``ahead`` below 0.

    Examples
    --------
    >>> import numpy as np, fractalman as fm
    >>> [float(batch.sum()) for batch in fm.device_batches([np.ones(2), np.ones(3)])]
    [2.0, 3.0]
    """
    if isinstance(ahead, bool) or not isinstance(ahead, int) or ahead < 0:
        raise RecipeError(f"ahead = {shown(ahead)}: expected an integer >= 0")
    if isinstance(batches, str | bytes | Mapping) or not isinstance(batches, Iterable):
        raise RecipeError(f"found {type(batches).__name__}: expected batches; use fm.batches(data, 256)")
    require("batches on a device", "jax")
    return _sent(batches, ahead, device)


def _sent(batches: Iterable[Any], ahead: int, device: Any) -> Iterator[Any]:
    import jax

    waiting: deque[Any] = deque()
    for batch in batches:
        waiting.append(jax.device_put(batch, device))
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting
