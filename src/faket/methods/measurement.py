"""Measuring on a reference, once, what the ``spectral`` method needs.

Which part of every ring's power is signal is measured by the reference's own noise-free
projections, by its half sets, or by what neighbouring tilts share. How strong the signal should be
follows from physics: from the electrons counted, or the exposure.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.methods.gold_beads import bead_spectra
from faket.methods.gold_expected import expected_beads
from faket.methods.gold_masks import gold_masks, kept_part, plain_images
from faket.methods.gold_places import gold_places, number_of_beads, with_beads
from faket.methods.half_fraction import Halves, half_fraction
from faket.methods.paired_fraction import paired_fraction
from faket.methods.reference_properties import (
    CORNER,
    RINGS,
    UNKNOWN,
    FractionSource,
    ReferenceProperties,
)
from faket.methods.shared_ctf import settled_ctf
from faket.methods.strength import detected_electrons, first_noise_ring
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.microscope.dose import acquisition_order, dose_before, split_dose, surviving_amplitude
from faket.noise import (
    NoiseProfile,
    background,
    detail_moments,
    estimate_noise,
    repair,
    ring_anisotropy,
    ring_power,
    tilt_pairs,
    without_background,
)
from faket.noise.grey_steps import grey_steps
from faket.noise.moire import moire
from faket.rings import ring_frequencies
from faket.threads import in_threads

USUAL_DOSE_E_PER_A2 = 110.0  # chosen: the middle of SHREC'21's 100 to 120
# σ; chosen: a B-factor of 316 Å², as tilts whose frames were aligned usually have. Ice moves by 1 Å
# at 3 e/Å². (SHREC'21, and so faket's microscope, has 4 Å.)
_RESIDUAL_MOTION_A = 2.0
# Amplitude of the signal left after motion, damage and pixels; chosen: the physics simulator gives
# 0.85 to 0.97 (scripts/measure_strength.py).
_EFFICIENCY = 0.9
_MEASURED_SIGMA = 10.0  # with noise-free projections the images alone tell the strength


def measure_reference(
    images: AnyArray,
    angles_deg: ArrayLike,
    pixel_size_A: float,
    *,
    noise_free: AnyArray | None = None,
    ctf: CtfEstimate | None = None,
    dose_e_per_A2: ArrayLike | None = None,
    order: ArrayLike | None = None,
    dose_before_e_per_A2: ArrayLike | None = None,
    counted: bool = True,
    noise: NoiseProfile | None = None,
    halves: Halves | None = None,
    residual_motion_A: float = _RESIDUAL_MOTION_A,
    independent: bool = True,
) -> ReferenceProperties:
    """Measure on a reference everything that the spectral method needs.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned, protein dark, at the pixel size of the noise-free projections to be rendered.
    angles_deg : array_like, shape (tilts,)
    pixel_size_A : float
    noise_free : ndarray, shape (tilt, y, x), optional
        The reference's own noise-free projections (minus line integrals, V·Å). With them,
        strength and blur of the signal are measured on the two.
    ctf : CtfEstimate, optional
        The known CTF; by default it is estimated from ``images``.
    dose_e_per_A2, order : array_like, shape (tilts,), optional
        Exposure of each tilt and its place in the sequence; by default 110 e/Å² in all,
        dose-symmetric. They give the radiation damage, and the strength of the signal if the
        images are not counts.
    dose_before_e_per_A2 : array_like, shape (tilts,), optional
        Exposure before each tilt; by default the sum over those before it in ``order``.
    counted : bool
        Whether grey values may be counts of electrons; False if they were scaled.
    noise : NoiseProfile, optional
        The noise of the same images, if it was estimated before.
    halves : tuple of two ndarrays, shape (tilt, y, x), optional
        Images of even and of odd frames, aligned and binned as ``images`` are. With them, the
        noise is measured at every frequency, in every direction.
    residual_motion_A : float
        σ of the blur within a tilt that is expected.
    independent : bool
        Whether tilts are images of their own; False for reprojections of a tomogram, which share
        noise with their neighbours.

    Returns
    -------
    ReferenceProperties

    Raises
    ------
    InputError
        If shapes do not fit, images are not valid, or halves are broken.
    """
    angles = np.atleast_1d(np.asarray(angles_deg, np.float64))
    noise = noise or estimate_noise(images, noise_free, angles_deg=angles, halves=halves)
    repaired = repair(images)
    images = repaired.images
    ctf_there = ctf or estimate_ctf(images, pixel_size_A, angles)
    if not np.array_equal(ctf_there.angles_deg, angles):
        ctf_there = ctf_there.at(angles)
    dose = _known_dose(dose_e_per_A2, angles)
    mean, given = noise.mean if counted else None, dose_e_per_A2 is not None
    beads, pairs = None, None
    if independent:  # otherwise noise is not that of electrons
        beads = expected_beads(images, ctf_there, mean, dose, given, pixel_size_A)
    places = gold_places(images, angles, pixel_size_A, beads)
    kept = _without_gold(images, places, angles, pixel_size_A)
    plain, uneven = _plain(images, kept, angles)
    if independent:
        pairs = tilt_pairs(plain, angles, pixel_size_A, rings=RINGS, limit=CORNER)
        ctf_there = settled_ctf(ctf_there, images, pairs, pixel_size_A)
    before = _exposure_before(dose, angles, order, dose_before_e_per_A2)
    fade = _damage(dose, before, ctf_there.voltage_kV, pixel_size_A)
    power = _of_each(_power_to_corner, plain) if pairs is None else pairs.power
    power = power / np.array([kept_part(mask) for mask in kept])[:, None]
    strength = detected_electrons(mean, power, dose, given, pixel_size_A)
    traces = _of_each(partial(_floor_anisotropy, pixel_size_A=pixel_size_A), images)
    nothing = np.zeros_like(power)
    properties = ReferenceProperties(
        pixel_size_A, noise, ctf_there, strength.electrons,
        fade * _EFFICIENCY * _blur(residual_motion_A, pixel_size_A),
        power, nothing, nothing + UNKNOWN, traces, strength.source,
        strength.sigma, "none", _skewness(plain),
        alignment_error_A=0.0 if pairs is None else pairs.misalignment_px() * pixel_size_A,
        background=uneven, gold=bead_spectra(images, kept, angles, pixel_size_A),
        gold_found=number_of_beads(places), moire=moire(images, power, limit=CORNER),
        grey_steps=grey_steps(images),
        rotation_error_deg=0.0 if pairs is None else pairs.turning_deg,
        magnification_error=0.0 if pairs is None else pairs.magnification_error,
    )  # fmt: skip
    if noise_free is not None:
        flat = without_background(images, uneven)
        return _with_noise_free(properties, flat, repaired.applied_to(noise_free))
    if halves is not None:
        # Without gold too, or the part that is signal would be of other images.
        first, second = (_plain(repaired.applied_to(half), kept, angles)[0] for half in halves)
        fraction, sigma, traces = half_fraction(plain, (first, second))
        properties = replace(properties, anisotropy=traces)
        return _with_fraction(properties, fraction, sigma, "halves")
    if pairs is not None and len(pairs.tilts):
        return _with_fraction(properties, *pairs.fraction(), "tilts")
    return properties


def ctf_by_pairs(images: AnyArray, pixel_size_A: float, ctf: CtfEstimate) -> CtfEstimate:
    """Return the CTF as :func:`measure_reference` uses it: by its spectra and what tilts share.

    A defocus that was given stays, and is compared with these.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned, repaired, of tilts that share no noise.
    pixel_size_A : float
    ctf : CtfEstimate
        At the angles of the images.
    """
    if ctf.source == "spectra" and ctf.confident:
        return ctf
    usual = _known_dose(None, ctf.angles_deg)
    beads = expected_beads(images, ctf, None, usual, False, pixel_size_A)
    places = gold_places(images, ctf.angles_deg, pixel_size_A, beads)
    kept = _without_gold(images, places, ctf.angles_deg, pixel_size_A)
    plain, _ = _plain(images, kept, ctf.angles_deg)
    pairs = tilt_pairs(plain, ctf.angles_deg, pixel_size_A, rings=RINGS, limit=CORNER)
    return settled_ctf(ctf, images, pairs, pixel_size_A)


def _with_fraction(
    properties: ReferenceProperties,
    fraction: DoubleArray,
    sigma: DoubleArray,
    source: FractionSource,
) -> ReferenceProperties:
    sigma = np.minimum(sigma, UNKNOWN)
    return replace(
        properties,
        signal_fraction=np.where(sigma < UNKNOWN, fraction, 0.0),
        signal_fraction_sigma=sigma,
        fraction_source=source,
    )


def _without_gold(
    images: AnyArray, places: DoubleArray, angles: DoubleArray, pixel_size_A: float
) -> list[AnyArray | None]:
    """Return masks of the gold that single images show, and of what all show together."""
    kept = gold_masks(images, pixel_size_A)
    return with_beads(kept, places, angles, images.shape[1:], pixel_size_A)


def _plain(
    images: AnyArray, kept: list[AnyArray | None], angles: DoubleArray
) -> tuple[AnyArray, DoubleArray]:
    """Return images without their background and gold, and the background."""
    uneven = background(images, angles, kept)
    return plain_images(images, uneven, kept), uneven


def _skewness(images: AnyArray) -> DoubleArray:
    variance, third = _of_each(detail_moments, images).T
    return np.asarray(third / np.maximum(variance, 1e-300) ** 1.5)


def _of_each(measure: Callable[[AnyArray], Any], images: AnyArray) -> DoubleArray:
    """Return what is measured on each image, the first axis that of the tilts."""
    return np.array(in_threads(measure, images, pixels=images[0].size))


def _power_to_corner(image: AnyArray) -> DoubleArray:
    return ring_power(image, RINGS, limit=CORNER)


def _known_dose(dose_e_per_A2: ArrayLike | None, angles: DoubleArray) -> DoubleArray:
    if dose_e_per_A2 is None:
        return split_dose(angles, USUAL_DOSE_E_PER_A2, 0.0)
    dose = np.asarray(dose_e_per_A2, np.float64)
    if dose.shape != angles.shape or not np.all(dose > 0):
        raise InputError(
            f"`dose_e_per_A2`: expected one number > 0 for each of {len(angles)} tilts, found "
            f"shape {dose.shape}"
        )
    return dose


def _exposure_before(
    dose: DoubleArray, angles: DoubleArray, order: ArrayLike | None, before: ArrayLike | None
) -> DoubleArray:
    if before is not None:
        return np.asarray(before, np.float64)
    sequence = acquisition_order(angles, "dose-symmetric") if order is None else np.asarray(order)
    return dose_before(dose, sequence)


def _floor_anisotropy(image: AnyArray, pixel_size_A: float) -> DoubleArray:
    traces = ring_anisotropy(image, RINGS, limit=CORNER)
    traces[:, : first_noise_ring(pixel_size_A)] = 0
    return np.asarray(gaussian_filter1d(traces, 2.0, axis=1, mode="nearest"))


def _damage(
    dose: DoubleArray, before: DoubleArray, voltage_kV: float, pixel_size_A: float
) -> DoubleArray:
    """Amplitude that remains after radiation damage and the detector's pixels [tilt, ring]."""
    frequency = ring_frequencies(RINGS, CORNER)
    left = [
        surviving_amplitude(frequency / pixel_size_A, float(start), float(own), voltage_kV)
        for start, own in zip(before, dose, strict=True)
    ]
    return np.asarray(np.array(left) * np.sinc(frequency))


def _blur(motion_A: float, pixel_size_A: float) -> DoubleArray:
    frequency = ring_frequencies(RINGS, CORNER) / pixel_size_A
    return np.asarray(np.exp(-2 * (np.pi * motion_A * frequency) ** 2))


def _with_noise_free(
    properties: ReferenceProperties, images: AnyArray, noise_free: AnyArray
) -> ReferenceProperties:
    fraction, sigma, own, error_A = paired_fraction(properties, images, noise_free)
    properties = replace(
        properties,
        power=_of_each(_power_to_corner, images),
        strength_source="paired",
        strength_sigma=_MEASURED_SIGMA,
        alignment_error_A=error_A,
        rotation_error_deg=0.0,  # what is turned away does not correlate, and counts as noise
        magnification_error=0.0,
        contrast_power=own,
    )
    return _with_fraction(properties, fraction, sigma, "paired")
