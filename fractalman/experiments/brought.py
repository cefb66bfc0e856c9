"""Learners that somebody brings to a sweep: checked against the names of the package, told how they are judged."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fractalman.config import refuse, shown
from fractalman.errors import RecipeError
from fractalman.learners import Learner, UserLearner, make, names, own
from fractalman.learners.protocol import refuse_unknown
from fractalman.learners.registry import installed
from fractalman.learners.user import Absent, absent

TABLE = "brought"
"""The table in which a journal's specification describes them."""
_RESERVED = ("recipe", "sweep", "fit", "bayes", TABLE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_KEYS = ("like", "capacity")


def brought_learners(
    tables: Mapping[str, Any], brought: Mapping[str, Any]
) -> tuple[dict[str, Learner], dict[str, Any]]:
    """Return the learners that were brought, and the specification's tables without theirs.

    Parameters
    ----------
    tables : dict
        Of the specification. A learner of somebody's own, or of a package, may have a table: ``like``, the name of the
        learner whose predicted curve judges it, and ``capacity``. A table [brought] is what a journal tells of such
        learners.
    brought : dict
        Name → object, as `fractalman.learners.own` takes it.

    Raises
    ------
    RecipeError
        For names that are taken or cannot be, objects that can be no learner, and tables with other keys.
    """
    if not isinstance(brought, Mapping):
        raise RecipeError(f"learners = {shown(brought)}: expected a dict name → learner; use {{'mine': learner}}")
    rest = dict(tables)
    described = rest.pop(TABLE, {})
    found: dict[str, Learner] = {}
    problems: list[str] = []
    for name, thing in brought.items():
        try:
            found[name] = _named(name, thing, rest.pop(name, {}))
        except RecipeError as error:
            problems += map(str, error.args)
    for name in installed():
        if name in rest and name not in found:  # a package's learner is told how it is judged like anybody's
            try:
                found[name] = _with_table(name, make(name), rest.pop(name))
            except RecipeError as error:
                problems += map(str, error.args)
    refuse(problems)
    for name, words in described.items() if isinstance(described, Mapping) else ():
        if name not in found and isinstance(words, Mapping):
            found[name] = absent(name, {str(key): str(value) for key, value in words.items()})
    return found, rest


def refuse_immovable(brought: Mapping[str, Learner]) -> None:
    """Refuse learners that other processes of this machine cannot be sent.

    Parameters
    ----------
    brought : dict
        Name → learner.

    Raises
    ------
    RecipeError
        Naming them, with what pickle says.
    """
    problems = []
    for name, learner in brought.items():
        try:
            pickle.dumps(learner)
        except Exception as error:  # whatever somebody's object raises
            problems.append(
                f"learner {name} cannot be sent to other processes ({type(error).__name__}: {error}): expected a "
                "function or class of a module; use jobs = 1"
            )
    refuse(problems)


def _named(name: str, thing: Any, table: Any) -> Learner:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RecipeError(f"learner {shown(name)}: expected a name of letters, digits, '-', '_' and '.'")
    if name in (*names(), *_RESERVED) or re.fullmatch(r"[0-9]+-nn", name):
        raise RecipeError(f"learner {shown(name)}: the name is taken; use another for your own learner")
    learner = own(thing, called=name)
    return _with_table(name, replace(learner, called=name) if isinstance(learner, UserLearner) else learner, table)


def _with_table(name: str, learner: Learner, table: Any) -> Learner:
    """Return a learner with what its table says: like, capacity."""
    if not isinstance(table, Mapping):
        raise RecipeError(f"{name} is {shown(table)}: expected a table [{name}]")
    if not table:
        return learner
    if not isinstance(learner, UserLearner):
        raise RecipeError(f"[{name}]: {name} was brought with its settings; leave the table out")
    refuse_unknown(table, _KEYS, name)
    if not all(isinstance(value, str) for value in table.values()):
        raise RecipeError(f'[{name}] = {dict(table)}: expected words, e.g. like = "laplace-kernel"')
    return replace(learner, **table)


def refuse_absent(learners: Mapping[str, Learner]) -> None:
    """Raise RecipeError when a learner is known from a journal only, so that nothing of it can run."""
    refuse([learner.missing for learner in learners.values() if isinstance(learner, Absent)])
