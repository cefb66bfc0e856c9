"""Compiled kernels of trees of some of the points; the reference implementation is in tests/reference."""

from __future__ import annotations

from fractalman._jit import kernel


@kernel
def add_upwards(parent, order, count):  # type: ignore[no-untyped-def]
    """count[u] becomes the sum over u and everything below it; ``order`` has ancestors first."""
    for i in range(order.size - 1, -1, -1):
        u = order[i]
        if parent[u] >= 0:
            count[parent[u]] += count[u]


@kernel
def skip_chains(parent, order, single, up):  # type: ignore[no-untyped-def]
    """up[u] = the nearest ancestor that is no link of a chain, −1 if there is none."""
    for u in order:
        p = parent[u]
        up[u] = up[p] if p >= 0 and single[p] else p


@kernel
def add_chains(parent, order, single, total):  # type: ignore[no-untyped-def]
    """total[u] becomes the sum over u and the links of the chain right above it, from the top downwards."""
    for u in order:
        p = parent[u]
        if p >= 0 and single[p]:
            total[u] = total[p] + total[u]
