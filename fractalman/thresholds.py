"""The best known critical occupations of lattices: recipes mean them, laws are compared at them."""

from __future__ import annotations

THRESHOLDS: dict[str, dict[int, float]] = {
    "site": {2: 0.592746, 3: 0.311608, 4: 0.1968861, 5: 0.1407966, 6: 0.109017, 7: 0.0889511},
    "bond": {2: 0.5, 3: 0.2488118, 4: 0.1601314, 5: 0.118172, 6: 0.0942019, 7: 0.0786752},
}
"""Critical occupation of Z^dim, the last digit uncertain; bond dim = 2 is exact (Kesten 1980). docs/theory.md §1.

A recipe without an occupation means these numbers: a better digit is a change of streams (STREAM_VERSION).
"""
