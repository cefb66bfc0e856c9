"""What predictions of one recipe share: structures, coordinates and labels that were drawn, while they are small.

A curve, its floor and the curves of other learners average over the same draws. Each is made once for all of them as
long as it stays among the last `MOST_BYTES`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np

from fractalman._typing import AnyFloat

T = TypeVar("T")
Array = TypeVar("Array", bound=AnyFloat)

MOST_BYTES = 128 * 2**20
"""Bytes that are kept in all; what is larger than a quarter of it is never kept."""


class Kept:
    """A memory of bounded size: the things that were used last.

    Parameters
    ----------
    most : int
        Bytes in all.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most, self._bytes = most, 0
        self._things: OrderedDict[Hashable, tuple[int, object]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """Return what a key stands for, made if it is not kept; ``size`` says its bytes."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key][1]  # type: ignore[return-value]  # kept under its own key
        made = make()
        own = size(made)
        if 4 * own > self.most:
            return made
        with self._lock:
            if key not in self._things:
                self._things[key] = (own, made)
                self._bytes += own
            while self._bytes > self.most:
                _, (freed, _) = self._things.popitem(last=False)
                self._bytes -= freed
        return made

    def array(self, key: Hashable, make: Callable[[], Array]) -> Array:
        """Return an array likewise, which nobody may change."""

        def frozen() -> Array:
            made = make()
            if made.flags.owndata:
                made.flags.writeable = False
            return made

        return self.get(key, frozen, lambda made: int(np.asarray(made).nbytes))


KEPT = Kept()
"""Of this process."""
