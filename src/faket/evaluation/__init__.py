"""Measures of the data: similarity to a reference, and scores of the pickers trained on them."""

from faket.evaluation.classification import classification_scores
from faket.evaluation.f_beta import FBeta, pooled_f_beta
from faket.evaluation.fidelity import (
    ContentCorrelation,
    ContrastSign,
    Separability,
    SpectrumDistance,
    check_contrast,
    content_correlation,
    contrast_sign,
    separability,
    spectrum_distance,
)
from faket.evaluation.hints import angle_hint, check_frame, frame_hint
from faket.evaluation.intervals import (
    Interval,
    Summary,
    ratio_interval,
    seed_interval,
    summarise_scores,
)
from faket.evaluation.matching import Picks, Truth, match_picks
from faket.evaluation.orientations import angular_errors_deg
from faket.evaluation.scores import Scores, score_picks

__all__ = [
    "ContentCorrelation",
    "ContrastSign",
    "FBeta",
    "Interval",
    "Picks",
    "Scores",
    "Separability",
    "SpectrumDistance",
    "Summary",
    "Truth",
    "angle_hint",
    "angular_errors_deg",
    "check_contrast",
    "check_frame",
    "classification_scores",
    "content_correlation",
    "contrast_sign",
    "frame_hint",
    "match_picks",
    "pooled_f_beta",
    "ratio_interval",
    "score_picks",
    "seed_interval",
    "separability",
    "spectrum_distance",
    "summarise_scores",
]
