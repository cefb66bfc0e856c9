"""Grammars of hidden trees: rules, exact posteriors, entropies and counting laws; arrays in, numbers out."""

from fractalman.theory.grammars.contexts import TokenFloor, block_floor, context_entropy, token_floor
from fractalman.theory.grammars.correlations import (
    correlation_sample_complexity,
    expected_correlation,
    token_correlations,
)
from fractalman.theory.grammars.counts import context_table, counting_loss
from fractalman.theory.grammars.entropies import (
    entropy_rate,
    node_marginals,
    pair_distribution,
    string_entropy,
    token_marginal,
)
from fractalman.theory.grammars.laws import (
    derivations_per_symbol,
    number_of_data,
    number_of_tokens_law,
    random_hierarchy_sample_complexity,
    rare_rules_window,
)
from fractalman.theory.grammars.messages import (
    UNOBSERVED,
    latent_posterior,
    log_likelihood,
    number_of_parses,
)
from fractalman.theory.grammars.neighbours import distance_masses, neighbour_risk
from fractalman.theory.grammars.rules import Grammar, random_grammar, zipf_probabilities
from fractalman.theory.grammars.strings import Derivations, derive_strings, exchange_synonyms, transplant
from fractalman.theory.grammars.targets import DiscreteFloor, discrete_floor, posterior
from fractalman.theory.grammars.unknown_rules import unknown_rules_risk

__all__ = [
    "UNOBSERVED",
    "Derivations",
    "DiscreteFloor",
    "Grammar",
    "TokenFloor",
    "block_floor",
    "context_entropy",
    "context_table",
    "correlation_sample_complexity",
    "counting_loss",
    "derivations_per_symbol",
    "derive_strings",
    "discrete_floor",
    "distance_masses",
    "entropy_rate",
    "exchange_synonyms",
    "expected_correlation",
    "latent_posterior",
    "log_likelihood",
    "neighbour_risk",
    "node_marginals",
    "number_of_data",
    "number_of_parses",
    "number_of_tokens_law",
    "pair_distribution",
    "posterior",
    "random_grammar",
    "random_hierarchy_sample_complexity",
    "rare_rules_window",
    "string_entropy",
    "token_correlations",
    "token_floor",
    "token_marginal",
    "transplant",
    "unknown_rules_risk",
    "zipf_probabilities",
]
