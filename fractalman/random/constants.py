"""The numbers that keys and draws are made with."""

from __future__ import annotations

# SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)
GAMMA = 0x9E3779B97F4A7C15
M1, M2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
CHILD = 0xBB67AE8584CAA73B  # the first 64 bits of the fraction of √3: keeps derived keys apart from draws
