"""What a trial is: sets whose truth is known, methods that estimate it, and one row for every answer."""

from __future__ import annotations

import importlib.metadata
import math
import resource
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from elsewhere import version_elsewhere

Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a method says: a value, and an interval of 95 % where it gives one."""

    value: float
    low: float | None = None
    high: float | None = None
    seconds: float | None = None
    """Processor time, where another process took it."""


@dataclass(frozen=True)
class Case:
    """A set whose truth is known.

    Parameters
    ----------
    name
        Its name in rows and tables.
    truth
        The value to be estimated; for scores the value of a perfect answer.
    make
        (n, seed) → what every method of the trial takes.
    """

    name: str
    truth: float
    make: Callable[[int, int], Any]


@dataclass(frozen=True)
class Method:
    """An estimator as its package offers it.

    Parameters
    ----------
    name
        Its name in rows and tables.
    package
        The distribution it comes from; its version goes into the rows.
    run
        Data → answer; what it raises becomes the row's error.
    settings
        "default", or the documented setting that is used instead.
    most
        The largest n it is asked at: beyond, it takes more than a minute or the memory that there is.
    wide
        The same of points in more than 15 coordinates, where scikit-learn's neighbours are those of all pairs.
    repeats
        It is asked at the first so many seeds only, because one answer takes many seconds.
    """

    name: str
    package: str
    run: Callable[[Any], Answer | float]
    settings: str = "default"
    most: int = 10**9
    wide: int = 10**9
    repeats: int = 10**9


@dataclass(frozen=True)
class Trial:
    """A question, the sets on which it is asked, the methods that answer, and the sizes.

    Parameters
    ----------
    name
        What is typed to run it.
    question
        One sentence; the page's first line.
    quantity
        What is estimated, as an axis is labelled.
    cases, methods
        The sets and the estimators.
    sizes
        n; every case is made at each.
    figure
        Names of the cases that the figure shows, at most four.
    axis
        Ends of the figure's vertical axis; without them from .4 to 1.8 times the truth.
    relative
        Errors are relative to the truth.
    """

    name: str
    question: str
    quantity: str
    cases: tuple[Case, ...]
    methods: tuple[Method, ...]
    sizes: tuple[int, ...]
    figure: tuple[str, ...]
    axis: tuple[float, float] | None = None
    relative: bool = False

    def case(self, name: str) -> Case:
        """Return the case of a name."""
        return next(one for one in self.cases if one.name == name)


def version_of(package: str) -> str:
    """Return the version of an installed distribution, "absent" where it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return version_elsewhere(package)


def rows_of(trial: Trial, case: Case, n: int, seed: int, package: str = "", methods: Sequence[str] = ()) -> list[Row]:
    """Return one row per method, or per method of a package or of some names, on one set: its answer, or why none."""
    data = case.make(n, seed)
    columns = getattr(data, "shape", ())[1:] or (1,)
    rows = []
    for method in trial.methods:
        if (package and method.package != package) or (methods and method.name not in methods):
            continue
        version, most = version_of(method.package), method.most if columns[0] <= 15 else min(method.most, method.wide)
        if n > most or seed >= method.repeats or version == "absent":
            continue
        row: Row = {"method": method.name, "package": method.package, "version": version, "n": n, "seed": seed}
        row |= {"case": case.name, "truth": case.truth, "value": None, "low": None, "high": None, "error": ""}
        before, begun = _peak(), time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                given = method.run(data)
            answer = given if isinstance(given, Answer) else Answer(float(given))
            row |= {"value": _plain(answer.value), "low": _plain(answer.low), "high": _plain(answer.high)}
            if row["value"] is None:
                row["error"] = f"answered {answer.value}"
        except Exception as error:  # whatever it raises is the answer
            row["error"] = f"{type(error).__name__}: {str(error)[:120]}"
        took = time.process_time() - begun
        if not row["error"] and answer.seconds is not None:
            took = answer.seconds
        row["seconds"], row["mebibytes"] = round(took, 4), round(_peak() - before, 1)
        rows.append(row)
    return rows


def present(methods: Sequence[Method]) -> list[Method]:
    """Return the methods whose packages are installed."""
    return [one for one in methods if version_of(one.package) != "absent"]


def _plain(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
