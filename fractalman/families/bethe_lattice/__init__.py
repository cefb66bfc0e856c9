"""Clusters of bond percolation on the Bethe lattice."""
