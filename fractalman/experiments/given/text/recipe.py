"""The table [data] text = "standard-library"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

from fractalman.errors import RecipeError
from fractalman.experiments.given.recipe import GivenPoints
from fractalman.experiments.given.text.corpus import TEXTS, VOCABULARY, corpus
from fractalman.random.keys import Seeds
from fractalman.recipes.checks import MAX_POINTS, Check, choice, integer

MAX_CONTEXT = 4096


@dataclass(frozen=True, kw_only=True)
class Text(GivenPoints):
    """Contexts of a text in random order, and what follows each; those that test are from files of their own.

    Parameters
    ----------
    n_points : int
        Contexts.
    held_out : int, default 0
        So many of them, the last, are from a fifth of the files, of which no other context is; a seed's geometry says
        which files.
    text : str, default "standard-library"
        Which text: the sources of Python's standard library.
    context : int, default 32
        Characters of a context.
    encoding : str, default "tokens"
        "tokens", the numbers of the characters, or "one-hot", 97 columns a character.
    digest : str, default ""
        Of the text; "" = as it is here.
    seed : int or Seeds, default 0
        Which contexts.
    """

    family: ClassVar[str] = "text"
    divided: ClassVar[bool] = True
    keys: ClassVar[tuple[str, ...]] = ("text", "context", "encoding", "digest")
    n_points: int = 1
    held_out: int = 0
    text: str = TEXTS[0]
    context: int = 32
    encoding: str = "tokens"
    digest: str = ""
    target: str | int = "class"
    seed: int | Seeds = 0
    ambient_dim: int = field(init=False)

    _checks: ClassVar[dict[str, Check]] = {
        **GivenPoints._checks,
        "n_points": integer(1, MAX_POINTS),
        "held_out": integer(0, MAX_POINTS),
        "text": choice(*TEXTS),
        "context": integer(1, MAX_CONTEXT),
        "encoding": choice("tokens", "one-hot"),
        "target": choice("class"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "ambient_dim", self.context * (VOCABULARY if self.encoding == "one-hot" else 1))
        here = corpus(self.text).digest
        if self.digest not in ("", here):
            raise RecipeError(
                f"data.digest is another than that of text = {self.text!r} here, which is that of another version of "
                "Python: leave the key out, or go on with the version that the run began with"
            )
        object.__setattr__(self, "digest", here)

    @property
    def addressed(self) -> bool:
        """Contexts are taken as they are asked for."""
        return True

    @property
    def target_classes(self) -> int:
        """Kinds of characters."""
        return VOCABULARY

    @property
    def string_layout(self) -> dict[str, int]:
        """What a position is to learners that read strings."""
        return {"vocabulary": VOCABULARY} if self.encoding == "tokens" else {"block": VOCABULARY}

    def sized(self, train: int, test: int) -> Self:
        """Return so many contexts, and so many more from other files."""
        return self.replace(n_points=train + test, held_out=test)
