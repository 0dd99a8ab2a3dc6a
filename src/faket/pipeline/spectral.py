"""The ``spectral`` method: images that obey what can be measured on a reference, ring by ring.

A noiseless tilt (minus the line integrals of the potential V, V·Å) becomes

    wave     = exp[(i − w) φ],   φ = F⁻¹[envelope(k) · F σV]
    expected = beam · |F⁻¹[exp(−iχ) · F wave]|²
    image    = F⁻¹[√(floor(k) / floor(0)) · F counts],   counts ~ Poisson(expected)

χ is the aberration phase of the reference's defocus (:func:`faket.microscope.estimate_ctf`), w
the amplitude contrast, the floor the power of the reference's noise. How strong the signal is
against the noise follows from physics: a phase object's contrast is relative to the beam's
intensity, and that is known from the noise of counting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from faket.constants import interaction_constant_rad_per_V_A
from faket.data import AnyArray, DoubleArray, FloatArray
from faket.errors import InputError
from faket.microscope.ctf_estimation import CtfEstimate, estimate_ctf
from faket.microscope.dose import acquisition_order, dose_before, split_dose, surviving_amplitude
from faket.microscope.optics import Optics, aberration_phase
from faket.noise import (
    NoiseProfile,
    anisotropic_filter,
    estimate_noise,
    ring_anisotropy,
    ring_cross_power,
    ring_filter,
    ring_frequencies,
    ring_power,
    white_noise,
)
from faket.seeds import generator

_RINGS, _CORNER = 128, 0.7072  # rings of the noise floor reach into the corners
_CONTENT_AMOUNT = 0.25
_FLOOR_FROM_PER_A = 0.036  # beyond, counting noise outshines proteins
_FLOOR_RINGS = 10
_USUAL_DOSE_E_PER_A2 = 110.0
_DETECTED = 0.45  # of the dose: what ice leaves of it, times the detector's efficiency
_COUNTS_E_PER_A2 = (0.05, 20.0)  # detected per tilt, where grey values can be counts
_RESIDUAL_MOTION_A = 4.0
_EFFICIENCY = 0.9  # of the signal, beyond motion, damage and pixels: 0.85 to 0.97 in our physics
_FARTHEST_A = 40.0  # that a tilt can be misaligned
_DARKEST = 0.02  # of the beam: where the filter of the counts overshoots

Strength = Literal["paired", "mean", "dose"]


@dataclass(frozen=True, eq=False)
class ReferenceModel:
    """What was measured on a reference, once, to make any number of tomograms like it.

    Attributes
    ----------
    pixel_size_A : float
    noise : NoiseProfile
        Mean, contrast and radial spectrum of every tilt.
    ctf : CtfEstimate
    beam : ndarray, shape (tilts,), float64
        Intensity of the unscattered beam in grey values, without any offset.
    envelope : ndarray, shape (tilts, rings), float64
        Amplitude left by residual motion, detector and radiation damage.
    floor : ndarray, shape (tilts, rings), float64
        Power of the counting noise, grey values squared; rings of envelope and floor have equal
        width from 0 to the corner of Fourier space.
    anisotropy : ndarray, shape (tilts, 3, rings), float64
        How the floor depends on direction (:func:`faket.noise.ring_anisotropy`).
    strength : {"paired", "mean", "dose"}
        What the strength of the signal was derived from: a clean twin, the images' mean
        intensity, or the exposure (told or usual).
    alignment_error_A : float
        σ of the residual shifts of the reference's tilts, drawn anew for every tomogram.
    """

    pixel_size_A: float
    noise: NoiseProfile
    ctf: CtfEstimate
    beam: DoubleArray
    envelope: DoubleArray
    floor: DoubleArray
    anisotropy: DoubleArray
    strength: Strength
    alignment_error_A: float = 0.0

    def __post_init__(self) -> None:
        """Check shapes."""
        for name in ("beam", "envelope", "floor", "anisotropy"):
            object.__setattr__(self, name, np.array(getattr(self, name), np.float64))
        tilts = len(self.noise)
        if (
            self.beam.shape != (tilts,)
            or self.envelope.shape != self.floor.shape
            or self.floor.shape[:1] != (tilts,)
            or self.anisotropy.shape != (tilts, 3, *self.floor.shape[1:])
            or len(self.ctf.defocus_um) != tilts
            or self.noise.angles_deg is None
        ):
            raise InputError(
                f"reference model: expected entries for each of {tilts} tilts with known angles, "
                f"found shapes {self.beam.shape}, {self.envelope.shape}, {self.floor.shape}"
            )

    def at(self, angles_deg: ArrayLike) -> "ReferenceModel":
        """Return the model at other tilt angles.

        Mean, intensity and spectra are interpolated; beyond the range the nearest tilt holds.
        The defocus is the nearest tilt's.
        """
        noise = self.noise.at(angles_deg)
        known, wanted = self.noise.angles_deg, noise.angles_deg
        assert known is not None
        assert wanted is not None
        order = np.argsort(known)

        def between(values: DoubleArray) -> DoubleArray:
            columns = values.reshape(len(values), -1)[order].T
            moved = [np.interp(wanted, known[order], column) for column in columns]
            return np.stack(moved, axis=1).reshape(len(wanted), *values.shape[1:])

        return replace(
            self,
            noise=noise,
            ctf=self.ctf.at(wanted),
            beam=between(self.beam),
            envelope=between(self.envelope),
            floor=between(self.floor),
            anisotropy=between(self.anisotropy),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return lists, numbers and strings only, ready for JSON."""
        return {
            "pixel_size_A": self.pixel_size_A,
            "noise": self.noise.to_dict(),
            "ctf": self.ctf.to_dict(),
            "beam": self.beam.tolist(),
            "envelope": self.envelope.tolist(),
            "floor": self.floor.tolist(),
            "anisotropy": self.anisotropy.tolist(),
            "strength": self.strength,
            "alignment_error_A": self.alignment_error_A,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the model that :meth:`to_dict` wrote.

        Raises
        ------
        InputError
            If a key is missing or unknown, or a value does not fit.
        """
        keys = {item.name for item in fields(cls)}
        if set(values) != keys:
            raise InputError(
                f"reference model: expected the keys {sorted(keys)}, found {sorted(values)}"
            )
        parts = {
            "noise": NoiseProfile.from_dict(values["noise"]),
            "ctf": CtfEstimate.from_dict(values["ctf"]),
        }
        return cls(**{**values, **parts})


def measure_reference(
    images: AnyArray,
    angles_deg: ArrayLike,
    pixel_size_A: float,
    *,
    clean: AnyArray | None = None,
    ctf: CtfEstimate | None = None,
    dose_e_per_A2: ArrayLike | None = None,
    order: ArrayLike | None = None,
    residual_motion_A: float = _RESIDUAL_MOTION_A,
    alignment_error_A: float = 0.0,
) -> ReferenceModel:
    """Measure on a reference all that the spectral method needs.

    Parameters
    ----------
    images : ndarray, shape (tilt, y, x)
        Aligned, protein dark, at the pixel size of the data to be made.
    angles_deg : array_like, shape (tilts,)
    pixel_size_A : float
    clean : ndarray, shape (tilt, y, x), optional
        Noiseless twin (minus line integrals, V·Å), where there is one: then strength and blur
        of the signal are measured on the two.
    ctf : CtfEstimate, optional
        What the user knows; else estimated from ``images``.
    dose_e_per_A2, order : array_like, shape (tilts,), optional
        Exposure of each tilt and its place in the sequence; by default 110 e/Å² in all,
        dose-symmetric. They decide on radiation damage, and on the strength of the signal if
        the images are not counts.
    residual_motion_A : float
        σ of the blur within a tilt, where there is no clean twin to measure it on.
    alignment_error_A : float
        σ of the residual shifts between tilts, where there is no clean twin.

    Returns
    -------
    ReferenceModel

    Raises
    ------
    InputError
        If shapes do not fit or images are not usable.
    """
    angles = np.atleast_1d(np.asarray(angles_deg, np.float64))
    noise = estimate_noise(images, clean, angles_deg=angles)
    lens = ctf or estimate_ctf(images, pixel_size_A, angles)
    if ctf is not None and not np.array_equal(ctf.angles_deg, angles):
        lens = ctf.at(angles)
    dose = _known_dose(dose_e_per_A2, angles)
    sequence = acquisition_order(angles, "dose-symmetric") if order is None else np.asarray(order)
    floor = np.array([_noise_floor(image, pixel_size_A) for image in images])
    traces = np.array([_floor_anisotropy(image, pixel_size_A) for image in images])
    beam, strength = _beam(noise.mean, floor[:, 0], dose, dose_e_per_A2, pixel_size_A)
    fade = _damage(dose, sequence, lens.voltage_kV, pixel_size_A)
    model = ReferenceModel(pixel_size_A, noise, lens, beam, fade, floor, traces, strength)
    if clean is not None:
        return _with_twin(model, images, clean)
    blur = _EFFICIENCY * _blur(residual_motion_A, pixel_size_A)
    return replace(model, envelope=fade * blur, alignment_error_A=alignment_error_A)


def spectral_images(
    clean: AnyArray,
    model: ReferenceModel,
    angles_deg: ArrayLike,
    *,
    seed: int,
    amount: float = 1.0,
) -> FloatArray:
    """Make noiseless tilts look like the reference by all that its spectra tell.

    Parameters
    ----------
    clean : ndarray, shape (tilt, y, x)
        Minus line integrals of the potential, V·Å (protein dark), at the model's pixel size.
    model : ReferenceModel
    angles_deg : array_like, shape (tilts,)
    seed : int
        The white field behind the counts is that of :func:`faket.noise.add_noise`.
    amount : float
        Factor on the noise, >= 0.

    Returns
    -------
    ndarray, shape (tilt, y, x), float32
        In the reference's grey values; each tilt has the reference's mean.

    Raises
    ------
    InputError
        If the angles do not fit ``clean`` or ``amount`` is negative.
    """
    if not (np.isfinite(amount) and amount >= 0):
        raise InputError(f"amount: expected a number >= 0, found {amount}")
    there = model.at(angles_deg)
    if np.ndim(clean) != 3 or len(there.noise) != len(clean):
        raise InputError(
            f"clean: expected [tilt, y, x] with {len(there.noise)} tilts as angles_deg, found "
            f"shape {np.shape(clean)}"
        )
    shifts = generator(seed, "alignment").standard_normal((len(clean), 2))
    shifts *= there.alignment_error_A / there.pixel_size_A
    made = np.empty(clean.shape, np.float32)
    for tilt, image in enumerate(clean):
        contrast = _contrast(there, tilt, image, shifts[tilt])
        made[tilt] = _counted(there, tilt, contrast, seed, amount)
    return made


def spectral_content(
    clean: AnyArray, model: ReferenceModel, angles_deg: ArrayLike, *, seed: int
) -> FloatArray:
    """Return what style transfer is to preserve: :func:`spectral_images` with 1/4 of the noise."""
    return spectral_images(clean, model, angles_deg, seed=seed, amount=_CONTENT_AMOUNT)


def signal_to_noise(clean: AnyArray, model: ReferenceModel, angles_deg: ArrayLike) -> DoubleArray:
    """Return the spectral signal-to-noise ratio that the model gives a specimen.

    Parameters
    ----------
    clean : ndarray, shape (tilt, y, x)
    model : ReferenceModel
    angles_deg : array_like, shape (tilts,)

    Returns
    -------
    ndarray, shape (tilts, rings), float64
        Power of the signal over power of the noise; rings of equal width from 0 to the corner.
    """
    there = model.at(angles_deg)
    ratio = np.empty(there.floor.shape)
    for tilt, image in enumerate(clean):
        signal = _contrast(there, tilt, image)
        power = ring_power(signal, there.floor.shape[1], limit=_CORNER)
        ratio[tilt] = power / there.floor[tilt]
    return ratio


def _known_dose(dose_e_per_A2: ArrayLike | None, angles: DoubleArray) -> DoubleArray:
    if dose_e_per_A2 is None:
        return split_dose(angles, _USUAL_DOSE_E_PER_A2, 0.0)
    dose = np.asarray(dose_e_per_A2, np.float64)
    if dose.shape != angles.shape or not np.all(dose > 0):
        raise InputError(
            f"dose_e_per_A2: expected one number > 0 for each of {len(angles)} tilts, found "
            f"shape {dose.shape}"
        )
    return dose


def _noise_floor(image: AnyArray, pixel_size_A: float) -> DoubleArray:
    """Power of what is no signal: as measured at high frequencies, held constant below."""
    power = ring_power(image, _RINGS, limit=_CORNER)
    least = 1e-6 * float(power.max())  # of images that were low-passed
    smooth = np.exp(gaussian_filter1d(np.log(np.maximum(power, least)), 1.5, mode="nearest"))
    first = _first_noise_ring(pixel_size_A)
    smooth[:first] = np.median(smooth[first : first + _FLOOR_RINGS])
    return np.asarray(smooth)


def _floor_anisotropy(image: AnyArray, pixel_size_A: float) -> DoubleArray:
    traces = ring_anisotropy(image, _RINGS, limit=_CORNER)
    traces[:, : _first_noise_ring(pixel_size_A)] = 0
    return np.asarray(gaussian_filter1d(traces, 2.0, axis=1, mode="nearest"))


def _first_noise_ring(pixel_size_A: float) -> int:
    start = float(np.clip(_FLOOR_FROM_PER_A * pixel_size_A, 0.25, 0.4))
    return int(np.searchsorted(ring_frequencies(_RINGS, _CORNER), start))


def _beam(
    mean: DoubleArray,
    floor: DoubleArray,
    dose: DoubleArray,
    told: ArrayLike | None,
    pixel_size_A: float,
) -> tuple[DoubleArray, Strength]:
    """Intensity of the unscattered beam in grey values.

    Counting gives floor / intensity² = 1 / (electrons detected per pixel), whatever the gain.
    So the mean is the intensity if the number of electrons it implies is possible; otherwise
    (an offset was taken away) the intensity is what the exposure implies.
    """
    expected = _DETECTED * dose
    implied = mean * np.abs(mean) / (floor * pixel_size_A**2)
    low, high = _COUNTS_E_PER_A2
    if told is not None:
        low, high = float(expected.mean()) / 4, float(expected.mean()) * 4
    if low < np.median(implied) < high and mean.min() > 0:
        return mean, "mean"
    return np.sqrt(floor * expected) * pixel_size_A, "dose"


def _damage(
    dose: DoubleArray, order: AnyArray, voltage_kV: float, pixel_size_A: float
) -> DoubleArray:
    """Amplitude left by radiation damage and by the detector's pixels [tilt, ring]."""
    frequency = ring_frequencies(_RINGS, _CORNER)
    before = dose_before(dose, order)
    left = [
        surviving_amplitude(frequency / pixel_size_A, float(start), float(own), voltage_kV)
        for start, own in zip(before, dose, strict=True)
    ]
    return np.asarray(np.array(left) * np.sinc(frequency))


def _blur(motion_A: float, pixel_size_A: float) -> DoubleArray:
    frequency = ring_frequencies(_RINGS, _CORNER) / pixel_size_A
    return np.asarray(np.exp(-2 * (np.pi * motion_A * frequency) ** 2))


def _with_twin(model: ReferenceModel, images: AnyArray, clean: AnyArray) -> ReferenceModel:
    """Fit strength and blur of the signal, common to all tilts, and residual shifts to a twin."""
    rings = ring_frequencies(_RINGS, _CORNER)
    cross, power, weight = [], [], []
    shifts = np.empty((len(images), 2))
    for tilt, (image, twin) in enumerate(zip(images, clean, strict=True)):
        signal = _contrast(model, tilt, twin)
        shifts[tilt] = _displacement(image, signal, model.pixel_size_A)
        signal = _contrast(model, tilt, twin, shifts[tilt])
        cross.append(ring_cross_power(signal, image, _RINGS, limit=_CORNER))
        power.append(ring_power(signal, _RINGS, limit=_CORNER))
        weight.append(rings / (ring_power(image, _RINGS, limit=_CORNER) + 1e-30))
    x, q, w = (np.array(values) for values in (cross, power, weight))
    fits = []
    for motion_A in np.linspace(0, 15, 61):
        blur = _blur(motion_A, model.pixel_size_A)
        scale = max(float(np.sum(w * x * blur) / np.sum(w * q * blur**2)), 0.0)
        misfit = float(np.sum(w * (q * (scale * blur) ** 2 - 2 * x * scale * blur)))
        fits.append((misfit, scale, motion_A))
    _, scale, motion_A = min(fits)
    spread = 1.4826 * float(np.median(np.abs(shifts - np.median(shifts, axis=0))))
    return replace(
        model,
        envelope=scale * model.envelope * _blur(motion_A, model.pixel_size_A),
        strength="paired",
        alignment_error_A=spread * model.pixel_size_A,
    )


def _displacement(image: AnyArray, signal: AnyArray, pixel_size_A: float) -> DoubleArray:
    """Shift (x, y) in pixels that brings the signal onto the image: peak of the correlation."""
    values = np.asarray(image - image.mean(), np.float32)
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


def _contrast(
    model: ReferenceModel, tilt: int, clean: AnyArray, shift_px: ArrayLike = (0.0, 0.0)
) -> FloatArray:
    """Return the expected image less its mean, in grey values, its content moved by a shift."""
    ny, nx = clean.shape
    p, optics = model.pixel_size_A, model.ctf.optics(tilt)
    sigma = interaction_constant_rad_per_V_A(model.ctf.voltage_kV)
    spectrum = fft.rfft2(np.asarray(-sigma * clean, np.float32))
    spectrum *= ring_filter(model.envelope[tilt], (ny, nx), limit=_CORNER)
    dx, dy = np.asarray(shift_px, np.float64)
    if dx or dy:
        turns = dx * fft.rfftfreq(nx) + dy * fft.fftfreq(ny)[:, None]
        spectrum *= np.exp(-2j * np.pi * turns).astype(np.complex64)
    spectrum[0, 0] = 0
    phase = fft.irfft2(spectrum, s=(ny, nx))
    wave = np.exp((1j - model.ctf.amplitude_contrast) * phase).astype(np.complex64)
    wave = fft.ifft2(fft.fft2(wave) * _lens((ny, nx), optics, p))
    intensity = wave.real**2 + wave.imag**2
    return np.asarray(model.beam[tilt] * (intensity - intensity.mean()), np.float32)


def _lens(shape: tuple[int, int], optics: Optics, pixel_size_A: float) -> AnyArray:
    """Transfer of a wave, exp(−iχ), over the frequencies of a complex FFT."""
    ny, nx = shape
    ky, kx = (np.arange(n // 2 + 1) / (n * pixel_size_A) for n in shape)
    chi = aberration_phase(kx, ky[:, None], optics) - optics.phase_plate_rad
    quarter = np.exp(-1j * chi).astype(np.complex64)  # the others are its mirror images
    quarter[0, 0] = 1.0
    rows, columns = (np.abs(np.rint(fft.fftfreq(n) * n).astype(int)) for n in (ny, nx))
    return np.asarray(quarter[rows][:, columns])


def _counted(
    model: ReferenceModel, tilt: int, contrast: FloatArray, seed: int, amount: float
) -> FloatArray:
    """Count electrons so that the noise has the floor's spectrum and the signal stays as it is."""
    ny, nx = contrast.shape
    beam, floor = model.beam[tilt], model.floor[tilt]
    electrons = beam**2 / floor[0]
    colour = anisotropic_filter(floor / floor[0], model.anisotropy[tilt], (ny, nx), limit=_CORNER)
    relative = fft.irfft2(fft.rfft2(contrast) / np.maximum(colour, 0.05), s=(ny, nx)) / beam
    expected = electrons * np.maximum(1 + relative, _DARKEST)
    counts = expected + amount * _poisson_deviation(expected, white_noise(seed, tilt, (ny, nx)))
    image = fft.irfft2(fft.rfft2((counts - electrons).astype(np.float32)) * colour, s=(ny, nx))
    image *= beam / electrons
    return np.asarray(image - image.mean() + model.noise.mean[tilt], np.float32)


def _poisson_deviation(expected: AnyArray, z: AnyArray) -> AnyArray:
    """Deviation from the mean of Poisson counts, to third order in a normal variable.

    Cornish and Fisher (1938): √λ z + (z² − 1) / 6 has the variance λ and the skewness 1 / √λ.
    """
    return np.asarray(np.sqrt(expected) * z + (z * z - 1) / 6)
