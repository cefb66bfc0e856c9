"""Warnings are errors where our code is to blame; other packages' announcements of changes are not ours to mend."""

from __future__ import annotations

import warnings

import pytest

ANNOUNCEMENTS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


def warn(category: type[Warning], module: str) -> None:
    """Give a warning as if a line of ``module`` had caused it."""
    warnings.warn_explicit("something", category, filename="x.py", lineno=1, module=module)


@pytest.mark.parametrize("category", [*ANNOUNCEMENTS, RuntimeWarning, UserWarning])
@pytest.mark.parametrize("module", ["fractalman.theory.curves", "fractalman", "tests.cli.test_cli"])
def test_a_warning_that_our_code_caused_is_an_error(category: type[Warning], module: str) -> None:
    with pytest.raises(category):
        warn(category, module)


@pytest.mark.parametrize("category", ANNOUNCEMENTS)
def test_what_another_package_will_change_stops_nothing(category: type[Warning]) -> None:
    with warnings.catch_warnings(record=True) as seen:  # keeps the filters, and this one out of the summary
        warn(category, "anndata.compat")
    assert [w.category for w in seen] == [category]


def test_another_package_s_numerical_warning_is_an_error() -> None:
    with pytest.raises(RuntimeWarning):
        warn(RuntimeWarning, "scipy.optimize._minpack_py")
