"""Probes: what of the hierarchy can be read off the layers of a network, as data and width grow."""
