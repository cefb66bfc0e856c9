"""Contexts of a text that every machine has, and the character that follows each."""
