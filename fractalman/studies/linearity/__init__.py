"""Linearity: at which scales and in which layers learning is a collection of linear regressions, each with its law."""
