"""Dictionaries learned from points: sparse autoencoders in JAX, and the classical ways beside them.

All have ``encode``, ``decode``, ``W_dec`` and ``b_dec``, so that `fractalman.recovery` takes them. JAX and scikit-learn
are imported when something is fitted, never before.
"""

from __future__ import annotations

from fractalman.learners.dictionaries.autoencoder import SparseAutoencoder
from fractalman.learners.dictionaries.baselines import BASELINES, LinearDictionary, fit_baseline
from fractalman.learners.dictionaries.fitting import fit_autoencoders
from fractalman.learners.dictionaries.settings import ARCHITECTURES, AutoencoderSettings

__all__ = [
    "ARCHITECTURES",
    "BASELINES",
    "AutoencoderSettings",
    "LinearDictionary",
    "SparseAutoencoder",
    "fit_autoencoders",
    "fit_baseline",
]
