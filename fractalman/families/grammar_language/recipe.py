"""Recipe of sequences of a hidden tree language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fractalman._typing import F64, I32, I64, AnyInt
from fractalman.errors import RecipeError
from fractalman.families._strings.recipe import MAX_LENGTH, RULE_CHECKS, GrammarRecipe, encoded_dimension
from fractalman.random.keys import Seeds
from fractalman.recipes.checks import MAX_POINTS, Check, choice, integer
from fractalman.recipes.checks import seed as seed_check

if TYPE_CHECKING:
    from fractalman.theory.grammars import Derivations, TokenFloor


def _whole(low: int) -> Check:
    def check(name: str, value: Any) -> int | None:
        return None if value is None else integer(low, MAX_LENGTH - 1)(name, value)

    return check


@dataclass(frozen=True, kw_only=True)
class GrammarLanguage(GrammarRecipe):
    """Sequences of a random grammar whose derivations are trees; the target is a token that is not seen.

    A root symbol, one of v, is replaced by one of its productions, a tuple of s symbols; each of these by one of its
    own, and so on, L times: a string of s^L tokens. What is seen is a window of it; y is the token that follows the
    window, or one that was hidden in it. Rules come from the geometry seed, strings from the label seed; sequence i is
    a function of the seeds and i, so sizes nest and streams have no end.

    Parameters
    ----------
    n_points : int
        Number of sequences n ≥ 1.
    levels : int, default 3
        L ≥ 1, how many times symbols are replaced.
    vocabulary : int, default 8
        v ≥ 2, symbols of every level, roots and tokens included; roots are equally likely.
    synonyms : int, default 4
        m ≥ 1, productions of every symbol.
    branching : int, default 2
        s ≥ 2, symbols of a production.
    context : int or None, default None
        How many tokens are known beside the target, 1 … position. None = all those before ``position``.
    position : int or None, default None
        Place in the string of the window's last token, 1 … s^L − 1. None = the string's last.
    target : {"next-token", "masked-token"}, default "next-token"
        What y is: the token at ``position``, and ``tokens`` are the ``context`` tokens before it; or a token at a
        uniformly random place among the ``context`` + 1 tokens that end at ``position``, and ``tokens`` are all of them
        with v (v + 1 beside blanks), which is no token, at that place.
    encoding : {"one-hot", "tokens", "embedding"}, default "one-hot"
        What X is: blocks of v coordinates, one of which is 1, or none for the hidden token; the token numbers; random
        vectors, one for each token and one for the hidden one, independent N(0, 1/embedding_dim).
    embedding_dim : int, default 16
        Coordinates of a token, with encoding = "embedding".
    zipf_exponent : float or None, default None
        a ≥ −1: the r-th production of every symbol has probability ∝ r^−(1 + a). None = equally likely.
    ambiguous : bool, default False
        Draw productions independently, so that a string may have several derivations; else all of a level differ.
    unary_probability : float, default 0
        u, 0 ≤ u < 1: with which probability a symbol between the root and the tokens is passed down to the next level
        as it is, before s − 1 blanks, and not replaced: trees that are not balanced, whose tokens lie 1 to L
        replacements below the root. A blank is token v; with encoding = "one-hot" a token has v + 1 coordinates in X.
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
        Columns of X, nuisance apart; it follows from ``encoding`` and the window.

    Raises
    ------
    RecipeError
        For values outside, and where the vocabulary has fewer tuples than there are productions.

    Notes
    -----
    The hierarchy is that of whole strings, what is not seen included: level 0 for all, level l + 1 for those whose
    derivations agree down to the symbols of the grammar's level l. Source: Cagnetta & Wyart, arXiv 2406.00048
    (abstract), where the target is the last token; uneven productions: arXiv 2505.07067 (abstract);
    trees of several shapes: Parley et al., arXiv 2602.06065 (abstract), who leave no blanks.

    Examples
    --------
    >>> import fractalman as fm
    >>> data = fm.generate(fm.GrammarLanguage(n_points=100, levels=3, vocabulary=8, synonyms=4))
    >>> data.X.shape, data.tokens.shape, fm.theory.posterior(data).shape
    ((100, 56), (100, 7), (100, 8))
    """

    family: ClassVar[str] = "grammar-language"
    n_points: int
    levels: int = 3
    vocabulary: int = 8
    synonyms: int = 4
    branching: int = 2
    context: int | None = None
    position: int | None = None
    encoding: str = "one-hot"
    embedding_dim: int = 16
    zipf_exponent: float | None = None
    ambiguous: bool = False
    unary_probability: float = 0.0
    target: str | int = "next-token"
    seed: int | Seeds = 0
    ambient_dim: int = field(init=False)

    _checks: ClassVar[dict[str, Check]] = {
        **RULE_CHECKS,
        "n_points": integer(1, MAX_POINTS),
        "context": _whole(1),
        "position": _whole(1),
        "target": choice("next-token", "masked-token"),
        "seed": seed_check,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        width = encoded_dimension(self.encoding, self.shown, self.symbols, self.embedding_dim)
        object.__setattr__(self, "ambient_dim", width)

    def _joint_problems(self) -> list[str]:
        if self._length_problems():
            return self._length_problems()
        if self.last >= self.length:
            return [f"position = {self.position}: expected 1 to {self.length - 1}, for strings have {self.length}"]
        if self.known > self.last:
            return [
                f"context = {self.context}: expected 1 to {self.last}, for the window ends at token {self.last}; use "
                "fewer, or more levels"
            ]
        return self._rule_problems(self.shown)

    @property
    def last(self) -> int:
        """Place in the string of the window's last token."""
        return self.length - 1 if self.position is None else self.position

    @property
    def known(self) -> int:
        """Tokens that are known beside the target."""
        return self.last if self.context is None else self.context

    @property
    def window(self) -> slice:
        """Places in the string of the known tokens and of the target."""
        return slice(self.last - self.known, self.last + 1)

    @property
    def seen_places(self) -> slice:
        """Places in the string of the window's tokens, the hidden one's among them."""
        return slice(self.window.start, self.window.start + self.shown)

    @property
    def masks(self) -> bool:
        """Whether the target is a token hidden in the window."""
        return self.target == "masked-token"

    @property
    def shown(self) -> int:
        """Columns of ``tokens``: the known ones, and the place of a hidden one."""
        return self.known + self.masks

    @property
    def target_place(self) -> tuple[int, int]:
        """Level and node of the next token; of hidden tokens, that of the last which may be."""
        return self.levels, self.last

    @property
    def target_classes(self) -> int:
        """How many values y can have."""
        return self.symbols

    def seen(self, derived: Derivations, points: AnyInt) -> tuple[I32, F64]:
        """Return what is seen of strings, and the tokens that are not.

        Parameters
        ----------
        derived : theory.grammars.Derivations
            The strings.
        points : (k,) integer
            Their numbers, which decide where a token is hidden.

        Returns
        -------
        tokens : (k, shown) int32
            The window's tokens; ``symbols`` where one is hidden.
        targets : (k,) float64
            The token after them, or the hidden one.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.GrammarLanguage(n_points=10)
        >>> recipe.seen(recipe.derivations([4, 5]), [4, 5])[0].shape
        (2, 7)
        """
        window = derived.tokens[:, self.window]
        if not self.masks:
            return np.ascontiguousarray(window[:, :-1], np.int32), window[:, -1].astype(np.float64)
        from fractalman.families.grammar_language._kernels import masked_places
        from fractalman.random.keys import Role, key64

        tokens = np.array(window, np.int32)
        rows, places = np.arange(len(tokens)), np.empty(len(tokens), np.int64)
        key = np.uint64(key64(self.seeds.labels, Role.MASK))
        masked_places(key, np.ascontiguousarray(points, np.int64), tokens.shape[1], places)
        y = tokens[rows, places].astype(np.float64)
        tokens[rows, places] = self.symbols
        return tokens, y

    def target_posterior(self, tokens: AnyInt) -> F64:
        """Return the probabilities of y given what is seen and the rules; `theory.posterior` does so for rows of data.

        Parameters
        ----------
        tokens : (k, shown) integer
            As in a dataset.

        Returns
        -------
        (k, symbols) float64
            Rows sum to 1; nan for what the grammar cannot make.

        Raises
        ------
        RecipeError
            For another number of tokens, and for rows with none or several hidden ones.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.GrammarLanguage(n_points=10)
        >>> recipe.target_posterior(fm.generate(recipe).tokens).sum(axis=1).round(12).tolist()[:2]
        [1.0, 1.0]
        """
        from fractalman.theory.grammars import UNOBSERVED, latent_posterior

        seen = np.asarray(tokens, np.int64)
        if seen.ndim != 2 or seen.shape[1] != self.shown:
            raise RecipeError(f"tokens of shape {seen.shape}: expected (k, {self.shown})")
        strings = np.full((len(seen), self.length), UNOBSERVED, np.int64)
        strings[:, self.seen_places] = seen
        if not self.masks:
            return latent_posterior(self.grammar, strings, self.levels, self.last)
        hidden = strings == self.symbols
        if not (hidden.sum(axis=1) == 1).all():
            raise RecipeError(f"tokens: expected one hidden token a row, {self.symbols}")
        strings[hidden] = UNOBSERVED
        places: I64 = hidden.argmax(axis=1)
        out = np.empty((len(seen), self.symbols))
        for place in np.unique(places).tolist():
            rows = np.flatnonzero(places == place)
            out[rows] = latent_posterior(self.grammar, strings[rows], self.levels, place)
        return out

    def floors(self) -> tuple[TokenFloor, ...]:
        """Return what the best predictor of the token at ``position`` loses, for every context length.

        Returns
        -------
        tuple of theory.grammars.TokenFloor
            Entry c sees the c tokens before it, 0 … ``known``; exact.

        Raises
        ------
        RecipeError
            Where a context has too many values to be summed over: use `theory.discrete_floor` of a dataset, or
            `theory.grammars.token_floor` for contexts that fill a block. For hidden tokens, whose place varies.

        Examples
        --------
        >>> import fractalman as fm
        >>> recipe = fm.GrammarLanguage(n_points=10, levels=2, vocabulary=4, synonyms=2)
        >>> [round(floor.entropy, 3) for floor in recipe.floors()]
        [1.321, 0.759, 0.656, 0.553]
        """
        from fractalman.theory.grammars import token_floor

        if self.masks:
            raise RecipeError(
                f"target = {self.target!r}: expected 'next-token', for a hidden token is at another place in every "
                "string; use theory.discrete_floor of a dataset, the mean over its strings"
            )
        # the longest first: what has too many values is refused before the others are summed
        floors = [token_floor(self.grammar, self.last, context) for context in range(self.known, -1, -1)]
        return tuple(reversed(floors))
