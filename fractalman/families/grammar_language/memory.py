"""What making sequences takes."""

from __future__ import annotations

from fractalman.families._strings.memory import GrammarMemory

MEMORY = GrammarMemory
