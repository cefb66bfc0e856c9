"""What a dictionary can hold of features in a hierarchy, when it pays to merge two of them, and how both scale.

docs/theory.md §8. What is derived here is argued, and simulated in tests.
"""

from fractalman.theory.dictionaries.held import absorbing_gains, faithful_gains
from fractalman.theory.dictionaries.laws import learned_cosine, width_law
from fractalman.theory.dictionaries.merging import PENALTIES, Merge, absorption_threshold, merge_gain
from fractalman.theory.dictionaries.nested import nested_gains, path_error

__all__ = [
    "PENALTIES",
    "Merge",
    "absorbing_gains",
    "absorption_threshold",
    "faithful_gains",
    "learned_cosine",
    "merge_gain",
    "nested_gains",
    "path_error",
    "width_law",
]
