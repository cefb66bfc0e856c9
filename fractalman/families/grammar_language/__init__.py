"""Sequences of a hidden tree language: tokens that are seen, and the one that follows them or was hidden among them."""
