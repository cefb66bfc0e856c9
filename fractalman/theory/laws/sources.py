"""The literature that laws rest on: who, where, and what of it was read when the law was written down.

A source of which only the abstract was read says so; "not verified at the source" means that the statement was taken
from elsewhere and the work itself was not at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from fractalman.display import Display

UNVERIFIED = "not verified at the source"


@dataclass(frozen=True)
class Source(Display):
    """A work and what was taken from it.

    Attributes
    ----------
    work : str
        Authors, year or number.
    says : str
        The statement used here.
    read : str
        What was read of it: "abstract", or `UNVERIFIED`.
    """

    work: str
    says: str
    read: str = UNVERIFIED

    def __str__(self) -> str:
        read = self.read if self.read == UNVERIFIED else f"read: {self.read}"
        return f"{self.work}: {self.says} ({read})"


HIERARCHY_MODEL = Source(
    "Cagnetta et al., arXiv 2307.02129",
    "deep networks learn the Random Hierarchy Model from about n_c·m^L examples, shallow ones from a number that is "
    "exponential in the number of tokens",
)
HIERARCHY_ZIPF = Source(
    "Cagnetta et al., arXiv 2505.07067",
    "productions of probability ∝ r^−(1+a) make the classification error fall as a power, whose exponent they decide, "
    "with a large factor from the hierarchy; in next-token prediction they leave the exponent as it is. That it is "
    "a/(1+a) was read in a summary",
    "abstract and a summary",
)
HIERARCHY_SHAPES = Source(
    "Parley, Cagnetta & Wyart, arXiv 2602.06065",
    "grammars of uniform depth whose productions have 2 or 3 symbols: strings of all shapes of trees, which have to be "
    "parsed, are learned from local statistics",
    "abstract",
)
LANGUAGE_STRUCTURE = Source(
    "Cagnetta & Wyart, arXiv 2406.00048",
    "token correlations of the Random Hierarchy Model build its hidden symbols, deeper ones at longer range; a finite "
    "training set resolves them up to a range that grows with it. The formulas were derived here",
    "abstract",
)
LANGUAGE_STATISTICS = Source(
    "Cagnetta et al., arXiv 2602.07488",
    "if correlations of tokens fall as t^−β and the next token's entropy given t tokens as t^−γ, the loss falls as "
    "n^−γ/(2β); the formula was read in a summary",
    "abstract and a summary",
)
GRAF_LUSCHGY = Source(
    "Graf & Luschgy 2000, Foundations of Quantization",
    "the dimension D_s of optimal quantization of order s solves Σ (p_i r_i^s)^(D_s/(s+D_s)) = 1",
)
BIGGINS = Source("Biggins 1977", "when one tree shares the average's growth rate")
BRILL_CLUSTER = Source(
    "Brill & Ingebretsen Carlson, arXiv 2606.20347", "critical mean-field clusters with the latents of their cut tree"
)
BRILL = Source(
    "Brill, arXiv 2412.07942",
    "percolation makes either power-law subtasks or one dominant manifold; τ = 5/2, α = 1 and D = 4 from 6 dimensions",
    "abstract and a summary",
)
HUTTER = Source(
    "Hutter, arXiv 2102.04074", "features with a power-law frequency of exponent 1+α: n^(−α/(1+α))", "abstract"
)
MICHAUD = Source(
    "Michaud, Liu, Girit & Tegmark, arXiv 2303.13506",
    "quanta learned in order of their frequency turn its power law into one of the loss; the formulas α_P = α and "
    "α_D = α/(1+α) were not in what was read",
    "abstract",
)
SPIGLER = Source(
    "Spigler, Geiger & Wyart, arXiv 1905.10843",
    "kernel regression of a Gaussian field: an exponent of the target's smoothness and the data's dimension only, "
    "unless the kernel is too smooth or too rough; the formula min(α_T − D, 2α_S)/D was not in what was read",
    "abstract",
)
LAPLACE_NTK = Source(
    "Geifman et al., arXiv 2007.01580; Chen & Xu, arXiv 2009.10683",
    "on the sphere the tangent kernel of a ReLU network and the Laplace kernel have eigenvalues of one decay",
    "abstracts",
)
SHARMA_KAPLAN = Source(
    "Sharma & Kaplan, arXiv 2004.10802",
    "networks that do regression on a manifold of dimension D: P^(−4/D)",
    "abstract",
)
BAHRI = Source(
    "Bahri et al., arXiv 2102.06701",
    "variance-limited scaling follows from a well-behaved limit of infinite data or width; its exponent 1 was not in "
    "what was read",
    "abstract",
)
YAROTSKY = Source(
    "Yarotsky 2018, arXiv 1802.03620",
    "very deep ReLU networks with weights that depend discontinuously on the target err like ω(W^(−2/D)), twice the "
    "exponent of shallow ones",
    "abstract",
)
KPOTUFE = Source(
    "Kpotufe 2011",
    "k-nearest-neighbour regression attains the minimax rate of the intrinsic dimension, in any metric space with a "
    "doubling measure; the rate n^(−2H/(2H+D)) itself was not in what was read",
    "abstract",
)
KRIGING = Source(
    "Stein 1999, Interpolation of Spatial Data", "the kriging variance of a field of smoothness H: n^(−2H/D)"
)
PERCOLATION = Source(
    "Wang et al., arXiv 1302.0421 (3 dimensions); Zhang et al., arXiv 2004.11289 (4, 5); Zhou et al., arXiv 1112.3428",
    "d_min, d_f and 1/ν of percolation clusters",
    "abstracts",
)
GRASSBERGER = Source("Grassberger 2003; Mertens & Moore 2018", "thresholds and τ")
ALDOUS = Source("Aldous 1994", "the continuum random tree is self-similar with masses p_i = r_i²")
