"""Sweeps: an experiment specification in, a table of points and one verdict per learner out, resumable at any time."""

from fractalman.experiments.collaborators import Collaborators
from fractalman.experiments.engine import load_result, run_sweep
from fractalman.experiments.journal import Point
from fractalman.experiments.planning import Plan, plan_sweep
from fractalman.experiments.regimes import RULE, SizeSummary
from fractalman.experiments.results import Floor, Result
from fractalman.experiments.spec import Spec, load_spec
from fractalman.experiments.verdicts import Verdict

__all__ = [
    "RULE",
    "Collaborators",
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
    "run_sweep",
]
