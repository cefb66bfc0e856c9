"""Percolation on a lattice."""
