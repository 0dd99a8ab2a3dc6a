"""Noise added to noise-free projections: BASELINE, NOISY, CONTENT of FakET (arXiv 2304.02011).

Beyond the paper, the noise may have the colour of the reference instead of being white.
"""

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from faket.data import AnyArray, DoubleArray, FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.noise.profile import NoiseProfile
from faket.noise.spectrum import coloured_noise, ring_power, white_noise
from faket.seeds import derive
from faket.stacks import empty_stack
from faket.statistics import match_statistics, tilt_statistics

if TYPE_CHECKING:
    from faket.noise.addition_gpu import NoiseAdder

Colour = Literal["white", "reference"]

_CONTENT_AMOUNT = 0.25  # of the noise, in CONTENT (FakET)
# Of the reference's power in a ring. Chosen, because a ring in which the signal alone exceeds the
# reference must still not be free of noise.
_LEAST_NOISE = 0.05


def add_noise(
    noise_free: AnyArray,
    profile: NoiseProfile,
    *,
    seed: int,
    amount: float = 1.0,
    spectrum: Colour = "white",
    device: Device = "auto",
) -> FloatArray:
    """Add Gaussian noise to noise-free projections.

    Every tilt is brought to mean 0 and standard deviation 1, becomes
    ``signal_std * tilt + amount * noise``, and is then given the profile's mean and σ. White noise
    is ``noise_std * N(0, 1)``. Noise of the reference's colour is the same N(0, 1), filtered: each
    ring gets the power that the reference has there (``profile.spectrum``) beyond that of
    ``signal_std * tilt``, and at least 5 % of the reference's.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
        Of the reference's contrast sign. A constant tilt becomes pure noise.
    profile : NoiseProfile
        One entry a tilt of ``noise_free``; see :meth:`NoiseProfile.at` for another tilt scheme.
    seed : int
        The noise field depends on the seed and the tilt's index only, so that stacks made with
        other profiles or amounts share it.
    amount : float
        Factor on the noise, >= 0.
    spectrum : {"white", "reference"}
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (tilt, y, x), float32

    Raises
    ------
    InputError
        If ``noise_free`` holds NaN or infinity, the tilt counts differ, ``amount`` is negative, or
        the profile has no spectrum where one is asked for.
    """
    if spectrum not in get_args(Colour):
        raise InputError(f"spectrum: expected 'white' or 'reference', found {spectrum!r}")
    if spectrum == "reference" and profile.spectrum is None:
        raise InputError(
            "profile: expected the reference's spectrum, found none; measure the reference again "
            "with estimate_noise"
        )
    if not (math.isfinite(amount) and amount >= 0):
        raise InputError(f"amount: expected a number >= 0, found {amount}")
    mean, sigma = tilt_statistics(noise_free, "noise-free projections")
    if len(profile) != len(noise_free):
        raise InputError(
            f"profile: expected {len(noise_free)} tilts as in the noise-free projections, "
            f"found {len(profile)}; take profile.at(`angles_deg`)"
        )
    if adder := _adder(noise_free, (mean, sigma), profile, spectrum, device):
        return adder.images(seed, amount)
    out = empty_stack(noise_free.shape)
    for tilt, image in enumerate(noise_free):
        signal = _signal(image, profile, tilt, (mean[tilt], sigma[tilt]))
        made = signal + np.float32(amount) * _noise(signal, profile, tilt, spectrum, seed)
        out[tilt] = match_statistics(made[None], profile.mean[tilt], profile.sigma[tilt])[0]
    return out


def other_noise(
    noise_free: AnyArray,
    profile: NoiseProfile,
    *,
    seed: int,
    spectrum: Colour = "white",
    device: Device = "auto",
) -> FloatArray:
    """Return noise of the spectrum and strength of :func:`add_noise`'s, independent of it.

    Parameters
    ----------
    noise_free, profile, seed, spectrum, device
        Those with which the images were made.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the images' grey values.
    """
    mean, sigma = tilt_statistics(noise_free, "noise-free projections")
    if adder := _adder(noise_free, (mean, sigma), profile, spectrum, device):
        return adder.other(seed, derive(seed, "halves"))
    out = empty_stack(noise_free.shape)
    for tilt, image in enumerate(noise_free):
        signal = _signal(image, profile, tilt, (mean[tilt], sigma[tilt]))
        made = signal + _noise(signal, profile, tilt, spectrum, seed)
        scale = profile.sigma[tilt] / float(made.std(dtype=np.float64))
        out[tilt] = _noise(signal, profile, tilt, spectrum, derive(seed, "halves"))
        out[tilt] *= np.float32(scale)
    return out


def _adder(
    noise_free: AnyArray,
    statistics: tuple[DoubleArray, DoubleArray],
    profile: NoiseProfile,
    spectrum: Colour,
    device: Device,
) -> "NoiseAdder | None":
    """Return what computes on a GPU; None where numpy computes."""
    where = resolve_device(device)
    if where == "cpu":
        return None
    from faket.noise.addition_gpu import NoiseAdder

    missing = _missing if spectrum == "reference" else None
    return NoiseAdder(noise_free, statistics, profile, missing, where)


def _signal(
    image: AnyArray, profile: NoiseProfile, tilt: int, statistics: tuple[float, float]
) -> FloatArray:
    """Return a projection of mean 0 with the profile's strength of the signal."""
    mean, sigma = statistics
    signal = np.zeros(image.shape, np.float32)
    if sigma > 0:
        signal += (image - mean) * (profile.signal_std[tilt] / sigma)
    return signal


def _noise(
    signal: FloatArray, profile: NoiseProfile, tilt: int, spectrum: Colour, seed: int
) -> FloatArray:
    """Return the noise that is added to a signal."""
    if spectrum == "reference":
        return _coloured(profile, tilt, seed, signal)
    noise = white_noise(seed, tilt, (signal.shape[0], signal.shape[1]))
    noise *= np.float32(profile.noise_std[tilt])
    return noise


def _coloured(profile: NoiseProfile, tilt: int, seed: int, signal: FloatArray) -> FloatArray:
    """Return noise with the power that the signal lacks of the reference's, ring by ring."""
    assert profile.spectrum is not None
    wanted = profile.spectrum[tilt]
    missing = _missing(wanted, ring_power(signal, len(wanted)))
    ny, nx = signal.shape
    return coloured_noise(seed, tilt, (ny, nx), missing)


def _missing(wanted: DoubleArray, signal: DoubleArray) -> DoubleArray:
    """Return the power that noise needs beside that of a signal."""
    return np.maximum(wanted - signal, _LEAST_NOISE * wanted)


def baseline(
    noise_free: AnyArray,
    profile: NoiseProfile,
    *,
    seed: int,
    angles_deg: ArrayLike | None = None,
    device: Device = "auto",
) -> FloatArray:
    """Return BASELINE: signal, noise, mean and σ constant over the tilts.

    Parameters
    ----------
    noise_free : ndarray, shape (tilt, y, x)
    profile : NoiseProfile
        As measured, or averaged over references.
    seed : int
    angles_deg : array_like, shape (tilts,), optional
        Stage angles of ``noise_free``, where they are not the profile's.
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
    """
    return add_noise(noise_free, _at(profile.constant(), angles_deg), seed=seed, device=device)


def noisy(
    noise_free: AnyArray,
    profile: NoiseProfile,
    *,
    seed: int,
    angles_deg: ArrayLike | None = None,
    device: Device = "auto",
) -> FloatArray:
    """Return NOISY: signal, noise, mean and σ follow a degree-2 polynomial over the tilt index.

    Parameters as for :func:`baseline`. The average of polynomials is a polynomial of the same
    degree, so a profile averaged over references after :meth:`NoiseProfile.polynomial` stays as
    it is.
    """
    return add_noise(noise_free, _at(profile.polynomial(), angles_deg), seed=seed, device=device)


def content(
    noise_free: AnyArray,
    profile: NoiseProfile,
    *,
    seed: int,
    angles_deg: ArrayLike | None = None,
    device: Device = "auto",
) -> FloatArray:
    """Return CONTENT, which style transfer preserves: NOISY with a quarter of the noise.

    Parameters as for :func:`baseline`; the same seed gives the noise field of :func:`noisy`.
    """
    curves = _at(profile.polynomial(), angles_deg)
    return add_noise(noise_free, curves, seed=seed, amount=_CONTENT_AMOUNT, device=device)


def _at(profile: NoiseProfile, angles_deg: ArrayLike | None) -> NoiseProfile:
    return profile if angles_deg is None else profile.at(angles_deg)
