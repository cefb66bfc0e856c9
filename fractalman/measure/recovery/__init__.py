"""How well a learned dictionary recovers known features: scores beside their chance levels; arrays in, numbers out."""

from fractalman.measure.recovery.absorption import Absorption, absorption
from fractalman.measure.recovery.downstream import LabelLoss, label_loss
from fractalman.measure.recovery.firing import Firing, firing_scores
from fractalman.measure.recovery.matching import Match, match_dictionary
from fractalman.measure.recovery.objects import encoded, recovery
from fractalman.measure.recovery.scores import Recovery, Truth, score_dictionary
from fractalman.measure.recovery.splitting import Splitting, splitting

__all__ = [
    "Absorption",
    "Firing",
    "LabelLoss",
    "Match",
    "Recovery",
    "Splitting",
    "Truth",
    "absorption",
    "encoded",
    "firing_scores",
    "label_loss",
    "match_dictionary",
    "recovery",
    "score_dictionary",
    "splitting",
]
