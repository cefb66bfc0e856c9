"""Kernels that keep the largest numbers of the rows and of the columns of a table that comes in blocks of rows."""

from __future__ import annotations

from fractalman._jit import kernel
from fractalman._typing import F32, I64


@kernel
def largest_of_rows(block: F32, start: int, stop: int, value: F32, number: I64) -> None:
    """value[i], falling, and number[i] = the largest of block[i] and their columns; of equals the first ones."""
    kept = value.shape[1]
    for i in range(start, stop):
        value[i, :] = -1.0
        for j in range(block.shape[1]):
            x = block[i, j]
            if x > value[i, kept - 1]:
                at = kept - 1
                while at > 0 and x > value[i, at - 1]:
                    value[i, at], number[i, at] = value[i, at - 1], number[i, at - 1]
                    at -= 1
                value[i, at], number[i, at] = x, j


@kernel
def largest_of_columns(block: F32, first: int, start: int, stop: int, least: F32, value: F32, number: I64) -> None:
    """Take the rows first, first + 1, … into value[j], falling, and number[j], their rows, of columns start … stop − 1.

    Of equals the first ones stay. least[j] is the last one of value[j], beside those of the next columns.
    """
    kept = value.shape[1]
    for i in range(block.shape[0]):
        for j in range(start, stop):
            x = block[i, j]
            if x > least[j]:
                at = kept - 1
                while at > 0 and x > value[j, at - 1]:
                    value[j, at], number[j, at] = value[j, at - 1], number[j, at - 1]
                    at -= 1
                value[j, at], number[j, at] = x, first + i
                least[j] = value[j, kept - 1]
