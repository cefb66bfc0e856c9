"""Levels of a grammar: at which training-set size a network answers to hidden symbols and no longer to tokens."""
