"""What is predicted of a sweep's learners, and its curves computed ahead, beside tasks that leave a processor idle."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fractalman._threads import n_threads
from fractalman.conventions import ZERO_ONE
from fractalman.errors import FractalmanError
from fractalman.experiments.engine import Progress
from fractalman.experiments.specification import Spec
from fractalman.learners import Learner, learner_class

if TYPE_CHECKING:
    from fractalman.prediction import Prediction

Found = tuple[dict[str, Any], dict[str, str]]
"""Learner → prediction (None without one); learner → why it has none."""


def predictions_of(spec: Spec, say: Progress) -> Found:
    """Return what is predicted of every learner; predictions whose curves are computed ahead are taken from there."""
    ahead = _prepared.get(spec.digest)
    if ahead is None:
        return _made(spec, say)
    say("waiting for predicted curves")
    return ahead.result()


def _made(spec: Spec, say: Progress) -> Found:
    """Return the predictions, their curves not yet computed."""
    from fractalman.prediction import make_prediction

    predictions: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for name in spec.learners:
        say(f"predicting {name}")
        try:
            asked: dict[str, Any] = {"loss": spec.loss} if spec.recipe.classifies else {}
            asked |= {"outputs": spec.network_draws} if spec.network_draws > 1 else {}
            made = make_prediction(spec.recipe, learner=_predicted(spec, name), **asked)
            predictions[name] = None if in_nats(spec) and not made.has_curve else made
            if spec.recipe.classifies and not spec.recipe.redraws_labels and not made.has_curve:
                known = make_prediction(spec.recipe, learner=_predicted(spec, name))
                if known.has_curve:  # of the other loss
                    predictions[name] = None
                    notes[name] = (
                        f"no curve of {spec.loss} risks: what is known of {name!r} is its {known.loss}; use loss = "
                        f"{known.loss!r}"
                    )
            if spec.axis.kind == "budget":
                predictions[name], words = _along_steps(spec, made)
                notes |= {name: words} if words else {}
        except FractalmanError as error:
            predictions[name], notes[name] = None, str(error)
    return predictions, notes


def _along_steps(spec: Spec, made: Prediction) -> tuple[Any, str]:
    """Return the prediction along a network's steps, or the one along n and why there is none along the steps."""
    from fractalman.prediction.along_steps import along_steps

    if len(spec.train_sizes) > 1:  # one pass: other points for every number of steps
        return made, f"no curve along {spec.axis.name}: more steps see more points"
    try:
        return along_steps(made, spec.train_sizes[0], spec.network_draws), ""
    except FractalmanError as error:
        return made, f"no curve along {spec.axis.name}: {error}"


def _predicted(spec: Spec, name: str) -> str | Learner:
    """Return whom a prediction is made for: a name, or the learner itself where its settings are not the defaults."""
    if name in spec.brought:
        return spec.brought[name]
    defaults = learner_class(name).defaults()
    changed = any(key not in defaults or value != defaults[key] for key, value in spec.settings.get(name, {}).items())
    if not changed or spec.axis.kind == "model":
        return name
    return spec.make(name)


def in_nats(spec: Spec) -> bool:
    """Whether risks are cross-entropies, which no curve of 0–1 risks predicts."""
    return spec.recipe.classifies and spec.loss != ZERO_ONE


# ---------------------------------------------------------------------------------------------------- ahead


class _Ahead:
    """The predictions of one sweep, whose curves a thread of their own computes."""

    def __init__(self, spec: Spec) -> None:
        self._found, self._values, self._stopped = _made(spec, lambda _: None), spec.values, False
        self._thread = threading.Thread(target=self._work, name="predicted curves", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        for prediction in self._found[0].values():
            if prediction is not None and prediction.has_curve and not self._stopped:
                with contextlib.suppress(Exception):  # whoever asks again hears of it
                    prediction.curve(np.array(self._values, dtype=np.int64))

    def result(self) -> Found:
        """Wait for the curves and return the predictions."""
        while self._thread.is_alive():  # by parts: Ctrl-C comes through
            self._thread.join(0.2)
        return self._found

    def stop(self) -> None:
        """Begin no other curve."""
        self._stopped = True


_prepared: dict[str, _Ahead] = {}
"""Of this process: a specification's digest → its predictions."""


@contextlib.contextmanager
def predicted_ahead(spec: Spec) -> Iterator[None]:
    """Compute the curves of a sweep along n at all its sizes while the block runs it; `predictions_of` takes them.

    They need no task's result, tasks seldom keep all processors busy, and a report draws every size anyway. With one
    thread nothing is computed ahead.
    """
    if n_threads() < 2 or spec.axis.kind != "data":
        yield
        return
    _load()
    ahead = _prepared[spec.digest] = _Ahead(spec)
    try:
        yield
    finally:
        ahead.stop()
        _prepared.pop(spec.digest, None)


def _load() -> None:
    """Load what both threads would: two halves of a circle of imports, loaded at once, can see each other half done."""
    import scipy.linalg
    import scipy.spatial.distance
    import scipy.special  # noqa: F401

    import fractalman.prediction
    import fractalman.theory  # noqa: F401
