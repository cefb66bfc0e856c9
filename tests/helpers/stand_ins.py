"""Small stand-ins for the functions that a sweep calls, put in their place while a test runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import pytest

PLACES = {
    "generate": "fractalman.generation.generate",
    "label_draws": "fractalman.generation.label_draws",
    "bayes_risk": "fractalman.theory.bayes_risk",
    "within_variance": "fractalman.theory.within_variance",
    "make": "fractalman.learners.make",
    "predict": "fractalman.prediction.make_prediction",
    "covariance": "fractalman.theory.TreeCovariance",
    "label_modes": "fractalman.experiments.replicates.label_modes",
}


@dataclass(frozen=True)
class StandIns:
    """Functions with the signatures of the package's own; None = the package's own."""

    generate: Callable[..., Any] | None = None
    label_draws: Callable[..., Any] | None = None
    bayes_risk: Callable[..., Any] | None = None
    within_variance: Callable[..., Any] | None = None
    make: Callable[..., Any] | None = None
    predict: Callable[..., Any] | None = None
    covariance: Callable[..., Any] | None = None
    label_modes: Callable[..., Any] | None = None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Put them in place until ``patch`` is undone."""
        for field in fields(self):
            function = getattr(self, field.name)
            if function is not None:
                patch.setattr(PLACES[field.name], function)

    @contextlib.contextmanager
    def playing(self) -> Iterator[None]:
        """In a ``with`` block: they are in place inside it, in this process."""
        with pytest.MonkeyPatch.context() as patch:
            self.install(patch)
            yield
