"""A network of the harness with some weights, as the studies see anybody's: activations, outputs, tangent kernel."""

from __future__ import annotations

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
    weights : pytree
        As `Network.start` makes them.
    factors : object
        As `Network.constants` makes them.
    d : int
        Inputs.
    """

    def __init__(self, network: Network, weights: Any, factors: Any, d: int) -> None:
        def function(layers: Any, X: Any) -> Any:
            weights = network.joined(layers)
            return network.apply(weights, factors, X), network.layers(weights, factors, X)

        super().__init__(function, network.by_layer(weights), None, np.zeros((1, d), np.float32))
        self.rows = network.rows
