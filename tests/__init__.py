"""Tests in folders that mirror the package.

helpers/ holds what several tests use and is on the path: ``from handmade import columns``. reference/ holds the slow
reference implementations: ``from tests.reference import trees``. A test that uses another's says
``from tests.learners.test_learners import problem``.
"""
