"""How a network's weights start, what multiplies its layers, and how fast every layer learns.

n_ℓ = units of layer ℓ, n_0 = d inputs, n_1 = … = n_L = width, gain = 2 below an activation and 1 at the output.

- standard: weights N(0, gain/n_ℓ), one learning rate for all.
- ntk: weights N(0, 1), products multiplied by √(gain/n_ℓ), biases stay 0: the tangent kernel has a limit in the width.
- mup: the maximal update parameterization: as "standard" at width 64; beyond, the output starts smaller by √(64/width)
  and layers learn at rates that keep every layer's change of order one in the width.

Source: Jacot, Gabriel & Hongler, arXiv 1806.07572; Yang et al., arXiv 2203.03466, table 3.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, TypeAlias

import numpy as np

from fractalman._typing import F32
from fractalman.random.streams import Role, key64, normals

Weights: TypeAlias = tuple[tuple[Any, Any], ...]

PARAMETERIZATIONS = ("standard", "ntk", "mup")
BASE_WIDTH = 64
"""Width at which "mup" is "standard"."""


def layer_sizes(d: int, width: int, depth: int, outputs: int) -> list[tuple[int, int]]:
    """Return (units below, units) of every layer."""
    return list(itertools.pairwise([d, *[width] * depth, outputs]))


def initial_weights(
    key: int, d: int, width: int, depth: int, outputs: int, parameterization: str = "standard"
) -> Weights:
    """Return the weights at the start, biases 0, float32 NumPy arrays.

    Parameters
    ----------
    key : int
        The problem's key; layer ℓ draws from its own key, the same numbers on every machine.
    d : int
        Layer sizes d → width (depth times) → outputs.
    width : int
        Layer sizes d → width (depth times) → outputs.
    depth : int
        Layer sizes d → width (depth times) → outputs.
    outputs : int
        Layer sizes d → width (depth times) → outputs.
    parameterization : str, default "standard"
        One of `PARAMETERIZATIONS`.
    """
    layers = []
    for layer, (fan_in, fan_out) in enumerate(layer_sizes(d, width, depth, outputs)):
        draws = normals(key64(key, Role.INITIALISATION, layer), fan_in * fan_out).reshape(fan_in, fan_out)
        spread = 1.0 if parameterization == "ntk" else math.sqrt(_gain(layer, depth) / fan_in)
        if parameterization == "mup" and layer == depth:
            spread *= math.sqrt(BASE_WIDTH / width)
        layers.append(((draws * spread).astype(np.float32), np.zeros(fan_out, np.float32)))
    return tuple(layers)


def multipliers(parameterization: str, optimizer: str, d: int, width: int, depth: int) -> tuple[F32, F32]:
    """Return the factors (layers,) of the products and those (layers, 2) of weights' and biases' learning rates."""
    factors, rates = np.ones(depth + 1, np.float32), np.ones((depth + 1, 2), np.float32)
    if parameterization == "ntk":
        below = [d, *[width] * depth]
        factors[:] = [math.sqrt(_gain(layer, depth) / below[layer]) for layer in range(depth + 1)]
        rates[:, 1] = 0.0
    if parameterization == "mup":
        ratio = width / BASE_WIDTH
        if optimizer == "adam":  # hidden and output weights: 1/width
            rates[1:, 0] = 1.0 / ratio
        else:  # inputs and hidden biases: width, hidden weights: 1, output weights: 1/width
            rates[0, 0] = rates[:-1, 1] = ratio
            rates[-1, 0] = 1.0 / ratio
    return factors, rates


def _gain(layer: int, depth: int) -> float:
    return 1.0 if layer == depth else 2.0
