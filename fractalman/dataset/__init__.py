"""Datasets in memory and in files."""
