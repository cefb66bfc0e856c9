"""Points that are given and not drawn, as experiments take them in a table [data]: a text, or somebody's arrays.

They answer what the engine asks of a family (how many, which labels, a dataset of a seed), so that a sweep over them is
a sweep like any other. Nothing is known of them: no hierarchy, no floor, no law.
"""

from fractalman.experiments.given.reading import data_of_table

__all__ = ["data_of_table"]
