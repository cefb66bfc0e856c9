"""fm.predict: from a recipe, a dataset or a file to exponents, finite-size curves and the reasons for them.

Asymptotes come from `law_of`. Curves come from geometry alone, without drawing a label: exact annealed series
for a cascade, averages over freshly drawn structures for every other family, the points' own coordinates for a dataset
or file.
"""

from typing import TYPE_CHECKING

from fractalman._on_demand import on_demand

if TYPE_CHECKING:
    from fractalman.prediction.curves import Curve, Exponent
    from fractalman.prediction.forecast import Prediction, make_prediction
    from fractalman.prediction.frontiers import NetworkBudget
    from fractalman.prediction.laws import LEARNERS, law_of
    from fractalman.prediction.own_data import predict_own_data
    from fractalman.prediction.own_data_values import own_data_table
    from fractalman.prediction.own_prediction import OwnPrediction
    from fractalman.prediction.planning import make_plan
    from fractalman.prediction.plans import Plan
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

# A law alone (the list of the catalogue, a refused learner) needs no compiler and no estimator.
__getattr__ = on_demand(
    __name__,
    {
        "LEARNERS": "laws",
        "TEST_POINTS": "realization",
        "Curve": "curves",
        "Exponent": "curves",
        "NetworkBudget": "frontiers",
        "OwnPrediction": "own_prediction",
        "Plan": "plans",
        "Prediction": "forecast",
        "law_of": "laws",
        "make_plan": "planning",
        "make_prediction": "forecast",
        "own_data_table": "own_data_values",
        "predict_own_data": "own_data",
    },
)
