"""Union-find: the representative of a set."""

from __future__ import annotations

import numpy as np

from fractalman._jit import inline


@inline
def find(link, s):  # type: ignore[no-untyped-def]
    """The representative of the set of ``s`` (an int64), which links to itself; paths are halved on the way."""
    while np.int64(link[s]) != s:
        link[s] = link[link[s]]
        s = np.int64(link[s])
    return s
