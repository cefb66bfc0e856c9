"""Families of datasets: one folder each, and what their objects have in common."""
