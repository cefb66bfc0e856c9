"""Compiled kernels of laid-out boxes; plain-Python references are in tests/reference."""

from __future__ import annotations

import math

import numpy as np

from fractalman._jit import kernel
from fractalman.random.series import cosine64, sine64


@kernel
def orthonormalise(frame):  # type: ignore[no-untyped-def]
    """Make the rows orthonormal by Gram–Schmidt, each projection done twice, which keeps them so to the last digits."""
    rows, d = frame.shape
    for i in range(rows):
        for _ in range(2):
            for k in range(i):
                along = 0.0
                for j in range(d):
                    along += frame[i, j] * frame[k, j]
                for j in range(d):
                    frame[i, j] = frame[i, j] - along * frame[k, j]
        square = 0.0
        for j in range(d):
            square += frame[i, j] * frame[i, j]
        scale = 1.0 / math.sqrt(square)
        for j in range(d):
            frame[i, j] = frame[i, j] * scale


@kernel
def circle(out):  # type: ignore[no-untyped-def]
    """out[j] = (cos, sin)(2π·j/side)/(2·sin(π/side)), the angle folded into [0, π/4] and summed as Taylor series."""
    side = out.shape[0]
    radius = 1.0
    for j in range(-1, side):
        # eighths of a turn, exactly; j = −1 stands for the half step π/side, which gives the radius
        numerator = np.int64(4) if j < 0 else np.int64(8 * j)
        eighth = numerator // side
        rest = numerator - eighth * side
        if eighth & 1:
            rest = side - rest
        t = 0.7853981633974483 * (np.float64(rest) / np.float64(side))
        sine, cosine = sine64(t), cosine64(t)
        if ((eighth + 1) >> 1) & 1:  # angles nearer to ±y than to ±x
            sine, cosine = cosine, sine
        if eighth > 3:
            sine = -sine
        if 2 <= eighth <= 5:
            cosine = -cosine
        if j < 0:
            radius = 0.5 / sine
        else:
            out[j, 0] = radius * cosine
            out[j, 1] = radius * sine


@kernel
def place_sites(site, shape, places, frame, out):  # type: ignore[no-untyped-def]
    """out[i] = Σ over the axes, first to last, of the site's place along the axis × the frame's rows, in float64."""
    dim, width, d = shape.size, places.shape[2], out.shape[1]
    along = np.empty(dim * width)
    total = np.empty(d)
    for i in range(site.size):
        rest = site[i]
        for k in range(dim - 1, -1, -1):
            x = rest % shape[k]
            rest = rest // shape[k]
            for w in range(width):
                along[k * width + w] = places[k, x, w]
        for j in range(d):
            total[j] = 0.0
        for row in range(dim * width):
            c = along[row]
            for j in range(d):
                total[j] = total[j] + c * frame[row, j]
        for j in range(d):
            out[i, j] = np.float32(total[j])
