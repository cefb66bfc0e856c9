"""Granularity: how much of the label is made at every scale of the hierarchy, and how much of that a linear learner
gets."""
