"""Smooth manifolds, the control beside the fractals."""
