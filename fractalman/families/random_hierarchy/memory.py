"""What making strings of the Random Hierarchy Model takes."""

from __future__ import annotations

from fractalman.families._strings.memory import GrammarMemory

MEMORY = GrammarMemory
