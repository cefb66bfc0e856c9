"""The version, in one place: the build backend, files and results read it here."""

__version__ = "0.1.0"
