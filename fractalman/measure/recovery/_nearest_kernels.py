"""Kernels that keep the largest |numbers| of the rows and of the columns of a table that comes in tiles.

Numbers are float32, seen as int32: without its sign bit one is larger as a whole number where it is larger in size, so
that most of a tile is passed over many numbers at a time.
"""

from __future__ import annotations

import numpy as np

from fractalman._jit import kernel
from fractalman._typing import I32, I64

_SIZE = np.int32(0x7FFFFFFF)
_RUN, _COLUMNS = 64, 16  # looked at together: columns are met with new rows, which are among their largest more often


@kernel
def largest_of_rows(tile: I32, column: int, start: int, stop: int, value: I32, number: I64) -> None:
    """Take |tile[i]| of rows start … stop − 1 into value[i], falling, and number[i], their columns from ``column`` on.

    Of equals the first ones stay. ``value`` begins below 0.
    """
    kept, width = value.shape[1], tile.shape[1]
    for i in range(start, stop):
        for begin in range(0, width, _RUN):
            end, top = min(begin + _RUN, width), np.int32(0)
            for j in range(begin, end):
                top = max(top, tile[i, j] & _SIZE)
            if top <= value[i, kept - 1]:
                continue
            for j in range(begin, end):
                x = tile[i, j] & _SIZE
                if x > value[i, kept - 1]:
                    at = kept - 1
                    while at > 0 and x > value[i, at - 1]:
                        value[i, at], number[i, at] = value[i, at - 1], number[i, at - 1]
                        at -= 1
                    value[i, at], number[i, at] = x, column + j


@kernel
def largest_of_columns(
    tile: I32, row: int, column: int, start: int, stop: int, least: I32, value: I32, number: I64
) -> None:
    """Take |tile[:, j]| of columns start … stop − 1 into value[column + j], falling, and number, rows from ``row`` on.

    Of equals the first ones stay. least[column + j] is the last one of value, beside those of the next columns.
    """
    kept = value.shape[1]
    for i in range(tile.shape[0]):
        for begin in range(start, stop, _COLUMNS):
            end, some = min(begin + _COLUMNS, stop), False
            for j in range(begin, end):
                some |= (tile[i, j] & _SIZE) > least[column + j]
            if not some:
                continue
            for j in range(begin, end):
                x, own = tile[i, j] & _SIZE, column + j
                if x > least[own]:
                    at = kept - 1
                    while at > 0 and x > value[own, at - 1]:
                        value[own, at], number[own, at] = value[own, at - 1], number[own, at - 1]
                        at -= 1
                    value[own, at], number[own, at] = x, row + i
                    least[own] = value[own, kept - 1]
