"""Addressed random numbers: a draw is a function of (seed, role, name of the thing, counter)."""
