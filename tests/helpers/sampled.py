"""How many examples hypothesis and tests draw: all that a test asks for with --all, at most a few at every change."""

from __future__ import annotations

from typing import Any

import hypothesis

FAST = 20
"""Examples at every change; CI draws the same ones each time, so what few of them reach needs a test of its own."""
limit: int | None = None
"""None = no limit; tests/conftest.py sets it before a test is read."""


def some(most: int, fast: int) -> int:
    """Return how many a test draws by itself, of label vectors, trees, tables: ``most`` with --all, else ``fast``."""
    return most if limit is None else fast


def examples(most: int, fast: int = FAST, **others: Any) -> hypothesis.settings:
    """Return hypothesis' settings for ``most`` examples, in the fast tier at most ``fast``."""
    return hypothesis.settings(max_examples=most if limit is None else min(most, limit, fast), **others)
