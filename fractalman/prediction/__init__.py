"""fm.predict: from a recipe, a dataset or a file to exponents, finite-size curves and the reasons for them.

Asymptotes come from `law_of`. Curves come from geometry alone, without drawing a label: exact annealed series
for a cascade, averages over freshly drawn structures for every other family, the points' own coordinates for a dataset
or file.
"""

from fractalman.prediction.curves import Curve, Exponent
from fractalman.prediction.forecast import Prediction, make_prediction
from fractalman.prediction.frontiers import NetworkBudget
from fractalman.prediction.laws import LEARNERS, law_of
from fractalman.prediction.own_data import OwnPrediction, predict_own_data
from fractalman.prediction.own_data_values import own_data_table
from fractalman.prediction.planning import Plan, make_plan
from fractalman.prediction.realization import TEST_POINTS

__all__ = [
    "LEARNERS",
    "TEST_POINTS",
    "Curve",
    "Exponent",
    "NetworkBudget",
    "OwnPrediction",
    "Plan",
    "Prediction",
    "law_of",
    "make_plan",
    "make_prediction",
    "own_data_table",
    "predict_own_data",
]
