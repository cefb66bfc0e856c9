"""No law is known here."""

from fractalman.experiments.given.law import LAWS

__all__ = ["LAWS"]
