"""One engine for everything that takes long: a specification gives tasks, tasks rows, a journal of rows a result.

`engine` runs any `Experiment`; `sweep` is the one behind ``confirm``, whose result has a verdict per learner.
"""

from fractalman.experiments.engine import Experiment, read_experiment, run_experiment
from fractalman.experiments.planning import Plan, plan_sweep
from fractalman.experiments.points import Point
from fractalman.experiments.reading import load_spec
from fractalman.experiments.regimes import RULE, SizeSummary
from fractalman.experiments.results import Floor, Result
from fractalman.experiments.specification import Spec
from fractalman.experiments.sweep import load_result, run_sweep
from fractalman.experiments.verdicts import Verdict

__all__ = [
    "RULE",
    "Experiment",
    "Floor",
    "Plan",
    "Point",
    "Result",
    "SizeSummary",
    "Spec",
    "Verdict",
    "load_result",
    "load_spec",
    "plan_sweep",
    "read_experiment",
    "run_experiment",
    "run_sweep",
]
