"""No law is known of what scaling on given points must be."""

from __future__ import annotations

from typing import Any

from fractalman.families.laws import Laws

LAWS: Laws[Any] = Laws(finite_size=False)
