"""What a prediction says of its law."""

from __future__ import annotations

from dataclasses import replace

from fractalman import theory


class LawFacts:
    """The facts of a law, as attributes of who has it."""

    law: theory.Law

    @property
    def data_exponent(self) -> float | None:
        """Asymptotic α_D, or None where no power law holds."""
        return self.law.data_exponent

    @property
    def model_exponent(self) -> float | None:
        """α_P of the best model with P cells or pieces, or None."""
        return self.law.model_exponent

    @property
    def logarithmic(self) -> bool:
        """Whether the data law is n^−α_D times a power of ln n."""
        return self.law.logarithmic

    @property
    def attained(self) -> bool:
        """Whether a fit at sizes that one can afford shows the asymptote."""
        return self.law.attained

    @property
    def source(self) -> str:
        """Where the law comes from, in a line."""
        return self.law.source

    @property
    def evidence(self) -> str:
        """How far the law was checked."""
        return self.law.evidence

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold, one sentence each."""
        return self.law.assumptions

    @property
    def windows(self) -> tuple[theory.Window, ...]:
        """Training-set sizes inside which exponents hold; none = they hold everywhere."""
        return tuple(replace(window, high=max(window.low, window.high)) for window in self.law.windows)

    @property
    def conflicts(self) -> tuple[theory.Conflict, ...]:
        """Other laws that could be applied here and say something else."""
        return self.law.conflicts

    def why(self) -> str:
        """Return in words why this law holds: what went in, what was computed, the references, where it ends.

        Returns
        -------
        str
            A line for each step.
        """
        return self.law.why()
