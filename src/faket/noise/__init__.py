"""Noise of an experimental reference, measured on it and added to noise-free projections."""

from faket.noise.addition import add_noise, baseline, content, noisy, other_noise
from faket.noise.background import (
    background,
    background_image,
    shared_by_tilts,
    trend,
    without_background,
)
from faket.noise.defects import Repaired, check_scale, repair
from faket.noise.estimation import estimate_noise
from faket.noise.grey_levels import GreyLevels, grey_levels
from faket.noise.half_checks import HalfChecks, check_half_tomograms, check_halves
from faket.noise.halves import HalfSpectra, difference, half_spectra, half_tomogram_spectra
from faket.noise.profile import NoiseProfile
from faket.noise.spectrum import (
    anisotropic_filter,
    coloured_noise,
    detail_moments,
    mean_power,
    ring_anisotropy,
    ring_cross_power,
    ring_filter,
    ring_power,
    white_noise,
)
from faket.noise.tilt_pairs import TiltPairs, tilt_pairs

__all__ = [
    "GreyLevels",
    "HalfChecks",
    "HalfSpectra",
    "NoiseProfile",
    "Repaired",
    "TiltPairs",
    "add_noise",
    "anisotropic_filter",
    "background",
    "background_image",
    "baseline",
    "check_half_tomograms",
    "check_halves",
    "check_scale",
    "coloured_noise",
    "content",
    "detail_moments",
    "difference",
    "estimate_noise",
    "grey_levels",
    "half_spectra",
    "half_tomogram_spectra",
    "mean_power",
    "noisy",
    "other_noise",
    "repair",
    "ring_anisotropy",
    "ring_cross_power",
    "ring_filter",
    "ring_power",
    "shared_by_tilts",
    "tilt_pairs",
    "trend",
    "white_noise",
    "without_background",
]
