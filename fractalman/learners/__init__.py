"""Learners by name; importing this package imports neither JAX nor scikit-learn.

A learner is one file with one class, which declares its settings and everything that planning, regimes, results and
laws must know of it (`Learner`); it is found through one line of `REGISTRY`.
"""

from __future__ import annotations

from fractalman._on_demand import nothing_else
from fractalman.learners.kernel_ridge import OwnKernel
from fractalman.learners.own_networks import OwnNetwork, own_network
from fractalman.learners.protocol import DIVERGED, Cost, Learner, Outcome, Problem
from fractalman.learners.registry import (
    NAMES,
    REGISTRY,
    axes,
    axis_kind,
    doubled_settings,
    learner_class,
    make,
    names,
    properties_of,
    settings_of,
)
from fractalman.learners.torch_regressor import TorchRegressor
from fractalman.learners.user import UserLearner, own
from fractalman.theory.laws.learner_properties import LearnerProperties

__all__ = [
    "DIVERGED",
    "NAMES",
    "REGISTRY",
    "Cost",
    "Learner",
    "LearnerProperties",
    "Outcome",
    "OwnKernel",
    "OwnNetwork",
    "Problem",
    "TorchRegressor",
    "UserLearner",
    "axes",
    "axis_kind",
    "doubled_settings",
    "learner_class",
    "make",
    "names",
    "own",
    "own_network",
    "properties_of",
    "settings_of",
]

__getattr__ = nothing_else(__name__, __all__)
