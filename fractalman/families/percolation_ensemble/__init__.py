"""Ensembles of critical mean-field clusters."""
