"""Sparse parities in plain Python: the bits of a task, the string of a point, its label."""

from __future__ import annotations

from fractalman.random.keys import Role, key64
from tests.reference import streams as plain


def task_bits(seed: int, task: int, n_bits: int, size: int) -> list[int]:
    """Return the bits that a task reads, rising, by Floyd's algorithm."""
    own, chosen = plain.derive(key64(seed, Role.PARITY_BITS), task), set[int]()
    for j in range(size):
        top = n_bits - size + j
        bit = plain.draw_below(own, j, top + 1)
        chosen.add(top if bit in chosen else bit)
    return sorted(chosen)


def string(seed: int, point: int, cumulated: list[float], n_bits: int) -> list[int]:
    """Return task and bits of a point."""
    own = plain.derive(key64(seed, Role.PARITY_POINT), point)
    u = (plain.draw(own, 0) >> 11) * 2.0**-53
    task = next((k for k, c in enumerate(cumulated) if u < c), len(cumulated) - 1)
    return [task, *((plain.draw(own, 1 + j // 64) >> (j % 64)) & 1 for j in range(n_bits))]
