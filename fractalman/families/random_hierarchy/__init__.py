"""Strings of the Random Hierarchy Model: a class, its hidden symbols level by level, the tokens."""
