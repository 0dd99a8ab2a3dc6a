"""Noise of an experimental reference: measured with or without a clean twin, and added."""

from faket.noise.addition import add_noise, baseline, content, noisy
from faket.noise.estimation import estimate_noise
from faket.noise.profile import NoiseProfile
from faket.noise.spectrum import (
    anisotropic_filter,
    coloured_noise,
    mean_power,
    ring_anisotropy,
    ring_cross_power,
    ring_filter,
    ring_frequencies,
    ring_power,
    white_noise,
)

__all__ = [
    "NoiseProfile",
    "add_noise",
    "anisotropic_filter",
    "baseline",
    "coloured_noise",
    "content",
    "estimate_noise",
    "mean_power",
    "noisy",
    "ring_anisotropy",
    "ring_cross_power",
    "ring_filter",
    "ring_frequencies",
    "ring_power",
    "white_noise",
]
