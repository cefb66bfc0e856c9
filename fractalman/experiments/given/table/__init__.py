"""Points of a file of somebody's arrays."""
