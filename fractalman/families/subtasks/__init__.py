"""Subtasks of power-law frequency: independent copies of one continuous problem, each with its place in space."""
