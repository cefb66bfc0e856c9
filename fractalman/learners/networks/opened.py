"""A network of the harness with some weights, as the studies see anybody's: activations, outputs, tangent kernel."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

import numpy as np

from fractalman.learners.networks.network import Network
from fractalman.learners.own_networks.jax_functions import JaxNetwork


class OpenedNetwork(JaxNetwork):
    """A shape of network with weights, asked at scaled inputs.

    Parameters
    ----------
    network : Network
        The shape.
    d : int
        Inputs.
    outputs : int
        Outputs.
    """

    def __init__(self, network: Network, d: int, outputs: int) -> None:
        weights = network.start(0, d, outputs)
        factors, _ = network.constants("sgd", d, weights)

        def function(layers: Any, X: Any) -> Any:
            weights = network.joined(layers)
            return network.apply(weights, factors, X), network.layers(weights, factors, X)

        super().__init__(function, network.by_layer(weights), None, np.zeros((1, d), np.float32))
        self.rows = network.rows


@lru_cache(maxsize=8)
def opened(network: Network, d: int, outputs: int) -> OpenedNetwork:
    """Return the network of a shape with some weights: all replicates of a study share what is compiled."""
    module, name = network.opens_as.split(":")
    found: OpenedNetwork = getattr(importlib.import_module(module), name)(network, d, outputs)
    return found
