"""Random cascades."""
