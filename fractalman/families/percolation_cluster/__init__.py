"""One critical mean-field cluster."""
