"""The versions that can change the last digits of a measurement: recorded in a journal, compared when it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fractalman.executors.versions import PACKAGES, differing, environment

__all__ = ["PACKAGES", "change_words", "environment", "environment_changes", "environment_words"]


def environment_changes(before: Mapping[str, str]) -> dict[str, str | None]:
    """Return package → version here of everything that differs from ``before``; None = it is not installed here."""
    return differing(before, environment())


def change_words(before: Mapping[str, str], changes: Mapping[str, str | None]) -> str:
    """Return what changed in words: "numpy 2.4.6 → 2.5.5, jax 0.10.2 → none".

    Examples
    --------
    >>> change_words({"numpy": "2.4.6"}, {"numpy": "2.5.5", "jax": "0.10.2"})
    'numpy 2.4.6 → 2.5.5, jax none → 0.10.2'
    """
    return ", ".join(f"{name} {before.get(name, 'none')} → {now or 'none'}" for name, now in changes.items())


def environment_words(found: Sequence[tuple[Mapping[str, str], int]]) -> str:
    """Return one line on a run whose tasks were done in several environments, "" for one or none.

    Parameters
    ----------
    found
        (package → version, tasks), as `journal.environments` counts them.
    """
    if len(found) < 2:
        return ""
    names = list(dict.fromkeys(name for versions, _ in found for name in versions))
    differing = [name for name in names if len({versions.get(name) for versions, _ in found}) > 1]
    parts = []
    for versions, count in found:
        there = ", ".join(f"{name} {versions.get(name, 'none')}" for name in differing)
        parts.append(f"{count} with {there}")
    return f"tasks of this run were done in {len(found)} environments: {'; '.join(parts)}"
