"""Measuring on a reference, once, what the ``spectral`` method needs.

The noise floor is the power at high frequencies, or what two halves of the exposure differ by. The
number of electrons follows from the statistics of counting. Strength and blur of the signal follow
from physics and the exposure, or from the reference's own noise-free projections.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from faket.data import AnyArray, DoubleArray
from faket.errors import InputError
from faket.methods.half_floor import Halves, half_floor
from faket.methods.reference_properties import CORNER, RINGS, ReferenceProperties, StrengthSource
from faket.methods.spectral import expected_contrast
from faket.microscope.ctf_estimate import CtfEstimate
from faket.microscope.ctf_estimation import estimate_ctf
from faket.microscope.dose import acquisition_order, dose_before, split_dose, surviving_amplitude
from faket.noise import (
    NoiseProfile,
    estimate_noise,
    repair,
    ring_anisotropy,
    ring_cross_power,
    ring_power,
)
from faket.rings import ring_frequencies

_FLOOR_FROM_PER_A = 0.036  # chosen: at higher frequencies counting noise exceeds proteins
_FLOOR_RINGS = 10  # chosen: the floor is smooth
USUAL_DOSE_E_PER_A2 = 110.0  # chosen: the middle of SHREC'21's 100 to 120
# Detected fraction of the dose; chosen: 180 nm of ice transmit 0.62 (Λ 375 nm), of which a K2
# detects 0.75.
_DETECTED = 0.45
_COUNTS_E_PER_A2 = (0.05, 20.0)  # detected electrons per tilt if grey values are counts; chosen
_RESIDUAL_MOTION_A = 4.0  # σ; chosen, the default of the microscope
# Amplitude of the signal left after motion, damage and pixels; chosen: the physics simulator gives
# 0.85 to 0.97 (scripts/measure_strength.py).
_EFFICIENCY = 0.9
_FARTHEST_A = 40.0  # largest misalignment of a tilt; chosen


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
    alignment_error_A: float = 0.0,
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
        σ of the blur within a tilt, if there are no noise-free projections to measure it on.
    alignment_error_A : float
        σ of the residual shifts between tilts, if there are no noise-free projections.

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
    noise_free = None if noise_free is None else repaired.applied_to(noise_free)
    ctf_there = ctf or estimate_ctf(images, pixel_size_A, angles)
    if ctf is not None and not np.array_equal(ctf.angles_deg, angles):
        ctf_there = ctf.at(angles)
    dose = _known_dose(dose_e_per_A2, angles)
    sequence = acquisition_order(angles, "dose-symmetric") if order is None else np.asarray(order)
    if halves is None:
        floor = np.array([_noise_floor(image, pixel_size_A) for image in images])
        traces = np.array([_floor_anisotropy(image, pixel_size_A) for image in images])
    else:
        floor, traces = half_floor(
            images, (repaired.applied_to(halves[0]), repaired.applied_to(halves[1]))
        )
    if counted:
        beam_grey, source = _beam_grey(noise.mean, floor[:, 0], dose, dose_e_per_A2, pixel_size_A)
    else:
        beam_grey, source = _beam_by_dose(floor[:, 0], dose, pixel_size_A)
    before = dose_before(dose, sequence)
    if dose_before_e_per_A2 is not None:
        before = np.asarray(dose_before_e_per_A2, np.float64)
    fade = _damage(dose, before, ctf_there.voltage_kV, pixel_size_A)
    properties = ReferenceProperties(
        pixel_size_A, noise, ctf_there, beam_grey, fade, floor, traces, source
    )
    if noise_free is not None:
        return _with_noise_free(properties, images, noise_free)
    blur = _EFFICIENCY * _blur(residual_motion_A, pixel_size_A)
    return replace(properties, envelope=fade * blur, alignment_error_A=alignment_error_A)


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


def _noise_floor(image: AnyArray, pixel_size_A: float) -> DoubleArray:
    """Power of the noise: measured at high frequencies, constant below."""
    power = ring_power(image, RINGS, limit=CORNER)
    least = 1e-6 * float(power.max())  # images that were low-passed have no power there
    smooth = np.exp(gaussian_filter1d(np.log(np.maximum(power, least)), 1.5, mode="nearest"))
    first = _first_noise_ring(pixel_size_A)
    smooth[:first] = np.median(smooth[first : first + _FLOOR_RINGS])
    return np.asarray(smooth)


def _floor_anisotropy(image: AnyArray, pixel_size_A: float) -> DoubleArray:
    traces = ring_anisotropy(image, RINGS, limit=CORNER)
    traces[:, : _first_noise_ring(pixel_size_A)] = 0
    return np.asarray(gaussian_filter1d(traces, 2.0, axis=1, mode="nearest"))


def _first_noise_ring(pixel_size_A: float) -> int:
    start = float(np.clip(_FLOOR_FROM_PER_A * pixel_size_A, 0.25, 0.4))
    return int(np.searchsorted(ring_frequencies(RINGS, CORNER), start))


def _beam_grey(
    mean: DoubleArray,
    floor: DoubleArray,
    dose: DoubleArray,
    given: ArrayLike | None,
    pixel_size_A: float,
) -> tuple[DoubleArray, StrengthSource]:
    """Intensity of the unscattered beam in grey values.

    For counted electrons floor / intensity² = 1 / (electrons detected per pixel), whatever the
    gain. So the mean is the intensity if it implies a possible number of electrons; otherwise an
    offset was subtracted, and the intensity follows from the exposure.
    """
    expected = _DETECTED * dose
    implied = mean * np.abs(mean) / (floor * pixel_size_A**2)
    low, high = _COUNTS_E_PER_A2
    if given is not None:
        low, high = float(expected.mean()) / 4, float(expected.mean()) * 4
    if low < np.median(implied) < high and mean.min() > 0:
        return mean, "mean"
    return _beam_by_dose(floor, dose, pixel_size_A)


def _beam_by_dose(
    floor: DoubleArray, dose: DoubleArray, pixel_size_A: float
) -> tuple[DoubleArray, StrengthSource]:
    return np.sqrt(floor * _DETECTED * dose) * pixel_size_A, "dose"


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
    """Fit to noise-free projections: strength and blur, common to all tilts, and shifts."""
    rings = ring_frequencies(RINGS, CORNER)
    cross, power, weight = [], [], []
    shifts = np.empty((len(images), 2))
    for tilt, (image, own) in enumerate(zip(images, noise_free, strict=True)):
        signal = expected_contrast(properties, tilt, own)
        shifts[tilt] = _displacement(image, signal, properties.pixel_size_A)
        signal = expected_contrast(properties, tilt, own, shifts[tilt])
        cross.append(ring_cross_power(signal, image, RINGS, limit=CORNER))
        power.append(ring_power(signal, RINGS, limit=CORNER))
        weight.append(rings / (ring_power(image, RINGS, limit=CORNER) + 1e-30))
    x, q, w = (np.array(values) for values in (cross, power, weight))
    fits = []
    for motion_A in np.linspace(0, 15, 61):
        blur = _blur(motion_A, properties.pixel_size_A)
        scale = max(float(np.sum(w * x * blur) / np.sum(w * q * blur**2)), 0.0)
        misfit = float(np.sum(w * (q * (scale * blur) ** 2 - 2 * x * scale * blur)))
        fits.append((misfit, scale, motion_A))
    _, scale, motion_A = min(fits)
    spread = 1.4826 * float(np.median(np.abs(shifts - np.median(shifts, axis=0))))
    return replace(
        properties,
        envelope=scale * properties.envelope * _blur(motion_A, properties.pixel_size_A),
        strength_source="paired",
        alignment_error_A=spread * properties.pixel_size_A,
    )


def _displacement(image: AnyArray, signal: AnyArray, pixel_size_A: float) -> DoubleArray:
    """Return the shift (x, y) in pixels of the image against the signal: the correlation's peak."""
    values = np.asarray(image - image.mean(), np.float32)
    # [y, x] → [y, x // 2 + 1] → [y, x], the shift of 0 in the middle
    product = fft.rfft2(values) * fft.rfft2(signal.astype(np.float32)).conj()
    correlation = fft.fftshift(fft.irfft2(product, s=image.shape))
    y0, x0 = image.shape[0] // 2, image.shape[1] // 2
    reach = min(max(2, round(_FARTHEST_A / pixel_size_A)), min(y0, x0) - 2)
    near = correlation[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1]
    dy, dx = (int(i) - reach for i in np.unravel_index(near.argmax(), near.shape))
    row, column = correlation[y0 + dy], correlation[:, x0 + dx]
    return np.array([dx + _vertex(row[x0 + dx - 1 :]), dy + _vertex(column[y0 + dy - 1 :])])


def _vertex(values: AnyArray) -> float:
    """Where the parabola through the first three values peaks, from the second."""
    left, middle, right = (float(value) for value in values[:3])
    bend = left - 2 * middle + right
    return 0.5 * (left - right) / bend if bend < 0 else 0.0
