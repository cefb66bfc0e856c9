"""What a law is: exponents, where they hold, why, what contradicts them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from fractalman.display import Display
from fractalman.theory.laws.sources import Source


@dataclass(frozen=True)
class Window(Display):
    """A range of training-set sizes inside which an exponent holds; outside it nothing is claimed.

    Attributes
    ----------
    low : float
        Smallest size n.
    high : float
        Largest size n; may be infinite, and low > high means that nothing is left.
    exponent : float or None
        The exponent of risk ~ n^−exponent inside, or None.
    reason : str
        What ends it on either side.

    Examples
    --------
    >>> window = Window(10, 1000, 0.5, "the label's smallest scale")
    >>> 100 in window, window.empty
    (True, False)
    """

    low: float
    high: float
    exponent: float | None
    reason: str

    @property
    def empty(self) -> bool:
        """Whether no two sizes fit in."""
        return not self.high > self.low

    def __contains__(self, n: float) -> bool:
        return self.low <= n <= self.high


@dataclass(frozen=True)
class Conflict(Display):
    """Another law that could be applied here and says something else.

    Attributes
    ----------
    law : str
        Its name.
    axis : {"data", "model"}
        Which exponent it is about.
    exponent : float or None
        What it says; None = no power law.
    resolution : str
        Which one is taken, and why.
    """

    law: str
    axis: str
    exponent: float | None
    resolution: str

    def __str__(self) -> str:
        symbol = "α_D" if self.axis == "data" else "α_P"
        said = "no power law" if self.exponent is None else f"{symbol} = {self.exponent:.4g}"
        return f"{self.law} says {said}: {self.resolution}"


@dataclass(frozen=True)
class Law(Display):
    """A scaling law, L ~ E + n^−data_exponent and L ~ E + P^−model_exponent, and everything that belongs to it.

    Attributes
    ----------
    name : str
        The law in a few words.
    statement : str
        The law as a formula in words.
    data_exponent : float or None
        α_D, or None where the risk follows no power law as n grows without end.
    model_exponent : float or None
        α_P, or None.
    source : str
        Where the law comes from, in a line.
    evidence : str
        How far it was checked.
    reason : str
        Why this law holds for this learner, or why there is none.
    domain : str
        Where the law may be applied.
    data_logarithms : float
        m in (ln n)^m·n^−α_D; 0 = none.
    model_logarithms : float
        m in (ln P)^m·P^−α_P; 0 = none.
    irreducible : float or None
        E, the risk that stays however large n is, prior units; None = not known.
    excess_exponent : float or None
        Exponent of L − E where E is not 0 (data_exponent is None then); None = no law.
    assumptions : tuple of str
        What must hold, and every warning, one sentence each.
    inputs : mapping of str to object
        The numbers that went in, by their symbols.
    computed : tuple of str
        What was computed, one sentence each.
    references : tuple of Source
        The literature that was relied on.
    windows : tuple of Window
        Where exponents hold, if not everywhere.
    conflicts : tuple of Conflict
        Other laws that could be applied here and say something else.
    nearest : str
        The nearest law that would apply, where none does.
    log_period : float or None
        The factor in n after which the curve repeats its wiggle, or None.
    attained : bool
        Whether a fit at sizes that one can afford shows the asymptote; if not, only a finite-size curve can be compared
        with it.
    """

    name: str
    statement: str
    data_exponent: float | None
    model_exponent: float | None
    source: str
    evidence: str
    reason: str
    domain: str
    data_logarithms: float = 0.0
    model_logarithms: float = 0.0
    irreducible: float | None = 0.0
    excess_exponent: float | None = None
    assumptions: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    references: tuple[Source, ...] = ()
    windows: tuple[Window, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    nearest: str = ""
    log_period: float | None = None
    attained: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))

    @classmethod
    def none(
        cls, name: str, statement: str, *, because: str, nearest: str, domain: str, source: str = "none", **more: Any
    ) -> Self:
        """Return "no law, because …; the nearest is …": no exponents, what stays unknown, the asymptote out of reach.

        Parameters
        ----------
        name : str
            What there is instead of a law, in a few words.
        statement : str
            The same in a sentence.
        because : str
            Why there is none.
        nearest : str
            The law that comes nearest.
        domain : str
            Where this was thought about.
        source : str, default "none"
            Where it comes from.
        **more : object
            Further fields, `evidence` among them. Default: an open question.

        Returns
        -------
        Law
            Without exponents, its irreducible risk not known.

        Examples
        --------
        >>> law = Law.none("no law", "nothing decays", because="it is noise", nearest="none", domain="everywhere")
        >>> law.data_exponent is None, law.reason
        (True, 'it is noise')
        """
        unknown = {"data_exponent": None, "model_exponent": None, "irreducible": None, "attained": False}
        fields: dict[str, Any] = {**unknown, "evidence": "open", **more}
        return cls(name, statement, reason=because, nearest=nearest, domain=domain, source=source, **fields)

    def withdrawn(self, name: str, statement: str, *, because: str, nearest: str, **more: Any) -> Self:
        """Return "no law, because …" where this law would be the nearest: what was known beside the exponents stays.

        Parameters
        ----------
        name : str
            What there is instead of this law, in a few words.
        statement : str
            The same in a sentence.
        because : str
            Why this law does not hold.
        nearest : str
            The law that comes nearest.
        **more : object
            Further fields that differ, e.g. a model_exponent that stays.

        Returns
        -------
        Law
            Without exponents and logarithms, its irreducible risk not known.

        Examples
        --------
        >>> from fractalman.theory import laws
        >>> law = laws.neighbours_on_manifold(2.0, 0.5)
        >>> none = law.withdrawn("no law", "nothing decays", because="points repeat", nearest=law.name)
        >>> none.data_exponent, none.inputs["D"]
        (None, 2.0)
        """
        unknown: dict[str, Any] = {
            "data_exponent": None, "data_logarithms": 0.0, "model_exponent": None, "model_logarithms": 0.0,
            "irreducible": None,
        }  # fmt: skip
        fields: dict[str, Any] = {**unknown, **more}
        return replace(self, name=name, statement=statement, reason=because, nearest=nearest, **fields)

    def __str__(self) -> str:
        return f"{self.name}: {self.statement}"

    @property
    def logarithmic(self) -> bool:
        """Whether the data law is n^−α_D times a power of ln n."""
        return self.data_logarithms > 0.0

    def why(self) -> str:
        """Return in words why this law holds.

        The reason, what went in, what was computed, the references, where it ends.

        Returns
        -------
        str
            Several lines.
        """
        lines = [f"{self}", f"Why: {self.reason}."]
        if self.inputs:
            lines.append(
                "Inputs: " + ", ".join(f"{name} = {_plain(value)}" for name, value in self.inputs.items()) + "."
            )
        lines += [f"Computed: {text}." for text in self.computed]
        lines += [f"Reference: {source}." for source in self.references]
        lines.append(f"Holds for: {self.domain}.")
        lines += [f"Window: {window_words(window)}." for window in self.windows]
        lines += [f"Contradicted: {conflict}." for conflict in self.conflicts]
        if self.nearest:
            lines.append(f"Nearest law: {self.nearest}.")
        lines.append(f"Evidence: {self.evidence}.")
        return "\n".join(lines)


def window_words(window: Window) -> str:
    """Return a window as a phrase."""
    if window.empty:
        return f"empty ({window.reason})"
    exponent = "no power law" if window.exponent is None else f"exponent {window.exponent:.4g}"
    high = "on" if math.isinf(window.high) else f"to {size(window.high)}"
    return f"{exponent} from n = {size(window.low)} {high} ({window.reason})"


def size(n: float) -> str:
    """Return a training-set size as it is read."""
    return f"{n:.0f}" if n < 10_000 else f"{n:.3g}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
