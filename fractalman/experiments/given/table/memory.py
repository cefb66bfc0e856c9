"""What reading these points takes."""

from fractalman.experiments.given.memory import MEMORY

__all__ = ["MEMORY"]
