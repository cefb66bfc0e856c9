"""Slow reference implementations, one module per package: the kernels' algorithms in the plainest Python.

A test compares a kernel with its reference on the same random numbers, for equality; every such test has "reference" in
its name, so that it also runs with bounds checks and with the kernels as plain Python.
"""
