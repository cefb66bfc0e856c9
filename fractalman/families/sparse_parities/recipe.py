"""Recipe of multitask sparse parities."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from fractalman._typing import F64, I64, AnyInt
from fractalman.random.keys import Seeds
from fractalman.recipes.base import Recipe
from fractalman.recipes.checks import MAX_DIM, MAX_POINTS, Check, choice, integer, real
from fractalman.recipes.checks import seed as seed_check

MAX_READ = 1 << 24
"""Most bits that all tasks read together."""


@dataclass(frozen=True, kw_only=True)
class SparseParities(Recipe):
    """Many parity tasks with uneven frequencies; a point names its task and has random bits.

    X holds n_tasks control coordinates, 1 for the point's task and 0 elsewhere, then n_bits uniform bits. y is the
    parity, 0 or 1, of the task_size bits that the task reads. Which these are comes from the geometry seed, tasks and
    bits of points from the label seed; point i is a function of the seeds and i, so sizes nest.

    Parameters
    ----------
    n_points : int
        Number of points n ≥ 1.
    n_tasks : int, default 100
        T ≥ 1; the t-th has probability ∝ t^−(1 + zipf_exponent).
    n_bits : int, default 50
        Bits of a point, ≥ task_size.
    task_size : int, default 3
        k ≥ 1, bits that a task reads; every set of k is equally likely, and two tasks may share one.
    zipf_exponent : float, default 0.4
        α ≥ −1; −1 makes all tasks equally likely.
    seed : int or Seeds, default 0
        0 ≤ integer < 2^63, or one for each layer.
    noise : float, default 0
        Classes have none: 0.
    nuisance_dim : int, default 0
        Further coordinates that know nothing of the label, independent N(0, nuisance_scale²).
    nuisance_scale : float, default 1
        Their standard deviation, in units of X.
    rotate : bool, default False
        Turn all coordinates, nuisance included, by one uniformly random rotation.
    target : str, default "class"
        What y is: "class", the parity.
    threshold : float, default 0
        Classes have none: 0.
    subclusters : int, default 8
        Of classes that are subclusters, which this family has not: 8.
    embedding : {"own", "superposition"}, default "own"
        The family's own X, or, in as many columns, the sum of the directions of the subclusters that a point lies in.
    feature_directions : str, default "random"
        Of a superposition: "random", "orthogonal", "nested" or "tight", as for `Recipe`.
    feature_cosine : float, default 0.5
        Of nested directions.
    feature_magnitude : str, default "constant"
        Of a superposition: "constant" or "folded-normal"; latents are symbols and have no "value".
    feature_min_size : int, default 2
        Of a superposition: points of the smallest subclusters that have a direction.
    feature_noise : float, default 0
        Of a superposition: standard deviation of noise on every coordinate.

    Attributes
    ----------
    ambient_dim : int
        Columns of X, nuisance apart: n_tasks + n_bits.

    Raises
    ------
    RecipeError
        For values outside.

    Notes
    -----
    ``tokens`` of a dataset are the task's number and the bits, (n, 1 + n_bits). The hierarchy has level 0 for all
    points, level 1 for those of one task (the subtask as a latent), level 2 for those with equal bits where their task
    reads.
    Source: Michaud et al., arXiv 2303.13506.

    Examples
    --------
    >>> import fractalman as fm
    >>> recipe = fm.SparseParities(n_points=100, n_tasks=10)
    >>> data = fm.generate(recipe)
    >>> data.X.shape, data.tokens.shape, sorted(set(data.y.tolist()))
    ((100, 60), (100, 51), [0.0, 1.0])
    """

    family: ClassVar[str] = "sparse-parities"
    valued: ClassVar[bool] = False
    n_points: int
    n_tasks: int = 100
    n_bits: int = 50
    task_size: int = 3
    zipf_exponent: float = 0.4
    seed: int | Seeds = 0
    target: str | int = "class"
    ambient_dim: int = field(init=False)

    _checks: ClassVar[dict[str, Check]] = {
        "n_points": integer(1, MAX_POINTS),
        "n_tasks": integer(1, MAX_DIM // 2),
        "n_bits": integer(1, MAX_DIM // 2),
        "task_size": integer(1, 4096),
        "zipf_exponent": real(-1.0, 100.0),
        "seed": seed_check,
        "target": choice("class"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "ambient_dim", self.n_tasks + self.n_bits)

    def _target_problems(self) -> list[str]:
        return [
            f"{name} = {value}: expected 0, for labels are classes; leave it out"
            for name, value in (("noise", self.noise), ("threshold", self.threshold))
            if value
        ]

    def _joint_problems(self) -> list[str]:
        if self.task_size > self.n_bits:
            return [f"task_size = {self.task_size}: expected at most n_bits = {self.n_bits}; use fewer"]
        if self.n_tasks * self.task_size > MAX_READ:
            return [
                f"n_tasks · task_size = {self.n_tasks * self.task_size}: expected at most {MAX_READ}; use fewer tasks"
            ]
        return []

    @property
    def addressed(self) -> bool:
        """Points are drawn one by one."""
        return True

    @property
    def classifies(self) -> bool:
        """Labels are parities."""
        return True

    @property
    def target_classes(self) -> int:
        """Values of y."""
        return 2

    @property
    def examples_to_identify(self) -> float:
        """log2 of the number of sets of bits: nobody knows a task's set from fewer of its examples."""
        return math.log2(math.comb(self.n_bits, self.task_size))

    @property
    def task_bits(self) -> I64:
        """The bits that each task reads, rising, (n_tasks, task_size)."""
        return _task_bits(self.seeds.geometry, self.n_tasks, self.n_bits, self.task_size)

    @property
    def task_probabilities(self) -> F64:
        """The probability of each task, (n_tasks,)."""
        from fractalman.theory.grammars import zipf_probabilities

        return zipf_probabilities(self.n_tasks, self.zipf_exponent)

    def target_posterior(self, tokens: AnyInt) -> F64:
        """Return the probabilities of y given tokens and the tasks' bits: 0 or 1, for they decide it.

        Parameters
        ----------
        tokens : (k, 1 + n_bits) integer
            Task and bits.

        Returns
        -------
        (k, 2) float64
            Rows sum to 1.

        Examples
        --------
        >>> import fractalman as fm
        >>> data = fm.generate(fm.SparseParities(n_points=5))
        >>> bool((data.recipe.target_posterior(data.tokens)[:, 1] == data.y).all())
        True
        """
        parity = read_bits(tokens, self.task_bits).sum(axis=1) % 2
        return np.asarray(parity[:, None] == np.arange(2), np.float64)

    def ideal_risk(self, n: int) -> tuple[float, float]:
        """Return bounds on the 0–1 risk of the best learner that is not told which bits the tasks read.

        Parameters
        ----------
        n : int
            Training points.

        Returns
        -------
        low, high : float
            See `theory.ideal_parities_risk`. Who is told loses nothing.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.SparseParities(n_points=1)
        >>> [tuple(round(bound, 3) for bound in recipe.ideal_risk(n)) for n in (10, 1000, 100_000)]
        [(0.25, 0.5), (0.053, 0.109), (0.0, 0.0)]
        """
        from fractalman.theory.parities import ideal_parities_risk

        return ideal_parities_risk(n, self.task_probabilities, n_bits=self.n_bits, task_size=self.task_size)


def read_bits(tokens: AnyInt, task_bits: I64) -> AnyInt:
    """Return the bits that each point's task reads, (n, task_size)."""
    read: AnyInt = np.take_along_axis(tokens, 1 + task_bits[tokens[:, 0]], axis=1)
    return read


@lru_cache(maxsize=8)
def _task_bits(seed: int, n_tasks: int, n_bits: int, task_size: int) -> I64:
    from fractalman.families.sparse_parities._kernels import task_bits
    from fractalman.random.keys import Role, key64

    out = np.empty((n_tasks, task_size), np.int64)
    task_bits(np.uint64(key64(seed, Role.PARITY_BITS)), np.arange(n_tasks), n_bits, out)
    return out
