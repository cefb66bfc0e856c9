"""Many parity tasks in one dataset: a point names its task, and its label is the parity of the bits that task reads."""
