"""Noiseless tilts made noisy: BASELINE, NOISY and CONTENT of FakET (arXiv 2304.02011)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray, FloatArray
from faket.errors import InputError
from faket.noise.profile import NoiseProfile
from faket.seeds import generator
from faket.statistics import match_statistics, tilt_statistics

_CONTENT_AMOUNT = 0.25


def add_noise(
    clean: AnyArray, profile: NoiseProfile, *, seed: int, amount: float = 1.0
) -> FloatArray:
    """Add white Gaussian noise to noiseless tilts.

    Every tilt is brought to mean 0 and standard deviation 1, becomes
    ``ratio * tilt + amount * noise_std * N(0, 1)``, and is then given the profile's mean and σ.

    Parameters
    ----------
    clean : ndarray, shape (tilt, y, x)
        Noiseless tilts with the reference's contrast sign. A constant tilt becomes pure noise.
    profile : NoiseProfile
        One entry a tilt of ``clean``; see :meth:`NoiseProfile.at` for another tilt scheme.
    seed : int
        The noise field depends on the seed and the tilt's index only, so that stacks made with
        other profiles or amounts share it.
    amount : float
        Factor on noise_std, >= 0.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32

    Raises
    ------
    InputError
        If ``clean`` holds NaN or infinity, the tilt counts differ, or ``amount`` is negative.
    """
    if not (math.isfinite(amount) and amount >= 0):
        raise InputError(f"amount: expected a number >= 0, found {amount}")
    mean, sigma = tilt_statistics(clean, "clean")
    if len(profile) != len(clean):
        raise InputError(
            f"profile: expected {len(clean)} tilts as in clean, found {len(profile)}; "
            "take profile.at(angles_deg)"
        )
    out = np.empty(clean.shape, np.float32)
    for tilt, image in enumerate(clean):
        noise_std = np.float32(amount * profile.noise_std[tilt])
        out[tilt] = noise_std * _noise_field(seed, tilt, image.shape)
        if sigma[tilt] > 0:
            out[tilt] += (image - mean[tilt]) * (profile.ratio[tilt] / sigma[tilt])
        out[tilt] = match_statistics(out[tilt : tilt + 1], profile.mean[tilt], profile.sigma[tilt])[
            0
        ]
    return out


def baseline(
    clean: AnyArray, profile: NoiseProfile, *, seed: int, angles_deg: ArrayLike | None = None
) -> FloatArray:
    """Return BASELINE: signal, noise, mean and σ constant over the tilts.

    Parameters
    ----------
    clean : ndarray, shape (tilt, y, x)
    profile : NoiseProfile
        As measured, or averaged over references.
    seed : int
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of ``clean``, where they are not the profile's.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
    """
    return add_noise(clean, _at(profile.constant(), angles_deg), seed=seed)


def noisy(
    clean: AnyArray, profile: NoiseProfile, *, seed: int, angles_deg: ArrayLike | None = None
) -> FloatArray:
    """Return NOISY: signal, noise, mean and σ follow a degree-2 polynomial over the tilt index.

    Parameters as for :func:`baseline`. An average of polynomials is its own polynomial, so a
    profile averaged over references after :meth:`NoiseProfile.polynomial` stays as it is.
    """
    return add_noise(clean, _at(profile.polynomial(), angles_deg), seed=seed)


def content(
    clean: AnyArray, profile: NoiseProfile, *, seed: int, angles_deg: ArrayLike | None = None
) -> FloatArray:
    """Return CONTENT, what style transfer is to preserve: NOISY with a quarter of the noise.

    Parameters as for :func:`baseline`; the same seed gives the noise field of :func:`noisy`.
    """
    curves = _at(profile.polynomial(), angles_deg)
    return add_noise(clean, curves, seed=seed, amount=_CONTENT_AMOUNT)


def _at(profile: NoiseProfile, angles_deg: ArrayLike | None) -> NoiseProfile:
    return profile if angles_deg is None else profile.at(angles_deg)


def _noise_field(seed: int, tilt: int, shape: tuple[int, ...]) -> FloatArray:
    return generator(seed, "noise", tilt).standard_normal(shape, dtype=np.float32)
