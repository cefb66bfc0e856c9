"""Sweeps: an experiment specification in, a table of points and one verdict per learner out, resumable at any time."""

from fractalman.sweep.collaborators import Collaborators
from fractalman.sweep.engine import load_result, run_sweep
from fractalman.sweep.journal import Point
from fractalman.sweep.planning import Plan, plan_sweep
from fractalman.sweep.regimes import RULE, SizeSummary
from fractalman.sweep.results import Floor, Result
from fractalman.sweep.spec import Spec, load_spec
from fractalman.sweep.verdicts import Verdict

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
