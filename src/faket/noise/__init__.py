"""Noise of an experimental reference: measured with or without a clean twin, and added."""

from faket.noise.addition import add_noise, baseline, content, noisy
from faket.noise.estimation import estimate_noise
from faket.noise.profile import NoiseProfile

__all__ = ["NoiseProfile", "add_noise", "baseline", "content", "estimate_noise", "noisy"]
